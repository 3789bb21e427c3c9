//! The routes, one file for each operation.

mod cancel;
mod create;
mod delete;
mod files;
mod health;
mod home;
mod list;
mod message;
mod messages;
mod metrics;
mod permission;
mod question;
mod respond;
mod retrieve;
mod shape;
mod spec;
mod stream;
mod token;
mod turns;
mod update;
mod upload;

use crate::app::App;
use crate::error::ApiError;
use crate::http::outer;
use axum::Router;
use axum::routing::{get, post};
use std::sync::Arc;

/// Where the routes of chats stand.
pub(crate) const PREFIX: &str = "/agent/v2/chat";
/// The same without stream tokens, as older clients have it.
const OLD_PREFIX: &str = "/agent/v1/chat";

/// All routes.
pub(crate) fn router(app: Arc<App>) -> Router {
    let unknown =
        || async { ApiError::new("route_not_found", "There is no such route; /openapi.json lists those there are.") };
    let other_method = || async {
        ApiError::new("method_not_allowed", "This route has no such method; /openapi.json lists those it has.")
    };
    let with_token = chats().route("/{id}/stream-token", post(token::create));
    Router::new()
        .nest(PREFIX, with_token)
        .nest(OLD_PREFIX, chats())
        .route("/", get(home::home))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::metrics))
        .route("/openapi.json", get(spec::openapi))
        .route("/events.schema.json", get(spec::events))
        .fallback(unknown)
        .method_not_allowed_fallback(other_method)
        .layer(axum::middleware::from_fn_with_state(app.clone(), outer::outer))
        .with_state(app)
}

fn chats() -> Router<Arc<App>> {
    Router::new()
        .route("/", post(create::create).get(list::list))
        .route("/{id}", get(retrieve::retrieve).patch(update::update).delete(delete::delete))
        .route("/{id}/respond", post(respond::respond))
        .route("/{id}/message", post(message::message))
        .route("/{id}/messages", get(messages::list))
        .route("/{id}/cancel", post(cancel::cancel))
        .route("/{id}/stream", get(stream::stream))
        .route("/{id}/turns/{turn_id}", get(turns::retrieve))
        .route("/{id}/turns/{turn_id}/stream", get(turns::stream))
        .route("/{id}/question/{request_id}/reply", post(question::reply))
        .route("/{id}/question/{request_id}/reject", post(question::reject))
        .route("/{id}/permission/{request_id}/reply", post(permission::reply))
        .route("/{id}/files", get(files::list))
        .route("/{id}/files/{*path}", get(files::download).put(upload::upload).delete(files::delete))
}
