//! What is answered to which prompt: the one script behind the model and the agent.
//!
//! | word | what happens |
//! |---|---|
//! | `/tool` | runs a shell command that writes `hello.txt`, then tells what it says |
//! | `/picture` | writes a picture, `picture.png`, and reads it |
//! | `/ask` | asks a question with two options, then repeats the answer |
//! | `/think` | reasons, then answers |
//! | `/long N` | N words, one delta each (default 100) |
//! | `/slow N` | N words, one each 100 ms (default 10) |
//! | `/again WORDS` | answers, and then begins a turn by itself, with these words (the practice agent only) |
//! | `/loop` | runs one command after the other, and never comes to an end |
//! | `/fail` | the provider answers 400 |
//! | none of them | the prompt is repeated |
//!
//! The first of these words that stands on its own in the prompt decides, wherever it stands.

use serde_json::{Value, json};
use std::time::Duration;

/// The file `/tool` writes into the workspace.
pub const FILE: &str = "hello.txt";
/// What it writes there.
pub const FILE_TEXT: &str = "Hello from Turnwire.\n";
/// The picture `/picture` writes and reads.
pub const PICTURE: &str = "picture.png";
/// What is in it, in base64: one pixel.
pub const PICTURE_DATA: &str =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// The question `/ask` asks.
pub const QUESTION: &str = "Shall I go on?";
/// What `/fail` fails with.
pub const FAILURE: &str = "The practice model refuses this prompt, as /fail asks it to.";

/// More words than anybody reads; keeps `/long 999999999` from filling a disk.
const MOST_WORDS: usize = 100_000;
const PACE: Duration = Duration::from_millis(100);

/// What a prompt asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Script {
    /// `/tool`
    Tool,
    /// `/picture`
    Picture,
    /// `/ask`
    Ask,
    /// `/think`
    Think,
    /// `/long N`
    Long(usize),
    /// `/slow N`
    Slow(usize),
    /// `/again WORDS`
    Again(String),
    /// `/loop`
    Loop,
    /// `/fail`
    Fail,
    /// Anything else, which is repeated.
    Echo(String),
}

/// One answer of a model: what it says, in order. It ends the turn unless it ends with a [`Say::Call`].
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is said.
    pub says: Vec<Say>,
    /// What it is said to have used.
    pub usage: Usage,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Say {
    /// Reasoning, a delta per word.
    Reasoning(String),
    /// Text, a delta per word, with this wait before each.
    Text(String, Duration),
    /// A tool call; always the last piece.
    Call {
        /// The tool's name, one of `OpenCode`'s: `bash`, `read` or `question`.
        tool: &'static str,
        /// Its arguments.
        input: Value,
    },
}

/// Tokens, as a provider bills them: `input` without what was cached, `output` without reasoning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Not from the cache.
    pub input: u64,
    /// Without reasoning.
    pub output: u64,
    /// Reasoning.
    pub reasoning: u64,
    /// From the cache.
    pub cache_read: u64,
}

/// Dollars per token; what [`crate::model::opencode_config`] tells `OpenCode`, per million.
pub(crate) const PRICE: [(&str, f64); 3] = [("input", 3.0), ("output", 15.0), ("cache_read", 0.3)];

impl Usage {
    /// The price in dollars; reasoning costs what output costs.
    pub fn cost(self) -> f64 {
        let [(_, input), (_, output), (_, cached)] = PRICE;
        let millions = |tokens: u64| f64::from(u32::try_from(tokens).unwrap_or(u32::MAX)) / 1e6;
        let exact = millions(self.input) * input
            + millions(self.output + self.reasoning) * output
            + millions(self.cache_read) * cached;
        // A provider's price has no more digits than this; the rest is noise of the sum.
        (exact * 1e10).round() / 1e10
    }

    /// All of them.
    pub fn total(self) -> u64 {
        self.input + self.output + self.reasoning + self.cache_read
    }
}

impl Script {
    /// What `prompt` asks for.
    pub fn of(prompt: &str) -> Self {
        let mut words = prompt.split_whitespace();
        while let Some(word) = words.next() {
            let mut count =
                |default: usize| words.next().and_then(|number| number.parse().ok()).unwrap_or(default).min(MOST_WORDS);
            return match word {
                "/tool" => Self::Tool,
                "/picture" => Self::Picture,
                "/ask" => Self::Ask,
                "/think" => Self::Think,
                "/long" => Self::Long(count(100)),
                "/slow" => Self::Slow(count(10)),
                "/again" => Self::Again(words.collect::<Vec<_>>().join(" ")),
                "/loop" => Self::Loop,
                "/fail" => Self::Fail,
                _ => continue,
            };
        }
        Self::Echo(prompt.to_owned())
    }

    /// The answer that comes after `results`, what the tools of the turn have given back so far. `None`: the provider
    /// refuses with [`FAILURE`].
    pub fn step(&self, results: &[String]) -> Option<Step> {
        let says = match (self, results.last()) {
            (Self::Fail, _) => return None,
            // Never the same command: an agent may notice that it goes in a circle.
            (Self::Loop, _) => vec![text("And on. "), shell(&format!("echo {}", results.len()), "Go on")],
            (Self::Tool, None) => vec![text("I will write a file. "), bash()],
            (Self::Tool, Some(output)) if output.contains(FILE_TEXT.trim()) => {
                vec![text(&format!("I wrote {FILE}. It says: {}", FILE_TEXT.trim()))]
            }
            (Self::Tool, Some(output)) => vec![text(&format!("The command failed: {}", output.trim()))],
            (Self::Picture, _) => match results.len() {
                0 => {
                    let command = format!("echo {PICTURE_DATA} | base64 -d > {PICTURE}");
                    vec![text("I will draw something. "), shell(&command, "Draw a picture")]
                }
                1 => vec![Say::Call { tool: "read", input: json!({ "filePath": PICTURE }) }],
                _ => vec![text("That is the picture.")],
            },
            (Self::Ask, None) => vec![text("I must ask first. "), question()],
            (Self::Ask, Some(output)) => vec![text(&format!("You answered: {}.", answer_in(output)))],
            (Self::Think, _) => vec![
                Say::Reasoning("First I read what was asked. Then I decide what to say.".to_owned()),
                text("I have thought about it, and this is the answer."),
            ],
            (Self::Long(words), _) => vec![text(&counted(*words))],
            (Self::Slow(words), _) => vec![Say::Text(counted(*words), PACE)],
            (Self::Again(_), _) => vec![text("I will go on by myself.")],
            (Self::Echo(prompt), _) if prompt.trim().is_empty() => vec![text("You said nothing.")],
            (Self::Echo(prompt), _) => vec![text(prompt)],
        };
        let usage = usage(&says, results.len());
        Some(Step { says, usage })
    }
}

impl Step {
    /// Whether it ends with a tool call.
    pub fn calls(&self) -> bool {
        matches!(self.says.last(), Some(Say::Call { .. }))
    }
}

/// Cuts a text into its deltas, a word with the white space after it each. Put together they are the text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.find(|c: char| !c.is_whitespace())?;
        let space = rest[word..].find(char::is_whitespace).map_or(rest.len(), |at| word + at);
        let end = rest[space..].find(|c: char| !c.is_whitespace()).map_or(rest.len(), |at| space + at);
        let (head, tail) = rest.split_at(end);
        rest = tail;
        Some(head)
    })
}

/// What `OpenCode`'s `question` tool gives back to the model.
pub(crate) fn answered(answers: &[Vec<String>]) -> String {
    let said = match answers.first() {
        Some(labels) if !labels.is_empty() => labels.join(", "),
        _ => "Unanswered".to_owned(),
    };
    format!(
        "User has answered your questions: \"{QUESTION}\"=\"{said}\". You can now continue with the user's answers in mind."
    )
}

/// The answer in what the `question` tool gave back.
fn answer_in(output: &str) -> &str {
    let (_, after) = output.split_once("\"=\"").unwrap_or(("", output));
    after.rsplit_once("\". You can").map_or(after, |(answer, _)| answer).trim()
}

fn text(text: &str) -> Say {
    Say::Text(text.to_owned(), Duration::ZERO)
}

fn bash() -> Say {
    // `cat` gives the file's words back, so that the answer tells what is really there.
    let command = format!("echo '{}' > {FILE} && cat {FILE}", FILE_TEXT.trim());
    shell(&command, &format!("Write {FILE}"))
}

fn shell(command: &str, description: &str) -> Say {
    Say::Call { tool: "bash", input: json!({ "command": command, "description": description }) }
}

fn question() -> Say {
    let options = json!([
        { "label": "yes", "description": "Go on with it" },
        { "label": "no", "description": "Leave it as it is" },
    ]);
    let question = json!({ "question": QUESTION, "header": "Go on", "options": options });
    Say::Call { tool: "question", input: json!({ "questions": [question] }) }
}

fn counted(words: usize) -> String {
    (1..=words).map(|n| if n == words { format!("word{n}") } else { format!("word{n} ") }).collect()
}

/// Made-up counts that behave like real ones: they grow with what is said, and a later step finds the earlier ones cached.
fn usage(says: &[Say], step: usize) -> Usage {
    let mut usage = Usage { input: 100, cache_read: 64 * step as u64, ..Usage::default() };
    for say in says {
        match say {
            Say::Reasoning(text) => usage.reasoning += words(text).count() as u64,
            Say::Text(text, _) => usage.output += words(text).count() as u64,
            Say::Call { .. } => usage.output += 20,
        }
    }
    usage
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_word_on_its_own_chooses_the_script() {
        assert_eq!(Script::of("please /tool now"), Script::Tool);
        assert_eq!(Script::of("/loop"), Script::Loop);
        assert_eq!(Script::of("/long 3"), Script::Long(3));
        assert_eq!(Script::of("/long"), Script::Long(100));
        assert_eq!(Script::of("/slow x"), Script::Slow(10));
        assert_eq!(Script::of("/long 999999999"), Script::Long(MOST_WORDS));
        assert_eq!(Script::of("see src/tool"), Script::Echo("see src/tool".to_owned()));
    }

    #[test]
    fn deltas_put_together_are_the_text() {
        for text in ["Hello there.", "  two  spaces\nand\tlines ", "word", "", "   ", "é 你好 👩‍👩‍👧 end"]
        {
            let deltas: Vec<_> = words(text).collect();
            let whole = deltas.concat();
            assert!(whole == text || (text.trim().is_empty() && whole.is_empty()), "{text:?} became {whole:?}");
        }
        assert_eq!(words(&counted(3)).collect::<Vec<_>>(), ["word1 ", "word2 ", "word3"]);
    }

    #[test]
    fn the_answer_to_the_question_is_repeated() {
        for (answers, told) in [
            (vec![vec!["yes".to_owned()]], "You answered: yes."),
            (vec![vec!["a \"b\". You can".to_owned()]], "You answered: a \"b\". You can."),
            (vec![], "You answered: Unanswered."),
        ] {
            let step = Script::Ask.step(&[answered(&answers)]).unwrap();
            assert_eq!(step.says, [text(told)]);
            assert!(!step.calls());
        }
    }

    #[test]
    fn a_step_costs_what_the_table_says() {
        let usage = Usage { input: 90, output: 20, reasoning: 5, cache_read: 0 };
        assert!((usage.cost() - 0.000_645).abs() < 1e-12);
    }
}
