//! `GET /agent/v2/chat/{id}/stream`: the runtime's own events of a chat, numbered, replayed and live. PROTOCOL RELAY-1 and what
//! follows it.

use crate::app::App;
use crate::auth::{Access, bearer, of_key, of_token};
use crate::chats::{Begin, RelayFrames};
use crate::error::{ApiError, ApiResult};
use crate::keys::Scope;
use crate::relay::frame::Data;
use crate::relay::sse;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde::Deserialize;
use std::sync::Arc;
use tokio::time::Instant;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Asked {
    token: Option<String>,
    last_event_id: Option<String>,
    view: Option<String>,
}

pub(crate) async fn stream(
    State(app): State<Arc<App>>,
    access: Access,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    // The rejection's text may hold the query, and the query a token.
    let Query(asked) = asked.map_err(|_| ApiError::invalid("The query of this request cannot be read."))?;
    let (owner, until) = open(&app, &access, &id, &headers, asked.token.as_deref()).await?;
    let cursor = last_event_id(&headers, asked.last_event_id.as_deref())?;
    let data = Data::requested(&headers)?;
    let turns = match asked.view.as_deref() {
        None | Some("") => false,
        Some("turns") => true,
        Some(_) => return Err(ApiError::invalid("`view` must be turns, or be left out.")),
    };
    let chat = app.chats.get(&id, &owner).await?;
    if chat.ended() && until.is_some() {
        return Err(refused());
    }
    let head = chat.relay.head().seq;
    let oldest = chat.whole_from().await?;
    let begin = match cursor {
        None if chat.ended() => return Ok(StatusCode::NO_CONTENT.into_response()),
        Some(cursor) if chat.ended() && cursor == head => return Ok(StatusCode::NO_CONTENT.into_response()),
        None => Begin::after(head),
        Some(cursor) if cursor > head => Begin::at_reset(head),
        // 0 asks for whatever there is.
        Some(cursor) if cursor + 1 < oldest && cursor > 0 => Begin::at_gap(oldest),
        Some(cursor) => Begin::after(cursor),
    };
    let bounds = app.bounds(until)?;
    let after = begin.cursor();
    let frames = if turns {
        RelayFrames::turns(chat.clone(), begin, data).await?
    } else {
        RelayFrames::raw(chat.clone(), begin, data)
    };
    if !chat.ended() && !chat.is_awake() {
        tokio::spawn(async move {
            if let Err(error) = chat.wake().await {
                tracing::warn!(%error, chat = chat.id(), "a sleeping chat could not be woken");
            }
        });
    }
    let mut response = sse::response(frames, data, bounds);
    // A live reader that breaks off before its first event goes on from here.
    response.headers_mut().insert("turnwire-cursor", HeaderValue::from(after));
    Ok(response)
}

/// A key decides, where there is one; else a token.
async fn open(
    app: &App,
    access: &Access,
    id: &str,
    headers: &HeaderMap,
    token: Option<&str>,
) -> ApiResult<(String, Option<Instant>)> {
    if let Some(key) = bearer(headers) {
        return Ok((of_key(app, access, key, Scope::StreamRead).await?.owner, None));
    }
    let token = token.ok_or_else(refused)?;
    let opened = of_token(app, access, token, id).await?.ok_or_else(refused)?;
    Ok((opened.owner, Some(Instant::now() + opened.left)))
}

fn refused() -> ApiError {
    ApiError::new(
        "unauthorized",
        "This stream needs an API key, or a stream token of this chat that is not over; ask for a new one.",
    )
}

/// The cursor of a request: header or query, both given the greater; `None`: live only.
pub(super) fn last_event_id(headers: &HeaderMap, query: Option<&str>) -> ApiResult<Option<u64>> {
    let header = match headers.get("last-event-id").map(|value| value.to_str()) {
        Some(Ok(value)) => Some(value),
        Some(Err(_)) => return Err(no_number()),
        None => None,
    };
    let number = |text: Option<&str>| match text.map(str::trim).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => text.parse().map(Some).map_err(|_| no_number()),
        Some(_) => Err(no_number()),
    };
    Ok(number(header)?.max(number(query)?))
}

fn no_number() -> ApiError {
    ApiError::invalid("The last event id must be a whole number from 0, as `id:` lines have it.")
}
