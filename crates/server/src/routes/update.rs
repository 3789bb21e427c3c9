//! `PATCH /agent/v2/chat/{id}`: rename a chat.

use super::create::check_title;
use super::shape::ChatShape;
use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Read;
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    title: Option<String>,
}

pub(crate) async fn update(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    body: Read<Body>,
) -> ApiResult<Json<ChatShape>> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    let title = check_title(body.value.title)?
        .ok_or_else(|| ApiError::invalid("`title` is missing or empty; nothing else can be changed."))?;
    if chat.ended() {
        return Err(ApiError::chat_ended(&id));
    }
    chat.rename(title).await?;
    Ok(Json(ChatShape::of(&chat)))
}
