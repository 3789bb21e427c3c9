//! Whether a broken stream is opened again, and when: PROTOCOL RESUME-3, RESUME-4.

use super::backoff;
use std::time::Duration;

/// In a row, without one new event between them.
const MAX_IN_A_ROW: u32 = 10;
/// Since the last new event.
const BUDGET: Duration = Duration::from_secs(300);
/// Under a server's `retry:`, however small.
const FLOOR: Duration = Duration::from_millis(100);
/// A server's `retry:` is not kept beyond this.
const CEILING: Duration = Duration::from_secs(30);

/// The resumes of one stream. Pure: the time that passed and the random number come from outside.
#[derive(Clone, Debug)]
pub(crate) struct Resumes {
    most: u32,
    /// Whether each but the first waits.
    paced: bool,
    in_a_row: u32,
    total: u64,
    server_retry: Option<Duration>,
}

impl Resumes {
    /// No attempt so far, of a stream that nothing else would reopen.
    pub(crate) fn new() -> Self {
        Self { most: MAX_IN_A_ROW, paced: true, in_a_row: 0, total: 0, server_retry: None }
    }

    /// None so far, at most so many in a row, each at once: where sending has retries and waits of its own.
    pub(crate) fn at_once(most: u32) -> Self {
        Self { most, paced: false, ..Self::new() }
    }

    /// None, and none are allowed.
    pub(crate) fn none() -> Self {
        Self::at_once(0)
    }

    /// A new event came: the next break starts afresh.
    pub(crate) fn progress(&mut self) {
        self.in_a_row = 0;
    }

    /// The server's `retry:`.
    pub(crate) fn set_server_retry(&mut self, wait: Option<Duration>) {
        self.server_retry = wait;
    }

    /// How long to wait before the next resume; `None`: give up. `since_progress` is the time since the last new event
    /// (or since the stream was opened), `random` is in 0..1.
    pub(crate) fn next(&mut self, since_progress: Duration, random: f64) -> Option<Duration> {
        let late = self.paced && self.in_a_row > 0;
        if self.in_a_row >= self.most || (late && since_progress >= BUDGET) {
            return None;
        }
        let wait = if late {
            // A server's wish is a lower bound, itself bounded on both sides.
            let floor = self.server_retry.map_or(Duration::ZERO, |wish| wish.clamp(FLOOR, CEILING));
            backoff::resume(self.in_a_row, random).max(floor)
        } else {
            Duration::ZERO
        };
        self.in_a_row += 1;
        self.total += 1;
        Some(wait)
    }

    /// How many resumes were made since the last new event.
    pub(crate) fn in_a_row(&self) -> u32 {
        self.in_a_row
    }

    /// How many resumes were made in all.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }
}

impl Default for Resumes {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// PROTOCOL RESUME-3, RESUME-4.
    #[test]
    fn where_sending_waits_itself_a_resume_does_not() {
        let mut resumes = Resumes::at_once(2);
        for _ in 0..2 {
            assert_eq!(resumes.next(Duration::from_secs(900), 1.0), Some(Duration::ZERO));
        }
        assert_eq!(resumes.next(Duration::ZERO, 1.0), None);
        resumes.progress();
        assert_eq!(resumes.next(Duration::ZERO, 1.0), Some(Duration::ZERO));
        assert_eq!(Resumes::none().next(Duration::ZERO, 0.0), None);
    }

    #[test]
    fn gives_up_after_ten_in_a_row_and_starts_afresh_at_a_new_event() {
        let mut resumes = Resumes::new();
        assert_eq!(resumes.next(Duration::ZERO, 1.0), Some(Duration::ZERO));
        for _ in 1..10 {
            assert!(resumes.next(Duration::from_secs(1), 1.0).is_some());
        }
        assert_eq!(resumes.next(Duration::from_secs(1), 1.0), None);
        resumes.progress();
        assert_eq!(resumes.next(Duration::ZERO, 1.0), Some(Duration::ZERO));
        assert_eq!(resumes.total(), 11);
    }

    /// PROTOCOL RESUME-4.
    #[test]
    fn gives_up_after_five_minutes_without_an_event_but_not_before_one_try() {
        let mut resumes = Resumes::new();
        assert!(resumes.next(Duration::from_secs(900), 0.0).is_some(), "a long silence is no failed resume");
        assert!(resumes.next(Duration::from_secs(300), 0.0).is_none());
    }

    /// PROTOCOL RESUME-3.
    #[test]
    fn a_servers_wish_is_a_lower_bound_with_a_floor() {
        let mut resumes = Resumes::new();
        resumes.set_server_retry(Some(Duration::ZERO));
        assert_eq!(resumes.next(Duration::ZERO, 0.0), Some(Duration::ZERO));
        assert_eq!(resumes.next(Duration::ZERO, 0.0), Some(FLOOR));
        resumes.set_server_retry(Some(Duration::from_secs(3)));
        assert_eq!(resumes.next(Duration::ZERO, 0.0), Some(Duration::from_secs(3)));
    }
}
