//! `POST /agent/v2/chat/{id}/stream-token`: a token for one chat, for reading, for a few minutes.

use super::PREFIX;
use crate::app::App;
use crate::auth::Caller;
use crate::error::{ApiError, ApiResult};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, Uri, header};
use serde_json::json;
use std::sync::Arc;
use turnwire::Timestamp;

pub(crate) async fn create(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let chat = app.chats.get(&id, &caller.owner).await?;
    if chat.ended() {
        return Err(ApiError::chat_ended(&id));
    }
    let minted = app.signers.now(&*app.shared.store).await?.mint(&id, &caller.known, app.limits().token_time);
    let base = app.public_url.clone().unwrap_or_else(|| base_of(app.scheme, &uri, &headers));
    let body = json!({
        "token": minted.token,
        "expiresAt": Timestamp::from_millis(minted.expires_ms),
        "streamUrl": format!("{base}{PREFIX}/{id}/stream?token={}", minted.token),
    });
    let mut response = Json(body).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// The address the request came to.
fn base_of(scheme: &str, uri: &Uri, headers: &HeaderMap) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    let scheme = text("x-forwarded-proto").filter(|scheme| *scheme == "https").unwrap_or(scheme);
    // HTTP/2 has it in the address.
    let host = uri.authority().map(http::uri::Authority::as_str).or_else(|| text("host"));
    format!("{scheme}://{}", host.unwrap_or("localhost"))
}
