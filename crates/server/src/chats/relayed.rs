//! The relay as it is streamed: the raw events, or (`view=turns`) the events of all turns.

use super::Chat;
use crate::relay::Reader;
use crate::relay::frame::{Data, Told, named};
use crate::relay::sse::Frames;
use crate::store::StoreResult;
use bytes::Bytes;
use std::sync::Arc;
use turnwire::normalize::Normalizer;

/// Where a relay begins.
#[derive(Debug)]
pub(crate) struct Begin {
    /// The number of the last event the reader has.
    after: u64,
    /// Told before anything else: the name of a frame, and its JSON.
    first: Option<(&'static str, String)>,
}

impl Begin {
    pub(crate) fn after(after: u64) -> Self {
        Self { after, first: None }
    }

    /// The number of the event after which it begins.
    pub(crate) fn cursor(&self) -> u64 {
        self.after
    }

    /// What the reader has is older than what is kept: `oldest` is the first event to come.
    pub(crate) fn at_gap(oldest: u64) -> Self {
        Self { after: oldest.saturating_sub(1), first: Some(gap(oldest)) }
    }

    /// What the reader has is newer than what is there: the log was lost; it goes on live after `head`.
    pub(crate) fn at_reset(head: u64) -> Self {
        Self { after: head, first: Some(("reset", format!("{{\"head\":{head}}}"))) }
    }
}

/// Events are gone; `oldest` is the first there is after them.
fn gap(oldest: u64) -> (&'static str, String) {
    ("gap", format!("{{\"oldest\":{oldest}}}"))
}

/// The frames of the relay.
pub(crate) struct RelayFrames {
    /// Held, so that the chat stays the one whose log grows.
    _chat: Arc<Chat>,
    reader: Reader,
    first: Option<(&'static str, String)>,
    /// The number of the last event the reader has, or knows to be gone.
    last: u64,
    turns: Option<Turns>,
    data: Data,
}

/// What tells turns instead of raw events.
struct Turns {
    normalizer: Normalizer,
    /// Up to here the log is only read to know where its turn stands.
    after: u64,
}

impl RelayFrames {
    /// The raw events.
    pub(crate) fn raw(chat: Arc<Chat>, begin: Begin, data: Data) -> Self {
        let reader = chat.relay.reader(begin.after);
        Self { reader, first: begin.first, last: begin.after, turns: None, data, _chat: chat }
    }

    /// The events of all turns.
    pub(crate) async fn turns(chat: Arc<Chat>, begin: Begin, data: Data) -> StoreResult<Self> {
        let turn = chat.turn_at(begin.after).await?;
        let from = match turn {
            Some(turn) => chat.read_from(turn.cursor).await?,
            None => begin.after,
        };
        let normalizer = Normalizer::for_chat(chat.id(), chat.session_id());
        let turns = Some(Turns { normalizer, after: begin.after });
        Ok(Self { reader: chat.relay.reader(from), first: begin.first, last: begin.after, turns, data, _chat: chat })
    }
}

impl RelayFrames {
    /// What is let go of while a reader is behind it, or was before it came, is never a silent hole.
    fn gap_before(&mut self, seq: u64) -> Option<Bytes> {
        if seq <= self.last + 1 {
            return None;
        }
        self.last = seq - 1;
        let (name, json) = gap(seq);
        Some(named(name, &json, self.data))
    }
}

impl Turns {
    /// The frames one raw event gives. Only the last carries the number: a reader that breaks off before it gets all again.
    fn frames(&mut self, told: &Told, data: Data, frames: &mut Vec<Bytes>) {
        let mut events = Vec::new();
        self.normalizer.push(&told.data, &mut events);
        if told.seq <= self.after {
            return;
        }
        let last = events.len();
        for (event, at) in events.iter().zip(1..) {
            let number = if at == last { format!("id: {}\n", told.seq) } else { String::new() };
            frames.push(Bytes::from(format!("{number}data: {}\n\n", data.of(&event.to_json()))));
        }
    }
}

impl Frames for RelayFrames {
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        if let Some((name, json)) = self.first.take() {
            return Some(vec![named(name, &json, self.data)]);
        }
        loop {
            let told = match self.reader.next().await {
                Ok(Some(told)) => told,
                // What stood at the end of the log may have been let go of while the reader was behind.
                Ok(None) => return self.gap_before(self.reader.cursor() + 1).map(|gap| vec![gap]),
                Err(error) => {
                    tracing::error!(%error, "the log could not be read");
                    return None;
                }
            };
            let mut frames = Vec::with_capacity(told.len());
            for told in told {
                frames.extend(self.gap_before(told.seq));
                self.last = self.last.max(told.seq);
                match &mut self.turns {
                    None => frames.push(told.frame_of(self.data)),
                    Some(turns) => turns.frames(&told, self.data, &mut frames),
                }
            }
            if !frames.is_empty() {
                return Some(frames);
            }
        }
    }
}
