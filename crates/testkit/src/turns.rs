//! Turns told in advance: the raw events of a runtime, and the turn's events the normalizer makes of them.

use serde_json::{Value, json};
use turnwire::{Event, EventKind, Normalizer};

pub(crate) const SESSION: &str = "ses_testkit";
pub(crate) const CHAT: &str = "chat_testkit";

/// What a stage of a turn waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gate {
    Open,
    /// An answer to each question and permission.
    Reply,
    /// A cancel.
    Cancel,
}

/// A turn, whole, and how much of it has happened.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) id: String,
    pub(crate) events: Vec<Event>,
    pub(crate) raw: Vec<String>,
    /// What has happened once the gate is passed, and before.
    pub(crate) gate: Gate,
    /// The requests that are to be answered before it is passed.
    open: Vec<String>,
    pub(crate) events_before_gate: usize,
    pub(crate) raw_before_gate: usize,
}

impl Turn {
    /// The turn that a prompt starts: `/ask` asks a question, `/allow` a permission, `/both` both, `/hang` waits to
    /// be cancelled, `/fail` fails; anything else is echoed, a delta a word.
    pub(crate) fn new(number: usize, parts: &Value, ours: bool) -> Self {
        let text = parts[0]["text"].as_str().unwrap_or_default();
        let story = Story { number, time: 1_795_400_000_000 + number as u64 * 1000 };
        let mut raw = story.opening(parts, ours);
        let mut gate = Gate::Open;
        let mut before = 0;
        match text.split(' ').next().unwrap_or_default() {
            "/ask" => {
                raw.push(story.tool("question", "running"));
                raw.push(story.question());
                (gate, before) = (Gate::Reply, raw.len());
                raw.push(story.answered());
                raw.push(story.tool("question", "completed"));
                raw.extend(story.words("thank you"));
                raw.extend(story.closing(&Value::Null));
            }
            "/allow" => {
                raw.push(story.tool("bash", "running"));
                raw.push(story.permission());
                (gate, before) = (Gate::Reply, raw.len());
                raw.push(story.allowed());
                raw.push(story.tool("bash", "completed"));
                raw.extend(story.words("done"));
                raw.extend(story.closing(&Value::Null));
            }
            "/both" => {
                raw.push(story.tool("question", "running"));
                raw.push(story.question());
                raw.push(story.permission());
                (gate, before) = (Gate::Reply, raw.len());
                raw.push(story.answered());
                raw.push(story.allowed());
                raw.push(story.tool("question", "completed"));
                raw.extend(story.words("thank you both"));
                raw.extend(story.closing(&Value::Null));
            }
            "/hang" => {
                raw.extend(story.words("one").into_iter().take(2));
                (gate, before) = (Gate::Cancel, raw.len());
                raw.extend(story.closing(&json!({"name": "MessageAbortedError", "data": {"message": "aborted"}})));
            }
            "/fail" => raw.extend(
                story.closing(&json!({"name": "APIError", "data": {"message": "refused", "isRetryable": false}})),
            ),
            _ => {
                raw.extend(story.words(text));
                raw.extend(story.closing(&Value::Null));
            }
        }
        for (at, raw) in raw.iter_mut().enumerate() {
            *raw = raw.replace("evt_testkit", &format!("evt_{number}_{at}"));
        }
        let before = if gate == Gate::Open { raw.len() } else { before };
        let mut normalizer = Normalizer::for_chat(CHAT, SESSION);
        let mut events = Vec::new();
        raw[..before].iter().for_each(|raw| normalizer.push(raw.as_bytes(), &mut events));
        let events_before_gate = events.len();
        raw[before..].iter().for_each(|raw| normalizer.push(raw.as_bytes(), &mut events));
        normalizer.finish(&mut events);
        let id = story.user().replace("msg_", "turn_");
        let open = match events[..events_before_gate].last().map(|event| &event.kind) {
            Some(EventKind::TurnStatusChanged(status)) => {
                status.requests.iter().map(|request| request.request_id().to_string()).collect()
            }
            _ => Vec::new(),
        };
        Self { id, events, raw, gate, open, events_before_gate, raw_before_gate: before }
    }

    /// Takes the answer to a request; `false`: it is not open.
    pub(crate) fn reply(&mut self, request_id: &str) -> bool {
        let before = self.open.len();
        self.open.retain(|open| open != request_id);
        if self.open.len() == before {
            return false;
        }
        if self.open.is_empty() {
            self.gate = Gate::Open;
        }
        true
    }

    /// How many events have happened.
    pub(crate) fn events_so_far(&self) -> usize {
        if self.gate == Gate::Open { self.events.len() } else { self.events_before_gate }
    }

    pub(crate) fn raw_so_far(&self) -> usize {
        if self.gate == Gate::Open { self.raw.len() } else { self.raw_before_gate }
    }
}

fn event(kind: &str, properties: &Value) -> String {
    json!({"id": "evt_testkit", "type": kind, "properties": properties}).to_string()
}

struct Story {
    number: usize,
    time: u64,
}

impl Story {
    fn user(&self) -> String {
        format!("msg_{:04}a", self.number)
    }

    fn answer(&self) -> String {
        format!("msg_{:04}b", self.number)
    }

    fn part(&self) -> String {
        format!("prt_{:04}", self.number)
    }

    fn opening(&self, parts: &Value, ours: bool) -> Vec<String> {
        let mut raw = Vec::new();
        if ours {
            raw.push(event(
                "turnwire.turn.accepted",
                &json!({"sessionID": SESSION, "messageId": self.user(), "userParts": parts, "time": self.time}),
            ));
        }
        raw.push(event("message.updated", &json!({"sessionID": SESSION, "info": {"id": self.user(), "role": "user", "sessionID": SESSION, "time": {"created": self.time}}})));
        raw.push(event("message.part.updated", &json!({"sessionID": SESSION, "part": {"id": format!("prt_{:04}u", self.number), "messageID": self.user(), "sessionID": SESSION, "type": "text", "text": parts[0]["text"]}})));
        raw.push(event("session.status", &json!({"sessionID": SESSION, "status": {"type": "busy"}})));
        raw.push(self.assistant(&json!({})));
        raw
    }

    fn assistant(&self, more: &Value) -> String {
        let mut info = json!({"id": self.answer(), "role": "assistant", "sessionID": SESSION, "parentID": self.user(), "agent": "build", "mode": "build",
            "providerID": "practice", "modelID": "practice-1", "cost": 0, "time": {"created": self.time + 1},
            "tokens": {"input": 10, "output": 5, "reasoning": 0, "cache": {"read": 0, "write": 0}}});
        if let (Some(info), Some(more)) = (info.as_object_mut(), more.as_object()) {
            info.extend(more.clone());
        }
        event("message.updated", &json!({"sessionID": SESSION, "info": info}))
    }

    fn text(&self, text: &str, end: bool) -> String {
        let mut time = json!({"start": self.time + 1});
        if end {
            time["end"] = json!(self.time + 2);
        }
        event(
            "message.part.updated",
            &json!({"sessionID": SESSION, "part": {"id": self.part(), "messageID": self.answer(), "sessionID": SESSION, "type": "text", "text": text, "time": time}}),
        )
    }

    fn words(&self, text: &str) -> Vec<String> {
        let mut raw = vec![self.text("", false)];
        for word in text.split_inclusive(' ') {
            raw.push(event("message.part.delta", &json!({"sessionID": SESSION, "messageID": self.answer(), "partID": self.part(), "field": "text", "delta": word})));
        }
        raw.push(self.text(text, true));
        raw
    }

    fn tool(&self, tool: &str, status: &str) -> String {
        let mut state = json!({"status": status, "input": {}, "time": {"start": self.time + 1}});
        if status == "completed" {
            state["output"] = json!("ok");
            state["title"] = json!("done");
            state["metadata"] = json!({});
            state["time"]["end"] = json!(self.time + 2);
        }
        event(
            "message.part.updated",
            &json!({"sessionID": SESSION, "part": {"id": format!("prt_{:04}t", self.number), "messageID": self.answer(), "sessionID": SESSION, "type": "tool", "callID": "call_1", "tool": tool, "state": state}}),
        )
    }

    fn question(&self) -> String {
        event(
            "question.asked",
            &json!({"id": format!("que_{}", self.number), "sessionID": SESSION,
            "questions": [{"question": "Go on?", "header": "Go on", "options": [{"label": "yes", "description": "do"}]}],
            "tool": {"messageID": self.answer(), "callID": "call_1"}}),
        )
    }

    fn answered(&self) -> String {
        let id = format!("que_{}", self.number);
        event("question.replied", &json!({"sessionID": SESSION, "requestID": id, "answers": [["yes"]]}))
    }

    fn permission(&self) -> String {
        event(
            "permission.asked",
            &json!({"id": format!("per_{}", self.number), "sessionID": SESSION, "permission": "bash",
            "patterns": ["rm"], "metadata": {}, "always": [], "tool": {"messageID": self.answer(), "callID": "call_1"}}),
        )
    }

    fn allowed(&self) -> String {
        let id = format!("per_{}", self.number);
        event("permission.replied", &json!({"sessionID": SESSION, "requestID": id, "reply": "once"}))
    }

    fn closing(&self, error: &Value) -> Vec<String> {
        let time = json!({"created": self.time + 1, "completed": self.time + 3});
        let end = if error.is_null() {
            json!({"time": time, "finish": "stop"})
        } else {
            json!({"time": time, "error": error})
        };
        vec![
            self.assistant(&end),
            event("session.status", &json!({"sessionID": SESSION, "status": {"type": "idle"}})),
            event("session.idle", &json!({"sessionID": SESSION})),
        ]
    }
}
