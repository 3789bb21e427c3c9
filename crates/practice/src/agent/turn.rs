//! A turn while it runs: whose it is, and what is told of it.

use super::{Prompt, Shared, event};
use crate::id;
use crate::script::Script;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

/// What the turn's answers share.
pub(super) struct Turn {
    pub(super) shared: Arc<Shared>,
    pub(super) session_id: String,
    pub(super) directory: PathBuf,
    pub(super) user: Value,
    pub(super) model: (String, String),
    pub(super) agent: String,
    holds_session: bool,
}

impl Turn {
    /// `None`: the session was deleted meanwhile.
    pub(super) fn new(shared: Arc<Shared>, prompt: &Prompt) -> Option<Self> {
        let (provider, model) = event::model_of(prompt.model.as_deref());
        let model = (provider.to_owned(), model.to_owned());
        let agent = prompt.agent.clone().unwrap_or_else(|| "build".to_owned());
        let message_id = if prompt.message_id.is_empty() { id::ascending("msg") } else { prompt.message_id.clone() };
        id::follow(&message_id);
        let user = json!({
            "id": message_id,
            "role": "user",
            "sessionID": &prompt.session_id,
            "time": { "created": id::now_ms() },
            "agent": &agent,
            "model": { "providerID": &model.0, "modelID": &model.1 },
        });
        let directory = {
            let mut sessions = shared.sessions();
            let session = sessions.get_mut(&prompt.session_id)?;
            session.directory.clone()
        };
        Some(Self { shared, session_id: prompt.session_id.clone(), directory, user, model, agent, holds_session: true })
    }

    /// Tells the user's message; gives the script it asks for.
    pub(super) async fn take(&mut self, parts: Vec<Value>) -> Script {
        let text = |part: &Value| part["text"].as_str().map(ToOwned::to_owned);
        let prompt = parts.iter().filter_map(text).collect::<Vec<_>>().join("\n");
        self.tell_session_with(|session| {
            let model = json!({ "id": &self.model.1, "providerID": &self.model.0, "variant": "default" });
            session.model = Some((model, self.agent.clone()));
        })
        .await;
        self.message(&self.user).await;
        for mut part in parts {
            if part["id"].as_str().is_none() {
                part["id"] = json!(id::ascending("prt"));
            }
            part["messageID"] = self.user["id"].clone();
            part["sessionID"] = json!(&self.session_id);
            self.part(&part).await;
        }
        self.tell_session_with(|session| {
            session.title.get_or_insert_with(|| prompt.chars().take(50).collect());
        })
        .await;
        self.status("busy").await;
        // From now on every telling of the message has it.
        self.user["summary"] = json!({ "diffs": [] });
        Script::of(&prompt)
    }

    /// `session.updated`, `session.diff` and, if asked for, the user's message with its summary.
    pub(super) async fn tell_session(&self, with_user: bool) {
        self.tell_session_with(|_| {}).await;
        self.tell("session.diff", json!({ "diff": [] })).await;
        if with_user {
            self.message(&self.user).await;
        }
    }

    async fn tell_session_with(&self, change: impl FnOnce(&mut super::Session)) {
        let info = self.with_session(|session| {
            change(session);
            session.info()
        });
        if let Some(info) = info {
            self.tell("session.updated", json!({ "info": info })).await;
        }
    }

    pub(super) fn with_session<T>(&self, f: impl FnOnce(&mut super::Session) -> T) -> Option<T> {
        self.shared.sessions().get_mut(&self.session_id).map(f)
    }

    /// Tells an event of this session.
    pub(super) async fn tell(&self, event_type: &str, mut properties: Value) {
        properties["sessionID"] = json!(&self.session_id);
        self.shared.tell(event_type, properties).await;
    }

    pub(super) async fn message(&self, info: &Value) {
        self.tell("message.updated", json!({ "info": info })).await;
        self.with_session(|session| session.keep_message(info));
    }

    pub(super) async fn part(&self, part: &Value) {
        self.tell("message.part.updated", json!({ "part": part, "time": id::now_ms() })).await;
        self.with_session(|session| session.keep_part(part));
    }

    pub(super) async fn status(&self, status: &str) {
        self.tell("session.status", json!({ "status": { "type": status } })).await;
    }

    pub(super) async fn idle(&self) {
        self.status("idle").await;
        self.tell("session.idle", json!({})).await;
    }

    pub(super) async fn error(&self, error: &Value) {
        self.tell("session.error", json!({ "error": error })).await;
    }

    /// Lets the session take the next prompt.
    pub(super) fn release(&mut self) {
        if std::mem::take(&mut self.holds_session) {
            self.with_session(|session| session.running = None);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // Reached before `release` only if the runtime is shut down in mid-turn.
        self.release();
    }
}
