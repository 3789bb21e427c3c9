//! Redirects: which are followed, and the errors for the others. PROTOCOL HTTP-6.

use crate::error::{Error, Result};
use ::http::Method;
use ::http::header::{HeaderMap, LOCATION};
use url::Url;

use super::error_body::bounded;

/// Where a redirect leads that may be followed: one that keeps the method, or any of a GET.
pub(super) fn target(method: &Method, response: &reqwest::Response, url: &Url) -> Option<Result<Url>> {
    let status = response.status().as_u16();
    let followed = matches!(status, 307 | 308) || (*method == Method::GET && matches!(status, 301..=303));
    if !followed {
        return None;
    }
    response.headers().get(LOCATION)?;
    Some(
        location(response.headers(), url)
            .ok_or_else(|| Error::new("unexpected_status", "The service redirects to nowhere.").with_status(status)),
    )
}

/// The error for a redirect that is not followed, with its target.
pub(super) fn message(status: u16, headers: &HeaderMap, url: &Url) -> Option<String> {
    if !matches!(status, 301..=303 | 307 | 308) {
        return None;
    }
    let Some(to) = location(headers, url) else {
        return Some(format!("The service redirects ({status}) and does not say where to; check the base URL."));
    };
    // A query may be a secret.
    let to = bounded(&format!("{}{}", to.origin().ascii_serialization(), to.path()));
    Some(format!(
        "The service redirects ({status}) to {to}, where this request is not sent again; set base_url to where the service is."
    ))
}

fn location(headers: &HeaderMap, url: &Url) -> Option<Url> {
    let target = url.join(headers.get(LOCATION)?.to_str().ok()?).ok()?;
    Some(target).filter(|target| matches!(target.scheme(), "http" | "https"))
}
