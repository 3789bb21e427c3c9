//! The normalized events of a chat from one position on, produced once for all readers that start there.
//!
//! A reader that is up to date takes the latest events from memory. A reader that is further behind reads the log itself, in
//! batches, until it has caught up with the events in memory. A slow reader therefore delays nobody else.

use crate::metrics::Metrics;
use crate::relay::Reader;
use crate::relay::frame::LogEvent;
use crate::relay::turn_event::TurnEvent;
use crate::store::StoreResult;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use turnwire::Normalizer;

/// The maximum of the latest events in memory, in raw events and in their bytes.
const KEPT_EVENTS: usize = 1024;
const KEPT_BYTES: usize = 1 << 20;
/// The maximum size of a batch, in raw events and in their bytes.
const BATCH_EVENTS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;

/// The events that one raw event produced, or a hole in the log.
#[derive(Debug)]
pub(super) struct Item {
    /// The raw event's number.
    pub(super) seq: u64,
    /// Events before it were deleted from the log.
    pub(super) after_hole: bool,
    /// The size of the raw event.
    bytes: usize,
    pub(super) events: Vec<TurnEvent>,
}

impl Item {
    /// Normalizes the raw event after number `previous`. `None` if it produces nothing.
    fn of(normalizer: &mut Normalizer, raw: &LogEvent, previous: u64, metrics: &Metrics) -> Option<Self> {
        let mut events = Vec::new();
        normalizer.push(&raw.data, &mut events);
        metrics.read_for_turns();
        let after_hole = raw.seq > previous + 1;
        if events.is_empty() && !after_hole {
            return None;
        }
        let last = events.len();
        let events = events.into_iter().zip(1..);
        let events = events.map(|(event, at)| TurnEvent::new(event, (at == last).then_some(raw.seq))).collect();
        Some(Self { seq: raw.seq, after_hole, bytes: raw.data.len(), events })
    }

    /// A hole: the events before this number were deleted.
    fn hole_before(seq: u64) -> Arc<Self> {
        Arc::new(Self { seq, after_hole: true, bytes: 0, events: Vec::new() })
    }
}

/// The normalized events of a chat after one position.
#[derive(Debug)]
pub(super) struct Feed {
    /// The number of the raw event after which the feed begins.
    from: u64,
    /// The normalizer in its state at the beginning.
    fresh: Normalizer,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    normalizer: Normalizer,
    /// The number of the last raw event that was normalized.
    at: u64,
    /// The events after this number are kept in memory.
    since: u64,
    kept: VecDeque<Arc<Item>>,
    kept_bytes: usize,
}

/// The result of looking for events after a cursor.
enum Found {
    Items(Vec<Arc<Item>>),
    /// Nothing has been normalized beyond it yet.
    End,
    /// The events up to this number are no longer in memory.
    Behind(u64),
}

impl Feed {
    pub(super) fn new(from: u64, fresh: Normalizer) -> Self {
        let state = State { normalizer: fresh.clone(), at: from, since: from, kept: VecDeque::new(), kept_bytes: 0 };
        Self { from, fresh, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events after number `cursor`, which is advanced.
    fn after(&self, cursor: &mut u64) -> Found {
        let state = self.state();
        if *cursor < state.since {
            return Found::Behind(state.since);
        }
        let first = state.kept.partition_point(|item| item.seq <= *cursor);
        let mut bytes = 0;
        let fits = |item: &&Arc<Item>| {
            let first = bytes == 0;
            bytes += item.bytes;
            first || bytes <= BATCH_BYTES
        };
        let items: Vec<_> = state.kept.range(first..).take(BATCH_EVENTS).take_while(fits).cloned().collect();
        match items.last() {
            Some(last) if first + items.len() < state.kept.len() => *cursor = last.seq,
            _ => *cursor = state.at.max(*cursor),
        }
        if items.is_empty() { Found::End } else { Found::Items(items) }
    }

    /// Whether nothing after number `cursor` has been normalized yet.
    fn ends_at(&self, cursor: u64) -> bool {
        self.state().at <= cursor
    }

    /// Normalizes raw events, except those that it already has. They begin at the end of the feed, or before it.
    fn push(&self, events: &[LogEvent], metrics: &Metrics) {
        let state = &mut *self.state();
        for event in events {
            if event.seq <= state.at {
                continue;
            }
            let item = Item::of(&mut state.normalizer, event, state.at, metrics);
            state.at = event.seq;
            if let Some(item) = item {
                state.kept_bytes += item.bytes;
                state.kept.push_back(Arc::new(item));
            }
        }
        while state.kept.len() > KEPT_EVENTS || (state.kept_bytes > KEPT_BYTES && state.kept.len() > 1) {
            let Some(dropped) = state.kept.pop_front() else { break };
            state.kept_bytes -= dropped.bytes;
            state.since = dropped.seq;
        }
    }
}

/// The feeds of a chat that have readers, by the position where they begin and by whether events of the turn there had been deleted,
/// because a thinned turn is renumbered.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<HashMap<(u64, bool), Weak<Feed>>>);

impl Feeds {
    pub(super) fn of(&self, from: u64, thinned: bool, fresh: impl FnOnce() -> Normalizer) -> Arc<Feed> {
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(feed) = feeds.get(&(from, thinned)).and_then(Weak::upgrade) {
            return feed;
        }
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let feed = Arc::new(Feed::new(from, fresh()));
        feeds.insert((from, thinned), Arc::downgrade(&feed));
        feed
    }
}

/// Reads a feed from its beginning.
pub(super) struct Follower {
    feed: Arc<Feed>,
    relay: Reader,
    metrics: Arc<Metrics>,
    /// The number of the raw event up to which everything was returned.
    cursor: u64,
    /// Its own normalizer while it is behind, and the number of the last raw event that this has normalized.
    own: Option<Box<(Normalizer, u64)>>,
}

impl Follower {
    pub(super) fn new(feed: Arc<Feed>, relay: Reader, metrics: Arc<Metrics>) -> Self {
        let cursor = feed.from;
        Self { feed, relay, metrics, cursor, own: None }
    }

    /// Waits for the next items, at least one; `None` once the log is closed and read to its end. Cancel-safe.
    pub(super) async fn next(&mut self) -> StoreResult<Option<Vec<Arc<Item>>>> {
        loop {
            let items = match self.feed.after(&mut self.cursor) {
                Found::Items(items) => items,
                Found::Behind(since) => self.catch_up(since).await?,
                Found::End => {
                    self.relay.seek(self.cursor);
                    if !self.relay.ready().await {
                        return Ok(None);
                    }
                    // Of all woken readers, one normalizes for all.
                    if self.feed.ends_at(self.cursor) {
                        let Some(events) = self.relay.next().await? else { return Ok(self.hole_at_end()) };
                        self.feed.push(&events, &self.metrics);
                    }
                    continue;
                }
            };
            if !items.is_empty() {
                return Ok(Some(items));
            }
        }
    }

    /// Reads from the log, at most up to number `since`, after which the feed has everything in memory.
    async fn catch_up(&mut self, since: u64) -> StoreResult<Vec<Arc<Item>>> {
        let fresh = || Box::new((self.feed.fresh.clone(), self.feed.from));
        let (normalizer, at) = &mut **self.own.get_or_insert_with(fresh);
        self.relay.seek(*at);
        let events = self.relay.next().await?.unwrap_or_default();
        let mut items = Vec::new();
        for event in events.iter().take_while(|event| event.seq <= since) {
            let item = Item::of(normalizer, event, *at, &self.metrics);
            *at = event.seq;
            // Earlier events were already returned; they are normalized only for the state.
            if event.seq > self.cursor {
                self.cursor = event.seq;
                items.extend(item.map(Arc::new));
            }
        }
        if self.cursor < since && events.last().is_none_or(|last| last.seq > since) {
            items.push(Item::hole_before(since + 1));
            self.cursor = since;
        }
        Ok(items)
    }

    /// Events at the end of the log may have been deleted.
    fn hole_at_end(&mut self) -> Option<Vec<Arc<Item>>> {
        let end = self.relay.cursor();
        if end <= self.cursor {
            return None;
        }
        self.cursor = end;
        Some(vec![Item::hole_before(end + 1)])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::{Feed, Follower, Item, KEPT_EVENTS};
    use crate::config::Delivery;
    use crate::metrics::Metrics;
    use crate::relay::Relay;
    use crate::relay::frame::Data;
    use crate::relay::turn_event::Stream;
    use crate::store::Write;
    use crate::store::sqlite::Sqlite;
    use bytes::Bytes;
    use serde_json::{Value, json};
    use std::sync::Arc;
    use turnwire::Normalizer;

    struct Log {
        relay: Arc<Relay>,
        metrics: Arc<Metrics>,
        feed: Arc<Feed>,
        _folder: tempfile::TempDir,
    }

    fn event(event_type: &str, mut properties: Value) -> Bytes {
        properties["sessionID"] = "ses_1".into();
        Bytes::from(json!({ "type": event_type, "properties": properties }).to_string())
    }

    fn delta(at: usize) -> Bytes {
        event(
            "message.part.delta",
            json!({ "messageID": "msg_2", "partID": "prt_1", "field": "text", "delta": format!("{at} ") }),
        )
    }

    impl Log {
        /// A log in which a turn has begun.
        async fn start(delivery: Delivery) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let store = Arc::new(Sqlite::open(folder.path(), delivery, None).ok().unwrap());
            let relay = Relay::new(1, store, delivery, 0, false);
            let feed = Arc::new(Feed::new(0, Normalizer::for_chat("chat_1", "ses_1")));
            let log = Self { relay, metrics: Arc::default(), feed, _folder: folder };
            let info = json!({ "id": "msg_2", "sessionID": "ses_1", "role": "assistant", "parentID": "msg_1" });
            let part = json!({ "id": "prt_1", "sessionID": "ses_1", "messageID": "msg_2", "type": "text", "text": "" });
            log.append(vec![
                event("turnwire.turn.accepted", json!({ "messageId": "msg_1", "userParts": [] })),
                event("message.updated", json!({ "info": info })),
                event("message.part.updated", json!({ "part": part })),
                delta(0),
            ])
            .await;
            log
        }

        async fn append(&self, events: Vec<Bytes>) {
            self.relay.append(&events, Vec::new(), None).await.unwrap().unwrap();
            self.relay.wake_readers();
        }

        fn follower(&self, feed: &Arc<Feed>) -> Follower {
            Follower::new(feed.clone(), self.relay.reader(0), self.metrics.clone())
        }

        /// A follower of a separate feed, which reads the whole log.
        fn alone(&self) -> Follower {
            self.follower(&Arc::new(Feed::new(0, Normalizer::for_chat("chat_1", "ses_1"))))
        }

        fn read(&self) -> u64 {
            self.metrics.counted_for_turns().0
        }

        fn rendered(&self) -> u64 {
            self.metrics.counted_for_turns().1
        }

        fn frames(&self, items: &[Arc<Item>], data: Data) -> Vec<Bytes> {
            let events = items.iter().flat_map(|item| &item.events);
            events.map(|event| event.frame(Stream::Turn, data, &self.metrics)).collect()
        }

        /// Everything that is available by now; the last event of the log produces an event.
        async fn all(&self, follower: &mut Follower, data: Data) -> Vec<Bytes> {
            let mut frames = Vec::new();
            while follower.cursor < self.relay.head().seq {
                let items = follower.next().await.unwrap().expect("the log is open");
                frames.extend(self.frames(&items, data));
            }
            frames
        }
    }

    #[tokio::test]
    async fn however_many_read_a_turn_it_is_read_and_rendered_once() {
        for delivery in [Delivery::Durable, Delivery::Fast] {
            let log = Log::start(delivery).await;
            let mut followers: Vec<_> = (0..50).map(|_| log.follower(&log.feed)).collect();
            let mut received = vec![Vec::new(); followers.len()];
            for round in 0..20 {
                log.append((0..10).map(|at| delta(10 * round + at)).collect()).await;
                for (follower, received) in followers.iter_mut().zip(&mut received) {
                    received.extend(log.all(follower, Data::Json).await);
                }
            }
            assert_eq!(log.read(), log.relay.head().seq, "each event of the log was read once");
            assert_eq!(log.rendered(), received[0].len() as u64, "each frame was rendered once");
            for other in &received[1..] {
                assert!(
                    received[0].iter().zip(other).all(|(one, other)| one.as_ptr() == other.as_ptr()),
                    "and is shared"
                );
                assert_eq!(&received[0], other);
            }
            // A later reader, while everything is in memory, and readers of strings: each rendered once.
            let again = log.all(&mut log.follower(&log.feed), Data::Json).await;
            assert_eq!((again, log.read()), (received[0].clone(), log.relay.head().seq));
            for _ in 0..2 {
                let text = log.all(&mut log.follower(&log.feed), Data::Text).await;
                assert_eq!((text.len(), log.rendered()), (received[0].len(), 2 * received[0].len() as u64));
            }
            assert_eq!(log.all(&mut log.alone(), Data::Json).await, received[0], "a replay is the same to the byte");
        }
    }

    #[tokio::test]
    async fn who_falls_behind_again_and_again_is_told_the_same_and_costs_no_more_than_one_reading() {
        let log = Log::start(Delivery::Fast).await;
        let (mut quick, mut slow) = (log.follower(&log.feed), log.follower(&log.feed));
        let (mut live, mut late) = (Vec::new(), Vec::new());
        for round in 0..4 {
            for piece in 0..8 {
                log.append((0..KEPT_EVENTS / 2).map(|at| delta(10_000 * round + 1_000 * piece + at)).collect()).await;
                live.extend(log.all(&mut quick, Data::Json).await);
            }
            late.extend(log.all(&mut slow, Data::Json).await);
            assert!(log.feed.state().kept.len() <= KEPT_EVENTS, "what is kept is bounded");
        }
        assert_eq!(live.len(), late.len());
        assert!(live == late, "both received the same");
        let head = log.relay.head().seq;
        assert!(log.read() <= 2 * head, "{} readings of {head} events", log.read());
        assert!(log.all(&mut log.alone(), Data::Json).await == live, "a replay is the same to the byte");
    }

    #[tokio::test]
    async fn what_was_let_go_of_is_no_silent_hole() {
        let log = Log::start(Delivery::Fast).await;
        let (mut quick, mut slow) = (log.follower(&log.feed), log.follower(&log.feed));
        let begun = log.all(&mut slow, Data::Json).await.len();
        for _ in 0..4 {
            log.append((0..KEPT_EVENTS).map(delta).collect()).await;
            log.all(&mut quick, Data::Json).await;
        }
        let drop: Vec<u64> = (100..2_000).chain(2_500..2_600).collect();
        let thin = Write::Thin { chat: 1, turn_id: String::new(), end_seq: 0, drop: drop.clone() };
        log.relay.append(&[delta(0)], vec![thin], None).await.unwrap().unwrap();
        log.relay.wake_readers();
        let (mut holes, mut deltas) = (Vec::new(), 0);
        while slow.cursor < log.relay.head().seq {
            for item in slow.next().await.unwrap().unwrap() {
                holes.extend(item.after_hole.then_some(item.seq));
                deltas += item.events.iter().filter(|event| event.event.text_delta().is_some()).count();
            }
        }
        assert_eq!(holes, [2_000, 2_600]);
        assert!(begun > 0);
        assert_eq!(deltas, 4 * KEPT_EVENTS + 1 - drop.len());
    }
}
