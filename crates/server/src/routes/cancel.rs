//! `POST /agent/v2/chat/{id}/cancel`: cancel the running turn; nothing runs: 200 too.

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiResult;
use crate::http::body::Read;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Body {
    /// Only if this turn runs.
    turn_id: Option<String>,
}

pub(crate) async fn cancel(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Read<Body>,
) -> ApiResult<Json<Value>> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    chat.cancel(body.value.turn_id.as_deref()).await?;
    Ok(Json(json!({ "id": id, "ok": true })))
}
