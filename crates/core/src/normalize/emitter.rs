//! Numbers and emits the events of one turn.

use crate::event::{Event, EventKind, MessageKind, Part, PartDelta, PartType, PartUpdated};
use crate::id::{ChatId, MessageId, PartId, TurnId};

/// The envelope of one turn's events.
#[derive(Clone, Debug)]
pub(super) struct Emitter {
    pub(super) chat_id: ChatId,
    pub(super) turn_id: TurnId,
    seq: u64,
}

impl Emitter {
    pub(super) fn new(chat_id: ChatId, turn_id: TurnId) -> Self {
        Self { chat_id, turn_id, seq: 0 }
    }

    pub(super) fn emit(&mut self, kind: EventKind, out: &mut Vec<Event>) {
        self.seq += 1;
        out.push(Event::new(self.seq, self.chat_id.clone(), self.turn_id.clone(), kind));
    }
}

/// Emits the events of the parts of one message.
pub(super) struct PartEmitter<'a> {
    pub(super) emitter: &'a mut Emitter,
    pub(super) out: &'a mut Vec<Event>,
    pub(super) message_id: &'a MessageId,
    /// `summary`, or nothing.
    pub(super) kind: Option<&'a MessageKind>,
    pub(super) parent_part_id: Option<&'a PartId>,
}

impl PartEmitter<'_> {
    /// Text to append to a part.
    pub(super) fn delta(&mut self, part_id: &PartId, part_type: PartType, delta: String) {
        let kind = EventKind::PartDelta(PartDelta {
            message_id: self.message_id.clone(),
            part_id: part_id.clone(),
            part_type,
            kind: self.kind.cloned(),
            parent_part_id: self.parent_part_id.cloned(),
            delta: delta.into(),
        });
        self.emitter.emit(kind, self.out);
    }

    /// The current state of a part.
    pub(super) fn part(&mut self, part: Part) {
        let kind = EventKind::PartUpdated(Box::new(PartUpdated {
            message_id: self.message_id.clone(),
            part_id: part.id.clone(),
            part_type: part.part_type().clone(),
            kind: self.kind.cloned(),
            parent_part_id: self.parent_part_id.cloned(),
            part,
        }));
        self.emitter.emit(kind, self.out);
    }
}
