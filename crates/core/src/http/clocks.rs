//! The clocks of one call.

use super::Timeout;
use crate::error::{Error, ErrorKind, Result};
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// Connecting.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
const ANSWER: Duration = Duration::from_secs(60);

/// The clocks of one call, with the defaults filled in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clocks {
    pub(crate) connect: Option<Duration>,
    pub(crate) answer: Option<Duration>,
    /// `None`: adaptive.
    pub(crate) idle: Option<Duration>,
    /// The moment the whole call has to be done.
    pub(crate) deadline: Option<Instant>,
}

impl Clocks {
    pub(crate) fn of(timeout: Option<Timeout>) -> Self {
        let timeout = timeout.unwrap_or_default();
        let clock = |given: Option<Duration>, default| Some(given.unwrap_or(default)).filter(|clock| !clock.is_zero());
        Self {
            connect: clock(timeout.connect, CONNECT),
            answer: clock(timeout.answer, ANSWER),
            idle: timeout.idle,
            deadline: timeout
                .total
                .filter(|total| !total.is_zero())
                .and_then(|total| Instant::now().checked_add(total)),
        }
    }
}

/// Runs under the total clock.
pub(super) async fn until<T>(deadline: Option<Instant>, work: impl Future<Output = Result<T>>) -> Result<T> {
    match deadline {
        None => work.await,
        Some(deadline) => timeout_at(deadline, work).await.unwrap_or_else(|_| Err(total_timeout())),
    }
}

pub(crate) fn total_timeout() -> Error {
    debug_assert_eq!(Error::new("total_timeout", "").kind(), ErrorKind::Timeout);
    Error::new("total_timeout", "The call took longer than its total time limit.")
}
