//! The same body that the tests run on seeded bytes; `fuzz/README.md` says how to run it.

#![no_main]

#[allow(dead_code)]
#[path = "../../crates/core/tests/normalize/bodies.rs"]
mod bodies;
#[allow(dead_code)]
#[path = "../../crates/core/tests/normalize/rules.rs"]
mod rules;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::damaged_bytes(data));
