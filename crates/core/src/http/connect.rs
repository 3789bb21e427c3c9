//! The `reqwest` client: proxies, sockets, TLS.

use super::builder::ClientBuilder;
use super::connection_error::{MAX_HEAD, MAX_HEADERS};
use super::proxy::Proxies;
use super::tls;
use crate::error::{Error, Result};
use std::time::Duration;

pub(super) fn build_http(settings: &ClientBuilder, proxies: &Proxies, connect: Duration) -> Result<reqwest::Client> {
    let mut http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls::config(settings)?)
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        // Bodies are decoded here, and not by what another part of the program switches on in `reqwest`.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .http1_max_headers(MAX_HEADERS)
        .http2_max_header_list_size(MAX_HEAD)
        .tcp_nodelay(true)
        .tcp_keepalive(settings.tcp_keepalive)
        // Shorter than what servers and balancers usually keep: a connection they just closed would lose a prompt.
        .pool_idle_timeout(Duration::from_secs(20));
    if !connect.is_zero() {
        http = http.connect_timeout(connect);
    }
    if settings.http2_only {
        http = http.http2_prior_knowledge();
    }
    proxies.apply(http)?.build().map_err(|error| {
        Error::new("invalid_argument", "The HTTP client cannot be set up; see the cause.")
            .with_source(error.without_url())
    })
}
