//! A text or reasoning part: it grows, is corrected, and may be made void by a retry.

use super::emitter::PartEmitter;
use crate::event::{Part, PartBody, PartState, PartType, TextPart};
use crate::id::PartId;
use crate::repair::{self, Edges, LOST};

/// A text or reasoning part of the open turn.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) id: PartId,
    reasoning: bool,
    /// The text emitted so far.
    whole: String,
    state: TextState,
    /// The first half of a character whose second half is still to come.
    half: Option<u16>,
}

/// How far a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextState {
    /// Nothing of it was emitted.
    Unseen,
    Streaming,
    /// The provider's stream broke off in it: void, unless it goes on after all.
    Superseded,
    Ended,
}

impl Text {
    pub(super) fn new(id: PartId, reasoning: bool) -> Self {
        Self { id, reasoning, whole: String::new(), state: TextState::Unseen, half: None }
    }

    /// New text at its end.
    pub(super) fn append(&mut self, delta: &str, edges: Edges, part_emitter: &mut PartEmitter<'_>) {
        if self.is_ended() {
            return;
        }
        self.go_on();
        let delta = repair::joined(&mut self.half, delta, edges);
        self.grow(delta, part_emitter);
    }

    /// The whole text as the runtime has it now; with `ended` it is final.
    pub(super) fn replace(&mut self, text: &str, edges: Edges, ended: bool, part_emitter: &mut PartEmitter<'_>) {
        if self.is_ended() && (!ended || text == self.whole) {
            return;
        }
        // A half at the end of a text that still grows is held back; one at its start cannot be repaired here.
        let held = Edges { lead: None, tail: edges.tail.filter(|_| !ended) };
        let text = repair::trim_edges(text, held);
        let fresh = text.strip_prefix(self.whole.as_str()).filter(|_| !self.is_ended()).map(str::to_owned);
        let stale = !ended && self.whole.starts_with(text);
        match fresh {
            Some(fresh) => {
                self.grow(fresh, part_emitter);
            }
            // Emitted before: a replay after a reconnect, or the empty text of a runtime that crashed.
            None if stale => return,
            None => {
                text.clone_into(&mut self.whole);
                if !ended {
                    self.state = TextState::Streaming;
                    self.emit(PartState::Streaming, part_emitter);
                }
            }
        }
        self.half = None;
        if ended {
            self.state = TextState::Ended;
            self.emit(PartState::Done, part_emitter);
        }
    }

    /// The provider's stream broke off, and the runtime tries again.
    pub(super) fn supersede(&mut self) {
        // Of a text that no reader has seen nothing is void.
        if self.state == TextState::Streaming {
            self.state = TextState::Superseded;
        }
    }

    /// The new attempt began elsewhere: what was superseded is void.
    pub(super) fn discard_superseded(&mut self, part_emitter: &mut PartEmitter<'_>) {
        if self.state == TextState::Superseded {
            self.discard(part_emitter);
        }
    }

    /// Void, if it is still open.
    pub(super) fn discard(&mut self, part_emitter: &mut PartEmitter<'_>) {
        if matches!(self.state, TextState::Streaming | TextState::Superseded) {
            self.state = TextState::Ended;
            self.emit(PartState::Discarded, part_emitter);
        }
    }

    /// Nothing more comes: it ends with what was emitted.
    pub(super) fn close(&mut self, part_emitter: &mut PartEmitter<'_>) {
        self.discard_superseded(part_emitter);
        if self.is_ended() {
            return;
        }
        if self.half.take().is_some() {
            self.grow(LOST.to_string(), part_emitter);
        }
        let seen = self.state != TextState::Unseen;
        self.state = TextState::Ended;
        if seen {
            self.emit(PartState::Done, part_emitter);
        }
    }

    /// The message is over: the text will not be compared again.
    pub(super) fn forget(&mut self) {
        self.whole = String::new();
    }

    fn grow(&mut self, delta: String, part_emitter: &mut PartEmitter<'_>) {
        if delta.is_empty() {
            return;
        }
        self.whole.push_str(&delta);
        self.state = TextState::Streaming;
        let part_type = if self.reasoning { PartType::Reasoning } else { PartType::Text };
        part_emitter.delta(&self.id, part_type, delta);
    }

    fn is_ended(&self) -> bool {
        self.state == TextState::Ended
    }

    /// A text that was superseded goes on after all.
    fn go_on(&mut self) {
        if self.state == TextState::Superseded {
            self.state = TextState::Streaming;
        }
    }

    fn emit(&self, state: PartState, part_emitter: &mut PartEmitter<'_>) {
        let text = TextPart { text: self.whole.clone() };
        let body = if self.reasoning { PartBody::Reasoning(text) } else { PartBody::Text(text) };
        part_emitter.part(Part { id: self.id.clone(), body, state });
    }
}
