//! The ids this server makes. Those of messages and events have `OpenCode`'s form, as they stand beside its own.

use std::time::{SystemTime, UNIX_EPOCH};

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// `n` random bytes. Falls back on nothing: a machine without randomness cannot run a server.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    #[expect(clippy::expect_used, reason = "without the system's randomness no key and no id is safe to make")]
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// `N` random letters and digits; their bias (256 mod 62) costs less than a tenth of a bit each.
pub(crate) fn random_text<const N: usize>() -> String {
    random::<N>().iter().map(|byte| char::from(BASE62[usize::from(*byte) % 62])).collect()
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// `chat_` and 24 random letters.
pub(crate) fn chat_id() -> String {
    format!("chat_{}", random_text::<24>())
}

/// `req_` and 20 random letters.
pub(crate) fn request_id() -> String {
    format!("req_{}", random_text::<20>())
}

/// The 48 bits of time that `OpenCode` puts in front of its ids: milliseconds times 4096, without the highest bits.
fn time_bits() -> u64 {
    now_ms().wrapping_mul(0x1000) & 0xffff_ffff_ffff
}

/// An event id: `evt_`, time, randomness.
pub(crate) fn event_id() -> String {
    format!("evt_{:012x}{}", time_bits(), random_text::<14>())
}

/// A message id that sorts after `last`, as `OpenCode`'s loop compares ids: a clock that went back must not put a prompt
/// before the answers it follows.
pub(crate) fn message_id(last: &str) -> String {
    let floor = last
        .strip_prefix("msg_")
        .and_then(|rest| rest.get(..12))
        .and_then(|hex| u64::from_str_radix(hex, 16).ok())
        .map_or(0, |bits| bits + 1);
    format!("msg_{:012x}{}", time_bits().max(floor), random_text::<14>())
}

#[cfg(test)]
mod tests {
    use super::message_id;

    #[test]
    fn a_message_id_sorts_after_the_last_one_even_if_the_clock_went_back() {
        let ahead = "msg_fffffffff000zzzzzzzzzzzzzz";
        let next = message_id(ahead);
        assert!(next.as_str() > ahead, "{next} must sort after {ahead}");
        assert_eq!(next.len(), "msg_".len() + 12 + 14);
        assert!(message_id(&next) > next);
    }
}
