//! Writes raw events, one at a time, as a version of `OpenCode` does.

use serde_json::{Value, json};
use turnwire::{Event, Normalizer};

pub(crate) const ROOT: &str = "ses_root";

/// A log being written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) events: Vec<Value>,
    /// Each event gets an id, as since 1.14.
    pub(crate) with_ids: bool,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { events: Vec::new(), with_ids: true }
    }

    pub(crate) fn push(&mut self, event_type: &str, properties: Value) -> &mut Self {
        let mut event = json!({ "type": event_type, "properties": properties });
        if self.with_ids {
            event["id"] = json!(format!("evt_{:06}", self.events.len()));
        }
        self.events.push(event);
        self
    }

    pub(crate) fn status(&mut self, session: &str, status: Value) -> &mut Self {
        self.push("session.status", json!({ "sessionID": session, "status": status }))
    }

    pub(crate) fn busy(&mut self) -> &mut Self {
        self.status(ROOT, json!({ "type": "busy" }))
    }

    pub(crate) fn idle(&mut self) -> &mut Self {
        self.status(ROOT, json!({ "type": "idle" })).push("session.idle", json!({ "sessionID": ROOT }))
    }

    pub(crate) fn error(&mut self, name: &str) -> &mut Self {
        let error = json!({ "name": name, "data": { "message": format!("It was a {name}.") } });
        self.push("session.error", json!({ "sessionID": ROOT, "error": error }))
    }

    /// A user's message with one text part.
    pub(crate) fn user(&mut self, id: &str, text: &str) -> &mut Self {
        self.user_message(id, json!({})).user_part(id, json!({ "type": "text", "text": text }))
    }

    pub(crate) fn user_message(&mut self, id: &str, more: Value) -> &mut Self {
        let info = json!({
            "id": id, "sessionID": ROOT, "role": "user", "time": { "created": 1_000 },
            "model": { "providerID": "p", "modelID": "m" },
        });
        self.push("message.updated", json!({ "sessionID": ROOT, "info": merged(info, more) }))
    }

    pub(crate) fn user_part(&mut self, message: &str, part: Value) -> &mut Self {
        let id = format!("prt_of_{message}_{}", self.events.len());
        self.part(ROOT, message, &id, part)
    }

    /// The agent's message `id`, which answers `parent`.
    pub(crate) fn agent(&mut self, id: &str, parent: &str, more: Value) -> &mut Self {
        self.agent_in(ROOT, id, parent, more)
    }

    pub(crate) fn agent_in(&mut self, session: &str, id: &str, parent: &str, more: Value) -> &mut Self {
        let info = json!({
            "id": id, "sessionID": session, "role": "assistant", "parentID": parent, "agent": "build",
            "providerID": "p", "modelID": "m", "time": { "created": 2_000 }, "cost": 0,
            "tokens": { "input": 0, "output": 0, "reasoning": 0, "cache": { "read": 0, "write": 0 } },
        });
        self.push("message.updated", json!({ "sessionID": session, "info": merged(info, more) }))
    }

    /// The end of the agent's message.
    pub(crate) fn done(&mut self, id: &str, parent: &str, finish: &str) -> &mut Self {
        let tokens = json!({ "input": 10, "output": 5, "reasoning": 1, "cache": { "read": 2, "write": 3 } });
        let time = json!({ "created": 2_000, "completed": 3_000 });
        self.agent(id, parent, json!({ "finish": finish, "time": time, "tokens": tokens, "cost": 0.000_012 }))
    }

    pub(crate) fn part(&mut self, session: &str, message: &str, id: &str, part: Value) -> &mut Self {
        let own = json!({ "id": id, "messageID": message, "sessionID": session });
        self.push("message.part.updated", json!({ "sessionID": session, "part": merged(own, part) }))
    }

    pub(crate) fn step(&mut self, message: &str) -> &mut Self {
        let id = format!("prt_step_{}", self.events.len());
        self.part(ROOT, message, &id, json!({ "type": "step-start" }))
    }

    pub(crate) fn delta(&mut self, message: &str, part: &str, delta: &str) -> &mut Self {
        let properties =
            json!({ "sessionID": ROOT, "messageID": message, "partID": part, "field": "text", "delta": delta });
        self.push("message.part.delta", properties)
    }

    /// An empty text part, then its deltas.
    pub(crate) fn text(&mut self, message: &str, part: &str, deltas: &[&str]) -> &mut Self {
        self.part(ROOT, message, part, json!({ "type": "text", "text": "", "time": { "start": 1 } }));
        for delta in deltas {
            self.delta(message, part, delta);
        }
        self
    }

    pub(crate) fn text_end(&mut self, message: &str, part: &str, text: &str) -> &mut Self {
        self.part(ROOT, message, part, json!({ "type": "text", "text": text, "time": { "start": 1, "end": 2 } }))
    }

    pub(crate) fn tool(&mut self, message: &str, part: &str, tool: &str, state: Value) -> &mut Self {
        let call = format!("call_{part}");
        self.part(ROOT, message, part, json!({ "type": "tool", "tool": tool, "callID": call, "state": state }))
    }

    /// A child session of `parent`.
    pub(crate) fn child(&mut self, id: &str, parent: &str, title: &str) -> &mut Self {
        let info = json!({ "id": id, "parentID": parent, "title": title });
        self.push("session.created", json!({ "sessionID": id, "info": info }))
    }

    pub(crate) fn raw(&self) -> Vec<Vec<u8>> {
        self.events.iter().map(|event| event.to_string().into_bytes()).collect()
    }

    /// What is told of it, the end of the log included.
    pub(crate) fn told(&self) -> Vec<Event> {
        let mut normalizer = Normalizer::new();
        let mut out = self.told_by(&mut normalizer);
        normalizer.finish(&mut out);
        out
    }

    pub(crate) fn told_by(&self, normalizer: &mut Normalizer) -> Vec<Event> {
        let mut out = Vec::new();
        self.raw().iter().for_each(|raw| normalizer.push(raw, &mut out));
        out
    }
}

fn merged(mut into: Value, more: Value) -> Value {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
    into
}
