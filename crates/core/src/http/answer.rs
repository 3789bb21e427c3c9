//! What comes back: answers, and errors in both published shapes.

use super::body::Unreadable;
use crate::error::{Error, Result};
use crate::id::TurnId;
use crate::policy::retry::retry_after;
use bytes::Bytes;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use rustls::CertificateError;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// An answer whose headers have come.
pub(crate) struct Answer {
    pub(crate) response: reqwest::Response,
    pub(crate) request_id: Option<String>,
    /// Cancelled when the client is closed.
    pub(crate) closed: CancellationToken,
}

/// An answer, read and not yet parsed.
#[derive(Clone)]
pub struct RawResponse<T> {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) request_id: Option<String>,
    pub(super) body: Bytes,
    pub(super) read: fn(&[u8]) -> Result<T>,
}

impl<T> RawResponse<T> {
    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The service's `x-request-id`.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// What awaiting the call would have given.
    ///
    /// # Errors
    /// The body is not what the operation answers.
    pub fn parse(&self) -> Result<T> {
        (self.read)(&self.body).map_err(|error| {
            let error = match content_type(&self.headers) {
                Some(kind) if !kind.contains("json") => Error::new(
                    "unexpected_content_type",
                    format!("The service answered {kind} instead of JSON; check the base URL and any proxy between."),
                ),
                _ => error,
            };
            error
                .with_status(self.status)
                .with_request_id(self.request_id.clone())
                .with_body(String::from_utf8_lossy(&self.body).into_owned())
        })
    }
}

impl<T> fmt::Debug for RawResponse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawResponse")
            .field("status", &self.status)
            .field("request_id", &self.request_id)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// Reads a JSON answer. An empty body is `{}`.
pub(crate) fn read_json<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        Error::new("invalid_answer", "The service's answer is not the JSON this operation gives.").with_source(error)
    })
}

/// Reads an answer that says nothing.
#[expect(clippy::unnecessary_wraps, reason = "it stands where answers are read")]
pub(crate) fn read_nothing(_: &[u8]) -> Result<()> {
    Ok(())
}

/// The media type, without its parameters, in lower case.
pub(crate) fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()).filter(|kind| !kind.is_empty())
}

pub(crate) fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Both shapes of an error, read in one go: `{error: {…}}` and `{statusCode, statusMessage, message}`. `error` may
/// also be a bare string.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: Option<serde_json::Value>,
    message: Option<serde_json::Value>,
    #[serde(rename = "statusMessage")]
    status_message: Option<serde_json::Value>,
    code: Option<serde_json::Value>,
    #[serde(rename = "activeTurnId", alias = "active_turn_id")]
    active_turn_id: Option<serde_json::Value>,
    #[serde(rename = "requestId", alias = "request_id")]
    request_id: Option<serde_json::Value>,
}

/// The error of an answer. `body` may have been cut.
pub(crate) fn status_error(status: u16, headers: &HeaderMap, body: &str) -> Error {
    let parsed: ErrorBody = serde_json::from_str(body).unwrap_or_default();
    let inner = |name: &str| {
        let member = parsed.error.as_ref()?.get(name)?.as_str()?;
        Some(member.to_owned()).filter(|member| !member.is_empty())
    };
    let outer = |member: &Option<serde_json::Value>| {
        Some(member.as_ref()?.as_str()?.to_owned()).filter(|member| !member.is_empty())
    };
    let message = inner("message")
        .or_else(|| outer(&parsed.message))
        .or_else(|| outer(&parsed.error))
        .or_else(|| outer(&parsed.status_message))
        .unwrap_or_else(|| no_words(status));
    let code = inner("code").or_else(|| outer(&parsed.code));
    let active = inner("activeTurnId").or_else(|| outer(&parsed.active_turn_id));
    // A conflict that names the turn is one between turns, whatever it calls itself.
    let code = code.or_else(|| (status == 409 && active.is_some()).then(|| "turn_conflict".to_owned()));
    let request_id =
        header(headers, "x-request-id").or_else(|| inner("requestId")).or_else(|| outer(&parsed.request_id));
    Error::from_status(status, code, message)
        .with_request_id(request_id)
        .with_retry_after(retry_after(|name| headers.get(name)?.to_str().ok(), SystemTime::now()))
        .with_active_turn_id(active.map(TurnId::from))
        .with_body(body.to_owned())
}

fn no_words(status: u16) -> String {
    let reason = reqwest::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    match status {
        401 => "The service refused the API key; set TURNWIRE_API_KEY or pass api_key.".to_owned(),
        _ => format!("The service answered {status} {} and said no more.", reason.unwrap_or("(no standard status)")),
    }
}

/// The error of a request that got no answer. The URL is left out: it may hold a token.
pub(crate) fn connection_error(error: reqwest::Error) -> Error {
    let error = error.without_url();
    if let Some(Unreadable(why)) = causes(&error).find_map(|cause| cause.downcast_ref()) {
        return Error::new("invalid_argument", format!("What was to be uploaded cannot be read: {why}."));
    }
    let (code, message) = if let Some(refused) = refused_certificate(&error) {
        ("certificate_refused", refused)
    } else if error.is_connect() && error.is_timeout() {
        ("connect_timeout", "The service could not be reached in time; check the base URL and the network.")
    } else if error.is_connect() {
        ("connection_failed", "The service could not be reached; check that it runs and that the base URL is right.")
    } else if error.is_builder() {
        ("invalid_argument", "The request cannot be built; see the cause.")
    } else if error.is_timeout() {
        ("answer_timeout", "The service did not answer in time.")
    } else {
        ("connection_lost", "The connection broke before the answer was complete.")
    };
    Error::new(code, message).with_source(error)
}

/// Why the service's certificate was refused, where it was.
fn refused_certificate(error: &reqwest::Error) -> Option<&'static str> {
    let Some(rustls::Error::InvalidCertificate(why)) = causes(error).find_map(|cause| cause.downcast_ref()) else {
        return None;
    };
    Some(match why {
        CertificateError::UnknownIssuer => {
            "The service's certificate is of an authority that is not trusted here; name its file by the CA bundle \
             option or SSL_CERT_FILE."
        }
        _ => "The service's certificate is not valid for this address at this time; see the cause.",
    })
}

/// What lies behind an error.
fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&error| {
        // What an error of I/O wraps is not its source.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        wrapped.map(|wrapped| wrapped as &dyn StdError).or_else(|| error.source())
    })
}
