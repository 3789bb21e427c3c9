//! Reads a relay from a cursor on: the log, then what is told live, each event once.

use super::frame::Told;
use super::{Head, Relay};
use crate::store::StoreResult;
use std::sync::Arc;
use tokio::sync::watch;

/// At most so much is handed out at once.
const BATCH_EVENTS: usize = 256;
const BATCH_BYTES: usize = 256 * 1024;

/// A cursor into a chat's log.
#[derive(Debug)]
pub(crate) struct Reader {
    relay: Arc<Relay>,
    /// The number of the last event handed out.
    cursor: u64,
    head: watch::Receiver<Head>,
}

impl Reader {
    pub(super) fn new(relay: Arc<Relay>, after: u64) -> Self {
        let head = relay.head.subscribe();
        Self { relay, cursor: after, head }
    }

    /// The number of the last event handed out.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// Goes on after event number `after`.
    pub(crate) fn seek(&mut self, after: u64) {
        self.cursor = after;
    }

    /// Waits until there is more; `false`: there never will be.
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

    /// The next events, at least one; `None` once the log is closed and read to its end. Waits for them. Nothing is lost
    /// if the wait is given up.
    pub(crate) async fn next(&mut self) -> StoreResult<Option<Vec<Told>>> {
        while self.ready().await {
            let head = self.head.borrow().seq;
            let batch = match self.in_window() {
                Some(batch) => batch,
                None => self.in_log().await?,
            };
            // Past what was trimmed away at the end of the log.
            self.cursor = batch.last().map_or(head, |told| told.seq);
            if !batch.is_empty() {
                return Ok(Some(batch));
            }
        }
        Ok(None)
    }

    /// `None`: the window no longer (or, after a restart, not yet) reaches back to the cursor.
    fn in_window(&self) -> Option<Vec<Told>> {
        let state = self.relay.state();
        let oldest = state.window.front()?.seq;
        let skip = usize::try_from((self.cursor + 1).checked_sub(oldest)?).ok()?;
        let mut bytes = 0;
        let fits = |told: &&Told| {
            let first = bytes == 0;
            bytes += told.frame.len();
            first || bytes <= BATCH_BYTES
        };
        Some(state.window.iter().skip(skip).take(BATCH_EVENTS).take_while(fits).cloned().collect())
    }

    async fn in_log(&self) -> StoreResult<Vec<Told>> {
        let events = self.relay.store.events(self.relay.chat, self.cursor, BATCH_EVENTS, BATCH_BYTES).await?;
        Ok(events.into_iter().map(|(seq, event)| Told::new(seq, &event)).collect())
    }
}
