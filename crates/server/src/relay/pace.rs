//! When the readers of a chat are called. A few are called for every event; many for several together, as each call costs a
//! write for each of them.

use crate::config::Delivery;
use std::time::{Duration, Instant};

/// So many readers are called for every event.
const FEW: usize = 8;
/// What each reader takes of the time between two calls: a hundred are called some 65 times a second.
const A_READER: Duration = Duration::from_micros(140);
/// No event waits longer, give or take what a clock of milliseconds does: half of them are to come within 10 ms.
const LONGEST: Duration = Duration::from_millis(14);
/// With so many bytes to tell, what a call costs is little beside them.
const MUCH: usize = 32 * 1024;

/// When the readers of a chat are called.
#[derive(Debug)]
pub(super) struct Pace {
    /// No event waits longer.
    longest: Duration,
    /// When they were last called.
    called: Option<Instant>,
    /// What they were not called for yet, in bytes.
    waiting: usize,
    /// A call comes that will be for all there is then.
    coming: bool,
}

/// What is to be done for events that may be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// Call from here.
    Now,
    /// Call from the runtime, after this time.
    In(Duration),
    /// Nothing: a call comes.
    Coming,
}

impl Pace {
    /// Who asked for delivery as fast as can be gets it, however many they are.
    pub(super) fn new(delivery: Delivery) -> Self {
        let longest = match delivery {
            Delivery::Durable => LONGEST,
            Delivery::Fast => Duration::ZERO,
        };
        Self { longest, called: None, waiting: 0, coming: false }
    }

    /// `bytes` more may be told to so many readers.
    pub(super) fn call(&mut self, readers: usize, bytes: usize, now: Instant) -> Call {
        self.waiting += bytes;
        if readers <= FEW || self.waiting >= MUCH {
            return Call::Now;
        }
        if self.coming {
            return Call::Coming;
        }
        self.coming = true;
        let pace = (A_READER * u32::try_from(readers).unwrap_or(u32::MAX)).min(self.longest);
        let since = self.called.map_or(pace, |called| now.saturating_duration_since(called));
        // What comes after a pause waits for nothing, but is not called from here: many tasks are woken cheapest where they run.
        Call::In(pace.saturating_sub(since))
    }

    /// They were called for all there is.
    pub(super) fn called(&mut self, now: Instant) {
        (self.called, self.waiting, self.coming) = (Some(now), 0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, MUCH, Pace};
    use crate::config::Delivery;
    use std::time::{Duration, Instant};

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_few_readers_are_called_for_every_event() {
        let (mut pace, now) = (Pace::new(Delivery::Durable), Instant::now());
        for _ in 0..3 {
            assert_eq!(pace.call(1, 300, now), Call::Now);
            pace.called(now);
        }
    }

    #[test]
    fn many_are_called_at_once_after_a_pause_and_then_for_several_events_together() {
        let (mut pace, now) = (Pace::new(Delivery::Durable), Instant::now());
        assert_eq!(pace.call(100, 300, now), Call::In(Duration::ZERO));
        pace.called(now);
        assert_eq!(pace.call(100, 300, now + MS), Call::In(13 * MS));
        assert_eq!(pace.call(100, 300, now + 2 * MS), Call::Coming);
        pace.called(now + 14 * MS);
        assert_eq!(pace.call(5_000, 300, now + 15 * MS), Call::In(13 * MS), "no event waits longer");
        pace.called(now + 30 * MS);
        assert_eq!(pace.call(100, 300, now + 60 * MS), Call::In(Duration::ZERO));
    }

    #[test]
    fn much_is_told_at_once_however_many_there_are() {
        let (mut pace, now) = (Pace::new(Delivery::Durable), Instant::now());
        pace.called(now);
        assert_eq!(pace.call(100, MUCH - 1, now), Call::In(14 * MS));
        assert_eq!(pace.call(100, 1, now), Call::Now);
    }

    #[test]
    fn with_fast_delivery_nobody_waits() {
        let (mut pace, now) = (Pace::new(Delivery::Fast), Instant::now());
        pace.called(now);
        assert_eq!(pace.call(100, 300, now), Call::In(Duration::ZERO));
    }
}
