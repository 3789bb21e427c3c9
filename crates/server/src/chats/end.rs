//! Cancels turns and ends chats.

use super::Chat;
use super::decide::Decision;
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::runtime::{RuntimeError, RuntimeResult};
use crate::store::{StoreError, Write};
use std::sync::Arc;
use std::time::Duration;
use turnwire::TurnId;

/// How long a cancel waits for the end of the turn before it answers.
const CANCEL_WAIT: Duration = Duration::from_secs(5);

/// How long a runtime may take to delete the session of a sleeping chat.
const FORGET_WAIT: Duration = Duration::from_secs(5);

/// The totals of an ended chat.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) runtime_ms: u64,
    pub(crate) cost_micros: u64,
}

impl Chat {
    /// Cancels the open turn, if there is one and it is `only`. Returns when it has ended, or after five seconds.
    pub(crate) async fn cancel(self: &Arc<Self>, only: Option<&str>) -> ApiResult<()> {
        let Some(turn) = self.open_turn().filter(|turn| only.is_none_or(|only| turn.as_str() == only)) else {
            return Ok(());
        };
        if !self.progress.borrow().cancel {
            let message_id = turn.message_id();
            self.decided(vec![Decision::CancelRequested { message_id: message_id.as_str() }], Vec::new()).await?;
            self.progress.send_if_modified(|progress| {
                let asked = progress.open.as_ref() == Some(&turn) && !progress.cancel;
                progress.cancel |= asked;
                asked
            });
        }
        let _ = tokio::time::timeout(CANCEL_WAIT, self.turn_over(&turn)).await;
        Ok(())
    }

    /// Waits until `turn` is no longer the open one.
    async fn turn_over(&self, turn: &TurnId) {
        let mut progress = self.progress.subscribe();
        // The sender lives as long as the chat.
        let _ = progress.wait_for(|progress| progress.open.as_ref() != Some(turn)).await;
    }

    /// Ends the chat: its turn is interrupted, its session and its files are removed. Its log stays. Repeating it has no
    /// effect. It completes even if the caller disconnects.
    pub(crate) async fn end(self: &Arc<Self>) -> ApiResult<Figures> {
        let chat = self.clone();
        let ended = tokio::spawn(async move { chat.end_here().await }).await;
        ended.unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }

    async fn end_here(self: &Arc<Self>) -> ApiResult<Figures> {
        let _accepting = self.accepting.lock().await;
        if !self.ended() {
            self.stop_for_good().await?;
        }
        let state = self.state();
        Ok(Figures { runtime_ms: state.runtime_ms, cost_micros: state.cost_micros })
    }

    /// A remaining session does no harm, so the chat ends anyway.
    fn note_forgotten(&self, forgotten: RuntimeResult<()>) {
        if let Err(error) = forgotten {
            tracing::warn!(%error, chat = self.id(), "the runtime did not forget the session");
        }
    }

    async fn stop_for_good(self: &Arc<Self>) -> ApiResult<()> {
        if let Some(turn) = self.open_turn() {
            let message_id = turn.message_id();
            let closed = Decision::Closed {
                message_id: message_id.as_str(),
                status: "interrupted",
                error: Some(("chat_ended", "The chat was deleted while the turn ran.")),
            };
            self.decided(vec![closed], Vec::new()).await?;
        }
        // Held until the chat has ended, so that a concurrent wake sees that.
        let mut place = self.live.lock().await;
        if let Some(live) = place.take() {
            // The agent must be idle before its session is deleted, because a busy one would continue without it.
            let _ = live.session.abort().await;
            let _ = live.session.reject_all().await;
            for _ in 0..40 {
                if !matches!(live.session.busy().await, Ok(true)) {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            self.note_forgotten(live.session.delete().await);
        } else {
            let forget = self.shared.runtime.forget(self.workspace(), self.session_id().to_owned());
            let late = |_| Err(RuntimeError::unavailable("It did not answer in time."));
            self.note_forgotten(tokio::time::timeout(FORGET_WAIT, forget).await.unwrap_or_else(late));
        }
        let at_ms = ids::now_ms();
        let safe = {
            let mut state = self.state();
            let mut beside = self.fall_asleep(&mut state, "ended");
            beside.push(Write::EndChat { chat: self.row.key, at_ms });
            let event = Decision::ChatEnded.event(self.session_id());
            let safe = self.record_in(&mut state, [event], beside, None);
            // From here on no event is accepted.
            state.ended_ms = Some(at_ms);
            safe
        };
        drop(place);
        if let Some(safe) = safe {
            safe.await.unwrap_or_else(|_| Err(StoreError::Failed("the store is closed".to_owned())))?;
        }
        self.relay.close();
        let workspace = self.workspace();
        let removed = tokio::task::spawn_blocking(move || std::fs::remove_dir_all(workspace)).await;
        if let Ok(Err(error)) = removed {
            tracing::warn!(%error, chat = self.id(), "the workspace could not be removed");
        }
        Ok(())
    }
}
