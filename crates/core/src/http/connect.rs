//! The `reqwest` client: certificates, proxies, sockets.

use super::ClientBuilder;
use super::proxy::Proxies;
use super::trouble::{MAX_HEAD, MAX_HEADERS};
use super::trust::more_certificates;
use crate::error::{Error, Result};
use std::time::Duration;

pub(super) fn build_http(settings: &ClientBuilder, proxies: &Proxies, connect: Duration) -> Result<reqwest::Client> {
    let invalid = |error: reqwest::Error| {
        Error::new("invalid_argument", "The HTTP client cannot be set up; see the cause.")
            .with_source(error.without_url())
    };
    let http = || http_settings(settings, proxies, connect);
    let more = more_certificates(settings)?;
    let from_env = settings.ca_bundle.is_none() && !more.is_empty();
    let mut built: reqwest::Result<_> = http()?.tls_certs_merge(more).build();
    if let (true, Err(error)) = (from_env, &built) {
        settings.warn(&format!("The certificates that the environment names are not used: {error}."));
        built = http()?.build();
    }
    match built {
        Ok(http) => Ok(http),
        Err(error) if settings.ca_bundle.is_some() => Err(invalid(error)),
        // A machine without any certificate authority (a slim container) can still speak plain http.
        Err(error) => http()?.tls_certs_only([]).build().map_err(|_| invalid(error)),
    }
}

fn http_settings(settings: &ClientBuilder, proxies: &Proxies, connect: Duration) -> Result<reqwest::ClientBuilder> {
    let mut http = reqwest::Client::builder()
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
    proxies.apply(http)
}
