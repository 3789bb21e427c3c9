//! What a fuzzer runs: plain functions of bytes. The tests drive them with seeded bytes, `fuzz/` with a fuzzer's.
//!
//! Each panics if one of [`crate::rules`] is broken, and does nothing else. PROTOCOL STREAM-7, NORM-3.

use crate::rules::Rules;
use serde_json::{Value, json};
use turnwire::normalize::Capture;
use turnwire::{Event, Normalizer, TurnAccumulator};

/// Decisions taken from bytes; zeros when they run out.
struct Choices<'a>(&'a [u8]);

impl Choices<'_> {
    fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        (usize::from(self.byte()) << 8 | usize::from(self.byte())) % limit.max(1)
    }

    fn of<'b, T: ?Sized>(&mut self, list: &[&'b T]) -> &'b T {
        list[self.below(list.len())]
    }
}

/// A small log with a bit of everything, to be damaged.
const LOG: &str = include_str!("bodies.sse");

/// Damaged bytes of a stream, in pieces of any size: never a panic, never a broken rule, and the pieces do not matter.
pub(crate) fn damaged_bytes(data: &[u8]) {
    let mut choices = Choices(data);
    let mut bytes = LOG.as_bytes().to_vec();
    for _ in 0..choices.below(24) {
        if bytes.is_empty() {
            break;
        }
        let at = choices.below(bytes.len());
        match choices.byte() % 5 {
            0 => bytes[at] = choices.byte(),
            1 => bytes.insert(at, choices.byte()),
            2 => drop(bytes.remove(at)),
            3 => {
                let to = (at + choices.below(400)).min(bytes.len());
                let piece = bytes[at..to].to_vec();
                let to = choices.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            _ => bytes.truncate(at.max(bytes.len() / 2)),
        }
    }
    let whole = read(std::iter::once(bytes.as_slice()));
    check(&whole);
    let mut pieces = Vec::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((choices.below(97) + 1).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    let cut = read(pieces.into_iter());
    assert!(same(&whole, &cut), "the pieces a stream comes in change what is told");
}

/// Events of every kind in any order, with ids from a small pool, fields missing and of wrong types.
pub(crate) fn any_events(data: &[u8]) {
    let mut choices = Choices(data);
    let mut events = Vec::new();
    while !choices.0.is_empty() && events.len() < 64 {
        events.push(event(&mut choices).to_string());
    }
    let run = |normalizer: &mut Normalizer| {
        let mut told = Vec::new();
        for event in &events {
            normalizer.push(event.as_bytes(), &mut told);
        }
        normalizer.finish(&mut told);
        told
    };
    let told = run(&mut Normalizer::new());
    check(&told);
    assert!(same(&told, &run(&mut Normalizer::new())), "the same log tells the same");
    // One chat of them alone.
    let one = run(&mut Normalizer::for_chat("ses_0", "ses_0"));
    let of_chat: Vec<Event> = told.into_iter().filter(|event| event.chat_id == "ses_0").collect();
    assert!(same(&one, &of_chat), "chats mix");
}

fn read<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let mut capture = Capture::new(Normalizer::new());
    let mut told = Vec::new();
    for piece in pieces {
        if capture.feed(piece, &mut told).is_err() {
            break;
        }
    }
    capture.finish(&mut told);
    told
}

fn same(left: &[Event], right: &[Event]) -> bool {
    left == right
}

fn check(told: &[Event]) {
    let mut rules = Rules::default();
    let mut folds: std::collections::HashMap<(&str, &str), TurnAccumulator> = std::collections::HashMap::new();
    for event in told {
        rules.follow(event).unwrap_or_else(|rule| panic!("{rule}"));
        let read = Event::parse(&event.to_json(), None).unwrap_or_else(|error| panic!("{error}: {}", event.to_json()));
        assert_eq!(read, *event, "what is told reads back");
        assert!(
            folds.entry((event.chat_id.as_str(), event.turn_id.as_str())).or_default().push(event),
            "an event tells nothing new"
        );
    }
    rules.end().unwrap_or_else(|rule| panic!("{rule}"));
}

/// Mostly what it should be, sometimes not.
fn odd(choices: &mut Choices<'_>, right: Value) -> Value {
    match choices.byte() {
        0..8 => Value::Null,
        8..12 => json!(7),
        12..16 => json!("7"),
        16..20 => json!([right]),
        20..24 => json!({ "x": right }),
        24..26 => json!(true),
        _ => right,
    }
}

fn event(choices: &mut Choices<'_>) -> Value {
    let session = choices.of(&["ses_0", "ses_0", "ses_0", "ses_1", "ses_c", "ses_d"]);
    let user = choices.of(&["msg_u0", "msg_u1", "msg_u2", "msg_u3"]);
    let agent = choices.of(&["msg_a0", "msg_a1", "msg_a2", "msg_c0"]);
    let part = choices.of(&["prt_0", "prt_1", "prt_2", "prt_3", "prt_4"]);
    let text = choices.of(&["", "a", "ab", "abc", "🚀", "a🚀", "\u{0}\u{2028}\n\ndata: x", "\u{fffd}"]);
    let request = choices.of(&["que_0", "que_1"]);
    let call = json!({ "messageID": agent, "callID": part });
    let mut time = json!({ "created": 1 });
    if choices.byte().is_multiple_of(3) {
        time["completed"] = odd(choices, json!(9));
    }
    let end = if choices.byte().is_multiple_of(2) { json!({ "start": 1 }) } else { json!({ "start": 1, "end": 2 }) };
    let (event_type, properties) = match choices.byte() % 30 {
        0..3 => {
            let info = json!({ "id": user, "sessionID": session, "role": "user", "time": time });
            ("message.updated", json!({ "info": odd(choices, info) }))
        }
        3..7 => {
            let finish = choices.of(&["stop", "tool-calls", "length", "content-filter", "unknown", "", ""]);
            let mut info = json!({ "id": agent, "sessionID": session, "role": "assistant", "parentID": odd(choices, json!(user)),
                "time": odd(choices, time), "cost": odd(choices, json!(0.5)), "summary": choices.byte() < 40,
                "tokens": odd(choices, json!({ "input": 1, "output": 2 })) });
            if !finish.is_empty() {
                info["finish"] = json!(finish);
            }
            if choices.byte() < 40 {
                let name = choices.of(&["MessageAbortedError", "APIError"]);
                info["error"] = odd(choices, json!({ "name": name }));
            }
            ("message.updated", json!({ "sessionID": session, "info": info }))
        }
        7..10 => {
            let kind = choices.of(&["text", "text", "reasoning"]);
            let of = choices.of(&[agent, agent, user]);
            let body = json!({ "id": part, "messageID": of, "sessionID": session, "type": kind, "text": odd(choices, json!(text)),
                "time": odd(choices, end), "synthetic": choices.byte() < 30 });
            ("message.part.updated", json!({ "part": body }))
        }
        10..14 => (
            "message.part.delta",
            json!({ "sessionID": session, "messageID": agent, "partID": part, "field": "text", "delta": odd(choices, json!(text)) }),
        ),
        14..17 => {
            let status = choices.of(&["pending", "running", "completed", "error", "odd"]);
            let child = choices.of(&["ses_c", "ses_d"]);
            let state = json!({ "status": status, "input": { "description": text }, "output": text, "error": text,
                "metadata": odd(choices, json!({ "output": text, "sessionId": child })) });
            let mut state = state;
            if choices.byte() < 60 {
                let id = choices.of(&["", "prt_0", "prt_1", "prt_9"]);
                let file =
                    json!({ "id": id, "type": "file", "mime": "image/png", "url": odd(choices, json!("data:,x")) });
                let second = odd(choices, file.clone());
                state["attachments"] = odd(choices, json!([file, second]));
            }
            let tool = choices.of(&["task", "bash", "todowrite"]);
            let body = json!({ "id": part, "messageID": agent, "sessionID": session, "type": "tool", "callID": part,
                "tool": tool, "state": odd(choices, state) });
            ("message.part.updated", json!({ "part": body }))
        }
        17 => {
            let kind = choices.of(&[
                "step-start",
                "step-finish",
                "compaction",
                "patch",
                "file",
                "agent",
                "subtask",
                "snapshot",
            ]);
            let of = choices.of(&[agent, agent, user]);
            let body = json!({ "id": part, "messageID": of, "sessionID": session, "type": kind, "files": [text], "url": text });
            ("message.part.updated", json!({ "part": body }))
        }
        18..22 => {
            let kind = choices.of(&["busy", "busy", "idle", "idle", "retry", "odd"]);
            let status = json!({ "type": kind, "attempt": 1, "message": text, "next": 5 });
            ("session.status", json!({ "sessionID": session, "status": odd(choices, status) }))
        }
        22 => {
            let name = choices.of(&["MessageAbortedError", "APIError", "ContextOverflowError"]);
            let error = json!({ "name": name, "data": { "message": text } });
            ("session.error", json!({ "sessionID": session, "error": odd(choices, error) }))
        }
        23 => (choices.of(&["session.compacted", "session.idle", "session.deleted"]), json!({ "sessionID": session })),
        24 => {
            let parent = choices.of(&["ses_0", "ses_c", "ses_d"]);
            let child = choices.of(&["ses_c", "ses_d"]);
            ("session.created", json!({ "info": { "id": child, "parentID": parent, "title": text } }))
        }
        25 => {
            let questions = odd(choices, json!([{ "question": text, "options": [{ "label": text }] }]));
            let asked = choices.of(&["question.asked", "permission.asked", "permission.updated"]);
            (
                asked,
                json!({ "id": request, "sessionID": session, "questions": questions, "tool": odd(choices, call), "pattern": text }),
            )
        }
        26 => {
            let answered = choices.of(&["question.replied", "question.rejected", "permission.replied"]);
            (answered, json!({ "sessionID": session, "requestID": request, "reply": choices.of(&["once", "reject"]) }))
        }
        27 => {
            let removed = choices.of(&["message.removed", "message.part.removed", "todo.updated"]);
            (
                removed,
                json!({ "sessionID": session, "messageID": agent, "partID": part, "todos": [{ "content": text }] }),
            )
        }
        28 => {
            let parts = odd(choices, json!([{ "type": "text", "text": text }]));
            (
                "turnwire.turn.accepted",
                json!({ "sessionID": session, "messageId": user, "userParts": parts, "time": 3 }),
            )
        }
        _ => {
            let own = choices.of(&[
                "turnwire.runtime",
                "turnwire.cancel.requested",
                "turnwire.snapshot",
                "turnwire.turn.closed",
                "turnwire.chat.ended",
            ]);
            let info = json!({ "id": agent, "sessionID": session, "role": "assistant", "parentID": user, "time": time, "finish": "stop" });
            let stored = json!({ "id": part, "messageID": agent, "type": "text", "text": text, "time": end });
            let messages = json!([{ "info": { "id": user, "role": "user" } }, { "info": info, "parts": [stored] }]);
            let state = choices.of(&["starting", "running", "lost", "odd"]);
            let status = choices.of(&["failed", "cancelled", "interrupted"]);
            (
                own,
                json!({ "sessionID": session, "messageId": user, "state": state, "status": status, "messages": odd(choices, messages) }),
            )
        }
    };
    let mut event = json!({ "type": event_type, "properties": properties });
    if choices.byte() < 128 {
        event["id"] = json!(format!("evt_{}", choices.below(400)));
    }
    event
}
