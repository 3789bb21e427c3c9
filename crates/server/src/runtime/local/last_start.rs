//! The outcome of the last start of `OpenCode`, for the health check.

use crate::runtime::{RuntimeError, RuntimeResult};
use std::sync::{Mutex, PoisonError};
use tokio::time::{Duration, Instant};

/// Where nothing starts it but a chat, a start that failed is told for so long. Then it is as good as one nobody tried: it may have
/// been mended, and who sends turns elsewhere meanwhile would never find out.
const TOLD: Duration = Duration::from_secs(60);

/// How starting `OpenCode` went the last time.
#[derive(Debug, Default)]
pub(super) struct LastStart {
    failed: Mutex<Option<(RuntimeError, Instant)>>,
    /// How long a failure is reported; `None`: until a start succeeds.
    told: Option<Duration>,
}

impl LastStart {
    /// For processes that only chats start.
    pub(super) fn by_chats() -> Self {
        Self { failed: Mutex::default(), told: Some(TOLD) }
    }

    /// It was tried.
    pub(super) fn note<T>(&self, started: &RuntimeResult<T>) {
        let failed = started.as_ref().err().map(|error| (error.clone(), Instant::now()));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }

    /// The error of a failed start.
    pub(super) fn went_well(&self) -> RuntimeResult<()> {
        match &*self.failed.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((error, at)) if self.told.is_none_or(|told| at.elapsed() < told) => Err(error.clone()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{LastStart, TOLD};
    use crate::runtime::RuntimeError;

    #[tokio::test(start_paused = true)]
    async fn a_start_that_failed_is_told_for_a_while_and_until_one_succeeds() {
        let last = LastStart::by_chats();
        let failed = || Err::<(), _>(RuntimeError::unavailable("No."));
        assert!(last.went_well().is_ok(), "nobody tried");
        last.note(&failed());
        assert_eq!(last.went_well().unwrap_err().message, "No.");
        tokio::time::advance(TOLD).await;
        assert!(last.went_well().is_ok(), "it may have been mended");
        last.note(&failed());
        last.note(&Ok(()));
        assert!(last.went_well().is_ok());
    }
}
