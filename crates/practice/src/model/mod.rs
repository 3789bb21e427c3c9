//! A scripted model behind the OpenAI-compatible protocol: with it a real `OpenCode` runs with no key and no network.
//!
//! The last user message chooses the script; the agent's messages after it tell how far it has been played.

mod answer;
mod request;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use request::Request;
use serde_json::{Value, json};
use std::io;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) const PROVIDER: &str = "practice";
pub(crate) const MODEL: &str = "practice-1";

/// A whole conversation comes with every request.
const BODY_LIMIT: usize = 64 << 20;

/// The configuration that makes `OpenCode` talk to the model at `base_url`, such as `http://127.0.0.1:4000`.
pub fn opencode_config(base_url: &str) -> Value {
    let [input, output, cache_read] = crate::script::PRICE;
    let cost = json!({ input.0: input.1, output.0: output.1, cache_read.0: cache_read.1, "cache_write": 3.75 });
    let model = json!({
        "name": "Practice 1",
        "tool_call": true,
        "reasoning": true,
        "cost": cost,
        "limit": { "context": 128_000, "output": 4096 },
    });
    json!({
        "$schema": "https://opencode.ai/config.json",
        "model": format!("{PROVIDER}/{MODEL}"),
        "small_model": format!("{PROVIDER}/{MODEL}"),
        "share": "disabled",
        "autoupdate": false,
        "provider": {
            PROVIDER: {
                "npm": "@ai-sdk/openai-compatible",
                "name": "Turnwire practice",
                // Any key will do; without one the provider is taken for not set up.
                "options": { "baseURL": format!("{}/v1", base_url.trim_end_matches('/')), "apiKey": "practice" },
                "models": { MODEL: model },
            },
        },
    })
}

/// Serves the model until `stop` is cancelled, which also ends the answers under way.
pub async fn serve(listener: TcpListener, stop: CancellationToken) -> io::Result<()> {
    let routes = Router::new()
        .route("/v1/chat/completions", post(complete))
        .route("/v1/models", get(models))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .fallback(|| async { error(StatusCode::NOT_FOUND, "there is no such route here") })
        .with_state(stop.clone());
    axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned()).await
}

async fn models() -> Response {
    let model = json!({ "id": MODEL, "object": "model", "created": 1, "owned_by": PROVIDER });
    axum::Json(json!({ "object": "list", "data": [model] })).into_response()
}

async fn complete(State(cancelled): State<CancellationToken>, body: Bytes) -> Response {
    let request = match serde_json::from_slice::<Request>(&body) {
        Ok(request) => request,
        Err(problem) => return error(StatusCode::BAD_REQUEST, &format!("the body is no chat completion: {problem}")),
    };
    match request.answer() {
        Some(step) if request.stream => answer::streamed(&request.model, step, cancelled),
        Some(step) => answer::whole(&request.model, &step),
        None => error(StatusCode::BAD_REQUEST, crate::script::FAILURE),
    }
}

fn error(status: StatusCode, message: &str) -> Response {
    let error = json!({ "message": message, "type": "invalid_request_error", "param": null, "code": null });
    (status, axum::Json(json!({ "error": error }))).into_response()
}
