//! Turns that began by themselves while the runtime could not be heard: found in what it has now, and told in its own words.

use super::chat::State;
use super::decide::{Decision, event};
use bytes::Bytes;
use serde_json::{Value, json};

/// The events of the turns whose prompts nobody heard. `messages`: the newest of the session, oldest first; `busy`: the last is still
/// being answered.
pub(super) fn missed_turns(state: &State, session: &str, messages: &[Value], busy: bool) -> Vec<Bytes> {
    let status = |status: &str| event("session.status", &json!({ "sessionID": session, "status": { "type": status } }));
    let unheard = |message: &&Value| {
        let id = message["info"]["id"].as_str().unwrap_or_default();
        message["info"]["role"] == "user" && id > state.last_message_id.as_str() && !state.heard.knows(id)
    };
    let prompts: Vec<&Value> = messages.iter().filter(unheard).collect();
    let mut events = Vec::new();
    for (at, prompt) in prompts.iter().enumerate() {
        let mut info = prompt["info"].clone();
        // What the runtime adds once it is answered: with it, it would be taken for one of long ago.
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
            // It was answered together with a later one, or wants no answer.
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
