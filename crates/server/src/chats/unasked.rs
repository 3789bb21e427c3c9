//! Turns this server did not ask for: a plugin's, a subagent's that comes back, those of another program in the same session.

use super::Chat;
use super::drive::attend;
use super::heard::SOON;
use crate::store::StoreResult;
use std::sync::Arc;

/// So many turns back a turn is read whose prompt came while another ran.
const OVERLAPS: usize = 64;

impl Chat {
    /// Sees the turn through that began by itself, if one did since this was last called.
    pub(super) fn attend_to_unasked(self: &Arc<Self>) {
        let unasked = self.state().unasked.take();
        if let Some(turn) = unasked {
            self.shared.metrics.turn_accepted();
            tracing::info!(chat = self.id(), %turn, "a turn began that nobody asked this server for");
            tokio::spawn(attend(self.clone(), turn));
        }
    }

    /// Waits, if the runtime has a prompt from elsewhere that it is about to take up, until that is a turn.
    pub(super) async fn let_unasked_begin(&self) {
        if self.state().heard.awaits_turn() {
            let mut news = self.news.subscribe();
            let _ = tokio::time::timeout(SOON, news.wait_for(|news| news.open.is_some())).await;
        }
    }

    /// From where the log is to be read to tell a turn as it was told when it ran. Its prompt may have come while another turn
    /// was still running: then from where that one begins.
    pub(crate) async fn read_from(&self, cursor: u64) -> StoreResult<u64> {
        let mut from = cursor;
        for _ in 0..OVERLAPS {
            let Some(before) = from.checked_sub(1) else { break };
            let Some(former) = self.shared.store.turn_at(self.row.key, before).await? else { break };
            // One that has not ended runs now, and is older: it is the one.
            if former.end_seq.is_some_and(|end| end <= from) {
                break;
            }
            from = former.cursor;
        }
        Ok(from)
    }
}
