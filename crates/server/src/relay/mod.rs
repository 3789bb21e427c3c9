//! The relay of one chat: numbers events, commits them, and only then publishes them.
//!
//! The latest events are kept in a bounded window. A reader has a cursor, not a queue: it takes the events after its
//! cursor from the window, or from the log if it is too slow for the window. A slow reader therefore costs nothing and
//! delays nobody.

pub(crate) mod frame;
mod pace;
mod reader;
pub(crate) mod sse;
pub(crate) mod turn_event;

pub(crate) use reader::Reader;

use crate::config::Delivery;
use crate::store::{ChatKey, Store, StoreError, StoreResult, Write};
use bytes::Bytes;
use frame::LogEvent;
use pace::{Pace, Wake};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// The size of the window of each chat, in events and in bytes.
const WINDOW_EVENTS: usize = 1024;
const WINDOW_BYTES: usize = 1 << 20;
/// The maximum of unwritten events, over all chats.
const PENDING_KIB: usize = 64 * 1024;

/// Limits the unwritten events of all chats (backpressure).
#[derive(Clone, Debug)]
pub(crate) struct WriteBudget(Arc<Semaphore>);

impl WriteBudget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PENDING_KIB)))
    }

    /// Waits until `events` fit.
    pub(crate) async fn reserve(&self, events: &[Bytes]) -> Option<OwnedSemaphorePermit> {
        let cost = events.iter().map(|event| 1 + event.len() / 1024).sum::<usize>().min(PENDING_KIB);
        self.0.clone().acquire_many_owned(u32::try_from(cost).unwrap_or(u32::MAX)).await.ok()
    }
}

/// The end of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The number of the newest published event; for a waiting reader, of the newest for which it was woken.
    pub(crate) seq: u64,
    /// No event will follow.
    pub(crate) closed: bool,
}

/// The relay of one chat.
#[derive(Debug)]
pub(crate) struct Relay {
    chat: ChatKey,
    store: Arc<dyn Store>,
    state: Mutex<State>,
    /// Wakes waiting readers.
    head: watch::Sender<Head>,
    /// Wakes many readers from a task.
    runtime: Handle,
}

#[derive(Debug)]
struct State {
    /// The number of the next event.
    next: u64,
    /// Published events, newest last, without a hole.
    window: VecDeque<LogEvent>,
    window_bytes: usize,
    /// The number of the newest published event.
    published: u64,
    pace: Pace,
    /// A write failed: events numbered since are not in the log. This relay is finished; a new one starts from the log.
    failed: Option<StoreError>,
}

/// Resolves once the events are committed.
pub(crate) type Safe = oneshot::Receiver<StoreResult<()>>;

impl Relay {
    /// Continues after event number `head`. Call it on a tokio runtime.
    pub(crate) fn new(chat: ChatKey, store: Arc<dyn Store>, delivery: Delivery, head: u64, closed: bool) -> Arc<Self> {
        let state = Mutex::new(State {
            next: head + 1,
            window: VecDeque::new(),
            window_bytes: 0,
            published: head,
            pace: Pace::new(delivery),
            failed: None,
        });
        let head = watch::Sender::new(Head { seq: head, closed });
        Arc::new(Self { chat, store, state, head, runtime: Handle::current() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the newest numbered event, published or not.
    pub(crate) fn numbered(&self) -> u64 {
        self.state().next - 1
    }

    /// The end of the log.
    pub(crate) fn head(&self) -> Head {
        let seq = self.state().published;
        Head { seq, closed: self.head.borrow().closed }
    }

    /// Whether a write failed. The chat must then be read anew from the log.
    pub(crate) fn failed(&self) -> bool {
        self.state().failed.is_some()
    }

    /// The cause of a failed write.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.state().failed.clone()
    }

    /// Numbers `events`, and writes them together with `beside`. They are published once they are committed; `permit` is
    /// released then.
    pub(crate) fn append(
        self: &Arc<Self>,
        events: &[Bytes],
        mut beside: Vec<Write>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Safe {
        let (committed, safe) = oneshot::channel();
        let relay = self.clone();
        // The lock is held until the write is in the queue: the order of numbers is the order of writes.
        let mut state = self.state();
        if let Some(cause) = state.failed.clone() {
            drop(state);
            // The receiver may have been dropped.
            let _ = committed.send(Err(cause));
            return safe;
        }
        let first = state.next;
        let numbered: Vec<LogEvent> = (first..).zip(events).map(|(seq, event)| LogEvent::new(seq, event)).collect();
        state.next += numbered.len() as u64;
        let events = numbered.iter().map(|event| event.data.clone()).collect();
        beside.push(Write::Append { chat: self.chat, first, events });
        self.store.submit(
            beside,
            Box::new(move |result| {
                let result = match result {
                    Ok(()) => {
                        relay.publish(numbered);
                        Ok(())
                    }
                    Err(error) => Err(relay.fail(error)),
                };
                drop(permit);
                let _ = committed.send(result);
            }),
        );
        drop(state);
        safe
    }

    fn publish(self: &Arc<Self>, events: Vec<LogEvent>) {
        let Some(seq) = events.last().map(|event| event.seq) else { return };
        let mut state = self.state();
        let mut bytes = 0;
        for event in events {
            bytes += event.frame.len();
            state.window.push_back(event);
        }
        state.window_bytes += bytes;
        while state.window.len() > WINDOW_EVENTS || (state.window_bytes > WINDOW_BYTES && state.window.len() > 1) {
            let dropped = state.window.pop_front().map_or(0, |event| event.frame.len());
            state.window_bytes -= dropped;
        }
        state.published = seq;
        let wake = state.pace.plan(self.head.receiver_count(), bytes, Instant::now());
        drop(state);
        match wake {
            Wake::Now => self.wake_readers(),
            Wake::In(wait) => {
                let relay = self.clone();
                self.runtime.spawn(async move {
                    if !wait.is_zero() {
                        tokio::time::sleep(wait).await;
                    }
                    relay.wake_readers();
                });
            }
            Wake::Pending => {}
        }
    }

    /// Wakes the readers for everything that is published.
    pub(crate) fn wake_readers(&self) {
        let mut state = self.state();
        let seq = state.published;
        state.pace.woken(Instant::now());
        drop(state);
        self.head.send_modify(|head| head.seq = head.seq.max(seq));
    }

    /// Returns the first cause, because later failures result from it.
    fn fail(&self, error: StoreError) -> StoreError {
        let cause = self.state().failed.get_or_insert(error).clone();
        self.close();
        cause
    }

    /// No event follows those numbered so far. Call it once the last is committed.
    pub(crate) fn close(&self) {
        let published = self.state().published;
        self.head.send_modify(|head| *head = Head { seq: head.seq.max(published), closed: true });
    }

    /// Reads the events after number `after`.
    pub(crate) fn reader(self: &Arc<Self>, after: u64) -> Reader {
        Reader::new(self.clone(), after)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::Relay;
    use crate::config::Delivery;
    use crate::store::sqlite::Sqlite;
    use bytes::Bytes;
    use futures_util::FutureExt as _;
    use std::sync::Arc;

    #[tokio::test]
    async fn many_readers_that_are_called_have_all_that_is_safe() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path(), Delivery::Durable, None).ok().unwrap());
        let relay = Relay::new(1, store, Delivery::Durable, 0, false);
        let mut readers: Vec<_> = (0..100).map(|_| relay.reader(0)).collect();
        let append = |event: &'static str| relay.append(&[Bytes::from(event)], Vec::new(), None);
        append("{}").await.unwrap().unwrap();
        for reader in &mut readers {
            assert_eq!(reader.next().await.unwrap().unwrap()[0].seq, 1);
        }
        // It follows so closely that it would wait for others.
        append("[]").await.unwrap().unwrap();
        relay.wake_readers();
        for reader in &mut readers {
            let events = reader.next().now_or_never().expect("it was woken").unwrap().unwrap();
            assert_eq!(events.iter().map(|event| event.seq).collect::<Vec<_>>(), [2]);
        }
    }
}
