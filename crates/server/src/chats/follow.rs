//! Reading a turn out of a chat's log: its events for `respond`, folded for `message`.

use super::Chat;
use crate::error::{ApiError, ApiResult};
use crate::relay::Reader;
use crate::relay::frame::{Data, of_turn};
use crate::relay::sse::Frames;
use crate::store::{StoreError, TurnRow};
use bytes::Bytes;
use std::sync::Arc;
use turnwire::normalize::Normalizer;
use turnwire::{Event, Turn, TurnAccumulator, TurnId};

/// The events of one turn, read from the log: the same at any time, by whoever reads.
struct TurnEvents {
    /// Held, so that the chat stays the one whose log grows.
    chat: Arc<Chat>,
    reader: Reader,
    normalizer: Normalizer,
    turn_id: TurnId,
    over: bool,
}

impl TurnEvents {
    fn new(chat: &Arc<Chat>, turn_id: TurnId, cursor: u64) -> Self {
        let normalizer = Normalizer::for_chat(chat.id(), chat.session_id());
        Self { chat: chat.clone(), reader: chat.relay.reader(cursor), normalizer, turn_id, over: false }
    }

    /// The next events of the turn; `None` after its last, or where the log ends before it.
    async fn next(&mut self) -> Option<Vec<Event>> {
        let mut events = Vec::new();
        while events.is_empty() && !self.over {
            let told = match self.reader.next().await {
                Ok(told) => told?,
                Err(error) => {
                    tracing::error!(%error, "the log could not be read");
                    return None;
                }
            };
            for told in told {
                self.normalizer.push(&told.data, &mut events);
            }
            events.retain(|event| event.turn_id == self.turn_id);
            if let Some(last) = events.iter().position(Event::is_last) {
                events.truncate(last + 1);
                self.over = true;
            }
        }
        if events.is_empty() { None } else { Some(events) }
    }
}

/// The frames of a turn's stream.
pub(crate) struct TurnFrames {
    events: TurnEvents,
    /// Where the turn begins.
    cursor: u64,
    /// The number in the turn of the last event the reader has.
    after: u64,
    data: Data,
}

impl TurnFrames {
    pub(crate) fn new(chat: &Arc<Chat>, turn_id: TurnId, cursor: u64, after: u64, data: Data) -> Self {
        Self { events: TurnEvents::new(chat, turn_id, cursor), cursor, after, data }
    }
}

impl Frames for TurnFrames {
    async fn next(&mut self) -> Option<Vec<Bytes>> {
        loop {
            let events = self.events.next().await?;
            if self.events.over && events.last().is_some_and(|last| last.seq < self.after) {
                // The reader has more than there is: the turn was thinned while it was read. So all of it is told.
                self.after = 0;
                self.events = TurnEvents::new(&self.events.chat.clone(), self.events.turn_id.clone(), self.cursor);
                continue;
            }
            let new = events.iter().filter(|event| event.seq > self.after);
            let frame = |event: &Event| of_turn(event.seq, event.event_type(), &event.to_json(), self.data);
            let frames: Vec<_> = new.map(frame).collect();
            if !frames.is_empty() {
                return Some(frames);
            }
        }
    }
}

/// The turn, once it has ended.
pub(crate) async fn whole_turn(chat: &Arc<Chat>, turn_id: TurnId, cursor: u64) -> ApiResult<Turn> {
    let mut events = TurnEvents::new(chat, turn_id, cursor);
    let mut fold = TurnAccumulator::new();
    while let Some(told) = events.next().await {
        for event in told {
            fold.push(&event);
        }
    }
    if fold.turn().ended {
        return Ok(fold.into_turn());
    }
    // Accepted and begun: whatever hindered its end, the same prompt must not be sent again for it, as after a 503.
    Err(match chat.relay.failure() {
        Some(StoreError::Full) => ApiError::new(
            "storage_full",
            "The server's disk filled up while the turn ran; what was told of it is kept. Make room, then go on.",
        ),
        Some(cause) => ApiError::internal(&cause),
        None => ApiError::internal(&"the log ended before the turn"),
    })
}

/// The turn as far as it is told.
pub(crate) async fn turn_now(chat: &Arc<Chat>, turn: &TurnRow) -> ApiResult<Turn> {
    let turn_id = TurnId::from(turn.turn_id.as_str());
    let mut events = Vec::new();
    let mut fold = TurnAccumulator::new();
    let mut normalizer = Normalizer::for_chat(chat.id(), chat.session_id());
    let end = turn.end_seq.unwrap_or_else(|| chat.relay.head().seq);
    let mut reader = chat.relay.reader(chat.read_from(turn.cursor).await?);
    while reader.cursor() < end && !fold.turn().ended {
        let Some(told) = reader.next().await? else { break };
        for told in told {
            normalizer.push(&told.data, &mut events);
        }
        for event in events.drain(..).filter(|event| event.turn_id == turn_id) {
            fold.push(&event);
        }
    }
    Ok(fold.into_turn())
}
