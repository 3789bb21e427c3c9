//! The normalizer, proven on recordings of `OpenCode` 1.0 to 1.18.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cases;
mod expected;
mod invariants;
mod judged;
mod log;
mod oracle;
mod rules;
mod scenarios;
