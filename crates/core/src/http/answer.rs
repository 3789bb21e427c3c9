//! Answers and errors.

use super::{Incoming, error_body};
use crate::error::{Error, Result};
use crate::id::TurnId;
use crate::lax::{Failure, read_text};
use crate::numbers;
use crate::policy::retry::retry_after;
use ::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use bytes::Bytes;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::fmt;
use std::time::SystemTime;
use tokio_util::sync::CancellationToken;

/// The head of an answer.
#[derive(Clone)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) request_id: Option<String>,
}

/// An answer whose headers have come.
pub(crate) struct Answer {
    pub(crate) head: Head,
    pub(crate) body: Incoming,
    /// Cancelled when the client is closed.
    pub(crate) closed: CancellationToken,
}

impl Answer {
    /// # Errors
    /// Its body is of an encoding that cannot be read.
    pub(crate) fn new(response: reqwest::Response, closed: CancellationToken) -> Result<Self> {
        let head = Head {
            status: response.status().as_u16(),
            request_id: header(response.headers(), "x-request-id"),
            headers: detached(response.headers()),
        };
        Ok(Self { head, body: Incoming::new(response)?, closed })
    }
}

/// A copy that shares no memory with the original. What the HTTP library gives are slices of the connection's read buffer,
/// and one of them kept for as long as a stream is open would keep its 8 KiB.
fn detached(headers: &HeaderMap) -> HeaderMap {
    let mut copy = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            copy.append(name, value);
        }
    }
    copy
}

/// An answer, read and not yet parsed.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let raw = client.chat().retrieve("chat_1").raw().await?;
/// println!("{} {:?}", raw.status(), raw.request_id());
/// let chat = raw.parse()?;
/// # let _: turnwire::Chat = chat;
/// # Ok(())
/// # }
/// ```
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

    /// The result of the plain call.
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
    let text = String::from_utf8_lossy(body);
    let text = if text.trim().is_empty() { "{}" } else { &text };
    if let Some(error) = error_instead(text) {
        return Err(error);
    }
    read_text(text).map_err(|error| {
        Error::new("invalid_answer", "The service's answer is not the JSON this operation gives.").with_source(error)
    })
}

/// What some operation gives; an answer with one of these is not only an error.
const GIVEN: [&str; 8] = ["id", "chatId", "chat_id", "data", "files", "path", "token", "ok"];

/// The error of an answer of status 200 that contains an error and no result.
fn error_instead(text: &str) -> Option<Error> {
    memchr::memmem::find(text.as_bytes(), b"\"error\"")?;
    let members: HashMap<String, &RawValue> = serde_json::from_str(text).ok()?;
    let failure: Failure = read_text(members.get("error")?.get()).ok()?;
    if failure.is_empty() || GIVEN.iter().any(|name| members.contains_key(*name)) {
        return None;
    }
    let why = status_error(200, &HeaderMap::new(), text).message().to_owned();
    Some(Error::new("invalid_answer", format!("The service answered with an error: {why}")))
}

/// Parses an answer without content.
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

/// What programs want of an error's body, under `error` or beside it. Its words are read by [`error_body`].
#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    error: Option<Value>,
    code: Option<Value>,
    #[serde(rename = "activeTurnId", alias = "active_turn_id")]
    active_turn_id: Option<Value>,
    #[serde(rename = "requestId", alias = "request_id")]
    request_id: Option<Value>,
}

/// The error of an answer. `body` may have been cut.
pub(crate) fn status_error(status: u16, headers: &HeaderMap, body: &str) -> Error {
    let parsed = serde_json::from_str::<ErrorBody>(&numbers::readable(body));
    let is_json = parsed.is_ok();
    let parsed = parsed.unwrap_or_default();
    let text = |value: &Value| Some(value.as_str()?.to_owned()).filter(|text| !text.is_empty());
    let inner = |name: &str| text(parsed.error.as_ref()?.get(name)?);
    let outer = |member: &Option<Value>| text(member.as_ref()?);
    let message = match error_body::message(body) {
        Some(words) if is_json || status < 400 => words,
        Some(words) => format!("The service answered {status}: {words}"),
        None => no_words(status),
    };
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
        _ => format!("The service answered {status} {} without a reason.", reason.unwrap_or("(no standard status)")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::detached;
    use ::http::header::{HeaderMap, HeaderValue};
    use bytes::Bytes;

    #[test]
    fn headers_that_are_kept_keep_nothing_else() {
        let buffer = Bytes::from("one two".as_bytes().to_vec());
        let mut headers = HeaderMap::new();
        for range in [0..3, 4..7] {
            headers.append("x-many", HeaderValue::from_maybe_shared(buffer.slice(range)).unwrap());
        }
        let kept = detached(&headers);
        assert_eq!(kept, headers);
        drop(headers);
        assert!(buffer.is_unique());
    }
}
