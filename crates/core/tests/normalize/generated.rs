//! Logs made up, of turns whose outcome is known: each as a version of `OpenCode` would write it.

use crate::cases::{lines, push_all, turns};
use crate::log::{Log, ROOT};
use crate::rules;
use proptest::prelude::*;
use serde_json::json;
use turnwire::Normalizer;

/// How text comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    /// 1.0 and 1.1: the whole text so far each time, no event ids.
    Cumulative,
    /// 1.2 and 1.3: deltas, no event ids, the text at its end without the blanks that end it.
    Trimmed,
    /// Since 1.14: deltas, event ids.
    Deltas,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<String>),
    Reasoning(Vec<String>),
    Tool {
        output: String,
        fails: bool,
    },
    /// Text whose stream broke off and was begun again, told by a status.
    Broken(Vec<String>),
    Question {
        refused: bool,
    },
    File,
}

#[derive(Clone, Copy, Debug)]
enum End {
    Stop,
    Length,
    Abort,
    Error,
    /// Aborted while the provider was to be tried again.
    Silent,
}

#[derive(Clone, Debug)]
struct MadeTurn {
    prompt: String,
    steps: Vec<Vec<Piece>>,
    end: End,
}

fn words() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-zü🚀 \n\u{0}\u{2028}]{1,6}", 1..5)
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        4 => words().prop_map(Piece::Text),
        2 => words().prop_map(Piece::Reasoning),
        3 => (".{0,12}", any::<bool>()).prop_map(|(output, fails)| Piece::Tool { output, fails }),
        2 => words().prop_map(Piece::Broken),
        1 => any::<bool>().prop_map(|refused| Piece::Question { refused }),
        1 => Just(Piece::File),
    ]
}

fn made_turn() -> impl Strategy<Value = MadeTurn> {
    let end = prop_oneof![3 => Just(End::Stop), 1 => Just(End::Length), 1 => Just(End::Abort), 1 => Just(End::Error), 1 => Just(End::Silent)];
    let steps = prop::collection::vec(prop::collection::vec(piece(), 0..4), 1..4);
    (".{0,20}", steps, end).prop_map(|(prompt, steps, end)| MadeTurn { prompt, steps, end })
}

fn dialect() -> impl Strategy<Value = Dialect> {
    prop_oneof![Just(Dialect::Cumulative), Just(Dialect::Trimmed), Just(Dialect::Deltas)]
}

/// Writes turns and keeps what must come of them: each message's kept texts, joined.
struct Writer {
    log: Log,
    dialect: Dialect,
    parts: usize,
    want: Vec<(String, Vec<String>)>,
}

impl Writer {
    fn part_id(&mut self) -> String {
        self.parts += 1;
        format!("prt_{:03}", self.parts)
    }

    fn stream(&mut self, message: &str, part: &str, kind: &str, deltas: &[String]) -> String {
        let mut text = String::new();
        if self.dialect != Dialect::Cumulative {
            self.log.part(ROOT, message, part, json!({"type": kind, "text": "", "time": {"start": 1}}));
        }
        for delta in deltas {
            text.push_str(delta);
            if self.dialect == Dialect::Cumulative {
                let body = json!({"id": part, "messageID": message, "sessionID": ROOT, "type": kind, "text": text,
                    "time": {"start": 1}});
                self.log.push("message.part.updated", json!({"part": body, "delta": delta}));
            } else {
                self.log.delta(message, part, delta);
            }
        }
        text
    }

    fn stream_end(&mut self, message: &str, part: &str, kind: &str, text: &str) -> String {
        let text = if self.dialect == Dialect::Deltas { text } else { text.trim_end() };
        self.log.part(ROOT, message, part, json!({"type": kind, "text": text, "time": {"start": 1, "end": 2}}));
        text.to_owned()
    }

    fn turn(&mut self, at: usize, made: &MadeTurn) {
        let user = format!("msg_u{at}");
        self.log.user(&user, &made.prompt).busy();
        let mut texts = Vec::new();
        let mut status = "completed";
        for (step, pieces) in made.steps.iter().enumerate() {
            let last = step + 1 == made.steps.len();
            let message = format!("msg_a{at}_{step}");
            self.log.agent(&message, &user, json!({})).busy().step(&message);
            let mut refused = false;
            for piece in pieces {
                refused |= self.piece(&message, piece, &mut texts);
            }
            if refused {
                self.log.done(&message, &user, "tool-calls").idle();
                self.want.push(("blocked".to_owned(), texts));
                return;
            }
            if !last {
                self.log.done(&message, &user, "tool-calls").busy();
                continue;
            }
            status = self.end(&message, &user, made.end);
        }
        self.want.push((status.to_owned(), texts));
    }

    fn end(&mut self, message: &str, user: &str, end: End) -> &'static str {
        match end {
            End::Stop => {
                self.log.done(message, user, "stop").busy().idle();
                "completed"
            }
            End::Length => {
                self.log.done(message, user, "length").busy().idle();
                "completed"
            }
            End::Abort => {
                let error = json!({"time": {"completed": 3}, "error": {"name": "MessageAbortedError"}});
                if self.dialect == Dialect::Deltas {
                    self.log.error("MessageAbortedError").idle().agent(message, user, error).idle();
                } else {
                    self.log.idle().error("MessageAbortedError").idle().agent(message, user, error).idle();
                }
                "cancelled"
            }
            End::Error => {
                let error = json!({"time": {"completed": 3}, "error": {"name": "APIError", "data": {"message": "no"}}});
                self.log.error("APIError").idle().agent(message, user, error).idle();
                "failed"
            }
            End::Silent => {
                self.log.status(ROOT, json!({"type": "retry", "attempt": 1}));
                self.log.agent(message, user, json!({"time": {"completed": 3}})).idle();
                "cancelled"
            }
        }
    }

    /// `true`: it was refused.
    fn piece(&mut self, message: &str, piece: &Piece, texts: &mut Vec<String>) -> bool {
        let part = self.part_id();
        match piece {
            Piece::Text(deltas) => {
                let text = self.stream(message, &part, "text", deltas);
                texts.push(self.stream_end(message, &part, "text", &text));
            }
            Piece::Reasoning(deltas) => {
                let text = self.stream(message, &part, "reasoning", deltas);
                self.stream_end(message, &part, "reasoning", &text);
            }
            Piece::Broken(deltas) => {
                let text = self.stream(message, &part, "text", deltas);
                self.log.status(ROOT, json!({"type": "retry", "attempt": 1, "message": "cut", "next": 9})).busy();
                if self.dialect == Dialect::Deltas {
                    // The new attempt has parts of its own.
                    self.log.step(message);
                } else {
                    // The new attempt goes on in the same part.
                    let again = format!("{text}again");
                    if self.dialect == Dialect::Cumulative {
                        self.log.part(
                            ROOT,
                            message,
                            &part,
                            json!({"type": "text", "text": again, "time": {"start": 1}}),
                        );
                    } else {
                        self.log.delta(message, &part, "again");
                    }
                    texts.push(self.stream_end(message, &part, "text", &again));
                }
            }
            Piece::Tool { output, fails } => {
                self.log.tool(message, &part, "bash", json!({"status": "pending", "input": {}, "raw": ""}));
                let input = json!({"command": "x"});
                self.log.tool(
                    message,
                    &part,
                    "bash",
                    json!({"status": "running", "input": input, "metadata": {"output": output}}),
                );
                let state = if *fails {
                    json!({"status": "error", "input": input, "error": output})
                } else {
                    json!({"status": "completed", "input": input, "output": output, "title": "x"})
                };
                self.log.tool(message, &part, "bash", state);
            }
            Piece::Question { refused } => {
                let asked = json!({"id": format!("que_{part}"), "sessionID": ROOT, "questions": [{"question": "?"}],
                    "tool": {"messageID": message, "callID": format!("call_{part}")}});
                self.log.push("question.asked", asked);
                self.log.tool(message, &part, "question", json!({"status": "running", "input": {}}));
                let (answer, state) = if *refused {
                    ("question.rejected", json!({"status": "error", "input": {}, "error": "dismissed"}))
                } else {
                    ("question.replied", json!({"status": "completed", "input": {}, "output": "a"}))
                };
                self.log.push(answer, json!({"sessionID": ROOT, "requestID": format!("que_{part}")}));
                self.log.tool(message, &part, "question", state);
                return *refused;
            }
            Piece::File => {
                self.log.part(ROOT, message, &part, json!({"type": "patch", "hash": "h", "files": ["/a"]}));
            }
        }
        false
    }
}

fn write(made: &[MadeTurn], dialect: Dialect) -> Writer {
    let log = Log { with_ids: dialect == Dialect::Deltas, ..Log::new() };
    let mut writer = Writer { log, dialect, parts: 0, want: Vec::new() };
    for (at, turn) in made.iter().enumerate() {
        writer.turn(at, turn);
    }
    writer
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn turns_come_out_as_they_were_made(made in prop::collection::vec(made_turn(), 1..4), dialect in dialect()) {
        let writer = write(&made, dialect);
        let events = writer.log.told();
        prop_assert_eq!(rules::check(&events), Ok(()));
        let turns = turns(&events);
        prop_assert_eq!(turns.len(), made.len());
        for ((turn, (status, texts)), made) in turns.iter().zip(&writer.want).zip(&made) {
            prop_assert_eq!(turn.status.as_str(), status.as_str());
            let kept = turn.messages.iter().flat_map(|message| &message.parts);
            let kept = kept.filter(|part| part.state != turnwire::event::PartState::Discarded);
            let kept: Vec<_> = kept.filter_map(|part| part.text().map(str::to_owned)).collect();
            prop_assert_eq!(&kept, texts);
            let said = turn.user_message.parts[0].to_value();
            prop_assert_eq!(&said["text"], &made.prompt);
        }
    }

    #[test]
    fn doubled_cut_and_restarted_logs_tell_the_same(made in prop::collection::vec(made_turn(), 1..4), dialect in dialect()) {
        let writer = write(&made, dialect);
        let raw = writer.log.raw();
        let once = lines(&writer.log.told());
        // Every event twice, but the deltas of a version whose events have no ids.
        let told_twice = |raw: &[u8]| dialect != Dialect::Trimmed || memchr::memmem::find(raw, b"part.delta").is_none();
        let mut normalizer = Normalizer::new();
        let mut twice = Vec::new();
        let mut starts = Vec::new();
        for (at, event) in raw.iter().enumerate() {
            let prompt = memchr::memmem::find(event, b"\"role\":\"user\"").is_some();
            if prompt && normalizer.open_turn().is_none() {
                starts.push((at, twice.len()));
            }
            normalizer.push(event, &mut twice);
            if told_twice(event) {
                normalizer.push(event, &mut twice);
            }
            // Cut off here, every turn ends.
            let mut cut = twice.clone();
            normalizer.clone().finish(&mut cut);
            prop_assert_eq!(rules::check(&cut), Ok(()));
        }
        normalizer.finish(&mut twice);
        prop_assert_eq!(lines(&twice), once);
        // Begun before the prompt of any turn, the later ones are told alike.
        prop_assert_eq!(starts.len(), made.len());
        for (at, before) in starts {
            let late = push_all(raw[at..].iter().map(Vec::as_slice));
            prop_assert_eq!(lines(&late), lines(&twice[before..]));
        }
    }
}
