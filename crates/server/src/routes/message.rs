//! `POST /agent/v2/chat/{id}/message`: run a turn and answer with it once it has ended, whatever its status.

use super::respond::{accept, tell};
use super::shape::PromptShape;
use crate::app::App;
use crate::auth::Caller;
use crate::chats::whole_turn;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Read;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::HeaderMap;
use std::sync::Arc;

pub(crate) async fn message(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Read<PromptShape>,
) -> ApiResult<Response> {
    let (chat, accepted) = accept(&app, &caller, &id, "message", &headers, body).await?;
    let turn = tokio::select! {
        biased;
        turn = whole_turn(&chat, accepted.turn_id.clone(), accepted.cursor) => turn?,
        () = app.stop.cancelled() => {
            return Err(ApiError::unavailable("The server is going down; ask for the turn again in a moment."));
        }
    };
    let mut response = Json(turn).into_response();
    tell(&mut response, &accepted);
    Ok(response)
}
