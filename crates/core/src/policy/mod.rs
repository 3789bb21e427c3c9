//! Decisions, pure: what happened and a random number in, what to do out. No clock, no socket.

pub mod attendance;
pub mod backoff;
pub mod resume;
pub mod retry;
