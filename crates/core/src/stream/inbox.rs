//! A turn's events between the connection and the reader.

use super::backlog::Backlog;
use super::handle::TurnHandle;
use super::reader::{Read, Reader};
use crate::event::{Event, EventKind, Ids};
use std::collections::VecDeque;

/// What was decoded, what was delivered, and the position of its reader.
pub(super) struct Inbox {
    pub(super) reader: Reader,
    /// For the decoder: the ids that come again and again.
    pub(super) ids: Ids,
    /// Decoded, but not yet delivered.
    pub(super) incoming: VecDeque<Event>,
    /// The events that a result has read, for a reader that iterates after it.
    pub(super) backlog: Backlog<Event>,
    /// Events up to this number were delivered by another stream: they are folded here, but not delivered.
    pub(super) resumed_after: u64,
    /// The number of the last event that was delivered to a reader.
    pub(super) delivered: u64,
    /// Whether the numbers of this service have no holes.
    pub(super) strict: bool,
}

/// Events are missing.
pub(super) struct Gap;

impl Inbox {
    pub(super) fn new(strict: bool) -> Self {
        Self {
            reader: Reader::default(),
            ids: Ids::default(),
            incoming: VecDeque::new(),
            backlog: Backlog::default(),
            resumed_after: 0,
            delivered: 0,
            strict,
        }
    }

    /// The next decoded event that is new. It also updates the turn and the requests of the handle.
    pub(super) fn next(&mut self, handle: &mut TurnHandle) -> Result<Option<Event>, Gap> {
        while let Some(event) = self.incoming.front_mut() {
            if !self.reader.is_leftover(event) {
                if handle.turn_id().is_none() && !event.turn_id.as_str().is_empty() {
                    handle.set_turn(event.turn_id.clone());
                }
                if let EventKind::TurnStatusChanged(status) = &event.kind {
                    handle.met(&status.requests);
                }
            }
            if event.seq > 0 && event.seq <= self.resumed_after {
                self.reader.restore(event);
                self.incoming.pop_front();
                continue;
            }
            match self.reader.accept(event, self.strict) {
                Read::New => {
                    let event = self.incoming.pop_front();
                    if let Some(event) = event.as_ref().filter(|_| self.reader.has_early()) {
                        for early in self.reader.early_of(&event.turn_id).into_iter().rev() {
                            self.incoming.push_front(early);
                        }
                    }
                    return Ok(event);
                }
                Read::Old => {
                    self.incoming.pop_front();
                    if self.reader.waits_in_vain() {
                        self.take_unclaimed(true);
                    }
                }
                Read::Gap => {
                    self.incoming.clear();
                    return Err(Gap);
                }
            }
        }
        Ok(None)
    }

    /// Takes what came before any turn began for this turn's, if anything did; see [`Reader::unclaimed`].
    pub(super) fn take_unclaimed(&mut self, broken: bool) -> bool {
        let unclaimed = self.reader.unclaimed(broken);
        let any = !unclaimed.is_empty();
        for event in unclaimed.into_iter().rev() {
            self.incoming.push_front(event);
        }
        any
    }
}
