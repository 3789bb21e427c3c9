//! Wrong keys, counted by the address they come from: whoever tries one after the other is made to wait.

use crate::error::{ApiError, ApiResult};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many wrong keys are answered at once, and after them one in each `PAUSE`.
const AT_ONCE: f64 = 20.0;
const PAUSE: Duration = Duration::from_secs(3);
/// So many addresses are remembered.
const REMEMBERED: usize = 10_000;

/// How many wrong keys each address may still try, and as of when.
#[derive(Debug, Default)]
pub(super) struct Guesses(Mutex<HashMap<IpAddr, (f64, Instant)>>);

impl Guesses {
    /// Whether the address has none left. A key that somebody could guess is then as good as a wrong one.
    pub(super) fn spent(&self, peer: IpAddr) -> bool {
        let guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        guesses.get(&network(peer)).is_some_and(|&guess| left(guess, Instant::now()) < 1.0)
    }

    /// A wrong key came: takes one guess from the address, or refuses where none is left.
    pub(super) fn wrong(&self, peer: IpAddr) -> ApiResult<()> {
        let (peer, now) = (network(peer), Instant::now());
        let mut guesses = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if guesses.len() >= REMEMBERED && !guesses.contains_key(&peer) {
            guesses.retain(|_, guess| left(*guess, now) < AT_ONCE);
            if guesses.len() >= REMEMBERED {
                // As many networks as that are one attack: all of it waits together.
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

/// Whoever has one address of IPv6 has 2^64 of them.
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
