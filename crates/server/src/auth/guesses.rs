//! Limits wrong keys per address, so that keys cannot be guessed.

use crate::error::{ApiError, ApiResult};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// This many wrong keys are answered immediately, and after them one per `PAUSE`.
const AT_ONCE: f64 = 20.0;
const PAUSE: Duration = Duration::from_secs(3);
/// The maximum number of remembered addresses.
const REMEMBERED: usize = 10_000;

/// How many wrong keys each address may still try, and as of when.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, (f64, Instant)>>);

impl Guesses {
    /// Whether the address has no attempt left. A guessable key is then treated like a wrong one.
    pub(super) fn spent(&self, peer: IpAddr) -> bool {
        let guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guesses.get(&network(peer)).is_some_and(|&guess| left(guess, Instant::now()) < 1.0)
    }

    /// Counts a wrong key, or refuses if the address has no attempt left.
    pub(super) fn wrong(&self, peer: IpAddr) -> ApiResult<()> {
        let (peer, now) = (network(peer), Instant::now());
        let mut guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guesses.len() >= REMEMBERED && !guesses.contains_key(&peer) {
            guesses.retain(|_, guess| left(*guess, now) < AT_ONCE);
            if guesses.len() >= REMEMBERED {
                // This many networks are a distributed attack, so all of them wait.
                return Err(ApiError::too_many_guesses(PAUSE));
            }
        }
        let had = guesses.get(&peer).map_or(AT_ONCE, |&guess| left(guess, now));
        if had < 1.0 {
            return Err(ApiError::too_many_guesses(PAUSE.mul_f64(1.0 - had)));
        }
        guesses.insert(peer, (had - 1.0, now));
        if had < 2.0 {
            tracing::warn!(%peer, "many wrong API keys come from this address; it is made to wait");
        }
        Ok(())
    }
}

fn left((left, since): (f64, Instant), now: Instant) -> f64 {
    (left + now.duration_since(since).as_secs_f64() / PAUSE.as_secs_f64()).min(AT_ONCE)
}

/// IPv6 addresses are counted by their /64 network, because a host controls all of it.
fn network(peer: IpAddr) -> IpAddr {
    match peer {
        IpAddr::V4(_) => peer,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{AT_ONCE, Guesses};
    use std::net::IpAddr;

    #[test]
    fn one_who_guesses_waits_and_others_do_not() {
        let guesses = Guesses::default();
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let tries = |text: &str| (0..30).filter(|_| guesses.wrong(address(text)).is_ok()).count();
        assert!((20..25).contains(&tries("192.0.2.1")), "{AT_ONCE} and what the time brings");
        assert!(guesses.spent(address("192.0.2.1")) && !guesses.spent(address("192.0.2.2")));
        assert!(tries("2001:db8::1") + tries("2001:db8::2") < 25, "one network of IPv6");
        assert!(!guesses.spent(address("2001:db8:0:1::1")));
    }
}
