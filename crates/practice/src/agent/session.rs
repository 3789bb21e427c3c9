//! A session, and what was said in it.

use crate::id;
use crate::script::Usage;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// How many messages of a session are remembered.
const REMEMBERED: usize = 200;

pub(super) type Sessions = HashMap<String, Session>;

pub(super) struct Session {
    pub(super) id: String,
    pub(super) directory: PathBuf,
    pub(super) title: Option<String>,
    /// Aborts the turn that runs.
    pub(super) running: Option<CancellationToken>,
    pub(super) used: Usage,
    /// Where the tree of files stands, in name only.
    pub(super) snapshot: String,
    /// What the turns talk with, once one ran: `{id,providerID,variant}` and the agent's name.
    pub(super) model: Option<(Value, String)>,
    created: u64,
    messages: Vec<Stored>,
}

struct Stored {
    info: Value,
    parts: Vec<Value>,
}

impl Session {
    pub(super) fn new(id: String, directory: &Path, title: Option<&str>) -> Self {
        Self {
            id,
            directory: directory.to_owned(),
            title: title.map(ToOwned::to_owned),
            running: None,
            used: Usage::default(),
            snapshot: id::hash(),
            model: None,
            created: id::now_ms(),
            messages: Vec::new(),
        }
    }

    /// As `session.created` and `session.updated` tell it.
    pub(super) fn info(&self) -> Value {
        let untitled = || format!("New session - {}", turnwire::Timestamp::from_millis(self.created));
        let mut info = json!({
            "id": &self.id,
            "slug": "practice",
            "version": super::event::VERSION,
            "projectID": "global",
            "directory": self.directory.to_string_lossy(),
            "path": "",
            "title": self.title.clone().unwrap_or_else(untitled),
            "cost": self.used.cost(),
            "tokens": super::event::tokens(self.used, false),
            "time": { "created": self.created, "updated": id::now_ms() },
        });
        if let Some((model, agent)) = &self.model {
            info["model"] = model.clone();
            info["agent"] = json!(agent);
            info["summary"] = json!({ "additions": 0, "deletions": 0, "files": 0 });
        }
        info
    }

    pub(super) fn add_usage(&mut self, usage: Usage) {
        self.used.input += usage.input;
        self.used.output += usage.output;
        self.used.reasoning += usage.reasoning;
        self.used.cache_read += usage.cache_read;
    }

    /// Keeps a message as it now stands.
    pub(super) fn keep_message(&mut self, info: &Value) {
        match self.messages.iter_mut().rev().find(|stored| stored.info["id"] == info["id"]) {
            Some(stored) => stored.info = info.clone(),
            None => self.messages.push(Stored { info: info.clone(), parts: Vec::new() }),
        }
        if self.messages.len() > REMEMBERED {
            self.messages.remove(0);
        }
    }

    /// Keeps a part as it now stands.
    pub(super) fn keep_part(&mut self, part: &Value) {
        let of = |stored: &&mut Stored| stored.info["id"] == part["messageID"];
        let Some(stored) = self.messages.iter_mut().rev().find(of) else { return };
        match stored.parts.iter_mut().find(|kept| kept["id"] == part["id"]) {
            Some(kept) => kept.clone_from(part),
            None => stored.parts.push(part.clone()),
        }
    }

    pub(super) fn messages(&self) -> Vec<Value> {
        self.messages.iter().map(|stored| json!({ "info": stored.info, "parts": stored.parts })).collect()
    }
}
