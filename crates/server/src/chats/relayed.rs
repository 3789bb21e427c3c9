//! The relay as it is streamed: the raw events, or (`view=turns`) the events of all turns.

use super::Chat;
use crate::relay::Reader;
use crate::relay::frame::{Told, named};
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
    /// Told before anything else.
    first: Option<Bytes>,
}

impl Begin {
    pub(crate) fn after(after: u64) -> Self {
        Self { after, first: None }
    }

    /// What the reader has is older than what is kept: `oldest` is the first event to come.
    pub(crate) fn at_gap(oldest: u64) -> Self {
        Self { after: oldest.saturating_sub(1), first: Some(named("gap", &format!("{{\"oldest\":{oldest}}}"))) }
    }

    /// What the reader has is newer than what is there: the log was lost; it goes on live after `head`.
    pub(crate) fn at_reset(head: u64) -> Self {
        Self { after: head, first: Some(named("reset", &format!("{{\"head\":{head}}}"))) }
    }
}

/// The frames of the relay.
pub(crate) struct RelayFrames {
    /// Held, so that the chat stays the one whose log grows.
    _chat: Arc<Chat>,
    reader: Reader,
    first: Option<Bytes>,
    turns: Option<Turns>,
}

/// What tells turns instead of raw events.
struct Turns {
    normalizer: Normalizer,
    /// Up to here the log is only read to know where its turn stands.
    after: u64,
}

impl RelayFrames {
    /// The raw events.
    pub(crate) fn raw(chat: Arc<Chat>, begin: Begin) -> Self {
        Self { reader: chat.relay.reader(begin.after), first: begin.first, turns: None, _chat: chat }
    }

    /// The events of all turns.
    pub(crate) async fn turns(chat: Arc<Chat>, begin: Begin) -> StoreResult<Self> {
        let turn = chat.turn_at(begin.after).await?;
        let from = turn.map_or(begin.after, |turn| turn.cursor);
        let normalizer = Normalizer::for_chat(chat.id(), chat.session_id());
        let turns = Some(Turns { normalizer, after: begin.after });
        Ok(Self { reader: chat.relay.reader(from), first: begin.first, turns, _chat: chat })
    }
}

impl Turns {
    /// The frames one raw event gives. Only the last carries the number: a reader that breaks off before it gets all again.
    fn frames(&mut self, told: &Told, frames: &mut Vec<Bytes>) {
        let mut events = Vec::new();
        self.normalizer.push(&told.data, &mut events);
        if told.seq <= self.after {
            return;
        }
        let last = events.len();
        for (event, at) in events.iter().zip(1..) {
            let number = if at == last { format!("id: {}\n", told.seq) } else { String::new() };
            frames.push(Bytes::from(format!("{number}data: {}\n\n", event.to_json())));
        }
    }
}

impl Frames for RelayFrames {
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        if let Some(first) = self.first.take() {
            return Some(vec![first]);
        }
        loop {
            let told = match self.reader.next().await {
                Ok(told) => told?,
                Err(error) => {
                    tracing::error!(%error, "the log could not be read");
                    return None;
                }
            };
            let Some(turns) = &mut self.turns else {
                return Some(told.into_iter().map(|told| told.frame).collect());
            };
            let mut frames = Vec::new();
            for told in &told {
                turns.frames(told, &mut frames);
            }
            if !frames.is_empty() {
                return Some(frames);
            }
        }
    }
}
