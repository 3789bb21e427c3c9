//! What a stream does about its connection, for those who want to show it.

use std::sync::Arc;
use std::time::Duration;

/// A change of a stream's connection. None of them is an item of the stream: its events come as if nothing had been.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamState {
    /// The connection broke and is about to be taken up.
    Resuming {
        /// How many attempts in a row this makes, from 1.
        attempt: u32,
        /// The wait before it.
        wait: Duration,
        /// The code of what broke it; `end` where the stream just ended.
        cause: String,
    },
    /// Events come again.
    Resumed,
}

pub(crate) type OnState = Arc<dyn Fn(&StreamState) + Send + Sync>;
