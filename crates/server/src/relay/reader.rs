//! Reads a relay from a cursor: the log, then live events, each event once.

use super::frame::LogEvent;
use super::{Head, Relay};
use crate::store::StoreResult;
use std::sync::Arc;
use tokio::sync::watch;

/// The maximum size of a batch, in events and in bytes.
const BATCH_EVENTS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;

/// A cursor into a chat's log.
#[derive(Debug)]
pub(crate) struct Reader {
    relay: Arc<Relay>,
    /// The number of the last returned event.
    cursor: u64,
    head: watch::Receiver<Head>,
}

impl Reader {
    pub(super) fn new(relay: Arc<Relay>, after: u64) -> Self {
        let head = relay.head.subscribe();
        Self { relay, cursor: after, head }
    }

    /// The number of the last returned event.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Continues after event number `after`.
    pub(crate) fn seek(&mut self, after: u64) {
        self.cursor = after;
    }

    /// Waits until there are more events; `false` if there never will be.
    pub(crate) async fn ready(&mut self) -> bool {
        loop {
            let head = *self.head.borrow_and_update();
            if head.seq > self.cursor {
                return true;
            }
            if head.closed || self.head.changed().await.is_err() {
                return false;
            }
        }
    }

    /// Waits for the next events, at least one; `None` once the log is closed and read to its end. Cancel-safe.
    pub(crate) async fn next(&mut self) -> StoreResult<Option<Vec<LogEvent>>> {
        while self.ready().await {
            let head = self.head.borrow().seq;
            let batch = match self.in_window() {
                Some(batch) => batch,
                None => self.in_log().await?,
            };
            // Skips events that were deleted at the end of the log.
            self.cursor = batch.last().map_or(head, |event| event.seq);
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// `None` if the window no longer (or, after a restart, not yet) reaches back to the cursor.
    fn in_window(&self) -> Option<Vec<LogEvent>> {
        let state = self.relay.state();
        let oldest = state.window.front()?.seq;
        let skip = usize::try_from((self.cursor + 1).checked_sub(oldest)?).ok()?;
        let mut bytes = 0;
        let fits = |event: &&LogEvent| {
            let first = bytes == 0;
            bytes += event.frame.len();
            first || bytes <= BATCH_BYTES
        };
        Some(state.window.iter().skip(skip).take(BATCH_EVENTS).take_while(fits).cloned().collect())
    }

    async fn in_log(&self) -> StoreResult<Vec<LogEvent>> {
        let events = self.relay.store.events(self.relay.chat, self.cursor, BATCH_EVENTS, BATCH_BYTES).await?;
        Ok(events.into_iter().map(|(seq, event)| LogEvent::new(seq, &event)).collect())
    }
}
