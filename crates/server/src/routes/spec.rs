//! `GET /openapi.json` and `/events.schema.json`: the contract.

use axum::response::IntoResponse;
use http::header;

const OPENAPI: &str = include_str!(concat!(env!("OUT_DIR"), "/openapi.json"));
const EVENTS: &str = include_str!("../../spec/events.schema.json");

pub(crate) async fn openapi() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], OPENAPI)
}

pub(crate) async fn events() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], EVENTS)
}
