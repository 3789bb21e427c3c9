//! Raw `OpenCode` events in, the seven events of a turn out: a pure state machine.

use crate::event::Event;
use crate::id::{ChatId, TurnId};

/// Turns the raw events of one relay log, or of one `/event` stream, into turns.
#[derive(Debug, Default)]
pub struct Normalizer {
    chat: Option<(ChatId, String)>,
    open: Option<TurnId>,
}

impl Normalizer {
    /// Every root session of the stream is a chat of its own; the chat's id is the session's.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only this root session and its children; events carry `chat_id`.
    pub fn for_chat(chat_id: impl Into<ChatId>, root_session_id: &str) -> Self {
        Self { chat: Some((chat_id.into(), root_session_id.to_owned())), open: None }
    }

    /// Takes one raw event (its JSON) in and appends what it tells to `out`. Never fails: what it cannot read tells
    /// nothing.
    pub fn push(&mut self, raw: &[u8], out: &mut Vec<Event>) {
        let _ = (raw, out, &self.chat);
    }

    /// The end of the input: what is open ends as `interrupted`.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        let _ = out;
    }

    /// The turn that runs now, if one does. Of several chats: the one whose turn was opened first.
    pub fn open_turn(&self) -> Option<&TurnId> {
        self.open.as_ref()
    }
}
