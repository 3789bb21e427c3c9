//! The frames of the relay: the raw events, or (`view=turns`) the events of all turns.

use super::Chat;
use super::feed::Follower;
use crate::relay::Reader;
use crate::relay::frame::{Data, named};
use crate::relay::sse::Frames;
use crate::relay::turn_event::{Stream, TurnEvent};
use crate::store::StoreResult;
use bytes::Bytes;
use std::sync::Arc;

/// The position where a relay begins.
#[derive(Debug)]
pub(crate) struct Begin {
    /// The number of the last event that the reader has.
    after: u64,
    /// The first frame, if any: its name and its JSON.
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

    /// Events after the reader's cursor are no longer kept: the next event is number `oldest`.
    pub(crate) fn at_gap(oldest: u64) -> Self {
        Self { after: oldest.saturating_sub(1), first: Some(gap(oldest)) }
    }

    /// The reader's cursor is beyond the log, so the log was lost; the relay continues live after `head`.
    pub(crate) fn at_reset(head: u64) -> Self {
        Self { after: head, first: Some(("reset", format!("{{\"head\":{head}}}"))) }
    }
}

/// Events were deleted; `oldest` is the first one after them.
fn gap(oldest: u64) -> (&'static str, String) {
    ("gap", format!("{{\"oldest\":{oldest}}}"))
}

/// The frames of the relay.
pub(crate) struct RelayFrames {
    /// Keeps this instance of the chat alive, because its log is the one that grows.
    chat: Arc<Chat>,
    source: Source,
    first: Option<(&'static str, String)>,
    /// The number of the last event that the reader has, or was notified of as deleted.
    last: u64,
    data: Data,
}

/// The source of the frames.
enum Source {
    /// The raw events.
    Raw(Reader),
    /// The events of all turns. Up to number `after` the log is read only for the state of its turn.
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

    /// The next frames, possibly none; `None` once the log is closed and read to its end.
    async fn read(&mut self) -> StoreResult<Option<Vec<Bytes>>> {
        let mut frames = Vec::new();
        match &mut self.source {
            Source::Raw(reader) => match reader.next().await? {
                Some(events) => {
                    frames.reserve(events.len());
                    for event in events {
                        frames.extend(gap_before(event.seq, &mut self.last, self.data));
                        self.last = self.last.max(event.seq);
                        frames.push(event.frame_of(self.data));
                    }
                }
                // Events at the end of the log may have been deleted while the reader was behind.
                None => match gap_before(reader.cursor() + 1, &mut self.last, self.data) {
                    Some(gap) => frames.push(gap),
                    None => return Ok(None),
                },
            },
            Source::Turns { follower, after } => {
                let Some(items) = follower.next().await? else { return Ok(None) };
                for item in items {
                    if item.after_hole {
                        frames.extend(gap_before(item.seq, &mut self.last, self.data));
                    }
                    if item.seq > *after {
                        let frame =
                            |event: &TurnEvent| event.frame(Stream::Relay, self.data, &self.chat.shared.metrics);
                        frames.extend(item.events.iter().map(frame));
                    }
                }
            }
        }
        Ok(Some(frames))
    }
}

/// A gap frame for deleted events before number `seq`, so that a reader never has a silent hole.
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
            match self.read().await {
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
