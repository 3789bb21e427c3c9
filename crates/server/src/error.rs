//! What a route answers when it cannot do what was asked: a code of the one table, and a sentence.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;
use std::io::ErrorKind;
use std::time::Duration;
use turnwire::TurnId;
use turnwire::error::Code;

/// Shorthand for results of routes.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

/// An error as it is answered.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: &'static str,
    message: String,
    active_turn_id: Option<TurnId>,
    retry_after: Option<Duration>,
    /// What there is, where more was asked for.
    size: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), active_turn_id: None, retry_after: None, size: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new("invalid_request", message)
    }

    /// Something of ours failed; the cause goes to the log, not to the caller.
    pub(crate) fn internal(cause: &dyn std::fmt::Display) -> Self {
        tracing::error!(%cause, "a request failed inside");
        Self::new("internal", "The server failed inside; try again, and look into its log if it stays so.")
    }

    pub(crate) fn chat_not_found(id: &str) -> Self {
        Self::new("chat_not_found", format!("There is no chat {id:?} for this key; check the id, or create a chat."))
    }

    pub(crate) fn turn_not_found(id: &str) -> Self {
        Self::new("turn_not_found", format!("There is no turn {id:?} in this chat; old ones may have been let go of."))
    }

    pub(crate) fn chat_ended(id: &str) -> Self {
        Self::new(
            "chat_ended",
            format!("Chat {id} has ended and takes nothing more; create a new one. What it logged can still be read."),
        )
    }

    pub(crate) fn turn_conflict(turn: TurnId) -> Self {
        let mut error = Self::new(
            "turn_conflict",
            format!("Turn {turn} is running in this chat; wait for its end, or cancel it first."),
        );
        error.active_turn_id = Some(turn);
        error
    }

    /// A range that begins beyond the end of a file of this size.
    pub(crate) fn beyond(size: u64) -> Self {
        let mut error = Self::new(
            "range_not_satisfiable",
            format!(
                "The range begins beyond the end of the file, which has {size} bytes; ask for less, or for the whole file."
            ),
        );
        error.size = Some(size);
        error
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        let mut error = Self::new("runtime_unavailable", message);
        error.retry_after = Some(Duration::from_secs(5));
        error
    }

    pub(crate) fn storage_full() -> Self {
        Self::new("storage_full", "The server's disk is full; nothing new was kept. Make room, then try again.")
    }

    pub(crate) fn storage_unavailable(message: impl Into<String>) -> Self {
        let mut error = Self::new("storage_unavailable", message);
        error.retry_after = Some(Duration::from_secs(5));
        error
    }

    /// A file could not be used.
    pub(crate) fn of_file(error: &std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::storage_full(),
            ErrorKind::ReadOnlyFilesystem => Self::storage_unavailable("The server's disk can only be read; mend it."),
            _ => Self::internal(error),
        }
    }

    pub(crate) fn rate_limited(wait: Duration) -> Self {
        let message = "This API key has asked too often; wait as long as `Retry-After` says.";
        let mut error = Self::new("rate_limited", message);
        error.retry_after = Some(wait);
        error
    }

    pub(crate) fn too_many_guesses(wait: Duration) -> Self {
        let message =
            "Too many wrong API keys came from this address; check the key, and wait as long as `Retry-After` says.";
        let mut error = Self::new("rate_limited", message);
        error.retry_after = Some(wait);
        error
    }

    /// The key that let a request in was taken back while it was under way.
    pub(crate) fn revoked() -> Self {
        Self::new("unauthorized", "This API key was revoked while the request was under way; use another one.")
    }

    pub(crate) fn too_many_streams() -> Self {
        let message = "The server has as many open streams as it may have; close some, or try again in a moment.";
        let mut error = Self::new("rate_limited", message);
        error.retry_after = Some(Duration::from_secs(5));
        error
    }

    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    fn row(&self) -> Code {
        turnwire::error::lookup(self.code).copied().filter(|row| row.status != 0).unwrap_or(Code::INTERNAL)
    }

    /// The whole answer. Both published shapes in one body, so that any client finds what it knows.
    pub(crate) fn render(&self, request_id: &str) -> Response {
        let row = self.row();
        let status = StatusCode::from_u16(row.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut error =
            json!({"type": row.wire_type, "code": row.code, "message": self.message, "requestId": request_id});
        if let Some(turn) = &self.active_turn_id {
            error["activeTurnId"] = json!(turn);
        }
        let body = json!({
            "statusCode": row.status,
            "statusMessage": status.canonical_reason().unwrap_or_default(),
            "message": self.message,
            "error": error,
        });
        let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response();
        if let Some(wait) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
        }
        if let Some(told) = self.size.and_then(|size| HeaderValue::from_str(&format!("bytes */{size}")).ok()) {
            response.headers_mut().insert(header::CONTENT_RANGE, told);
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for ApiError {
    /// Left in the answer's extensions: the outermost layer renders it, as it knows the request's id.
    fn into_response(self) -> Response {
        let mut response = StatusCode::from_u16(self.row().status).unwrap_or_default().into_response();
        response.extensions_mut().insert(self);
        response
    }
}
