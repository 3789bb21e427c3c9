//! Accepts prompts: one turn at a time, committed before anything is started, and started once however often it is requested.
//! PROTOCOL SEND-2, SEND-3, SEND-8, SEND-9.

use super::Chat;
use super::decide::Decision;
use super::drive::drive;
use crate::error::{ApiError, ApiResult};
use crate::ids;
use crate::runtime::Prompt;
use crate::store::{IdempotencyRow, StoreError, TurnRow, Write};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tracing::Instrument as _;
use tracing::field::Empty;
use turnwire::TurnId;

/// How long an idempotency key is remembered, in milliseconds.
pub(crate) const REMEMBER_MS: u64 = 24 * 3600 * 1000;

/// A prompt of the user.
#[derive(Clone, Debug)]
pub(crate) struct NewTurn {
    pub(crate) parts: Vec<Value>,
    /// `provider/model`.
    pub(crate) model: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) system: Option<String>,
    pub(crate) format: Option<Value>,
}

/// A request's idempotency key.
#[derive(Clone, Debug)]
pub(crate) struct Idempotency {
    /// Owner, route and chat.
    pub(crate) scope: String,
    pub(crate) key: String,
    pub(crate) body_hash: Vec<u8>,
}

impl Idempotency {
    pub(crate) fn new(scope: String, key: &str, body: &[u8]) -> Self {
        Self { scope, key: key.to_owned(), body_hash: Sha256::digest(body).to_vec() }
    }

    /// The outcome of the first request with this key, if any.
    pub(crate) async fn recall(&self, store: &dyn crate::store::Store) -> ApiResult<Option<String>> {
        let found = store.idempotent(self.scope.clone(), self.key.clone()).await?;
        let Some(row) = found.filter(|row| row.at_ms + REMEMBER_MS > ids::now_ms()) else { return Ok(None) };
        if row.body_hash != self.body_hash {
            return Err(ApiError::new(
                "idempotency_mismatch",
                "This Idempotency-Key was used with another body; use a new key for a new request.",
            ));
        }
        Ok(Some(row.outcome))
    }

    pub(crate) fn row(self, outcome: &str) -> Write {
        Write::Remember(IdempotencyRow {
            scope: self.scope,
            key: self.key,
            body_hash: self.body_hash,
            outcome: outcome.to_owned(),
            at_ms: ids::now_ms(),
        })
    }
}

/// An accepted turn.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) turn_id: TurnId,
    /// The chat's number just before it.
    pub(crate) cursor: u64,
}

impl Chat {
    /// Accepts a prompt and starts its turn, or finds the turn its idempotency key started before. Goes on to its end even if
    /// the caller goes away.
    pub(crate) async fn accept(self: &Arc<Self>, new: NewTurn, key: Option<Idempotency>) -> ApiResult<Accepted> {
        let chat = self.clone();
        let accepted = tokio::spawn(async move { chat.accept_here(new, key).await }).await;
        accepted.unwrap_or_else(|error| Err(ApiError::internal(&error)))
    }

    async fn accept_here(self: &Arc<Self>, new: NewTurn, key: Option<Idempotency>) -> ApiResult<Accepted> {
        let _accepting = self.accepting.lock().await;
        let store = &*self.shared.store;
        if let Some(key) = &key
            && let Some(turn_id) = key.recall(store).await?
        {
            let turn = store.turn(self.row.key, turn_id.clone()).await?;
            // The turn was deleted before its key.
            let turn = turn.ok_or_else(|| ApiError::turn_not_found(&turn_id))?;
            return Ok(Accepted { turn_id: TurnId::from(turn_id), cursor: turn.cursor });
        }
        if self.ended() {
            return Err(ApiError::chat_ended(self.id()));
        }
        self.let_unasked_begin().await;
        if let Some(turn) = self.open_turn() {
            return Err(ApiError::turn_conflict(turn));
        }
        self.shared.data.present()?;
        self.shared.runtime.ready()?;
        let model = new.model.or_else(|| self.row.model.clone());
        let (accepted, message_id, safe) = self.write_down(&new.parts, model.as_deref(), key)?;
        safe.await.unwrap_or_else(|_| Err(StoreError::Failed("the store is closed".to_owned())))?;
        let prompt = Prompt {
            message_id,
            parts: new.parts,
            model,
            agent: new.agent,
            system: new.system.or_else(|| self.row.instructions.clone()),
            format: new.format,
        };
        self.shared.metrics.turn_accepted();
        // Of the request's trace, though it outlives the request.
        let span = tracing::info_span!("turn", chat = self.id(), turn = %accepted.turn_id, status = Empty);
        tokio::spawn(drive(self.clone(), accepted.turn_id.clone(), prompt).instrument(span));
        Ok(accepted)
    }

    fn write_down(
        &self,
        parts: &[Value],
        model: Option<&str>,
        key: Option<Idempotency>,
    ) -> ApiResult<(Accepted, String, crate::relay::Safe)> {
        let mut state = self.state();
        // Under the lock that the shutdown takes to end the open turn: it ends this one, or this one is refused.
        if self.shared.stopping.is_cancelled() {
            return Err(super::going_down().into());
        }
        // One may have begun by itself a moment ago.
        if let Some(turn) = state.open.clone() {
            return Err(ApiError::turn_conflict(turn));
        }
        let message_id = ids::message_id(&state.last_message_id);
        let turn_id = TurnId::of_message(&message_id);
        state.begin(turn_id.clone(), &message_id);
        let cursor = self.relay.numbered();
        let turn = TurnRow { turn_id: turn_id.as_str().to_owned(), cursor, end_seq: None, thinned: false };
        let mut beside = vec![Write::AcceptTurn { chat: self.row.key, turn }];
        beside.extend(key.map(|key| key.row(turn_id.as_str())));
        let event = Decision::Accepted { message_id: &message_id, parts, model }.event(self.session_id());
        let safe = self.record_in(&mut state, [event], beside, None).ok_or_else(|| ApiError::chat_ended(self.id()))?;
        drop(state);
        Ok((Accepted { turn_id, cursor }, message_id, safe))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::NewTurn;
    use crate::chats::{NewChat, Registry, Shared};
    use crate::config::{Delivery, Limits};
    use crate::data::{self, DataFolder};
    use crate::relay::WriteBudget;
    use crate::runtime::practice::Practice;
    use crate::store::sqlite::Sqlite;
    use futures_util::FutureExt as _;
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    /// PROTOCOL SEND-3, RETRY-2.
    #[tokio::test]
    async fn a_prompt_that_waits_while_the_server_stops_is_refused_and_not_accepted_after_its_chat_was_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let path = data::make(folder.path()).unwrap();
        let shared = Arc::new(Shared {
            store: Arc::new(Sqlite::open(&path, Delivery::Fast, None).ok().unwrap()),
            runtime: Arc::new(Practice::new()),
            write_budget: WriteBudget::new(),
            limits: Limits::default(),
            delivery: Delivery::Fast,
            metrics: Arc::default(),
            data: DataFolder::of(path).unwrap(),
            stopping: CancellationToken::new(),
        });
        let registry = Arc::new(Registry::new(shared.clone()));
        let chat = registry.create("default".to_owned(), NewChat::default(), None).await.unwrap();
        let another = chat.accepting.lock().await;
        let parts = vec![serde_json::json!({ "type": "text", "text": "Hello" })];
        let new = NewTurn { parts, model: None, agent: None, system: None, format: None };
        let mut waits = std::pin::pin!(chat.accept(new, None));
        assert!(waits.as_mut().now_or_never().is_none());
        registry.shutdown().await;
        drop(another);
        let refused = waits.await.unwrap_err().render("req_1");
        // What a client reads as: not accepted, send it again.
        assert_eq!(
            (refused.status(), refused.headers().contains_key("retry-after")),
            (http::StatusCode::SERVICE_UNAVAILABLE, true)
        );
        assert_eq!(chat.open_turn(), None);
        let kept = shared.store.turn_at(chat.row.key, chat.relay.numbered()).await.unwrap();
        assert!(kept.is_none(), "a turn is kept that nobody drives or ends: {kept:?}");
    }
}
