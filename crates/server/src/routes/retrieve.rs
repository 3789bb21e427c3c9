//! `GET /agent/v2/chat/{id}`: a chat as it stands.

use super::shape::ChatShape;
use crate::app::App;
use crate::auth::Caller;
use crate::error::ApiResult;
use axum::Json;
use axum::extract::{Path, State};
use std::sync::Arc;

pub(crate) async fn retrieve(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
) -> ApiResult<Json<ChatShape>> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    Ok(Json(ChatShape::of(&chat)))
}
