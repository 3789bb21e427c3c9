//! `DELETE /agent/v2/chat/{id}`: end a chat; again gives the same figures.

use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiResult;
use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};
use std::sync::Arc;

pub(crate) async fn delete(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<Value>> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    let figures = chat.end().await?;
    #[expect(clippy::cast_precision_loss, reason = "dollars as published; exact up to nine billion of them")]
    let cost = figures.cost_micros as f64 / 1e6;
    Ok(Json(json!({
        "id": id,
        "status": "ended",
        "provider": chat.about().provider,
        "runtimeId": chat.session_id(),
        "runtimeMs": figures.runtime_ms,
        "cost": cost,
        "costMicros": figures.cost_micros,
    })))
}
