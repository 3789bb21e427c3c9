//! The relay as it is streamed: the raw events, or (`view=turns`) the events of all turns.

use super::Chat;
use super::telling::Follower;
use crate::relay::Reader;
use crate::relay::frame::{Data, named};
use crate::relay::sse::Frames;
use crate::relay::turn_event::{Stream, TurnEvent};
use crate::store::StoreResult;
use bytes::Bytes;
use std::sync::Arc;

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
    chat: Arc<Chat>,
    source: Source,
    first: Option<(&'static str, String)>,
    /// The number of the last event the reader has, or knows to be gone.
    last: u64,
    data: Data,
}

/// What is told.
enum Source {
    /// The raw events.
    Raw(Reader),
    /// The events of all turns. Up to number `after` the log is only read to know where its turn stands.
    Turns { follower: Follower, after: u64 },
}

impl RelayFrames {
    /// The raw events.
    pub(crate) fn raw(chat: Arc<Chat>, begin: Begin, data: Data) -> Self {
        let source = Source::Raw(chat.relay.reader(begin.after));
        Self { chat, source, first: begin.first, last: begin.after, data }
    }

    /// The events of all turns.
    pub(crate) async fn turns(chat: Arc<Chat>, begin: Begin, data: Data) -> StoreResult<Self> {
        let turn = chat.turn_at(begin.after).await?;
        let follower = match turn {
            Some(turn) => chat.follow(chat.read_from(turn.cursor).await?, turn.thinned),
            None => chat.follow(begin.after, false),
        };
        let source = Source::Turns { follower, after: begin.after };
        Ok(Self { chat, source, first: begin.first, last: begin.after, data })
    }

    /// The next frames, which may be none; `None`: the log is closed and read to its end.
    async fn told(&mut self) -> StoreResult<Option<Vec<Bytes>>> {
        let mut frames = Vec::new();
        match &mut self.source {
            Source::Raw(reader) => match reader.next().await? {
                Some(told) => {
                    frames.reserve(told.len());
                    for told in told {
                        frames.extend(gap_before(told.seq, &mut self.last, self.data));
                        self.last = self.last.max(told.seq);
                        frames.push(told.frame_of(self.data));
                    }
                }
                // What stood at the end of the log may have been let go of while the reader was behind.
                None => match gap_before(reader.cursor() + 1, &mut self.last, self.data) {
                    Some(gap) => frames.push(gap),
                    None => return Ok(None),
                },
            },
            Source::Turns { follower, after } => {
                let Some(heard) = follower.next().await? else { return Ok(None) };
                for heard in heard {
                    if heard.after_hole {
                        frames.extend(gap_before(heard.seq, &mut self.last, self.data));
                    }
                    if heard.seq > *after {
                        let frame = |told: &TurnEvent| told.frame(Stream::Relay, self.data, &self.chat.shared.metrics);
                        frames.extend(heard.events.iter().map(frame));
                    }
                }
            }
        }
        Ok(Some(frames))
    }
}

/// What is let go of while a reader is behind it, or was before it came, is never a silent hole.
fn gap_before(seq: u64, last: &mut u64, data: Data) -> Option<Bytes> {
    if seq <= *last + 1 {
        return None;
    }
    *last = seq - 1;
    let (name, json) = gap(seq);
    Some(named(name, &json, data))
}

impl Frames for RelayFrames {
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        if let Some((name, json)) = self.first.take() {
            return Some(vec![named(name, &json, self.data)]);
        }
        loop {
            match self.told().await {
                Ok(Some(frames)) if frames.is_empty() => {}
                Ok(frames) => return frames,
                Err(error) => {
                    tracing::error!(%error, "the log could not be read");
                    return None;
                }
            }
        }
    }
}
