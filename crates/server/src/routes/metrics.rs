//! `GET /metrics`: figures for Prometheus. They hold no ids and no names, so they need no key, where no page can be asking.

use crate::app::App;
use crate::auth::Operator;
use crate::error::ApiResult;
use crate::metrics::Gauges;
use axum::extract::State;
use axum::response::IntoResponse;
use http::uri::Authority;
use http::{HeaderMap, Uri, header};
use std::net::IpAddr;
use std::sync::Arc;

pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    uri: Uri,
    headers: HeaderMap,
    operator: ApiResult<Operator>,
) -> ApiResult<impl IntoResponse> {
    if !is_ours(&uri, &headers, app.public_url.as_deref()) || is_of_a_page(&headers) {
        operator?;
    }
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

/// Whether it was asked for under a name that is surely this server's. A page may have its own name lead to this machine's
/// address, and then counts as the same origin, but its requests still carry that name.
fn is_ours(uri: &Uri, headers: &HeaderMap, public_url: Option<&str>) -> bool {
    // HTTP/2 has it in the address.
    let told = headers.get(header::HOST).map(|host| host.to_str().ok().and_then(|host| host.parse::<Authority>().ok()));
    let Some(asked) = uri.authority().cloned().map(Some).or(told) else {
        // No browser leaves it out.
        return true;
    };
    let Some(asked) = asked else { return false };
    let host = asked.host().trim_end_matches('.').to_ascii_lowercase();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    let public = public_url.and_then(|url| url.parse::<Uri>().ok());
    address.parse::<IpAddr>().is_ok()
        || host == "localhost"
        || host.ends_with(".localhost")
        || public.is_some_and(|url| url.host().is_some_and(|public| public.eq_ignore_ascii_case(&host)))
}

/// Whether a browser says that a page of another origin asks.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site").and_then(|site| site.to_str().ok());
    headers.contains_key(header::ORIGIN) || site.is_some_and(|site| site != "none" && site != "same-origin")
}
