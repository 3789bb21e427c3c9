//! Events in, the turn they make out.

use super::{Message, Turn};
use crate::event::{
    Event, EventKind, MessageCreated, MessageKind, Part, PartBody, PartDelta, PartState, PartType, PartUpdated,
    TextPart,
};
use crate::id::{MessageId, PartId};
use std::collections::HashMap;

/// Folds the events of one turn. Pure: the same events give the same [`Turn`], wherever they are folded.
///
/// ```
/// use turnwire::{Event, TurnAccumulator};
///
/// let mut turn = TurnAccumulator::new();
/// let json = r#"{"type":"message.part.updated","seq":2,"chatId":"chat_1","turnId":"turn_1",
///                "messageId":"msg_2","partId":"prt_1","partType":"text","delta":"Hello"}"#;
/// turn.push(&Event::parse(json, None)?);
/// assert_eq!(turn.turn().text(), "Hello");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct TurnAccumulator {
    turn: Turn,
    last_seq: u64,
    messages: HashMap<MessageId, usize>,
    parts: HashMap<PartId, (usize, usize)>,
    /// The part of the last delta: the next one is nearly always of the same.
    last: Option<(PartId, usize, usize)>,
}

impl TurnAccumulator {
    /// No event yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Applies one event. Returns `false` if it changed nothing (a duplicate, another turn's, unknown, or after the end).
    pub fn push(&mut self, event: &Event) -> bool {
        if matches!(event.kind, EventKind::Unknown(_)) || self.turn.ended {
            return false;
        }
        let numbered = event.seq > 0;
        if self.is_foreign(event) || (numbered && event.seq <= self.last_seq) {
            return false;
        }
        if self.turn.id.as_str().is_empty() {
            self.turn.id = event.turn_id.clone();
        }
        if self.turn.chat_id.as_str().is_empty() {
            self.turn.chat_id = event.chat_id.clone();
        }
        if numbered {
            self.last_seq = event.seq;
        }
        self.apply(&event.kind);
        true
    }

    /// Whether the event names another turn than the one folded here. One that names none is of this turn.
    pub(crate) fn is_foreign(&self, event: &Event) -> bool {
        let (own, other) = (self.turn.id.as_str(), event.turn_id.as_str());
        own != other && !own.is_empty() && !other.is_empty()
    }

    /// The turn so far.
    pub fn turn(&self) -> &Turn {
        &self.turn
    }

    /// The turn, when no more events are to come.
    pub fn into_turn(self) -> Turn {
        self.turn
    }

    /// The number of the last applied event; 0 if events are not numbered.
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// The current state of the part with this id.
    pub fn part(&self, id: &PartId) -> Option<&Part> {
        let &(message, part) = self.parts.get(id)?;
        self.turn.messages.get(message)?.parts.get(part)
    }

    fn apply(&mut self, kind: &EventKind) {
        match kind {
            EventKind::PartDelta(delta) => self.delta(delta),
            EventKind::PartUpdated(updated) => self.part_updated(updated),
            EventKind::TurnStarted(started) => {
                self.turn.user_message.clone_from(&started.user_message);
                self.turn.model.clone_from(&started.model);
                self.turn.started_at = started.started_at;
            }
            EventKind::TurnStatusChanged(status) => {
                self.turn.status.clone_from(&status.status);
                self.turn.requests.clone_from(&status.requests);
            }
            EventKind::MessageCreated(created) => self.message_created(created),
            EventKind::MessageCompleted(completed) => {
                let at =
                    self.message(&completed.message_id, completed.kind.as_ref(), completed.parent_part_id.as_ref());
                let message = &mut self.turn.messages[at];
                message.finish_reason = Some(completed.finish_reason.clone());
                message.usage.clone_from(&completed.usage);
                message.error.clone_from(&completed.error);
            }
            EventKind::SessionUsage(usage) => self.turn.usage.clone_from(&usage.usage),
            EventKind::TurnCompleted(completed) => {
                self.turn.status.clone_from(&completed.status);
                self.turn.ended = true;
                self.turn.merged_into.clone_from(&completed.merged_into);
                self.turn.error.clone_from(&completed.error);
                self.turn.completed_at = completed.completed_at;
                self.turn.duration = completed.duration;
                self.turn.requests.clear();
            }
            EventKind::Unknown(_) => {}
        }
    }

    fn message_created(&mut self, created: &MessageCreated) {
        let at = self.message(&created.message_id, Some(&created.kind), created.parent_part_id.as_ref());
        let message = &mut self.turn.messages[at];
        message.model.clone_from(&created.model);
        message.agent.clone_from(&created.agent);
    }

    /// Where the message is. One that was never announced (a service that sends less) is made on its first use.
    fn message(&mut self, id: &MessageId, kind: Option<&MessageKind>, parent: Option<&PartId>) -> usize {
        if let Some(&at) = self.messages.get(id) {
            return at;
        }
        let at = self.turn.messages.len();
        self.messages.insert(id.clone(), at);
        let mut message = Message::new(id, kind.cloned().unwrap_or(MessageKind::Answer));
        message.parent_part_id = parent.cloned();
        self.turn.messages.push(message);
        at
    }

    /// Where the part is. Ids of one stream share their text, so that the last one is known by its address.
    fn place(&mut self, id: &PartId) -> Option<(usize, usize)> {
        if let Some((last, message, part)) = &self.last
            && last == id
        {
            return Some((*message, *part));
        }
        let &(message, part) = self.parts.get(id)?;
        self.last = Some((id.clone(), message, part));
        Some((message, part))
    }

    fn delta(&mut self, delta: &PartDelta) {
        if let Some((message, part)) = self.place(&delta.part_id) {
            if let PartBody::Text(text) | PartBody::Reasoning(text) = &mut self.turn.messages[message].parts[part].body
            {
                text.text.push_str(&delta.delta);
            }
            return;
        }
        let text = TextPart { text: delta.delta.as_str().to_owned() };
        let body =
            if delta.part_type == PartType::Reasoning { PartBody::Reasoning(text) } else { PartBody::Text(text) };
        let at = self.message(&delta.message_id, delta.kind.as_ref(), delta.parent_part_id.as_ref());
        self.insert(at, Part { id: delta.part_id.clone(), body, state: PartState::Streaming });
    }

    fn part_updated(&mut self, updated: &PartUpdated) {
        if let Some(&(message, part)) = self.parts.get(&updated.part_id) {
            self.turn.messages[message].parts[part].clone_from(&updated.part);
            return;
        }
        let at = self.message(&updated.message_id, updated.kind.as_ref(), updated.parent_part_id.as_ref());
        self.insert(at, updated.part.clone());
    }

    fn insert(&mut self, message: usize, part: Part) {
        let parts = &mut self.turn.messages[message].parts;
        self.parts.insert(part.id.clone(), (message, parts.len()));
        parts.push(part);
    }
}
