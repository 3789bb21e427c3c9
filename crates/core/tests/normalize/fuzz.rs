//! The fuzzer's bodies on seeded bytes, the same each time.

use crate::bodies;

const CASES: u64 = 10_000;

fn seeded(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..random.usize(..700)).map(|_| random.u8(..)).collect()
}

#[test]
fn nothing_and_every_single_byte() {
    for bytes in std::iter::once(vec![]).chain((0..=u8::MAX).map(|byte| vec![byte])) {
        bodies::damaged_bytes(&bytes);
        bodies::any_events(&bytes);
    }
}

#[test]
fn ten_thousand_damaged_streams() {
    (0..CASES).for_each(|seed| bodies::damaged_bytes(&seeded(seed)));
}

#[test]
fn ten_thousand_logs_of_any_events() {
    (0..CASES).for_each(|seed| bodies::any_events(&seeded(seed)));
}
