//! How often the sockets are polled.
//!
//! Waking a thread for a single event costs several times what reading the event costs, and with hundreds of open streams
//! there is always a single event somewhere. Polls are then spaced, so that one poll finds the events of several streams,
//! and one wake-up hands them all to the event loop that reads them. A poll after a pause is never delayed, and neither is
//! one with few streams.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// With so many tasks in the background, polls are spaced.
const MANY: usize = 32;
/// The least time between two polls. Nobody notices it in a text that appears word by word, and below a thousand events a
/// second it would save little: hardly two of them arrive within it.
const DISTANCE: Duration = Duration::from_millis(1);

/// Counts the tasks in the background, and spaces the polls.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    background: AtomicUsize,
    last: Mutex<Option<Instant>>,
}

impl Pace {
    /// A task in the background has started.
    pub(crate) fn begin(&self) {
        self.background.fetch_add(1, Ordering::SeqCst);
    }

    /// A task in the background has ended.
    pub(crate) fn end(&self) {
        self.background.fetch_sub(1, Ordering::SeqCst);
    }

    /// Whether tasks run in the background.
    pub(crate) fn is_background(&self) -> bool {
        self.background.load(Ordering::SeqCst) > 0
    }

    /// Holds the thread that is about to poll until it may.
    pub(crate) fn hold(&self) {
        std::thread::sleep(self.wait(Instant::now));
    }

    /// How long a poll that is due now is delayed. The time of that poll is remembered; with few tasks, the clock is not read.
    fn wait(&self, now: impl FnOnce() -> Instant) -> Duration {
        if self.background.load(Ordering::Relaxed) < MANY {
            return Duration::ZERO;
        }
        let now = now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = last.map_or(Duration::ZERO, |last| DISTANCE.saturating_sub(now.saturating_duration_since(last)));
        *last = Some(now + wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::{MANY, Pace};
    use std::time::{Duration, Instant};

    fn with(tasks: usize) -> Pace {
        let pace = Pace::default();
        (0..tasks).for_each(|_| pace.begin());
        pace
    }

    #[test]
    fn polls_of_many_streams_are_spaced() {
        let (pace, start) = (with(MANY), Instant::now());
        let after = |micros: u64| move || start + Duration::from_micros(micros);
        assert_eq!(pace.wait(after(0)), Duration::ZERO, "the first is at once");
        assert_eq!(pace.wait(after(200)), Duration::from_micros(800));
        // That poll was at 1,000.
        assert_eq!(pace.wait(after(1_300)), Duration::from_micros(700));
        assert_eq!(pace.wait(after(9_000)), Duration::ZERO, "nothing came for a while");
    }

    #[test]
    fn few_streams_are_polled_at_once() {
        let (pace, start) = (with(MANY), Instant::now());
        pace.end();
        assert_eq!((pace.wait(|| start), pace.wait(|| start)), (Duration::ZERO, Duration::ZERO));
    }
}
