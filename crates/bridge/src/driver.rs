//! Drives the connections: on the waiting thread, or else on a background thread.
//!
//! All of a process's connections live on one single-threaded runtime, which needs some thread to drive it. A language
//! whose thread blocks on a stream drives it itself ([`Driver::block_on`]): the thread that reads the socket is the one
//! that gets the event, and nobody else is woken for it. Where nobody blocks, or work is in the [background](Driver::spawn),
//! the keeper drives: one thread of ours, parked in the kernel while nothing happens.
//!
//! The runtime has one seat. Whoever comes to block asks the keeper to leave it, which costs two switches of threads. The
//! keeper comes back once nobody has driven for [`GRACE`], or at once where it is [called](Driver::call), so that
//! connections are closed, pings answered and bodies read on while the caller is busy with an event.
//!
//! With many streams in the background, polls of the sockets [are spaced](Pace).

use crate::pace::Pace;
use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use turnwire::http::no_file_left;
use turnwire::{Error, Result};

/// How long nobody drives before the keeper does. A reader that takes longer over its events pays two switches of threads
/// for the next one, so it is longer than an event usually takes, and short beside every clock of a connection.
const GRACE: Duration = Duration::from_millis(20);

/// Drives the runtime of a process.
#[derive(Debug)]
pub struct Driver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    runtime: Runtime,
    /// Asks the keeper to leave the seat.
    wanted: Notify,
    /// Whether the keeper drives, or is about to.
    keeping: AtomicBool,
    /// Threads that block now.
    blocked: AtomicUsize,
    /// How often a thread has begun to block.
    begun: AtomicU64,
    /// Counts the tasks that nothing blocks on.
    pace: Arc<Pace>,
    /// Whether the keeper was called back.
    called: Mutex<bool>,
    calls: Condvar,
}

impl Driver {
    /// A runtime and its keeper, which is never stopped.
    ///
    /// # Errors
    /// The system gives no thread, or nothing to wait for sockets with. The next attempt may be luckier.
    pub fn start() -> Result<Self> {
        Self::begin().map_err(|error| {
            let told = no_file_left(&error);
            told.unwrap_or_else(|| Error::new("connection_failed", "The system gives no thread to drive connections."))
                .with_source(error)
        })
    }

    fn begin() -> io::Result<Self> {
        let pace = Arc::<Pace>::default();
        let paced = pace.clone();
        let mut runtime = Builder::new_current_thread();
        runtime.thread_name("turnwire-blocking").enable_all().on_thread_park(move || paced.hold());
        let shared = Arc::new(Shared {
            runtime: runtime.build()?,
            wanted: Notify::new(),
            keeping: AtomicBool::new(true),
            blocked: AtomicUsize::new(0),
            begun: AtomicU64::new(0),
            pace,
            called: Mutex::new(false),
            calls: Condvar::new(),
        });
        let kept = shared.clone();
        std::thread::Builder::new().name("turnwire".into()).spawn(move || kept.keep())?;
        Ok(Self { shared })
    }

    /// Waits for a future with this thread blocked, which moves all connections meanwhile.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let shared = &*self.shared;
        let _blocked = Blocked::new(&shared.blocked);
        shared.begun.fetch_add(1, Ordering::Relaxed);
        // With tasks in the background the keeper stays: they must not wait until this thread blocks again.
        if shared.keeping.load(Ordering::SeqCst) && !shared.pace.is_background() {
            shared.wanted.notify_one();
        }
        shared.runtime.block_on(future)
    }

    /// Waits, as [`Driver::block_on`] does, up to `wait` for a task, which is given up then. A task and the connection
    /// that it reads run in turn; the future of `block_on` itself is polled only after a look at the sockets.
    pub fn run<F>(&self, wait: Duration, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let mut task = self.shared.runtime.spawn(future);
        let ended = self.block_on(async { tokio::time::timeout(wait, &mut task).await });
        match ended {
            Err(_) => task.abort(),
            Ok(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Ok(_) => {}
        }
    }

    /// Runs a future in the background.
    pub fn spawn<F>(&self, future: F) -> AbortHandle
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.shared.pace.begin();
        let counted = Counted(self.shared.pace.clone());
        let task = self.shared.runtime.spawn(async move {
            future.await;
            drop(counted);
        });
        self.call();
        task.abort_handle()
    }

    /// Makes the keeper drive now, for work that nothing blocks on, such as closing a socket.
    pub fn call(&self) {
        if !self.shared.keeping.load(Ordering::SeqCst) {
            *self.shared.called.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.shared.calls.notify_one();
        }
    }

    /// Enters the runtime on this thread, for code that needs it.
    pub fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.shared.runtime.enter()
    }
}

/// One thread that blocks, also where its future panics.
struct Blocked<'a>(&'a AtomicUsize);

impl<'a> Blocked<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One task in the background.
struct Counted(Arc<Pace>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Shared {
    fn keep(&self) {
        loop {
            self.runtime.block_on(self.wanted.notified());
            self.keeping.store(false, Ordering::SeqCst);
            self.stand_by();
            self.keeping.store(true, Ordering::SeqCst);
        }
    }

    /// Until the seat is free.
    fn stand_by(&self) {
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        let mut begun = self.begun.load(Ordering::Relaxed);
        loop {
            if std::mem::take(&mut *called) || self.pace.is_background() {
                return;
            }
            called = self.calls.wait_timeout(called, GRACE).unwrap_or_else(PoisonError::into_inner).0;
            let now = self.begun.load(Ordering::Relaxed);
            if now == begun && self.blocked.load(Ordering::Relaxed) == 0 {
                return;
            }
            begun = now;
        }
    }
}
