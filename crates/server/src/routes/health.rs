//! `GET /healthz` and `/readyz`: whether the server lives, and whether it takes turns.

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

pub(crate) async fn ready(State(app): State<Arc<App>>) -> ApiResult<Json<Value>> {
    if app.draining.load(Ordering::Relaxed) {
        return Err(ApiError::unavailable("The server is going down."));
    }
    app.shared.data.usable(&*app.shared.store).await?;
    app.shared.runtime.well()?;
    Ok(Json(json!({ "status": "ready", "runtime": app.shared.runtime.name() })))
}
