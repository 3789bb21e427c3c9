//! A text or reasoning part: what grew, what was corrected, what a retry made void.

use super::teller::Voice;
use crate::event::{Part, PartBody, PartState, PartType, TextPart};
use crate::id::PartId;
use crate::mend::{self, Edges, LOST};

/// A text or reasoning part of the open turn.
#[derive(Clone, Debug)]
pub(super) struct Text {
    pub(super) id: PartId,
    reasoning: bool,
    /// All that was told.
    whole: String,
    /// Whether the reader knows of it.
    told: bool,
    /// Whether its end was told.
    ended: bool,
    /// The provider's stream broke off in it: void, unless it goes on after all.
    superseded: bool,
    /// The first half of a character whose second half is still to come.
    half: Option<u16>,
}

impl Text {
    pub(super) fn new(id: PartId, reasoning: bool) -> Self {
        Self { id, reasoning, whole: String::new(), told: false, ended: false, superseded: false, half: None }
    }

    /// New text at its end.
    pub(super) fn append(&mut self, delta: &str, edges: Edges, voice: &mut Voice<'_>) {
        if self.ended {
            return;
        }
        self.superseded = false;
        let delta = mend::joined(&mut self.half, delta, edges);
        self.grow(delta, voice);
    }

    /// The whole text as the runtime has it now; with `ended` it is final.
    pub(super) fn replace(&mut self, text: &str, edges: Edges, ended: bool, voice: &mut Voice<'_>) {
        if self.ended && (!ended || text == self.whole) {
            return;
        }
        // A half at the end of a text that still grows is held back; one at its start cannot be mended here.
        let held = Edges { lead: None, tail: edges.tail.filter(|_| !ended) };
        let text = mend::trim_edges(text, held);
        let fresh = text.strip_prefix(self.whole.as_str()).filter(|_| !self.ended).map(str::to_owned);
        let stale = !ended && self.whole.starts_with(text);
        match fresh {
            Some(fresh) => {
                if !fresh.is_empty() {
                    self.superseded = false;
                    self.grow(fresh, voice);
                }
            }
            // Told before: a replay after a reconnect, or the empty text of a runtime that crashed.
            None if stale => return,
            None => {
                text.clone_into(&mut self.whole);
                if !ended {
                    self.superseded = false;
                    self.tell(PartState::Streaming, voice);
                }
            }
        }
        self.half = None;
        if ended {
            self.ended = true;
            self.tell(PartState::Done, voice);
        }
    }

    /// The provider's stream broke off, and the runtime tries again.
    pub(super) fn supersede(&mut self) {
        self.superseded = !self.ended;
    }

    /// The new attempt began elsewhere: what was superseded is void.
    pub(super) fn discard_superseded(&mut self, voice: &mut Voice<'_>) {
        if self.superseded {
            self.discard(voice);
        }
    }

    /// Void, if it is still open.
    pub(super) fn discard(&mut self, voice: &mut Voice<'_>) {
        self.superseded = false;
        // Of one that nobody knows nothing is void.
        if !self.ended && self.told {
            self.ended = true;
            self.tell(PartState::Discarded, voice);
        }
    }

    /// Nothing more comes: it ends with what was told.
    pub(super) fn close(&mut self, voice: &mut Voice<'_>) {
        self.discard_superseded(voice);
        if self.ended {
            return;
        }
        if self.half.take().is_some() {
            self.grow(LOST.to_string(), voice);
        }
        self.ended = true;
        if self.told {
            self.tell(PartState::Done, voice);
        }
    }

    /// The message is over: the text will not be compared again.
    pub(super) fn forget(&mut self) {
        self.whole = String::new();
    }

    fn grow(&mut self, delta: String, voice: &mut Voice<'_>) {
        if delta.is_empty() {
            return;
        }
        self.whole.push_str(&delta);
        self.told = true;
        let part_type = if self.reasoning { PartType::Reasoning } else { PartType::Text };
        voice.delta(&self.id, part_type, delta);
    }

    fn tell(&mut self, state: PartState, voice: &mut Voice<'_>) {
        self.told = true;
        let text = TextPart { text: self.whole.clone() };
        let body = if self.reasoning { PartBody::Reasoning(text) } else { PartBody::Text(text) };
        voice.part(Part { id: self.id.clone(), body, state });
    }
}
