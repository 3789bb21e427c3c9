//! `POST /agent/v2/chat/{id}/respond`: run a turn and stream its events.

use super::shape::{PromptShape, idempotency_key};
use crate::app::App;
use crate::auth::Caller;
use crate::chats::{Accepted, Chat, Idempotency, TurnFrames, TurnPlace};
use crate::error::ApiResult;
use crate::http::body::Read;
use crate::keys::Scope;
use crate::relay::frame::Data;
use crate::relay::sse;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use std::sync::Arc;

pub(crate) async fn respond(
    State(app): State<Arc<App>>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Read<PromptShape>,
) -> ApiResult<Response> {
    let data = Data::requested(&headers)?;
    let bounds = app.bounds(None)?;
    let (chat, accepted) = accept(&app, &caller, &id, "respond", &headers, body).await?;
    let place = TurnPlace { turn_id: accepted.turn_id.clone(), cursor: accepted.cursor, thinned: false };
    let frames = TurnFrames::new(&chat, place, 0, data);
    let mut response = sse::response(frames, data, bounds);
    tell(&mut response, &accepted);
    Ok(response)
}

/// The headers that let a reader resume.
pub(super) fn tell(response: &mut Response, accepted: &Accepted) {
    let headers = response.headers_mut();
    if let Ok(turn) = HeaderValue::from_str(accepted.turn_id.as_str()) {
        headers.insert("turnwire-turn-id", turn);
    }
    headers.insert("turnwire-cursor", HeaderValue::from(accepted.cursor));
}

/// What `respond` and `message` have in common: the prompt is checked and accepted.
pub(super) async fn accept(
    app: &Arc<App>,
    caller: &Caller,
    id: &str,
    route: &str,
    headers: &HeaderMap,
    body: Read<PromptShape>,
) -> ApiResult<(Arc<Chat>, Accepted)> {
    let chat = app.chats.get(id, &caller.owner).await?;
    let key = idempotency_key(headers)?
        .map(|key| Idempotency::new(format!("{}\n{route}\n{id}", caller.owner), key, &body.bytes));
    let new = body.value.check()?;
    if new.system.is_some() {
        // It changes what the agent is told beside the user's own words, as a chat's `instructions` do.
        caller.must(Scope::Admin)?;
    }
    let accepted = chat.accept(new, key).await?;
    Ok((chat, accepted))
}
