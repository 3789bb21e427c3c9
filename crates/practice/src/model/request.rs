//! What is asked of the model.

use crate::script::{Say, Script, Step, Usage};
use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;

/// The fields of a chat completion that matter here.
#[derive(Debug, Deserialize)]
pub(super) struct Request {
    #[serde(default)]
    pub(super) model: String,
    #[serde(default)]
    pub(super) stream: bool,
    messages: Vec<Message>,
    #[serde(default)]
    tools: Vec<Tool>,
}

#[derive(Debug, Deserialize)]
struct Message {
    role: String,
    /// A text, or a list of parts.
    #[serde(default)]
    content: Value,
}

#[derive(Debug, Deserialize)]
struct Tool {
    function: Function,
}

#[derive(Debug, Deserialize)]
struct Function {
    name: String,
}

impl Message {
    fn text(&self) -> String {
        match &self.content {
            Value::String(text) => text.clone(),
            Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
            _ => String::new(),
        }
    }
}

impl Request {
    /// The next answer. `None`: the script refuses.
    pub(super) fn answer(&self) -> Option<Step> {
        if let Some(text) = self.housekeeping() {
            let usage = Usage { input: 30, output: 4, ..Usage::default() };
            return Some(Step { says: vec![Say::Text(text.to_owned(), Duration::ZERO)], usage });
        }
        let asked = self.messages.iter().rposition(|message| message.role == "user");
        let prompt = asked.map(|at| self.messages[at].text()).unwrap_or_default();
        let after = asked.map_or(&[][..], |at| &self.messages[at + 1..]);
        let results: Vec<_> = after.iter().filter(|message| message.role == "tool").map(Message::text).collect();
        let mut step = Script::of(&prompt).step(&results)?;
        if let Some(Say::Call { tool, .. }) = step.says.last()
            && !self.tools.iter().any(|offered| offered.function.name == *tool)
        {
            let sorry = format!("I was not given the tool “{tool}”, so I cannot go on.");
            step.says = vec![Say::Text(sorry, Duration::ZERO)];
        }
        Some(step)
    }

    /// What `OpenCode` asks for itself, beside the turn: a title, a summary. It never offers tools for these.
    fn housekeeping(&self) -> Option<&'static str> {
        if !self.tools.is_empty() {
            return None;
        }
        let system = self.messages.iter().filter(|message| message.role == "system");
        let last = self.messages.last().map(Message::text).unwrap_or_default();
        let asked = system.map(Message::text).chain([last]).collect::<Vec<_>>().join("\n").to_lowercase();
        let is = |words: &[&str]| words.iter().any(|word| asked.contains(word));
        if is(&["title generator", "generate a title", "thread title", "brief title"]) {
            Some("Practice chat")
        } else if is(&["summar", "prompt for continuing"]) {
            Some("## Goal\nPractise.\n## Progress\nWhat was said before is summarised here.")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn answer(messages: &Value, tools: &[&str]) -> Option<Vec<Say>> {
        let tools: Vec<_> =
            tools.iter().map(|name| json!({ "type": "function", "function": { "name": name } })).collect();
        let request = json!({ "model": "practice-1", "stream": true, "messages": messages, "tools": tools });
        serde_json::from_value::<Request>(request).unwrap().answer().map(|step| step.says)
    }

    #[test]
    fn the_last_prompt_chooses_not_an_earlier_one() {
        let messages = json!([
            { "role": "system", "content": "You are a coding agent. Summarize when asked." },
            { "role": "user", "content": "/fail" },
            { "role": "assistant", "content": "x" },
            { "role": "user", "content": [{ "type": "text", "text": "hello there" }] },
        ]);
        let said = answer(&messages, &["bash"]).unwrap();
        assert_eq!(said, [Say::Text("hello there".to_owned(), Duration::ZERO)]);
    }

    #[test]
    fn a_tool_result_leads_to_the_next_step() {
        let mut messages = vec![json!({ "role": "user", "content": "/tool" })];
        let called = answer(&json!(messages), &["bash", "question"]).unwrap();
        assert!(matches!(&called[1], Say::Call { tool: "bash", input } if input["command"].is_string()));
        messages.push(json!({ "role": "assistant", "content": null, "tool_calls": [] }));
        messages.push(json!({ "role": "tool", "tool_call_id": "call_1", "content": "Hello from Turnwire.\n" }));
        let said = answer(&json!(messages), &["bash", "question"]).unwrap();
        assert!(matches!(&said[..], [Say::Text(text, _)] if text.contains("hello.txt")));
    }

    #[test]
    fn a_tool_that_was_not_offered_is_not_called() {
        let said = answer(&json!([{ "role": "user", "content": "/ask" }]), &["bash"]).unwrap();
        assert!(matches!(&said[..], [Say::Text(text, _)] if text.contains("question")));
    }

    #[test]
    fn titles_are_made_quietly_even_for_a_prompt_that_fails() {
        let messages = json!([
            { "role": "system", "content": "You are a title generator. You output ONLY a thread title." },
            { "role": "user", "content": "Generate a title for this conversation:" },
            { "role": "user", "content": "/fail" },
        ]);
        assert_eq!(answer(&messages, &[]).unwrap(), [Say::Text("Practice chat".to_owned(), Duration::ZERO)]);
    }
}
