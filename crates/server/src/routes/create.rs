//! `POST /agent/v2/chat`: create a chat.

use super::shape::{ChatShape, check_model, idempotency_key, whole};
use crate::app::App;
use crate::auth::Caller;
use crate::chats::{Idempotency, NewChat};
use crate::error::{ApiError, ApiResult};
use crate::http::body::Read;
use crate::keys::Scope;
use axum::Json;
use axum::extract::State;
use http::HeaderMap;
use serde::Deserialize;
use std::sync::Arc;

/// A minute to a day.
const IDLE_TIMEOUT_MS: std::ops::RangeInclusive<u64> = 60_000..=86_400_000;
/// In letters, as JSON schema counts them.
const LONGEST_TITLE: usize = 1000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    title: Option<String>,
    model: Option<String>,
    #[serde(default, deserialize_with = "whole")]
    idle_timeout_ms: Option<u64>,
    vault_ids: Option<Vec<String>>,
    instructions: Option<String>,
}

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    headers: HeaderMap,
    body: Read<Body>,
) -> ApiResult<Json<ChatShape>> {
    let key =
        idempotency_key(&headers)?.map(|key| Idempotency::new(format!("{}\ncreate", caller.owner), key, &body.bytes));
    let asked = body.value;
    if asked.idle_timeout_ms.is_some_and(|time| !IDLE_TIMEOUT_MS.contains(&time)) {
        return Err(ApiError::invalid("`idleTimeoutMs` must be from 60000 (a minute) to 86400000 (a day)."));
    }
    if asked.vault_ids.is_some_and(|ids| !ids.is_empty()) {
        return Err(ApiError::invalid(
            "`vaultIds` names vaults of the hosted service; this server has none, leave it out.",
        ));
    }
    if asked.instructions.as_ref().is_some_and(|instructions| !instructions.is_empty()) {
        // They change what the agent is told beside the user's own words.
        caller.must(Scope::Admin)?;
    }
    let new = NewChat {
        title: check_title(asked.title)?,
        model: check_model(asked.model)?,
        instructions: asked.instructions.filter(|instructions| !instructions.is_empty()),
        idle_timeout_ms: asked.idle_timeout_ms,
    };
    let chat = app.chats.create(caller.owner, new, key).await?;
    Ok(Json(ChatShape::of(&chat)))
}

/// An empty title counts as absent.
pub(super) fn check_title(title: Option<String>) -> ApiResult<Option<String>> {
    let title = title.filter(|title| !title.is_empty());
    if title.as_ref().is_some_and(|title| title.chars().count() > LONGEST_TITLE) {
        return Err(ApiError::invalid("`title` is longer than 1000 letters; shorten it."));
    }
    Ok(title)
}
