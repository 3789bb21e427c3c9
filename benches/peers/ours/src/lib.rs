//! What a Rust client does in a bench: read turns, and say what that took. The clients of `../rust` use the same.

pub mod task;
pub mod usage;
