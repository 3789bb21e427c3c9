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
    let floor = time_of(last).map_or(0, |time| time + 1);
    format!("msg_{:012x}{}", time_bits().max(floor), random_text::<14>())
}

/// Whether a message's id is of a time that has not come yet: the clock went back since.
pub(crate) fn is_ahead(message_id: &str) -> bool {
    // A clock that is put right goes back by less than a minute.
    let soon = now_ms().saturating_add(60_000).wrapping_mul(0x1000) & 0xffff_ffff_ffff;
    // Ids hold so much of the time as fits; what is more than half of that ahead is of before they began again.
    time_of(message_id).is_some_and(|time| (1..1 << 47).contains(&(time.wrapping_sub(soon) & 0xffff_ffff_ffff)))
}

fn time_of(message_id: &str) -> Option<u64> {
    u64::from_str_radix(message_id.strip_prefix("msg_")?.get(..12)?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::{is_ahead, message_id};

    #[test]
    fn an_id_of_a_later_time_is_told_from_one_of_now() {
        assert!(!is_ahead(&message_id("")));
        let bits = super::time_bits() + (3_600_000 << 12);
        assert!(is_ahead(&format!("msg_{bits:012x}zzzzzzzzzzzzzz")));
        assert!(!is_ahead("message"));
    }

    #[test]
    fn a_message_id_sorts_after_the_last_one_even_if_the_clock_went_back() {
        let ahead = "msg_fffffffff000zzzzzzzzzzzzzz";
        let next = message_id(ahead);
        assert!(next.as_str() > ahead, "{next} must sort after {ahead}");
        assert_eq!(next.len(), "msg_".len() + 12 + 14);
        assert!(message_id(&next) > next);
    }
}
