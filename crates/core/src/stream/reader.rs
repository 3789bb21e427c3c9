//! One turn's events as a reader gets them: each once, in order, text as deltas first, requests marked when new. Pure.

use crate::event::{Event, EventKind, InputRequest, PartBody, PartDelta, PartState, TurnStatusChanged};
use crate::id::{RequestId, TurnId};
use crate::turn::{Turn, TurnAccumulator};
use std::collections::{HashSet, VecDeque};

/// The maximum number of events before the beginning of a turn.
const MAX_EARLY: usize = 1000;

/// Reads one turn.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    fold: TurnAccumulator,
    /// The requested turn, if it was known before its first event.
    turn_id: Option<TurnId>,
    /// The number of the last event of a kind we do not know, which the fold does not count.
    unknown: u64,
    /// Whether anything was delivered or restored.
    begun: bool,
    /// Events without numbers that name a turn of which no beginning was seen: another's, perhaps, that is still ending.
    early: VecDeque<Event>,
    asked: HashSet<RequestId>,
    /// What follows the event just delivered and came in the same one: the part whose text it was, or the same status
    /// with the next request that is new.
    held: VecDeque<Event>,
}

/// The outcome of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    /// It is for the reader.
    New,
    /// It is a duplicate, or belongs to another turn.
    Old,
    /// Events between the last one and this one are missing.
    Gap,
}

impl Reader {
    pub(crate) fn turn(&self) -> &Turn {
        self.fold.turn()
    }

    pub(crate) fn last_seq(&self) -> u64 {
        self.fold.last_seq().max(self.unknown)
    }

    pub(crate) fn ended(&self) -> bool {
        self.fold.turn().ended && self.held.is_empty()
    }

    /// Only events of this turn count from here on.
    pub(crate) fn expect(&mut self, turn_id: TurnId) {
        self.turn_id = Some(turn_id);
    }

    fn is_foreign(&self, event: &Event) -> bool {
        let expected = self.turn_id.as_ref().filter(|_| !event.turn_id.as_str().is_empty());
        expected.is_some_and(|expected| *expected != event.turn_id) || self.fold.is_foreign(event)
    }

    /// Whether the event is of a turn of which no beginning was seen: the former one's, of a service that says it late.
    /// One that has neither a number nor a turn is of this turn.
    pub(crate) fn is_leftover(&self, event: &Event) -> bool {
        if self.begun || self.turn_id.is_some() {
            return false;
        }
        if event.seq == 0 {
            return !event.turn_id.as_str().is_empty() && event.event_type() != "turn.started";
        }
        event.seq > 1 && event.is_last()
    }

    /// Whether so many came before the beginning of a turn that none is to be expected.
    pub(crate) fn waits_in_vain(&self) -> bool {
        self.early.len() >= MAX_EARLY
    }

    /// Whether anything came before the beginning of a turn.
    pub(crate) fn has_early(&self) -> bool {
        !self.early.is_empty()
    }

    /// What came of this turn before its beginning; of another, it is forgotten.
    pub(crate) fn early_of(&mut self, turn_id: &TurnId) -> VecDeque<Event> {
        let mut early = std::mem::take(&mut self.early);
        early.retain(|event| event.turn_id == *turn_id);
        early
    }

    /// What was taken for another turn's, where no turn begins: then it was this turn's. `broken`: more might have come, so
    /// that an end alone says nothing.
    pub(crate) fn unclaimed(&mut self, broken: bool) -> VecDeque<Event> {
        let Some(last) = self.early.back().filter(|_| !self.begun) else { return VecDeque::new() };
        let turn_id = last.turn_id.clone();
        let mut early = self.early_of(&turn_id);
        if broken && early.iter().all(Event::is_last) {
            early.clear();
        } else {
            self.expect(turn_id);
        }
        early
    }

    /// Folds what was delivered before a cursor, so that the turn is whole again; nothing of it is delivered. What it asks
    /// is not marked as asked: see [`Reader::still_asked`].
    pub(crate) fn restore(&mut self, event: &Event) {
        if self.is_foreign(event) {
            return;
        }
        self.begun = true;
        self.note_unknown(event);
        self.fold.push(event);
    }

    /// The event that the former one made wait.
    pub(crate) fn take_held(&mut self) -> Option<Event> {
        let event = self.held.pop_front()?;
        self.fold.push(&event);
        Some(event)
    }

    /// Applies one event; what is to be delivered is then in its place. `strict`: the numbers of this service have no
    /// holes.
    pub(crate) fn accept(&mut self, event: &mut Event, strict: bool) -> Read {
        if self.is_foreign(event) {
            return Read::Old;
        }
        if self.is_leftover(event) {
            if event.seq == 0 {
                self.early.push_back(event.clone());
            }
            return Read::Old;
        }
        let last = self.last_seq();
        if event.seq > 0 {
            if event.seq <= last {
                return Read::Old;
            }
            if strict && event.seq != last + 1 {
                return Read::Gap;
            }
        }
        self.begun = true;
        if self.note_unknown(event) {
            // Told for what it is. Its number counts: what follows it is no gap.
            return Read::New;
        }
        if let Some(delta) = self.missing_text(event) {
            self.fold.push(&delta);
            self.held.push_back(std::mem::replace(event, delta));
            return Read::New;
        }
        self.mark_requests(event);
        if self.fold.push(event) { Read::New } else { Read::Old }
    }

    /// Whether the event is one we do not know, whose number is then remembered.
    fn note_unknown(&mut self, event: &Event) -> bool {
        let unknown = matches!(event.kind, EventKind::Unknown(_));
        if unknown {
            self.unknown = self.unknown.max(event.seq);
        }
        unknown
    }

    /// The text of a whole part that no delta has delivered.
    fn missing_text(&self, event: &Event) -> Option<Event> {
        let EventKind::PartUpdated(updated) = &event.kind else { return None };
        let (PartBody::Text(new) | PartBody::Reasoning(new)) = &updated.part.body else { return None };
        if updated.part.state == PartState::Discarded || new.text.is_empty() {
            return None;
        }
        let known = match self.fold.part(&updated.part_id).map(|part| &part.body) {
            Some(PartBody::Text(known) | PartBody::Reasoning(known)) => known.text.as_str(),
            _ => "",
        };
        let delta = new.text.strip_prefix(known).filter(|delta| !delta.is_empty())?;
        let kind = EventKind::PartDelta(PartDelta {
            message_id: updated.message_id.clone(),
            part_id: updated.part_id.clone(),
            part_type: updated.part_type.clone(),
            kind: updated.kind.clone(),
            parent_part_id: updated.parent_part_id.clone(),
            delta: delta.into(),
        });
        // Without a number: it shares its place with the part that follows.
        Some(Event::new(0, event.chat_id.clone(), event.turn_id.clone(), kind))
    }

    /// Whether something is open after a cursor that was delivered before it: whoever goes on there has to be asked again.
    pub(crate) fn may_still_ask(&self) -> bool {
        let turn = self.fold.turn();
        !turn.ended && turn.requests.iter().any(|request| !self.asked.contains(request.request_id()))
    }

    /// The status that asks it again. `open`: what is open at the service, which may be ahead of what has been read here.
    pub(crate) fn still_asked(&mut self, open: Option<&[InputRequest]>) -> Option<Event> {
        let turn = self.fold.turn();
        if let Some(open) = open {
            let gone = turn.requests.iter().filter(|request| !open.contains(request));
            self.asked.extend(gone.map(|request| request.request_id().clone()));
        }
        if !self.may_still_ask() {
            return None;
        }
        let turn = self.fold.turn();
        let status = TurnStatusChanged {
            status: turn.status.clone(),
            message: None,
            attempt: None,
            next_attempt_at: None,
            requests: turn.requests.clone(),
        };
        let kind = EventKind::TurnStatusChanged(status);
        // Without a number, so that the cursor stays where it is.
        let mut event = Event::new(0, turn.chat_id.clone(), turn.id.clone(), kind);
        self.mark_requests(&mut event);
        Some(event)
    }

    /// Marks the request of a status that is new. Where several are new, the status comes once for each of them, the last
    /// time with its number.
    fn mark_requests(&mut self, event: &mut Event) {
        let EventKind::TurnStatusChanged(status) = &event.kind else { return };
        let new: Vec<usize> = (0..status.requests.len())
            .filter(|&index| self.asked.insert(status.requests[index].request_id().clone()))
            .collect();
        let Some((&last, before)) = new.split_last() else { return };
        let Some((&first, between)) = before.split_first() else {
            event.set_asked(Some(last));
            return;
        };
        let again = |index| {
            let mut again = Event::new(0, event.chat_id.clone(), event.turn_id.clone(), event.kind.clone());
            again.set_asked(Some(index));
            again
        };
        let copy = again(first);
        self.held.extend(between.iter().map(|&index| again(index)));
        let mut numbered = std::mem::replace(event, copy);
        numbered.set_asked(Some(last));
        self.held.push_back(numbered);
    }
}
