//! The normalizer, proven on recordings of `OpenCode` 1.0 to 1.18.

#![allow(clippy::unwrap_used, clippy::expect_used)]
// `json!` makes values, and a reference before each says nothing.
#![allow(clippy::needless_pass_by_value)]

mod bodies;
mod cases;
mod docs;
mod expected;
mod fuzz;
mod generated;
mod invariants;
mod judged;
mod log;
mod oracle;
mod own;
mod parts;
mod rules;
mod scenarios;
