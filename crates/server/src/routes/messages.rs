//! `GET /agent/v2/chat/{id}/messages`: what was said, by the user and by the agent, oldest first.

use super::list::{Page, check_limit};
use crate::app::App;
use crate::auth::Caller;
use crate::chats::turn_now;
use crate::error::{ApiError, ApiResult};
use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use turnwire::Turn;

/// So many turns are looked up at once.
const TURNS: usize = 16;

#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    limit: Option<String>,
    cursor: Option<String>,
}

/// Where a page begins: a turn's cursor, and how many of its messages were told.
#[derive(Clone, Copy)]
struct Begin {
    turn: u64,
    skip: usize,
}

fn begin(cursor: Option<&str>) -> ApiResult<Begin> {
    let Some(cursor) = cursor.filter(|cursor| !cursor.is_empty()) else { return Ok(Begin { turn: 0, skip: 0 }) };
    let parts = cursor.split_once('.').and_then(|(turn, skip)| Some((turn.parse().ok()?, skip.parse().ok()?)));
    let (turn, skip) = parts.ok_or_else(|| ApiError::invalid("`cursor` is not one this server gave."))?;
    Ok(Begin { turn, skip })
}

/// The messages of a turn, each with who speaks.
fn said(turn: Turn) -> impl Iterator<Item = ApiResult<Value>> {
    std::iter::once(with_role("user", &turn.user_message))
        .chain(turn.messages.into_iter().map(|message| with_role("assistant", &message)))
}

fn with_role(role: &str, message: &impl Serialize) -> ApiResult<Value> {
    let mut message = serde_json::to_value(message).map_err(|error| ApiError::internal(&error))?;
    message["role"] = role.into();
    Ok(message)
}

pub(crate) async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> ApiResult<Json<Page<Value>>> {
    let Query(asked) = asked.map_err(|error| ApiError::invalid(format!("The query does not fit: {error}.")))?;
    let limit = check_limit(asked.limit.as_deref())?;
    let mut from = begin(asked.cursor.as_deref())?;
    let chat = app.chats.get(&id, &caller.owner).await?;
    let mut data = Vec::new();
    loop {
        let turns = chat.turns(from.turn, TURNS).await?;
        let last = turns.len() < TURNS;
        for turn in turns {
            if turn.cursor != from.turn {
                from.skip = 0;
            }
            from.turn = turn.cursor;
            for message in said(turn_now(&chat, &turn).await?).skip(from.skip) {
                if data.len() == limit {
                    return Ok(Json(Page { data, next_cursor: Some(format!("{}.{}", from.turn, from.skip)) }));
                }
                data.push(message?);
                from.skip += 1;
            }
        }
        if last {
            return Ok(Json(Page { data, next_cursor: None }));
        }
        from = Begin { turn: from.turn + 1, skip: 0 };
    }
}
