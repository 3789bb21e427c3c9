//! A stream for another language: a task reads ahead into a small, bounded queue of batches.
//!
//! One queue, three ways to read it: [`Pump::poll`] with a wake-up, [`Pump::next_blocking`], [`Pump::next`]. Batches
//! cross the border, not events: a wake-up costs more than decoding a hundred events.

use super::batch::{Batch, RelayBatch};
use super::kept::Kept;
use super::relay::RelayStream;
use super::turn::TurnStream;
use super::{TurnHandle, Wake};
use crate::error::{Error, Result};
use crate::http::HeaderMap;
use crate::turn::Turn;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// Batches read ahead before the task waits for the reader.
const QUEUE: usize = 4;

/// What a pump has to give.
#[derive(Debug)]
#[must_use]
pub enum Polled<B> {
    /// The next batch.
    Batch(Arc<B>),
    /// Nothing yet.
    Pending,
    /// Nothing more.
    Ended,
}

/// What a pump can read from.
pub trait PumpSource: Send + 'static {
    /// What it reads at once.
    type Batch: Send + Sync + 'static;

    /// All that is ready, up to a bound; `None`: the end.
    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Self::Batch>>;

    /// A batch that is only an error.
    fn failed(error: Error) -> Self::Batch;

    /// Closes the socket at once.
    fn close(&mut self);
}

/// The pump of a turn.
pub type TurnPump = Pump<TurnStream>;
/// The pump of a relay.
pub type RelayPump = Pump<RelayStream>;

/// Reads a stream ahead. Dropping it closes the socket.
pub struct Pump<S: PumpSource> {
    pub(super) shared: Arc<Shared<S>>,
}

pub(super) struct Shared<S: PumpSource> {
    /// Held only while it is polled, never across a wait.
    source: Mutex<S>,
    queue: Mutex<Queue<S::Batch>>,
    ready: Condvar,
    pub(super) ready_async: Notify,
    pub(super) room: Notify,
    stop: CancellationToken,
}

pub(super) struct Queue<B> {
    pub(super) batches: VecDeque<Arc<B>>,
    /// What a result has met, for whoever iterates after it, or beside it.
    pub(super) kept: Kept<Arc<B>>,
    /// The rest of a batch that a reader took and did not use up.
    rest: Option<Arc<B>>,
    pub(super) ended: bool,
    wake: Option<Wake>,
}

impl<S: PumpSource> Shared<S> {
    pub(super) fn queue(&self) -> MutexGuard<'_, Queue<S::Batch>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn source(&self) -> MutexGuard<'_, S> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn announce(&self, mut queue: MutexGuard<'_, Queue<S::Batch>>) {
        let wake = queue.wake.take();
        drop(queue);
        self.ready.notify_all();
        self.ready_async.notify_waiters();
        if let Some(wake) = wake {
            wake();
        }
    }

    fn end(&self, forget: bool) {
        let mut queue = self.queue();
        queue.ended = true;
        if forget {
            queue.batches.clear();
            queue.kept.clear();
            queue.rest = None;
        }
        self.announce(queue);
    }

    async fn read_ahead(&self) {
        while let Some(batch) = poll_fn(|cx| self.source().poll_batch(cx)).await {
            loop {
                let room = self.room.notified();
                if self.queue().batches.len() < QUEUE {
                    break;
                }
                room.await;
            }
            let mut queue = self.queue();
            queue.batches.push_back(Arc::new(batch));
            self.announce(queue);
        }
    }
}

/// Ends the queue even where the task is dropped with its runtime.
struct End<S: PumpSource>(Arc<Shared<S>>);

impl<S: PumpSource> Drop for End<S> {
    fn drop(&mut self) {
        self.0.source().close();
        self.0.end(false);
    }
}

impl<S: PumpSource> Pump<S> {
    /// Starts reading.
    pub fn start(runtime: &Handle, source: S) -> Self {
        let shared = Arc::new(Shared {
            source: Mutex::new(source),
            queue: Mutex::new(Queue {
                batches: VecDeque::with_capacity(QUEUE),
                kept: Kept::default(),
                rest: None,
                ended: false,
                wake: None,
            }),
            ready: Condvar::new(),
            ready_async: Notify::new(),
            room: Notify::new(),
            stop: CancellationToken::new(),
        });
        let end = End(shared.clone());
        runtime.spawn(async move {
            let shared = end.0.clone();
            shared.stop.run_until_cancelled(shared.read_ahead()).await;
            drop(end);
        });
        Self { shared }
    }

    fn take(&self, wake: Option<Wake>) -> Polled<S::Batch> {
        let mut queue = self.shared.queue();
        if let Some(rest) = queue.rest.take() {
            return Polled::Batch(rest);
        }
        match queue.kept.pop() {
            Some(Ok(kept)) => return Polled::Batch(kept),
            Some(Err(error)) => {
                queue.kept.clear();
                queue.batches.clear();
                queue.ended = true;
                return Polled::Batch(Arc::new(S::failed(error)));
            }
            None => {}
        }
        match queue.batches.pop_front() {
            Some(batch) => {
                drop(queue);
                self.shared.room.notify_one();
                Polled::Batch(batch)
            }
            None if queue.ended => Polled::Ended,
            None => {
                if wake.is_some() {
                    queue.wake = wake;
                }
                Polled::Pending
            }
        }
    }

    /// The next batch, if one is there; else `wake` is called once at the next change.
    pub fn poll(&self, wake: Option<Wake>) -> Polled<S::Batch> {
        self.take(wake)
    }

    /// The next batch, waited for.
    pub async fn next(&self) -> Option<Arc<S::Batch>> {
        loop {
            let changed = self.shared.ready_async.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            match self.take(None) {
                Polled::Batch(batch) => return Some(batch),
                Polled::Ended => return None,
                Polled::Pending => changed.await,
            }
        }
    }

    /// The next batch, waited for up to `wait` with the thread blocked.
    pub fn next_blocking(&self, wait: Duration) -> Polled<S::Batch> {
        let until = Instant::now() + wait;
        let mut queue = self.shared.queue();
        while queue.batches.is_empty() && queue.kept.is_empty() && queue.rest.is_none() && !queue.ended {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { break };
            queue = self.shared.ready.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        drop(queue);
        self.take(None)
    }

    /// Takes back what a reader has not used of the batch it took last; the next one begins there.
    pub fn put_back(&self, rest: S::Batch) {
        self.shared.queue().rest = Some(Arc::new(rest));
    }

    /// Closes the socket at once; what was read ahead is thrown away.
    pub fn close(&self) {
        self.shared.stop.cancel();
        self.shared.source().close();
        self.shared.end(true);
    }
}

impl Pump<TurnStream> {
    /// The turn so far: all that has been received, which may be a little more than was taken out.
    pub fn snapshot(&self) -> Turn {
        self.shared.source().snapshot().clone()
    }

    /// Where to go on after all that has been received. After an event taken out: [`Pump::cursor_after`].
    pub fn cursor(&self) -> Option<String> {
        self.shared.source().cursor()
    }

    /// Where to go on after the event of this number.
    pub fn cursor_after(&self, seq: u64) -> Option<String> {
        self.shared.source().cursor_after(seq)
    }

    /// Answers, refuses, allows and cancels.
    pub fn handle(&self) -> TurnHandle {
        self.shared.source().handle()
    }

    /// The HTTP status of the answer that opened the stream.
    pub fn status(&self) -> u16 {
        self.shared.source().status()
    }

    /// The headers of the answer that opened the stream.
    pub fn headers(&self) -> HeaderMap {
        self.shared.source().headers().clone()
    }

    /// The service's `x-request-id` of the answer that opened the stream.
    pub fn request_id(&self) -> Option<String> {
        self.shared.source().request_id().map(str::to_owned)
    }

    /// The error of a reader that waits while the agent waits for an answer, see [`TurnStream::input_required`].
    pub fn input_required(&self) -> Option<Error> {
        let source = self.shared.source();
        source.handle.waits_in_vain(&source.snapshot().requests, source.policies).then(|| source.required())
    }

    /// The turn of a pump that has ended: its value, or why there is none.
    pub fn outcome(&self) -> Result<Turn> {
        self.shared.source().outcome()
    }
}

impl Pump<RelayStream> {
    /// The number of the event it began after.
    pub fn began_after(&self) -> Option<u64> {
        self.shared.source().began_after()
    }

    /// The number of the last event received.
    pub fn last_event_id(&self) -> Option<u64> {
        self.shared.source().last_event_id()
    }

    /// The HTTP status of the answer that opened the stream.
    pub fn status(&self) -> u16 {
        self.shared.source().status()
    }

    /// The headers of the answer that opened the stream.
    pub fn headers(&self) -> HeaderMap {
        self.shared.source().headers().clone()
    }

    /// The service's `x-request-id` of the answer that opened the stream.
    pub fn request_id(&self) -> Option<String> {
        self.shared.source().request_id().map(str::to_owned)
    }
}

impl TurnStream {
    /// Reads ahead on `runtime`, for a language without Rust's futures.
    pub fn into_pump(self, runtime: &Handle) -> TurnPump {
        Pump::start(runtime, self)
    }
}

impl RelayStream {
    /// Reads ahead on `runtime`, for a language without Rust's futures.
    pub fn into_pump(self, runtime: &Handle) -> RelayPump {
        Pump::start(runtime, self)
    }
}

/// Fills a batch from a stream's own polling: all that is ready, up to 256 items or about 1 MiB.
pub(super) fn fill<I, E>(
    cx: &mut Context<'_>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<Option<Result<I, E>>>,
    weight: impl Fn(&I) -> usize,
) -> Poll<Option<(Vec<I>, Option<E>)>> {
    let mut items = Vec::new();
    let mut bytes = 0;
    while items.len() < 256 && bytes < 1024 * 1024 {
        match poll(cx) {
            Poll::Ready(Some(Ok(item))) => {
                bytes += weight(&item);
                items.push(item);
            }
            Poll::Ready(Some(Err(error))) => return Poll::Ready(Some((items, Some(error)))),
            Poll::Ready(None) | Poll::Pending if !items.is_empty() => break,
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Pending => return Poll::Pending,
        }
    }
    Poll::Ready(Some((items, None)))
}

impl PumpSource for TurnStream {
    type Batch = Batch;

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<Batch>> {
        let weight = |event: &crate::Event| event.raw().map_or(256, str::len);
        let filled = fill(cx, |cx| self.poll_event(cx), weight);
        // It broke after these: the next batch tells it.
        let later = matches!(&filled, Poll::Ready(Some((events, _))) if !events.is_empty()) && self.is_resuming();
        let states = self.watched.as_mut().filter(|_| !later).map(std::mem::take).unwrap_or_default();
        // What becomes of the connection is told at once, also where no event comes.
        match filled {
            Poll::Pending if !states.is_empty() => Poll::Ready(Some(Batch { states, ..Batch::default() })),
            filled => filled.map(|batch| batch.map(|(events, error)| Batch { states, events, error })),
        }
    }

    fn failed(error: Error) -> Batch {
        Batch { error: Some(error), ..Batch::default() }
    }

    fn close(&mut self) {
        TurnStream::close(self);
    }
}

impl PumpSource for RelayStream {
    type Batch = RelayBatch;

    fn poll_batch(&mut self, cx: &mut Context<'_>) -> Poll<Option<RelayBatch>> {
        let weight = super::relay::weight;
        fill(cx, |cx| self.poll_item(cx), weight).map(|batch| batch.map(|(items, error)| RelayBatch { items, error }))
    }

    fn failed(error: Error) -> RelayBatch {
        RelayBatch { error: Some(error), ..RelayBatch::default() }
    }

    fn close(&mut self) {
        RelayStream::close(self);
    }
}

impl<S: PumpSource> Drop for Pump<S> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<S: PumpSource> fmt::Debug for Pump<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump").finish_non_exhaustive()
    }
}
