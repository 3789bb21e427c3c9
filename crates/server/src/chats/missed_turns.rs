//! Turns that began by themselves while the connection to the runtime was lost: reconstructed from its messages, as raw events.

use super::chat::State;
use super::decide::{Decision, event};
use bytes::Bytes;
use serde_json::{Value, json};

/// The events of the turns whose prompts were missed. `messages`: the newest of the session, oldest first; `busy`: the last is still
/// being answered.
pub(super) fn missed_turns(state: &State, session: &str, messages: &[Value], busy: bool) -> Vec<Bytes> {
    let status = |status: &str| event("session.status", &json!({ "sessionID": session, "status": { "type": status } }));
    let missed = |message: &&Value| {
        let id = message["info"]["id"].as_str().unwrap_or_default();
        message["info"]["role"] == "user" && id > state.last_message_id.as_str() && !state.prompts.contains(id)
    };
    let prompts: Vec<&Value> = messages.iter().filter(missed).collect();
    let mut events = Vec::new();
    for (at, prompt) in prompts.iter().enumerate() {
        let mut info = prompt["info"].clone();
        // The runtime adds a summary once a prompt is answered; with it, the normalizer would treat the prompt as an old one.
        if let Some(info) = info.as_object_mut() {
            info.remove("summary");
        }
        events.push(event("message.updated", &json!({ "sessionID": session, "info": info })));
        for part in prompt["parts"].as_array().into_iter().flatten() {
            events.push(event("message.part.updated", &json!({ "sessionID": session, "part": part })));
        }
        let is_last = at + 1 == prompts.len();
        let answers = messages.iter().filter(|message| message["info"]["parentID"] == prompt["info"]["id"]);
        let answers: Vec<Value> = answers.cloned().collect();
        let is_busy = busy && is_last;
        if answers.is_empty() && !is_busy {
            // It was answered together with a later prompt, or requests no answer.
            continue;
        }
        events.push(status("busy"));
        let messages = [vec![Value::clone(prompt)], answers].concat();
        events.push(Decision::Snapshot { messages }.event(session));
        if !is_busy {
            events.push(status("idle"));
        }
    }
    events
}
