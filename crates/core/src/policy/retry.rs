//! Whether a request is sent again: PROTOCOL RETRY-1, RETRY-2, RETRY-3, RETRY-4, RETRY-5.

use super::backoff;
use std::time::{Duration, SystemTime};

/// The outcome of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// No byte of the request can have arrived.
    NotSent,
    /// It may have arrived; no answer did, or not whole.
    Lost,
    /// The service answered with a status that is no success.
    Status {
        /// The status.
        status: u16,
        /// The wait that the service requests.
        retry_after: Option<Duration>,
        /// `x-should-retry`.
        should_retry: Option<bool>,
    },
    /// Nothing another sending could change.
    Final,
}

/// Where the request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Situation {
    /// Sending it twice does what sending it once does.
    pub repeatable: bool,
    /// The request has an idempotency key, and the service honours it.
    pub attaches: bool,
    /// How often it was sent again already.
    pub retries: u32,
    /// How often it may be.
    pub max_retries: u32,
}

/// The longest wait a service can ask for.
const LONGEST: Duration = Duration::from_secs(60);

/// The wait before the request is sent again; `None`: it is not. `random` is in 0..1.
pub fn next(outcome: &Outcome, situation: &Situation, random: f64) -> Option<Duration> {
    let safe = situation.repeatable || situation.attaches;
    let (again, asked) = match *outcome {
        Outcome::Final => (false, None),
        Outcome::NotSent => (true, None),
        Outcome::Lost => (safe, None),
        Outcome::Status { status, retry_after, should_retry } => {
            let accepted_nothing = match status {
                429 => true,
                503 => retry_after.is_some() || should_retry == Some(true),
                _ => false,
            };
            let usual = matches!(status, 408 | 429 | 500..);
            let again = match should_retry {
                Some(false) => false,
                Some(true) => situation.repeatable || accepted_nothing || (situation.attaches && usual),
                None => usual && (safe || accepted_nothing),
            };
            (again, retry_after)
        }
    };
    if !again || situation.retries >= situation.max_retries {
        return None;
    }
    Some(asked.map_or_else(|| backoff::retry(situation.retries, random), |time| time.min(LONGEST)))
}

/// How long a service asks to wait: `retry-after-ms`, then `Retry-After` in seconds or as a date. Both absent,
/// unreadable or negative: nothing.
pub fn retry_after<'a>(header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> Option<Duration> {
    let number = |name: &str| header(name).and_then(|text| text.trim().parse::<f64>().ok());
    let wait = |seconds: f64| Duration::try_from_secs_f64(seconds).ok();
    if let Some(found) = number("retry-after-ms").and_then(|ms| wait(ms / 1000.0)) {
        return Some(found);
    }
    if let Some(found) = number("retry-after").and_then(wait) {
        return Some(found);
    }
    let date = httpdate::parse_http_date(header("retry-after")?.trim()).ok()?;
    Some(date.duration_since(now).unwrap_or(Duration::ZERO))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::UNIX_EPOCH;

    const ONCE: Situation = Situation { repeatable: false, attaches: false, retries: 0, max_retries: 2 };
    const REPEATABLE: Situation = Situation { repeatable: true, ..ONCE };
    const ATTACHES: Situation = Situation { attaches: true, ..ONCE };

    fn status(status: u16) -> Outcome {
        Outcome::Status { status, retry_after: None, should_retry: None }
    }

    fn again(outcome: &Outcome, situation: &Situation) -> bool {
        next(outcome, situation, 0.5).is_some()
    }

    /// PROTOCOL RETRY-1, RETRY-2, RETRY-4.
    #[test]
    fn a_prompt_is_sent_again_only_where_nothing_can_have_been_accepted() {
        assert!(again(&Outcome::NotSent, &ONCE));
        assert!(again(&status(429), &ONCE));
        let pause = Some(Duration::from_secs(1));
        assert!(again(&Outcome::Status { status: 503, retry_after: pause, should_retry: None }, &ONCE));
        assert!(again(&Outcome::Status { status: 503, retry_after: None, should_retry: Some(true) }, &ONCE));
        for outcome in [Outcome::Lost, status(408), status(409), status(500), status(502), status(503), status(504)] {
            assert!(!again(&outcome, &ONCE), "{outcome:?}");
        }
        assert!(!again(&Outcome::Status { status: 500, retry_after: None, should_retry: Some(true) }, &ONCE));
    }

    /// PROTOCOL RETRY-2, RETRY-3.
    #[test]
    fn under_a_key_that_is_honoured_a_prompt_is_sent_again_like_a_get() {
        for outcome in [Outcome::Lost, status(408), status(429), status(500), status(503)] {
            assert!(again(&outcome, &ATTACHES) && again(&outcome, &REPEATABLE), "{outcome:?}");
        }
        for outcome in [status(400), status(404), status(409), status(410), status(422), Outcome::Final] {
            assert!(!again(&outcome, &ATTACHES) && !again(&outcome, &REPEATABLE), "{outcome:?}");
        }
    }

    /// PROTOCOL RETRY-4.
    #[test]
    fn the_services_word_decides_where_it_gives_one() {
        let answered = |status, word| Outcome::Status { status, retry_after: None, should_retry: Some(word) };
        assert!(!again(&answered(503, false), &REPEATABLE));
        assert!(again(&answered(400, true), &REPEATABLE));
        assert!(!again(&answered(429, false), &ONCE));
    }

    /// PROTOCOL RETRY-5.
    #[test]
    fn retries_end_and_a_services_wait_is_kept_up_to_a_minute() {
        assert!(!again(&Outcome::NotSent, &Situation { retries: 2, ..ONCE }));
        let asked = |seconds| Outcome::Status {
            status: 429,
            retry_after: Some(Duration::from_secs(seconds)),
            should_retry: None,
        };
        assert_eq!(next(&asked(7), &ONCE, 0.9).unwrap(), Duration::from_secs(7));
        assert_eq!(next(&asked(3600), &ONCE, 0.9).unwrap(), Duration::from_secs(60));
    }

    /// PROTOCOL RETRY-5.
    #[test]
    fn every_form_of_retry_after_is_read() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        let read = |headers: &[(&str, &'static str)]| {
            retry_after(|name| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value), now)
        };
        assert_eq!(read(&[("retry-after-ms", "1500"), ("retry-after", "9")]), Some(Duration::from_millis(1500)));
        assert_eq!(read(&[("retry-after", "2.5")]), Some(Duration::from_millis(2500)));
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:49:47 GMT")]), Some(Duration::from_secs(10)));
        assert_eq!(read(&[("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT")]), Some(Duration::ZERO));
        for nonsense in ["-1", "soon", "", "NaN", "inf", "1e300"] {
            assert_eq!(read(&[("retry-after", nonsense)]), None, "{nonsense}");
        }
    }
}
