//! The normalizer, proven on recordings of `OpenCode` 1.0 to 1.18.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod bodies;
mod cases;
mod expected;
mod fuzz;
mod generated;
mod invariants;
mod judged;
mod log;
mod oracle;
mod rules;
mod scenarios;
