//! The relay of one chat: numbers events, has them written down, and only then tells them.
//!
//! What was told last is kept in a bounded window. Readers hold a cursor, not a queue: each takes what follows its
//! cursor from the window, or, if it is slower than that, from the log. So a slow reader costs nothing and hinders
//! nobody.

pub(crate) mod frame;
mod pace;
mod reader;
pub(crate) mod sse;
pub(crate) mod turn_event;

pub(crate) use reader::Reader;

use crate::config::Delivery;
use crate::store::{ChatKey, Store, StoreError, StoreResult, Write};
use bytes::Bytes;
use frame::Told;
use pace::{Call, Pace};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

/// How much of what was told last is kept in memory for each chat.
const WINDOW_EVENTS: usize = 1024;
const WINDOW_BYTES: usize = 1 << 20;
/// How much may wait to be written, over all chats.
const PENDING_KIB: usize = 64 * 1024;

/// Bounds what waits to be written, over all chats.
#[derive(Clone, Debug)]
pub(crate) struct Pressure(Arc<Semaphore>);

impl Pressure {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(PENDING_KIB)))
    }

    /// Waits until there is room for `events`.
    pub(crate) async fn room_for(&self, events: &[Bytes]) -> Option<OwnedSemaphorePermit> {
        let cost = events.iter().map(|event| 1 + event.len() / 1024).sum::<usize>().min(PENDING_KIB);
        self.0.clone().acquire_many_owned(u32::try_from(cost).unwrap_or(u32::MAX)).await.ok()
    }
}

/// Where the log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The number of the newest event that may be told; to a reader that waits, of the newest it was called for.
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
    /// Calls those that wait.
    head: watch::Sender<Head>,
    /// Where those that are many are called from.
    runtime: Handle,
}

#[derive(Debug)]
struct State {
    /// The number the next event gets.
    next: u64,
    /// Told events, newest last; without a hole.
    window: VecDeque<Told>,
    window_bytes: usize,
    /// The number of the newest event that may be told.
    told: u64,
    pace: Pace,
    /// A write failed: what was numbered since is not in the log. The relay is done; a new one starts from the log.
    failed: Option<StoreError>,
}

/// Told once the events are safe.
pub(crate) type Safe = oneshot::Receiver<StoreResult<()>>;

impl Relay {
    /// Goes on after event number `head`. Call it on a tokio runtime.
    pub(crate) fn new(chat: ChatKey, store: Arc<dyn Store>, delivery: Delivery, head: u64, closed: bool) -> Arc<Self> {
        let state = Mutex::new(State {
            next: head + 1,
            window: VecDeque::new(),
            window_bytes: 0,
            told: head,
            pace: Pace::new(delivery),
            failed: None,
        });
        let head = watch::Sender::new(Head { seq: head, closed });
        Arc::new(Self { chat, store, state, head, runtime: Handle::current() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the newest event that was numbered, told or not.
    pub(crate) fn numbered(&self) -> u64 {
        self.state().next - 1
    }

    /// Where the log stands.
    pub(crate) fn head(&self) -> Head {
        let seq = self.state().told;
        Head { seq, closed: self.head.borrow().closed }
    }

    /// Whether a write failed. The chat must then be read anew from the log.
    pub(crate) fn failed(&self) -> bool {
        self.state().failed.is_some()
    }

    /// Why, where one did.
    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.state().failed.clone()
    }

    /// Numbers `events`, and has them written together with `beside`. They are told once they are safe; `permit` is let
    /// go then.
    pub(crate) fn append(
        self: &Arc<Self>,
        events: &[Bytes],
        mut beside: Vec<Write>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Safe {
        let (tell, safe) = oneshot::channel();
        let relay = self.clone();
        // The lock is held until the write is in the queue: the order of numbers is the order of writes.
        let mut state = self.state();
        if let Some(cause) = state.failed.clone() {
            drop(state);
            // The receiver may be gone; then nobody asked.
            let _ = tell.send(Err(cause));
            return safe;
        }
        let first = state.next;
        let told: Vec<Told> = (first..).zip(events).map(|(seq, event)| Told::new(seq, event)).collect();
        state.next += told.len() as u64;
        let events = told.iter().map(|told| told.data.clone()).collect();
        beside.push(Write::Append { chat: self.chat, first, events });
        self.store.submit(
            beside,
            Box::new(move |result| {
                let result = match result {
                    Ok(()) => {
                        relay.tell(told);
                        Ok(())
                    }
                    Err(error) => Err(relay.fail(error)),
                };
                drop(permit);
                let _ = tell.send(result);
            }),
        );
        drop(state);
        safe
    }

    fn tell(self: &Arc<Self>, told: Vec<Told>) {
        let Some(seq) = told.last().map(|told| told.seq) else { return };
        let mut state = self.state();
        let mut bytes = 0;
        for told in told {
            bytes += told.frame.len();
            state.window.push_back(told);
        }
        state.window_bytes += bytes;
        while state.window.len() > WINDOW_EVENTS || (state.window_bytes > WINDOW_BYTES && state.window.len() > 1) {
            let dropped = state.window.pop_front().map_or(0, |told| told.frame.len());
            state.window_bytes -= dropped;
        }
        state.told = seq;
        let call = state.pace.call(self.head.receiver_count(), bytes, Instant::now());
        drop(state);
        match call {
            Call::Now => self.call(),
            Call::In(wait) => {
                let relay = self.clone();
                self.runtime.spawn(async move {
                    if !wait.is_zero() {
                        tokio::time::sleep(wait).await;
                    }
                    relay.call();
                });
            }
            Call::Coming => {}
        }
    }

    /// Calls the readers for all that may be told.
    pub(crate) fn call(&self) {
        let mut state = self.state();
        let seq = state.told;
        state.pace.called(Instant::now());
        drop(state);
        self.head.send_modify(|head| head.seq = head.seq.max(seq));
    }

    /// Gives the first cause: what fails after it fails because of it.
    fn fail(&self, error: StoreError) -> StoreError {
        let cause = self.state().failed.get_or_insert(error).clone();
        self.close();
        cause
    }

    /// No event follows what was numbered so far. Call it once the last is safe.
    pub(crate) fn close(&self) {
        let told = self.state().told;
        self.head.send_modify(|head| *head = Head { seq: head.seq.max(told), closed: true });
    }

    /// Reads what follows event number `after`.
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
        relay.call();
        for reader in &mut readers {
            let told = reader.next().now_or_never().expect("it was called").unwrap().unwrap();
            assert_eq!(told.iter().map(|told| told.seq).collect::<Vec<_>>(), [2]);
        }
    }
}
