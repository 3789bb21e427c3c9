//! A chat service that misbehaves on demand, so that the tests of every language drive the very same faults.
//!
//! It speaks the contract over raw sockets, as our server does or as another service would, plays turns that are told
//! in advance, and does to chosen answers what a [`Scenario`] says: cuts them at a byte, stalls, repeats, lies. It counts
//! what reached it; `GET /_testkit` tells the counts to the other languages.

mod chaos;
pub mod conformance;
mod fault;
mod routes;
mod scenario;
mod service;
mod shared;
mod socks;
mod streams;
mod tls;
mod turns;
mod wire;

pub use fault::{Fault, Insert};
pub use scenario::{Call, Expect, Official, Scenario, scenarios};
pub use service::Testkit;
pub use shared::Counts;
