//! The state of an open connection: whether a valid key was sent on it, and when it was last active.
//!
//! Nobody may hold one of the server's connections for nothing. A stranger, on whose connection no key was shown yet, has
//! it for a bounded time, whatever is said on it, and makes room where all are taken. Who has shown a key keeps it as long
//! as something goes on.

use crate::config::Limits;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A connection without a key is closed after this multiple of the header timeout.
const STRANGERS_TIMES: u32 = 6;

/// The connections on which no key was shown yet, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    next: AtomicU64,
    open: Mutex<BTreeMap<u64, CancellationToken>>,
}

impl Strangers {
    fn open(&self) -> MutexGuard<'_, BTreeMap<u64, CancellationToken>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the oldest connection without a key. `false` if there is none.
    pub(super) fn make_room(&self) -> bool {
        let oldest = self.open().pop_first();
        oldest.is_some_and(|(_, cut)| {
            cut.cancel();
            true
        })
    }
}

/// The state of an open connection.
#[derive(Debug)]
pub(crate) struct Line {
    /// The address of the peer.
    pub(crate) peer: IpAddr,
    began: Instant,
    /// When something last went on, in milliseconds after it began.
    went_on: AtomicU64,
    /// The number of requests that wait for the head of their answer.
    waiting: AtomicUsize,
    known: AtomicBool,
    strangers: Arc<Strangers>,
    number: u64,
    /// Cut it at once.
    pub(super) cut: CancellationToken,
}

impl Line {
    pub(crate) fn new(peer: IpAddr, strangers: &Arc<Strangers>, cut: CancellationToken) -> Arc<Self> {
        let number = strangers.next.fetch_add(1, Ordering::Relaxed);
        strangers.open().insert(number, cut.clone());
        Arc::new(Self {
            peer: peer.to_canonical(),
            began: Instant::now(),
            went_on: AtomicU64::new(0),
            waiting: AtomicUsize::new(0),
            known: AtomicBool::new(false),
            strangers: strangers.clone(),
            number,
            cut,
        })
    }

    /// A good key, or a good token, was shown here.
    pub(crate) fn is_known(&self) {
        if !self.known.swap(true, Ordering::Relaxed) {
            self.go_on();
            self.strangers.open().remove(&self.number);
        }
    }

    /// Records activity: the client has read a piece of an answer.
    pub(super) fn go_on(&self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.went_on.store(now, Ordering::Relaxed);
    }

    /// A request that waits for the head of its answer, until the value is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> Waiting {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        Waiting(self.clone())
    }

    /// Done when the connection has been held for long enough.
    pub(super) async fn over(&self, limits: &Limits) {
        loop {
            let stays = if !self.known.load(Ordering::Relaxed) {
                self.began + limits.header_time * STRANGERS_TIMES
            } else if self.waiting.load(Ordering::Relaxed) > 0 {
                Instant::now() + limits.quiet_time
            } else {
                self.began + Duration::from_millis(self.went_on.load(Ordering::Relaxed)) + limits.quiet_time
            };
            if stays <= Instant::now() {
                return;
            }
            tokio::time::sleep_until(stays).await;
        }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.strangers.open().remove(&self.number);
    }
}

/// A request that waits for the head of its answer.
#[derive(Debug)]
pub(super) struct Waiting(Arc<Line>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.go_on();
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}
