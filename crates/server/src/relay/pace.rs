//! When the readers of a chat are woken. A few readers are woken for every event. Many are woken for several events together,
//! because each wake-up costs a write for each of them.

use crate::config::Delivery;
use std::time::{Duration, Instant};

/// Up to this many readers are woken for every event.
const FEW: usize = 8;
/// The interval between wake-ups per reader: a hundred readers are woken about 65 times a second.
const A_READER: Duration = Duration::from_micros(140);
/// The maximum delay of an event, apart from the resolution of a millisecond timer; the median should stay within 10 ms.
const LONGEST: Duration = Duration::from_millis(14);
/// With this many bytes, the cost of a wake-up is small in comparison.
const MUCH: usize = 32 * 1024;

/// Decides when the readers of a chat are woken.
#[derive(Debug)]
pub(super) struct Pace {
    /// The maximum delay of an event.
    longest: Duration,
    /// When they were last woken.
    last_wake: Option<Instant>,
    /// The bytes for which they were not woken yet.
    waiting: usize,
    /// A wake-up is scheduled, which will include all events by then.
    pending: bool,
}

/// How to wake the readers for new events.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wake {
    /// Wake them now, on this thread.
    Now,
    /// Wake them from a task, after this time.
    In(Duration),
    /// Do nothing, because a wake-up is scheduled.
    Pending,
}

impl Pace {
    /// With `Delivery::Fast` no event waits, whatever the number of readers.
    pub(super) fn new(delivery: Delivery) -> Self {
        let longest = match delivery {
            Delivery::Durable => LONGEST,
            Delivery::Fast => Duration::ZERO,
        };
        Self { longest, last_wake: None, waiting: 0, pending: false }
    }

    /// Decides the wake-up for `bytes` of new events and this many readers.
    pub(super) fn plan(&mut self, readers: usize, bytes: usize, now: Instant) -> Wake {
        self.waiting += bytes;
        if readers <= FEW || self.waiting >= MUCH {
            return Wake::Now;
        }
        if self.pending {
            return Wake::Pending;
        }
        self.pending = true;
        let pace = (A_READER * u32::try_from(readers).unwrap_or(u32::MAX)).min(self.longest);
        let since = self.last_wake.map_or(pace, |last| now.saturating_duration_since(last));
        // An event after a pause does not wait, but the wake-up runs in a task: many tasks are woken cheapest on their own threads.
        Wake::In(pace.saturating_sub(since))
    }

    /// The readers were woken for all events.
    pub(super) fn woken(&mut self, now: Instant) {
        (self.last_wake, self.waiting, self.pending) = (Some(now), 0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::{MUCH, Pace, Wake};
    use crate::config::Delivery;
    use std::time::{Duration, Instant};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_few_readers_are_called_for_every_event() {
        let (mut pace, now) = (Pace::new(Delivery::Durable), Instant::now());
        for _ in 0..3 {
            assert_eq!(pace.plan(1, 300, now), Wake::Now);
            pace.woken(now);
        }
    }

    #[test]
    fn many_are_called_at_once_after_a_pause_and_then_for_several_events_together() {
        let (mut pace, now) = (Pace::new(Delivery::Durable), Instant::now());
        assert_eq!(pace.plan(100, 300, now), Wake::In(Duration::ZERO));
        pace.woken(now);
        assert_eq!(pace.plan(100, 300, now + MS), Wake::In(13 * MS));
        assert_eq!(pace.plan(100, 300, now + 2 * MS), Wake::Pending);
        pace.woken(now + 14 * MS);
        assert_eq!(pace.plan(5_000, 300, now + 15 * MS), Wake::In(13 * MS), "no event waits longer");
        pace.woken(now + 30 * MS);
        assert_eq!(pace.plan(100, 300, now + 60 * MS), Wake::In(Duration::ZERO));
    }

    #[test]
    fn much_is_told_at_once_however_many_there_are() {
        let (mut pace, now) = (Pace::new(Delivery::Durable), Instant::now());
        pace.woken(now);
        assert_eq!(pace.plan(100, MUCH - 1, now), Wake::In(14 * MS));
        assert_eq!(pace.plan(100, 1, now), Wake::Now);
    }

    #[test]
    fn with_fast_delivery_nobody_waits() {
        let (mut pace, now) = (Pace::new(Delivery::Fast), Instant::now());
        pace.woken(now);
        assert_eq!(pace.plan(100, 300, now), Wake::In(Duration::ZERO));
    }
}
