//! Decisions, pure: what happened and a random number in, what to do out. No clock, no socket.

pub mod attendance;
pub(crate) mod backoff;
#[cfg(feature = "client")]
pub(crate) mod resume;
pub mod retry;
