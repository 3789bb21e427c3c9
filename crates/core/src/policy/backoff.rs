//! How long to wait before trying again.

use std::time::Duration;

/// Before sending a request again: min(0.5 · 2ⁿ, 8) s less up to a quarter. `retry` counts from 0, `random` is in 0..1.
pub(crate) fn retry(retry: u32, random: f64) -> Duration {
    Duration::from_secs_f64((0.5 * doubled(retry)).min(8.0) * (1.0 - 0.25 * random.clamp(0.0, 1.0)))
}

/// Before the resume number `resume` (from 0) in a row without a new event: the first at once, then anything up to
/// min(0.25 · 2ⁿ, 8) s.
#[cfg(any(feature = "client", test))]
pub(crate) fn resume(resume: u32, random: f64) -> Duration {
    if resume == 0 {
        return Duration::ZERO;
    }
    Duration::from_secs_f64((0.25 * doubled(resume)).min(8.0) * random.clamp(0.0, 1.0))
}

fn doubled(times: u32) -> f64 {
    2_f64.powi(times.min(16).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::{resume, retry};
    use std::time::Duration;

    /// PROTOCOL RETRY-5.
    #[test]
    fn a_retry_waits_twice_as_long_each_time_up_to_eight_seconds() {
        let waits: Vec<u128> = (0..7).map(|n| retry(n, 0.0).as_millis()).collect();
        assert_eq!(waits, [500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(retry(0, 1.0), Duration::from_millis(375));
        assert_eq!(retry(u32::MAX, 0.0), Duration::from_secs(8));
    }

    /// PROTOCOL RESUME-3.
    #[test]
    fn the_first_resume_is_at_once_and_the_others_spread_over_the_whole_wait() {
        assert_eq!(resume(0, 1.0), Duration::ZERO);
        assert_eq!(resume(1, 0.0), Duration::ZERO);
        assert_eq!(resume(1, 1.0), Duration::from_millis(500));
        assert_eq!(resume(40, 1.0), Duration::from_secs(8));
    }
}
