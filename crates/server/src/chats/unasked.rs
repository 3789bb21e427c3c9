//! Turns that this server did not prompt: of a plugin, of a returning subagent, or of another program in the same session.

use super::Chat;
use super::drive::attend;
use super::recent_prompts::SOON;
use crate::store::StoreResult;
use std::sync::Arc;

/// The maximum number of overlapping earlier turns to include when a turn is read.
const OVERLAPS: usize = 64;

impl Chat {
    /// Starts a driver for the turn that began by itself since the last call, if any.
    pub(super) fn attend_to_unasked(self: &Arc<Self>) {
        let unasked = self.state().unasked.take();
        if let Some(turn) = unasked {
            self.shared.metrics.turn_accepted();
            tracing::info!(chat = self.id(), %turn, "a turn began without a prompt of this server");
            tokio::spawn(attend(self.clone(), turn));
        }
    }

    /// If the runtime has a prompt from elsewhere and has not started its turn, waits until it has.
    pub(super) async fn let_unasked_begin(&self) {
        if self.state().prompts.awaits_turn() {
            let mut progress = self.progress.subscribe();
            let _ = tokio::time::timeout(SOON, progress.wait_for(|progress| progress.open.is_some())).await;
        }
    }

    /// The position from which the log must be read to produce the same events of a turn as when it ran. If its prompt came while
    /// another turn was running, this is the beginning of that turn.
    pub(crate) async fn read_from(&self, cursor: u64) -> StoreResult<u64> {
        let mut from = cursor;
        for _ in 0..OVERLAPS {
            let Some(before) = from.checked_sub(1) else { break };
            let Some(previous) = self.shared.store.turn_at(self.row.key, before).await? else { break };
            // An older turn that has not ended is still running, and overlaps.
            if previous.end_seq.is_some_and(|end| end <= from) {
                break;
            }
            from = previous.cursor;
        }
        Ok(from)
    }
}
