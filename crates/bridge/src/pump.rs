//! A stream for another language: read in batches, by a thread that blocks or by polling.
//!
//! A thread that blocks pulls: it reads the socket itself and takes what came, with no other thread between. For a reader
//! that polls, a task in the background reads ahead: it drains the socket, adds to the one batch that waits, and wakes the
//! reader only where it has found nothing before. While the reader is busy, or its wake-up under way, the task is silent.

use crate::batch::{Batch, Item};
use crate::driver::Driver;
use crate::queue::{AHEAD, Queue};
use std::fmt;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, Notify};
use turnwire::http::HeaderMap;
use turnwire::policy::attendance::Policies;
use turnwire::stream::{RelayItem, RelayStream, StreamState, TurnStream};
use turnwire::{Event, Result};

/// The maximum number of items that become available to a reader at once.
const LOOK: usize = 256;

/// What a pump reads from.
pub trait Source: Send + 'static {
    /// What it brings.
    type Item: Item;

    /// The next item; `None`: the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Self::Item>>>;

    /// What became of the connection since the last look, where that is watched.
    fn states(&mut self) -> Vec<StreamState> {
        Vec::new()
    }

    /// Closes the socket at once.
    fn close(&mut self);
}

/// A turn, with the state of its requests.
pub struct TurnSource {
    pub(crate) stream: TurnStream,
    pub(crate) policies: Policies,
    states: Option<Arc<Mutex<Vec<StreamState>>>>,
}

/// The pump of a turn.
pub type TurnPump = Pump<TurnSource>;
/// The pump of a relay.
pub type RelayPump = Pump<RelayStream>;

impl Source for TurnSource {
    type Item = Event;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        futures_core::Stream::poll_next(std::pin::Pin::new(&mut self.stream), cx)
    }

    fn states(&mut self) -> Vec<StreamState> {
        self.states.as_ref().map(|states| std::mem::take(&mut *lock(states))).unwrap_or_default()
    }

    fn close(&mut self) {
        self.stream.close();
    }
}

impl Source for RelayStream {
    type Item = RelayItem;

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RelayItem>>> {
        futures_core::Stream::poll_next(std::pin::Pin::new(self), cx)
    }

    fn close(&mut self) {
        RelayStream::close(self);
    }
}

/// Reads a stream in batches. Dropping it closes the socket.
pub struct Pump<S: Source> {
    pub(crate) shared: Arc<Shared<S>>,
}

pub(crate) struct Shared<S: Source> {
    driver: &'static Driver,
    reading: Mutex<Reading<S>>,
    queue: Mutex<Queue<S::Item>>,
    /// Held by the reader of the source; the others wait for it, or for a change.
    pulling: AsyncMutex<()>,
    /// Told of everything that was read.
    changed: Notify,
    /// Told of everything that was taken.
    room: Notify,
    /// Whether the task that reads ahead runs.
    ahead: AtomicBool,
}

/// The source, and who waits for it. Held only while it is polled, never across a wait.
struct Reading<S: Source> {
    source: S,
    waker: Option<Waker>,
    /// What one look brings, whose room is used again.
    batch: Batch<S::Item>,
    /// Its weight in bytes.
    bytes: usize,
    closed: bool,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<S: Source> Shared<S> {
    pub(crate) fn queue(&self) -> MutexGuard<'_, Queue<S::Item>> {
        lock(&self.queue)
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut S) -> T) -> T {
        act(&mut lock(&self.reading).source)
    }

    /// Wakes the reader that has found nothing, and whoever waits in Rust.
    fn announce(&self, mut queue: MutexGuard<'_, Queue<S::Item>>) {
        let waker = queue.waiting();
        drop(queue);
        self.changed.notify_waiters();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Reads what is available. Ready if something was read, or the end was reached.
    fn poll_read(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut reading = lock(&self.reading);
        let Reading { source, waker, batch, bytes, closed } = &mut *reading;
        if *closed {
            *batch = Batch::default();
            return Poll::Ready(());
        }
        let before = batch.items.len();
        let mut read = false;
        let mut ended = false;
        while batch.items.len() < LOOK && *bytes < AHEAD {
            let polled = source.poll_next(cx);
            let states = source.states();
            if !states.is_empty() {
                // They came after what was read before, and before what was read now.
                self.queue().push(batch);
                batch.states = states;
                read = true;
            }
            match polled {
                Poll::Ready(Some(Ok(item))) => {
                    *bytes += item.weight();
                    batch.items.push(item);
                    continue;
                }
                Poll::Ready(Some(Err(error))) => (batch.error, ended) = (Some(error), true),
                Poll::Ready(None) => ended = true,
                Poll::Pending if !waker.as_ref().is_some_and(|known| known.will_wake(cx.waker())) => {
                    *waker = Some(cx.waker().clone());
                }
                Poll::Pending => {}
            }
            if !(read || ended) && batch.items.len() > before {
                // The connection's own task holds more, it may be hundreds, and hands over one piece at a time: it runs
                // before this one is polled again. Where that brings nothing, all that came is in the batch.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            break;
        }
        read |= !batch.items.is_empty() || ended;
        if !read {
            return Poll::Pending;
        }
        *bytes = 0;
        let mut queue = self.queue();
        if !batch.items.is_empty() || !batch.states.is_empty() || batch.error.is_some() {
            queue.push(batch);
        }
        queue.ended |= ended;
        *closed |= ended;
        drop(reading);
        self.announce(queue);
        Poll::Ready(())
    }

    /// Waits until something more was read, by this caller or by another one. `most`: with so many bytes in the queue it
    /// waits until some were taken.
    pub(crate) async fn read(&self, most: usize) {
        let changed = self.changed.notified();
        tokio::pin!(changed);
        loop {
            let room = self.room.notified();
            if !self.queue().is_full(most) {
                break;
            }
            room.await;
        }
        if let Ok(_pulling) = self.pulling.try_lock() {
            poll_fn(|cx| self.poll_read(cx)).await;
            return;
        }
        changed.as_mut().enable();
        if self.queue().ended {
            return;
        }
        tokio::select! {
            biased;
            () = changed => {}
            _pulling = self.pulling.lock() => poll_fn(|cx| self.poll_read(cx)).await,
        }
    }

    fn close(&self) {
        let waker = {
            let mut reading = lock(&self.reading);
            reading.source.close();
            reading.closed = true;
            reading.waker.take()
        };
        let mut queue = self.queue();
        queue.clear();
        queue.ended = true;
        self.announce(queue);
        self.room.notify_waiters();
        self.room.notify_one();
        if let Some(waker) = waker {
            waker.wake();
        }
        // The runtime closes the socket.
        self.driver.call();
    }
}

/// Ends the queue when the task that fills it has ended, for whatever reason.
struct End<S: Source>(Arc<Shared<S>>);

impl<S: Source> Drop for End<S> {
    fn drop(&mut self) {
        let mut queue = self.0.queue();
        queue.ended = true;
        self.0.announce(queue);
    }
}

impl<S: Source> Pump<S> {
    /// A pump over a source. Nothing is read before it is requested.
    pub fn new(driver: &'static Driver, source: S) -> Self {
        let reading = Reading { source, waker: None, batch: Batch::default(), bytes: 0, closed: false };
        Self {
            shared: Arc::new(Shared {
                driver,
                reading: Mutex::new(reading),
                queue: Mutex::new(Queue::new()),
                pulling: AsyncMutex::new(()),
                changed: Notify::new(),
                room: Notify::new(),
                ahead: AtomicBool::new(false),
            }),
        }
    }

    /// The next batch, if one is there; else `waker` is woken once when there is. The first call begins to read ahead.
    pub fn poll(&self, waker: &Waker) -> Poll<Option<Batch<S::Item>>> {
        let mut queue = self.shared.queue();
        if let Some(batch) = queue.pop() {
            drop(queue);
            self.shared.room.notify_one();
            return Poll::Ready(Some(batch));
        }
        if queue.ended {
            return Poll::Ready(None);
        }
        queue.wait(waker);
        drop(queue);
        if !self.shared.ahead.swap(true, Ordering::AcqRel) {
            let end = End(self.shared.clone());
            self.shared.driver.spawn(async move {
                while !end.0.queue().ended {
                    end.0.read(AHEAD).await;
                }
            });
        }
        Poll::Pending
    }

    /// The next batch, waited for.
    pub async fn next(&self) -> Option<Batch<S::Item>> {
        poll_fn(|cx| self.poll(cx.waker())).await
    }

    /// The next batch, waited for up to `wait` with the thread blocked, which reads the socket itself.
    pub fn next_blocking(&self, wait: Duration) -> Poll<Option<Batch<S::Item>>> {
        let taken = |queue: &mut Queue<S::Item>| match queue.pop() {
            Some(batch) => Poll::Ready(Some(batch)),
            None if queue.ended => Poll::Ready(None),
            None => Poll::Pending,
        };
        let polled = taken(&mut self.shared.queue());
        if polled.is_pending() {
            let shared = self.shared.clone();
            // Where the time is over, nothing was read.
            self.shared.driver.run(wait, async move { shared.read(AHEAD).await });
            return taken(&mut self.shared.queue());
        }
        self.shared.room.notify_one();
        polled
    }

    /// Puts back the items of the last batch that a reader has not used; the next batch begins with them.
    pub fn put_back(&self, rest: Batch<S::Item>) {
        self.shared.queue().put_back(rest);
    }

    /// Closes the socket at once; items that were read but not taken are dropped.
    pub fn close(&self) {
        self.shared.close();
    }
}

/// What is known of the answer that opened a stream.
macro_rules! opened {
    ($($source:ty: $($stream:ident)?),*) => {
        $(impl Pump<$source> {
            /// The HTTP status of the answer that opened the stream.
            pub fn status(&self) -> u16 {
                self.shared.with(|source| source$(.$stream)?.status())
            }

            /// The headers of the answer that opened the stream.
            pub fn headers(&self) -> HeaderMap {
                self.shared.with(|source| source$(.$stream)?.headers().clone())
            }

            /// The service's `x-request-id` of the answer that opened the stream.
            pub fn request_id(&self) -> Option<String> {
                self.shared.with(|source| source$(.$stream)?.request_id().map(str::to_owned))
            }
        })*
    };
}

opened!(TurnSource: stream, RelayStream:);

impl Pump<TurnSource> {
    /// A pump of a turn. `policies`: who answers what the agent asks. `watch`: whether batches tell what becomes of the
    /// connection.
    pub fn of_turn(driver: &'static Driver, mut stream: TurnStream, policies: Policies, watch: bool) -> Self {
        let states = watch.then(Arc::default);
        if let Some(states) = &states {
            let told: Arc<Mutex<Vec<StreamState>>> = Arc::clone(states);
            stream.set_on_state(move |state| lock(&told).push(state.clone()));
        }
        Self::new(driver, TurnSource { stream, policies, states })
    }
}

impl Pump<RelayStream> {
    /// The number of the event it began after.
    pub fn began_after(&self) -> Option<u64> {
        self.shared.with(|stream| stream.began_after())
    }
}

impl<S: Source> Drop for Pump<S> {
    fn drop(&mut self) {
        self.close();
    }
}

impl<S: Source> fmt::Debug for Pump<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pump").finish_non_exhaustive()
    }
}

impl fmt::Debug for TurnSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnSource").field("stream", &self.stream).finish_non_exhaustive()
    }
}
