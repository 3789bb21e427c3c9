//! `GET /agent/v2/chat/{id}/turns/{turnId}` and its `/stream`: a turn so far, and its events after the given one.

use super::respond::tell;
use super::stream::last_event_id;
use crate::app::App;
use crate::auth::Caller;
use crate::chats::{Accepted, Chat, TurnFrames, TurnPlace, turn_now};
use crate::error::{ApiError, ApiResult};
use crate::relay::frame::Data;
use crate::relay::sse;
use crate::store::TurnRow;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use std::sync::Arc;
use turnwire::TurnId;

async fn find(app: &App, caller: &Caller, id: &str, turn_id: &str) -> ApiResult<(Arc<Chat>, TurnRow)> {
    let chat = app.chats.get(id, &caller.owner).await?;
    let turn = chat.turn(turn_id).await?;
    let turn = turn.ok_or_else(|| ApiError::turn_not_found(turn_id))?;
    Ok((chat, turn))
}

pub(crate) async fn retrieve(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, turn_id)): Path<(String, String)>,
) -> ApiResult<Response> {
    let (chat, turn) = find(&app, &caller, &id, &turn_id).await?;
    Ok(Json(turn_now(&chat, &turn).await?).into_response())
}

pub(crate) async fn stream(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, turn_id)): Path<(String, String)>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let after = last_event_id(&headers, None)?.unwrap_or(0);
    let data = Data::requested(&headers)?;
    let (chat, turn) = find(&app, &caller, &id, &turn_id).await?;
    // Its numbers are no longer those the reader has: all of it is told again.
    let after = if turn.thinned { 0 } else { after };
    let accepted = Accepted { turn_id: TurnId::from(turn_id), cursor: turn.cursor };
    let bounds = app.bounds(None)?;
    let from = chat.read_from(turn.cursor).await?;
    let place = TurnPlace { turn_id: accepted.turn_id.clone(), cursor: from, thinned: turn.thinned };
    let frames = TurnFrames::new(&chat, place, after, data);
    let mut response = sse::response(frames, data, bounds);
    tell(&mut response, &accepted);
    Ok(response)
}
