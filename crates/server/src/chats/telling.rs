//! What the log tells of turns from one place on, worked out once for all who read from there.
//!
//! Who has what was told last takes it from memory. Who is further behind reads the log for itself, in pieces, until it has come
//! to what is kept there: so a slow reader costs nobody but itself.

use crate::metrics::Metrics;
use crate::relay::Reader;
use crate::relay::frame::LogEvent;
use crate::relay::turn_event::TurnEvent;
use crate::store::StoreResult;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use turnwire::Normalizer;

/// How much of what was told last is kept in memory, in raw events and in their bytes.
const KEPT_EVENTS: usize = 1024;
const KEPT_BYTES: usize = 1 << 20;
/// At most so much is handed out at once.
const BATCH_EVENTS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;

/// What one raw event told, or that there is a hole.
#[derive(Debug)]
pub(super) struct Heard {
    /// The raw event's number.
    pub(super) seq: u64,
    /// What stood before it in the log was let go of.
    pub(super) after_hole: bool,
    /// The size of the raw event.
    bytes: usize,
    pub(super) events: Vec<TurnEvent>,
}

impl Heard {
    /// Takes in the raw event that follows number `former`. `None`: there is nothing to tell.
    fn of(normalizer: &mut Normalizer, told: &LogEvent, former: u64, metrics: &Metrics) -> Option<Self> {
        let mut events = Vec::new();
        normalizer.push(&told.data, &mut events);
        metrics.read_for_turns();
        let after_hole = told.seq > former + 1;
        if events.is_empty() && !after_hole {
            return None;
        }
        let last = events.len();
        let events = events.into_iter().zip(1..);
        let events = events.map(|(event, at)| TurnEvent::new(event, (at == last).then_some(told.seq))).collect();
        Some(Self { seq: told.seq, after_hole, bytes: told.data.len(), events })
    }

    /// What comes next has this number: what stood before it was let go of.
    fn hole_before(seq: u64) -> Arc<Self> {
        Arc::new(Self { seq, after_hole: true, bytes: 0, events: Vec::new() })
    }
}

/// What the log tells of turns after one place.
#[derive(Debug)]
pub(super) struct Telling {
    /// The number of the raw event after which it begins.
    from: u64,
    /// As it is at the beginning.
    fresh: Normalizer,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    normalizer: Normalizer,
    /// The number of the raw event that was taken in last.
    at: u64,
    /// All that was told after this number is kept.
    since: u64,
    kept: VecDeque<Arc<Heard>>,
    kept_bytes: usize,
}

/// What a reader finds after its place.
enum Found {
    Heard(Vec<Arc<Heard>>),
    /// Nothing that was taken in yet.
    End,
    /// It is no longer kept, up to this number.
    Behind(u64),
}

impl Telling {
    pub(super) fn new(from: u64, fresh: Normalizer) -> Self {
        let state = State { normalizer: fresh.clone(), at: from, since: from, kept: VecDeque::new(), kept_bytes: 0 };
        Self { from, fresh, state: Mutex::new(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What follows number `cursor`, which moves on.
    fn after(&self, cursor: &mut u64) -> Found {
        let state = self.state();
        if *cursor < state.since {
            return Found::Behind(state.since);
        }
        let first = state.kept.partition_point(|heard| heard.seq <= *cursor);
        let mut bytes = 0;
        let fits = |heard: &&Arc<Heard>| {
            let first = bytes == 0;
            bytes += heard.bytes;
            first || bytes <= BATCH_BYTES
        };
        let heard: Vec<_> = state.kept.range(first..).take(BATCH_EVENTS).take_while(fits).cloned().collect();
        match heard.last() {
            Some(last) if first + heard.len() < state.kept.len() => *cursor = last.seq,
            _ => *cursor = state.at.max(*cursor),
        }
        if heard.is_empty() { Found::End } else { Found::Heard(heard) }
    }

    /// Whether nothing after number `cursor` was taken in.
    fn ends_at(&self, cursor: u64) -> bool {
        self.state().at <= cursor
    }

    /// Takes in raw events, as far as they are new. They begin at its end, or before that.
    fn take_in(&self, told: &[LogEvent], metrics: &Metrics) {
        let state = &mut *self.state();
        for told in told {
            if told.seq <= state.at {
                continue;
            }
            let heard = Heard::of(&mut state.normalizer, told, state.at, metrics);
            state.at = told.seq;
            if let Some(heard) = heard {
                state.kept_bytes += heard.bytes;
                state.kept.push_back(Arc::new(heard));
            }
        }
        while state.kept.len() > KEPT_EVENTS || (state.kept_bytes > KEPT_BYTES && state.kept.len() > 1) {
            let Some(dropped) = state.kept.pop_front() else { break };
            state.kept_bytes -= dropped.bytes;
            state.since = dropped.seq;
        }
    }
}

/// The tellings of a chat that somebody reads, by where they begin, and whether something of that turn was let go of then: what is
/// left of it is numbered anew.
#[derive(Debug, Default)]
pub(super) struct Tellings(Mutex<HashMap<(u64, bool), Weak<Telling>>>);

impl Tellings {
    pub(super) fn of(&self, from: u64, thinned: bool, fresh: impl FnOnce() -> Normalizer) -> Arc<Telling> {
        let mut tellings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(telling) = tellings.get(&(from, thinned)).and_then(Weak::upgrade) {
            return telling;
        }
        tellings.retain(|_, telling| telling.strong_count() > 0);
        let telling = Arc::new(Telling::new(from, fresh()));
        tellings.insert((from, thinned), Arc::downgrade(&telling));
        telling
    }
}

/// Reads a telling from its beginning on.
pub(super) struct Follower {
    telling: Arc<Telling>,
    relay: Reader,
    metrics: Arc<Metrics>,
    /// The number of the raw event up to which all was handed out.
    cursor: u64,
    /// What it reads with while it is behind, and the number of the raw event that this took in last.
    own: Option<Box<(Normalizer, u64)>>,
}

impl Follower {
    pub(super) fn new(telling: Arc<Telling>, relay: Reader, metrics: Arc<Metrics>) -> Self {
        let cursor = telling.from;
        Self { telling, relay, metrics, cursor, own: None }
    }

    /// What is told next, at least one; `None` once the log is closed and read to its end. Waits for it. Nothing is lost if the wait
    /// is given up.
    pub(super) async fn next(&mut self) -> StoreResult<Option<Vec<Arc<Heard>>>> {
        loop {
            let heard = match self.telling.after(&mut self.cursor) {
                Found::Heard(heard) => heard,
                Found::Behind(since) => self.catch_up(since).await?,
                Found::End => {
                    self.relay.seek(self.cursor);
                    if !self.relay.ready().await {
                        return Ok(None);
                    }
                    // Of all who were called, one takes it in for all.
                    if self.telling.ends_at(self.cursor) {
                        let Some(told) = self.relay.next().await? else { return Ok(self.hole_at_end()) };
                        self.telling.take_in(&told, &self.metrics);
                    }
                    continue;
                }
            };
            if !heard.is_empty() {
                return Ok(Some(heard));
            }
        }
    }

    /// Reads on in the log, at most up to number `since`, after which all is kept.
    async fn catch_up(&mut self, since: u64) -> StoreResult<Vec<Arc<Heard>>> {
        let fresh = || Box::new((self.telling.fresh.clone(), self.telling.from));
        let (normalizer, at) = &mut **self.own.get_or_insert_with(fresh);
        self.relay.seek(*at);
        let told = self.relay.next().await?.unwrap_or_default();
        let mut heard = Vec::new();
        for told in told.iter().take_while(|told| told.seq <= since) {
            let one = Heard::of(normalizer, told, *at, &self.metrics);
            *at = told.seq;
            // What it had before it fell behind was taken in for what follows.
            if told.seq > self.cursor {
                self.cursor = told.seq;
                heard.extend(one.map(Arc::new));
            }
        }
        if self.cursor < since && told.last().is_none_or(|last| last.seq > since) {
            heard.push(Heard::hole_before(since + 1));
            self.cursor = since;
        }
        Ok(heard)
    }

    /// What stood at the end of the log may have been let go of.
    fn hole_at_end(&mut self) -> Option<Vec<Arc<Heard>>> {
        let end = self.relay.cursor();
        if end <= self.cursor {
            return None;
        }
        self.cursor = end;
        Some(vec![Heard::hole_before(end + 1)])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::{Follower, Heard, KEPT_EVENTS, Telling};
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
        telling: Arc<Telling>,
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
            let telling = Arc::new(Telling::new(0, Normalizer::for_chat("chat_1", "ses_1")));
            let log = Self { relay, metrics: Arc::default(), telling, _folder: folder };
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

        fn follower(&self, telling: &Arc<Telling>) -> Follower {
            Follower::new(telling.clone(), self.relay.reader(0), self.metrics.clone())
        }

        /// Who follows alone, from the log as it is by now.
        fn alone(&self) -> Follower {
            self.follower(&Arc::new(Telling::new(0, Normalizer::for_chat("chat_1", "ses_1"))))
        }

        fn read(&self) -> u64 {
            self.metrics.counted_for_turns().0
        }

        fn rendered(&self) -> u64 {
            self.metrics.counted_for_turns().1
        }

        fn frames(&self, heard: &[Arc<Heard>], data: Data) -> Vec<Bytes> {
            let events = heard.iter().flat_map(|heard| &heard.events);
            events.map(|event| event.frame(Stream::Turn, data, &self.metrics)).collect()
        }

        /// All there is for it by now; the last event of the log tells something.
        async fn all(&self, follower: &mut Follower, data: Data) -> Vec<Bytes> {
            let mut frames = Vec::new();
            while follower.cursor < self.relay.head().seq {
                let heard = follower.next().await.unwrap().expect("the log is open");
                frames.extend(self.frames(&heard, data));
            }
            frames
        }
    }

    #[tokio::test]
    async fn however_many_read_a_turn_it_is_read_and_rendered_once() {
        for delivery in [Delivery::Durable, Delivery::Fast] {
            let log = Log::start(delivery).await;
            let mut followers: Vec<_> = (0..50).map(|_| log.follower(&log.telling)).collect();
            let mut told = vec![Vec::new(); followers.len()];
            for round in 0..20 {
                log.append((0..10).map(|at| delta(10 * round + at)).collect()).await;
                for (follower, told) in followers.iter_mut().zip(&mut told) {
                    told.extend(log.all(follower, Data::Json).await);
                }
            }
            assert_eq!(log.read(), log.relay.head().seq, "each event of the log was read once");
            assert_eq!(log.rendered(), told[0].len() as u64, "each frame was rendered once");
            for other in &told[1..] {
                assert!(told[0].iter().zip(other).all(|(one, other)| one.as_ptr() == other.as_ptr()), "and is shared");
                assert_eq!(&told[0], other);
            }
            // Who comes later, while all is kept, and those who want strings, each once.
            let again = log.all(&mut log.follower(&log.telling), Data::Json).await;
            assert_eq!((again, log.read()), (told[0].clone(), log.relay.head().seq));
            for _ in 0..2 {
                let text = log.all(&mut log.follower(&log.telling), Data::Text).await;
                assert_eq!((text.len(), log.rendered()), (told[0].len(), 2 * told[0].len() as u64));
            }
            assert_eq!(log.all(&mut log.alone(), Data::Json).await, told[0], "a replay is the same to the byte");
        }
    }

    #[tokio::test]
    async fn who_falls_behind_again_and_again_is_told_the_same_and_costs_no_more_than_one_reading() {
        let log = Log::start(Delivery::Fast).await;
        let (mut quick, mut slow) = (log.follower(&log.telling), log.follower(&log.telling));
        let (mut live, mut late) = (Vec::new(), Vec::new());
        for round in 0..4 {
            for piece in 0..8 {
                log.append((0..KEPT_EVENTS / 2).map(|at| delta(10_000 * round + 1_000 * piece + at)).collect()).await;
                live.extend(log.all(&mut quick, Data::Json).await);
            }
            late.extend(log.all(&mut slow, Data::Json).await);
            assert!(log.telling.state().kept.len() <= KEPT_EVENTS, "what is kept is bounded");
        }
        assert_eq!(live.len(), late.len());
        assert!(live == late, "both were told the same");
        let head = log.relay.head().seq;
        assert!(log.read() <= 2 * head, "{} readings of {head} events", log.read());
        assert!(log.all(&mut log.alone(), Data::Json).await == live, "a replay is the same to the byte");
    }

    #[tokio::test]
    async fn what_was_let_go_of_is_no_silent_hole() {
        let log = Log::start(Delivery::Fast).await;
        let (mut quick, mut slow) = (log.follower(&log.telling), log.follower(&log.telling));
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
            for heard in slow.next().await.unwrap().unwrap() {
                holes.extend(heard.after_hole.then_some(heard.seq));
                deltas += heard.events.iter().filter(|event| event.event.text_delta().is_some()).count();
            }
        }
        assert_eq!(holes, [2_000, 2_600]);
        assert!(begun > 0);
        assert_eq!(deltas, 4 * KEPT_EVENTS + 1 - drop.len());
    }
}
