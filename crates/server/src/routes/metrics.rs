//! `GET /metrics`: figures for Prometheus. They hold no ids and no names, so they need no key.

use crate::app::App;
use crate::error::ApiResult;
use crate::metrics::Gauges;
use axum::extract::State;
use axum::response::IntoResponse;
use http::header;
use std::sync::Arc;

pub(crate) async fn metrics(State(app): State<Arc<App>>) -> ApiResult<impl IntoResponse> {
    let chats = app.chats.all();
    let gauges = Gauges {
        chats_loaded: chats.len(),
        chats_awake: chats.iter().filter(|chat| chat.is_awake()).count(),
        turns_open: chats.iter().filter(|chat| chat.open_turn().is_some()).count(),
        log_bytes: app.shared.store.used_bytes().await?,
    };
    let text = app.shared.metrics.render(&gauges);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}
