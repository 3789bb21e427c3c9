//! Ids in `OpenCode`'s form: a prefix, 12 hex digits of time, 14 of base 62.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The last moment given out, in 1/4096 ms, so that ids sort in the order they were made, also within one millisecond.
static LAST: AtomicU64 = AtomicU64::new(0);

/// As much of a moment as stands in an id.
const BITS: u64 = 0xffff_ffff_ffff;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// An id that sorts after all made before it: `evt msg prt que`.
pub(crate) fn ascending(prefix: &str) -> String {
    form(prefix, moment())
}

/// An id that sorts before all made before it: `ses`.
pub(crate) fn descending(prefix: &str) -> String {
    form(prefix, !moment())
}

/// 40 hex digits, as the ids of git's objects.
pub(crate) fn hash() -> String {
    use std::fmt::Write as _;
    random::<20>().iter().fold(String::with_capacity(40), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn moment() -> u64 {
    let now = now_ms().wrapping_mul(0x1000).wrapping_add(1);
    let next = |last: u64| Some(now.max(last + 1));
    // Never fails, as `next` always gives a value.
    let (Ok(last) | Err(last)) = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
    now.max(last + 1)
}

/// What is made from now on sorts after `id`, whatever the clock says: an answer comes after its prompt.
pub(crate) fn follow(id: &str) {
    let bits =
        id.split_once('_').and_then(|(_, rest)| rest.get(..12)).and_then(|hex| u64::from_str_radix(hex, 16).ok());
    if let Some(bits) = bits {
        let rest_of_time = now_ms().wrapping_mul(0x1000) & !BITS;
        LAST.fetch_max(rest_of_time | bits, Ordering::Relaxed);
    }
}

fn form(prefix: &str, moment: u64) -> String {
    let digit = |byte: u8| char::from(DIGITS[usize::from(byte) % DIGITS.len()]);
    let tail: String = random::<14>().into_iter().map(digit).collect();
    format!("{prefix}_{:012x}{tail}", moment & BITS)
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without a random source ids are still unique in this process, by their moment.
    let _ = getrandom::fill(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::{ascending, descending, follow};

    #[test]
    fn an_answer_sorts_after_a_prompt_that_came_from_a_later_time() {
        let prompt = ascending("msg");
        let ahead = u64::from_str_radix(&prompt[4..16], 16).unwrap_or_default() + ((5 * 3600 * 1000) << 12);
        let prompt = format!("msg_{ahead:012x}zzzzzzzzzzzzzz");
        follow(&prompt);
        assert!(ascending("msg") > prompt);
        follow("msg");
        follow("");
    }

    #[test]
    fn ids_have_the_form_and_the_order() {
        let messages: Vec<_> = (0..10_000).map(|_| ascending("msg")).collect();
        assert!(messages.windows(2).all(|pair| pair[0] < pair[1]));
        let sessions: Vec<_> = (0..100).map(|_| descending("ses")).collect();
        assert!(sessions.windows(2).all(|pair| pair[0] > pair[1]));
        assert!(messages.iter().all(|id| id.len() == 4 + 26 && id[4..16].bytes().all(|b| b.is_ascii_hexdigit())));
    }
}
