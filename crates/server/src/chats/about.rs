//! The properties of a chat, and changes of them.

use super::Chat;
use crate::store::{self, StoreResult, TurnRow, Write};

/// The current properties of a chat.
#[derive(Clone, Debug)]
pub(crate) struct About {
    pub(crate) provider: String,
    pub(crate) title: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) created_ms: u64,
    pub(crate) ended: bool,
    pub(crate) runtime_state: &'static str,
}

impl Chat {
    /// The current properties.
    pub(crate) fn about(&self) -> About {
        let state = self.state();
        About {
            provider: self.row.provider.clone(),
            title: state.title.clone(),
            model: self.row.model.clone(),
            idle_timeout_ms: self.row.idle_timeout_ms,
            created_ms: self.row.created_ms,
            ended: state.ended_ms.is_some(),
            runtime_state: if state.ended_ms.is_some() { "ended" } else { state.runtime },
        }
    }

    /// Gives it another title.
    pub(crate) async fn rename(&self, title: String) -> StoreResult<()> {
        let write = Write::SetTitle { chat: self.row.key, title: Some(title.clone()) };
        store::write(&*self.shared.store, vec![write]).await?;
        self.state().title = Some(title);
        Ok(())
    }

    /// The number from which on its log is whole.
    pub(crate) async fn whole_from(&self) -> StoreResult<u64> {
        Ok(self.shared.store.bounds(self.row.key).await?.0)
    }

    /// The position of a turn in the log.
    pub(crate) async fn turn(&self, turn_id: &str) -> StoreResult<Option<TurnRow>> {
        if self.open_turn().is_some_and(|open| open == *turn_id) {
            // The chat has its open turn in memory a moment before it is committed; this lock is held until then.
            drop(self.accepting.lock().await);
        }
        let store = &*self.shared.store;
        let row = store.turn(self.row.key, turn_id.to_owned()).await?;
        let open = self.open_turn().is_some_and(|open| open == *turn_id);
        let written = row.as_ref().map_or(!open, |row| open || row.end_seq.is_some());
        if written {
            return Ok(row);
        }
        // The beginning or the end of a turn is in memory a moment before it is committed; after all queued writes it is in the
        // store.
        let _ = store::write(store, Vec::new()).await;
        store.turn(self.row.key, turn_id.to_owned()).await
    }

    /// The turn that began last at or before event number `at`.
    pub(crate) async fn turn_at(&self, at: u64) -> StoreResult<Option<TurnRow>> {
        self.shared.store.turn_at(self.row.key, at).await
    }

    /// Turns whose cursor is at least `from`, oldest first.
    pub(crate) async fn turns(&self, from: u64, limit: usize) -> StoreResult<Vec<TurnRow>> {
        self.shared.store.turns(self.row.key, from, limit).await
    }
}
