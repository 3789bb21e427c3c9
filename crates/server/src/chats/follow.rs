//! Reads a turn from a chat's log: its events for `respond`, folded for `message`.

use super::Chat;
use super::feed::Follower;
use crate::error::{ApiError, ApiResult};
use crate::relay::frame::Data;
use crate::relay::sse::Frames;
use crate::relay::turn_event::{Stream, TurnEvent};
use crate::store::{StoreError, TurnRow};
use bytes::Bytes;
use std::sync::Arc;
use turnwire::normalize::Normalizer;
use turnwire::{Turn, TurnAccumulator, TurnId};

/// The events of one turn, read from the log: the same for every reader at any time.
struct TurnEvents {
    /// Keeps this instance of the chat alive, because its log is the one that grows.
    chat: Arc<Chat>,
    follower: Follower,
    turn_id: TurnId,
    over: bool,
}

impl TurnEvents {
    fn new(chat: &Arc<Chat>, turn_id: TurnId, cursor: u64, thinned: bool) -> Self {
        Self { chat: chat.clone(), follower: chat.follow(cursor, thinned), turn_id, over: false }
    }

    /// Passes the next events of the turn to `take`. `false` after its last event, or if the log ends before that.
    async fn next(&mut self, mut take: impl FnMut(&TurnEvent)) -> bool {
        while !self.over {
            let items = match self.follower.next().await {
                Ok(Some(items)) => items,
                Ok(None) => return false,
                Err(error) => {
                    tracing::error!(%error, "the log could not be read");
                    return false;
                }
            };
            let mut found = false;
            for event in items.iter().flat_map(|item| &item.events) {
                if event.event.turn_id != self.turn_id || self.over {
                    continue;
                }
                take(event);
                found = true;
                self.over = event.event.is_last();
            }
            if found {
                return true;
            }
        }
        false
    }
}

/// The frames of a turn's stream.
pub(crate) struct TurnFrames {
    events: TurnEvents,
    /// The position where the turn begins.
    cursor: u64,
    /// The number, in the turn, of the last event that the reader has.
    after: u64,
    data: Data,
}

impl TurnFrames {
    pub(crate) fn new(chat: &Arc<Chat>, turn: TurnPlace, after: u64, data: Data) -> Self {
        let TurnPlace { turn_id, cursor, thinned } = turn;
        Self { events: TurnEvents::new(chat, turn_id, cursor, thinned), cursor, after, data }
    }
}

/// A turn and its position in the log.
#[derive(Debug)]
pub(crate) struct TurnPlace {
    pub(crate) turn_id: TurnId,
    /// The chat's number after which the log is read.
    pub(crate) cursor: u64,
    /// Some of its events were deleted.
    pub(crate) thinned: bool,
}

impl Frames for TurnFrames {
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        loop {
            let (mut frames, mut last) = (Vec::new(), 0);
            let chat = self.events.chat.clone();
            let more = self.events.next(|event| {
                last = event.event.seq;
                if last > self.after {
                    frames.push(event.frame(Stream::Turn, self.data, &chat.shared.metrics));
                }
            });
            if !more.await {
                return None;
            }
            if self.events.over && last < self.after {
                // The reader has more events than exist: the turn was thinned while it was read, so it is sent from the beginning.
                self.after = 0;
                self.events = TurnEvents::new(&chat, self.events.turn_id.clone(), self.cursor, true);
            } else if !frames.is_empty() {
                return Some(frames);
            }
        }
    }
}

/// The turn, once it has ended.
pub(crate) async fn whole_turn(chat: &Arc<Chat>, turn_id: TurnId, cursor: u64) -> ApiResult<Turn> {
    let mut events = TurnEvents::new(chat, turn_id, cursor, false);
    let mut fold = TurnAccumulator::new();
    let mut fold_in = |event: &TurnEvent| {
        fold.push(&event.event);
    };
    while events.next(&mut fold_in).await {}
    if fold.turn().ended {
        return Ok(fold.into_turn());
    }
    // The turn was accepted and begun, so the client must not send the prompt again, as it would after a 503.
    Err(match chat.relay.failure() {
        Some(StoreError::Full) => ApiError::new(
            "storage_full",
            "The server's disk filled up while the turn ran; its events so far are kept. Make room, then continue.",
        ),
        Some(cause) => ApiError::internal(&cause),
        None => ApiError::internal(&"the log ended before the turn"),
    })
}

/// The turn so far.
pub(crate) async fn turn_now(chat: &Arc<Chat>, turn: &TurnRow) -> ApiResult<Turn> {
    let turn_id = TurnId::from(turn.turn_id.as_str());
    let mut events = Vec::new();
    let mut fold = TurnAccumulator::new();
    let mut normalizer = Normalizer::for_chat(chat.id(), chat.session_id());
    let end = turn.end_seq.unwrap_or_else(|| chat.relay.head().seq);
    let mut reader = chat.relay.reader(chat.read_from(turn.cursor).await?);
    while reader.cursor() < end && !fold.turn().ended {
        let Some(raw) = reader.next().await? else { break };
        for raw in raw {
            normalizer.push(&raw.data, &mut events);
        }
        for event in events.drain(..).filter(|event| event.turn_id == turn_id) {
            fold.push(&event);
        }
    }
    Ok(fold.into_turn())
}
