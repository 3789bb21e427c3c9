//! Around every route: the request's id, the contract's header, errors as the contract has them, browsers let in.

use super::drain::Drained;
use super::lasting::Lasting;
use super::line::Line;
use crate::app::App;
use crate::auth::Access;
use crate::error::ApiError;
use crate::ids;
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument as _, Span};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const CONTRACT: HeaderName = HeaderName::from_static("turnwire-contract");

/// Pages of other origins may read these: they hold nothing without a key, or nothing that is not public.
fn for_any_page(path: &str) -> bool {
    path.starts_with("/agent/") || matches!(path, "/openapi.json" | "/events.schema.json")
}

/// Runs the routes, and ends their answers when the key of the request is revoked.
async fn routed(mut request: Request, next: Next) -> Response {
    // Every connection of ours has one.
    let Some(line) = request.extensions().get::<Arc<Line>>().cloned() else {
        return ApiError::internal(&"a request came over no connection").into_response();
    };
    let waiting = line.begin();
    let access = Access::new(line);
    request.extensions_mut().insert(access.clone());
    let request = request.map(|body| Body::new(Drained::new(body)));
    let routes = async {
        // A panic in a route is one failed request, not a lost connection.
        AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| ApiError::internal(&"a route panicked").into_response())
    };
    let response = tokio::select! {
        biased;
        () = access.ended.cancelled() => ApiError::revoked().into_response(),
        response = routes => response,
    };
    drop(waiting);
    if hyper::body::Body::size_hint(response.body()).exact().is_some() {
        return response;
    }
    let told = response.headers().contains_key(header::CONTENT_LENGTH);
    response.map(|body| Body::new(Lasting::new(body, told, access)))
}

/// Replaces a refusal by the framework (for example of a path that is not UTF-8), because its body is not the protocol's.
fn foreign(response: &Response) -> Option<ApiError> {
    let ours = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !response.status().is_client_error() || ours {
        return None;
    }
    Some(match response.status() {
        StatusCode::NOT_FOUND => {
            ApiError::new("route_not_found", "There is no such route; /openapi.json lists those there are.")
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            ApiError::new("method_not_allowed", "This route has no such method; /openapi.json lists those it has.")
        }
        StatusCode::PAYLOAD_TOO_LARGE => ApiError::new("payload_too_large", "The request is too large; send less."),
        _ => ApiError::invalid("The request cannot be read; its path must be UTF-8, percent-encoded."),
    })
}

/// With the names OpenTelemetry has for them. A route is named by its pattern: ids would make each request a kind of its own.
fn span(request: &Request, path: &str, id: &str) -> Span {
    let route = request.extensions().get::<MatchedPath>().map_or("unknown", MatchedPath::as_str);
    let method = request.method();
    tracing::info_span!(
        "request",
        otel.name = format!("{method} {route}"),
        otel.kind = "server",
        otel.status_code = Empty,
        http.request.method = %method,
        http.route = route,
        url.path = path,
        http.response.status_code = Empty,
        request_id = id,
    )
}

/// The outermost layer.
pub(crate) async fn outer(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let id = ids::request_id();
    let method = request.method().clone();
    // The path only: a query may hold a token.
    let path = request.uri().path().to_owned();
    let any_page = for_any_page(&path);
    let preflight = method == Method::OPTIONS && any_page;
    let span = span(&request, &path, &id);
    if let Some(join_trace) = app.join_trace {
        join_trace(&span, request.headers());
    }
    let mut response = if preflight {
        StatusCode::NO_CONTENT.into_response()
    } else {
        routed(request, next).instrument(span.clone()).await
    };
    if let Some(error) = response.extensions_mut().remove::<ApiError>().or_else(|| foreign(&response)) {
        response = error.render(&id);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, id);
    }
    headers.insert(CONTRACT, HeaderValue::from_static("1"));
    if any_page {
        // Keys and tokens are sent in headers and queries, never in cookies, so any origin may call without gaining access.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(
                "x-request-id, retry-after, turnwire-contract, turnwire-turn-id, turnwire-cursor, turnwire-data, content-disposition",
            ),
        );
    }
    if preflight {
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE, OPTIONS"),
        );
        headers.insert(
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, idempotency-key, last-event-id, range, cache-control, turnwire-data",
            ),
        );
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    app.shared.metrics.request(&method, response.status().as_u16());
    span.record("http.response.status_code", response.status().as_u16());
    if response.status().is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    tracing::info!(
        %method,
        path,
        status = response.status().as_u16(),
        ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        request_id = %id,
        "request"
    );
    response
}
