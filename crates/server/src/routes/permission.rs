//! `POST /agent/v2/chat/{id}/permission/{requestId}/reply`: give or refuse a permission.

use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use crate::http::body::Read;
use crate::runtime::PermissionReply;
use axum::extract::{Path, State};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;
use turnwire::event::InputRequest;

#[derive(Debug, Deserialize)]
pub(crate) struct Body {
    reply: String,
    message: Option<String>,
}

pub(crate) async fn reply(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path((id, request_id)): Path<(String, String)>,
    body: Read<Body>,
) -> ApiResult<StatusCode> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    let Body { reply, message } = body.value;
    if !["once", "always", "reject"].contains(&reply.as_str()) {
        return Err(ApiError::invalid("`reply` must be once, always or reject."));
    }
    if chat.ended() {
        return Err(ApiError::chat_ended(chat.id()));
    }
    let open = matches!(chat.open_request(&request_id), Some(InputRequest::Permission(_)));
    let live = if open { chat.live().await } else { None };
    let live = live.ok_or_else(|| closed(&request_id))?;
    let reply = PermissionReply { reply, message: message.filter(|message| !message.is_empty()) };
    if live.session.reply_to_permission(request_id.clone(), reply).await? {
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(closed(&request_id))
}

fn closed(request_id: &str) -> ApiError {
    ApiError::new(
        "permission_not_found",
        format!("Permission {request_id:?} is not open in this chat; it may have been given or refused."),
    )
}
