//! The user's messages that the agent has not answered yet.

use super::message::model;
use super::tool::{at, json};
use crate::event::UserMessage;
use crate::id::MessageId;
use crate::json::Json;
use crate::opencode::{Info, PartInfo};
use crate::time::Timestamp;
use serde::Serialize;

/// So many unanswered messages are kept; a log that never answers loses the oldest.
const KEPT: usize = 256;

/// A user's message without an answer.
#[derive(Clone, Debug)]
pub(super) struct UserPrompt {
    pub(super) id: MessageId,
    pub(super) model: Option<String>,
    pub(super) created_at: Option<Timestamp>,
    parts: Vec<(Box<str>, Json)>,
    author: Author,
}

/// Who wrote a user's message, as far as its parts show; of several the last of this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Author {
    /// It has no parts yet.
    Unknown,
    /// The runtime, in the user's name: for a shell command, or to go on.
    Runtime,
    User,
    /// The runtime, to begin a compaction.
    Compaction,
}

impl UserPrompt {
    /// Whether the runtime wrote it in the user's name.
    pub(super) fn is_synthetic(&self) -> bool {
        matches!(self.author, Author::Runtime | Author::Compaction)
    }

    pub(super) fn is_compaction(&self) -> bool {
        self.author == Author::Compaction
    }

    pub(super) fn user_message(&self) -> UserMessage {
        UserMessage { id: self.id.clone(), parts: self.parts.iter().map(|(_, part)| part.clone()).collect() }
    }
}

/// The unanswered messages of a chat, in the order they came.
#[derive(Clone, Debug, Default)]
pub(super) struct Prompts(Vec<UserPrompt>);

impl Prompts {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, id: &str) -> Option<&UserPrompt> {
        self.0.iter().find(|prompt| prompt.id == id)
    }

    /// Takes out the messages that the runtime wrote in the user's name.
    pub(super) fn take_synthetic(&mut self) -> impl Iterator<Item = MessageId> {
        self.0.extract_if(.., |prompt| prompt.is_synthetic()).map(|prompt| prompt.id)
    }

    pub(super) fn add(&mut self, id: &str, info: &Info<'_>) {
        if self.0.len() == KEPT {
            self.0.remove(0);
        }
        let user_model = info.model.0.as_ref();
        self.0.push(UserPrompt {
            id: MessageId::from(id),
            model: user_model.and_then(|user| model(user.provider_id.get(), user.model_id.get())),
            created_at: at(info.times().created),
            parts: Vec::new(),
            author: Author::Unknown,
        });
    }

    /// A part of an unanswered message. The message, if it is one of these.
    pub(super) fn part(&mut self, info: &PartInfo<'_>) -> Option<&UserPrompt> {
        let id = info.message_id.filled()?;
        let prompt = self.0.iter_mut().find(|prompt| prompt.id == id)?;
        let author = match info.part_type.or_empty() {
            "compaction" => Author::Compaction,
            // What the runtime adds to the user's words, such as the content of a file, is not what the user wrote.
            _ if info.synthetic.0 == Some(true) => Author::Runtime,
            _ => Author::User,
        };
        prompt.author = prompt.author.max(author);
        if author == Author::User
            && let Some(part) = sent(info)
        {
            let part_id = info.id.or_empty();
            match prompt.parts.iter_mut().find(|(id, _)| &**id == part_id) {
                Some((_, known)) => *known = part,
                None => prompt.parts.push((Box::from(part_id), part)),
            }
        }
        Some(prompt)
    }

    pub(super) fn remove(&mut self, id: &str) {
        self.0.retain(|prompt| prompt.id != id);
    }

    /// The message to answer next: the newest.
    pub(super) fn newest(&self) -> Option<&MessageId> {
        self.0.last().map(|prompt| &prompt.id)
    }

    /// Takes a message and the older ones, which are answered with it: those first, it last.
    pub(super) fn take_through(&mut self, id: &str) -> Vec<UserPrompt> {
        match self.0.iter().position(|prompt| prompt.id == id) {
            Some(at) => self.0.drain(..=at).collect(),
            None => Vec::new(),
        }
    }
}

/// A part of a user's message, as it was sent.
fn sent(info: &PartInfo<'_>) -> Option<Json> {
    #[derive(Serialize)]
    struct Sent<'a> {
        r#type: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        mime: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        filename: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<&'a str>,
    }
    let sent = match info.part_type.or_empty() {
        "text" => Sent { r#type: "text", text: Some(info.text.or_empty()), mime: None, filename: None, url: None },
        "file" => Sent {
            r#type: "file",
            text: None,
            mime: Some(info.mime.or_empty()),
            filename: info.filename.filled(),
            url: Some(info.url.or_empty()),
        },
        _ => return None,
    };
    serde_json::value::to_raw_value(&sent).ok().map(|raw| json(&raw))
}
