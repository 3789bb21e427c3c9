//! `GET /agent/v2/chat`: list chats, newest first.

use super::shape::ChatShape;
use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::store::ChatPage;
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const DEFAULT_LIMIT: usize = 50;
const LARGEST_LIMIT: usize = 200;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    limit: Option<String>,
    cursor: Option<String>,
    status: Option<String>,
}

/// A page of anything.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_cursor: Option<String>,
}

/// How many a page holds.
pub(super) fn check_limit(limit: Option<&str>) -> ApiResult<usize> {
    match limit {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) => match limit.parse() {
            Ok(limit) if (1..=LARGEST_LIMIT).contains(&limit) => Ok(limit),
            _ => Err(ApiError::invalid("`limit` must be a whole number from 1 to 200.")),
        },
    }
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    asked: Result<Query<Asked>, QueryRejection>,
) -> ApiResult<Json<Page<ChatShape>>> {
    let Query(asked) = asked.map_err(|error| ApiError::invalid(format!("The query does not fit: {error}.")))?;
    let limit = check_limit(asked.limit.as_deref())?;
    let mut before = match asked.cursor.as_deref().filter(|cursor| !cursor.is_empty()) {
        None => None,
        Some(cursor) => Some(cursor.parse().map_err(|_| ApiError::invalid("`cursor` is not one this server gave."))?),
    };
    let status = asked.status.filter(|status| !status.is_empty());
    if status.as_ref().is_some_and(|status| !["active", "idle", "ended"].contains(&status.as_str())) {
        return Err(ApiError::invalid("`status` must be active, idle or ended."));
    }
    let ended = status.as_ref().map(|status| status == "ended");
    let mut data = Vec::new();
    // Whether a chat is awake only memory knows: pages are read until one is full.
    loop {
        let page = ChatPage { owner: caller.owner.clone(), limit: limit + 1, before, ended };
        let rows = app.shared.store.chats(page).await?;
        let last = rows.len() <= limit;
        for row in rows {
            if data.len() == limit {
                return Ok(Json(Page { data, next_cursor: before.map(|key: i64| key.to_string()) }));
            }
            before = Some(row.key);
            let shape = match app.chats.in_memory(&row.id) {
                Some(chat) => ChatShape::of(&chat),
                None => ChatShape::of_row(row),
            };
            if status.as_ref().is_none_or(|status| shape.is(status)) {
                data.push(shape);
            }
        }
        if last {
            return Ok(Json(Page { data, next_cursor: None }));
        }
    }
}
