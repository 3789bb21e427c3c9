//! One error for everything that can go wrong, and the one table of codes behind it.
//!
//! The table ([`CODES`]) is what the server answers from, what the clients' classes are chosen by, and what
//! `tests/conformance/errors.json` and `docs/errors.md` are checked against. Nobody matches text.

use crate::id::TurnId;
use crate::turn::Turn;
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The classes of error; Python and Node have a real class for each, of the name [`ErrorKind::class`] gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument no request can be made of; nothing was sent. Python `ValueError`/`TypeError`, Node `TypeError`.
    InvalidArgument,
    /// Something is wrong with what came over the stream: its content type, a frame, an `error` event, a limit.
    Api,
    /// A status without a class of its own.
    Status,
    /// 400.
    BadRequest,
    /// 401.
    Authentication,
    /// 403.
    PermissionDenied,
    /// 404.
    NotFound,
    /// 409.
    Conflict,
    /// 409: another turn runs in this chat; [`Error::active_turn_id`] names it.
    TurnConflict,
    /// 410: the chat has ended.
    ChatEnded,
    /// 422.
    UnprocessableEntity,
    /// 429.
    RateLimit,
    /// 500 and above.
    InternalServer,
    /// No answer: the connection could not be made, or broke.
    Connection,
    /// A clock ran out: connect, answer, or total.
    Timeout,
    /// Nothing came over an open stream for too long.
    StreamIdleTimeout,
    /// The stream ended before the turn, and it could not be resumed.
    IncompleteTurn,
    /// The turn ended as `failed` or `interrupted`.
    TurnFailed,
    /// The agent asked something and nobody is there to answer.
    InputRequired,
    /// Stopped by the caller.
    Aborted,
}

impl ErrorKind {
    /// The name of the class in Python and Node.
    pub fn class(self) -> &'static str {
        match self {
            Self::InvalidArgument => "InvalidArgumentError",
            Self::Api => "APIError",
            Self::Status => "APIStatusError",
            Self::BadRequest => "BadRequestError",
            Self::Authentication => "AuthenticationError",
            Self::PermissionDenied => "PermissionDeniedError",
            Self::NotFound => "NotFoundError",
            Self::Conflict => "ConflictError",
            Self::TurnConflict => "TurnConflictError",
            Self::ChatEnded => "ChatEndedError",
            Self::UnprocessableEntity => "UnprocessableEntityError",
            Self::RateLimit => "RateLimitError",
            Self::InternalServer => "InternalServerError",
            Self::Connection => "APIConnectionError",
            Self::Timeout => "APITimeoutError",
            Self::StreamIdleTimeout => "StreamIdleTimeoutError",
            Self::IncompleteTurn => "IncompleteTurnError",
            Self::TurnFailed => "TurnFailedError",
            Self::InputRequired => "InputRequiredError",
            Self::Aborted => "APIUserAbortError",
        }
    }
}

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code {
    /// The code as it travels.
    pub code: &'static str,
    /// Its class.
    pub kind: ErrorKind,
    /// The status it is answered with; 0 for those that never travel.
    pub status: u16,
    /// The `error.type` of the answer's body.
    pub wire_type: &'static str,
    /// Whether the same request may succeed later, unchanged.
    pub retryable: bool,
}

const fn code(code: &'static str, kind: ErrorKind, status: u16, wire_type: &'static str, retryable: bool) -> Code {
    Code { code, kind, status, wire_type, retryable }
}

/// Every code. First those of the contract, then those a client makes itself.
pub const CODES: &[Code] = &[
    code("invalid_request", ErrorKind::BadRequest, 400, "invalid_request_error", false),
    code("unauthorized", ErrorKind::Authentication, 401, "authentication_error", false),
    code("forbidden", ErrorKind::PermissionDenied, 403, "permission_error", false),
    code("chat_not_found", ErrorKind::NotFound, 404, "not_found_error", false),
    code("question_not_found", ErrorKind::NotFound, 404, "not_found_error", false),
    code("permission_not_found", ErrorKind::NotFound, 404, "not_found_error", false),
    code("turn_not_found", ErrorKind::NotFound, 404, "not_found_error", false),
    code("file_not_found", ErrorKind::NotFound, 404, "not_found_error", false),
    code("route_not_found", ErrorKind::NotFound, 404, "not_found_error", false),
    code("method_not_allowed", ErrorKind::Status, 405, "invalid_request_error", false),
    code("turn_conflict", ErrorKind::TurnConflict, 409, "conflict_error", false),
    code("chat_ended", ErrorKind::ChatEnded, 410, "gone_error", false),
    code("payload_too_large", ErrorKind::Status, 413, "invalid_request_error", false),
    code("range_not_satisfiable", ErrorKind::Status, 416, "invalid_request_error", false),
    code("idempotency_mismatch", ErrorKind::UnprocessableEntity, 422, "invalid_request_error", false),
    code("rate_limited", ErrorKind::RateLimit, 429, "rate_limit_error", true),
    code("internal", ErrorKind::InternalServer, 500, "api_error", true),
    code("runtime_unavailable", ErrorKind::InternalServer, 503, "api_error", true),
    code("runtime_timeout", ErrorKind::InternalServer, 504, "api_error", true),
    code("storage_unavailable", ErrorKind::InternalServer, 503, "api_error", true),
    code("storage_full", ErrorKind::InternalServer, 507, "api_error", false),
    code("invalid_argument", ErrorKind::InvalidArgument, 0, "", false),
    code("unexpected_status", ErrorKind::Status, 0, "", false),
    code("connection_failed", ErrorKind::Connection, 0, "", true),
    code("certificate_refused", ErrorKind::Connection, 0, "", false),
    code("proxy_unreachable", ErrorKind::Connection, 0, "", true),
    code("proxy_refused", ErrorKind::Connection, 0, "", true),
    code("proxy_unauthorized", ErrorKind::Connection, 0, "", false),
    code("too_many_open_files", ErrorKind::Connection, 0, "", true),
    code("connection_lost", ErrorKind::Connection, 0, "", true),
    code("connect_timeout", ErrorKind::Timeout, 0, "", true),
    code("answer_timeout", ErrorKind::Timeout, 0, "", true),
    code("total_timeout", ErrorKind::Timeout, 0, "", false),
    code("stream_idle_timeout", ErrorKind::StreamIdleTimeout, 0, "", true),
    code("incomplete_turn", ErrorKind::IncompleteTurn, 0, "", true),
    code("incomplete_download", ErrorKind::Connection, 0, "", true),
    code("unexpected_content_type", ErrorKind::Api, 0, "", false),
    code("unexpected_encoding", ErrorKind::Api, 0, "", false),
    code("headers_too_large", ErrorKind::Api, 0, "", false),
    code("invalid_answer", ErrorKind::Api, 0, "", false),
    code("invalid_frame", ErrorKind::Api, 0, "", false),
    code("event_too_large", ErrorKind::Api, 0, "", false),
    code("stream_error", ErrorKind::Api, 0, "", false),
    code("turn_failed", ErrorKind::TurnFailed, 0, "", false),
    code("input_required", ErrorKind::InputRequired, 0, "", false),
    code("aborted", ErrorKind::Aborted, 0, "", false),
    code("client_closed", ErrorKind::Aborted, 0, "", false),
];

/// The row of a code, if the table has it.
pub fn lookup(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code == code)
}

/// What went wrong.
///
/// `Display` is one sentence for a person; the causes follow through [`std::error::Error::source`]. A key or a token
/// is never in it.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    code: Cow<'static, str>,
    message: String,
    retryable: bool,
    status: Option<u16>,
    request_id: Option<String>,
    retry_after: Option<Duration>,
    body: Option<String>,
    active_turn_id: Option<TurnId>,
    turn: Option<Box<Turn>>,
    cursor: Option<String>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error with a code of the table. An unknown code is kept under the class [`ErrorKind::Api`].
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        let code = code.into();
        let row = lookup(&code);
        Self(Box::new(Inner {
            kind: row.map_or(ErrorKind::Api, |row| row.kind),
            retryable: row.is_some_and(|row| row.retryable),
            code,
            message: message.into(),
            status: None,
            request_id: None,
            retry_after: None,
            body: None,
            active_turn_id: None,
            turn: None,
            cursor: None,
            source: None,
        }))
    }

    /// An error a service answered. The class follows the status; where the code is known and agrees, the code.
    pub fn from_status(status: u16, code: Option<String>, message: impl Into<String>) -> Self {
        let row = code.as_deref().and_then(lookup).filter(|row| row.status == status);
        let kind = row.map_or_else(|| kind_of_status(status), |row| row.kind);
        let retryable = row.map_or_else(|| matches!(status, 408 | 429 | 500..), |row| row.retryable);
        let code = code.map_or(Cow::Borrowed(default_code(status)), Cow::Owned);
        let mut error = Self::new(code, message);
        error.0.kind = kind;
        error.0.retryable = retryable;
        error.0.status = Some(status);
        error
    }

    /// The error of a turn that ended as `failed` or `interrupted`, with the turn's own code where it has one.
    pub fn turn_failed(turn: Turn) -> Self {
        let told = turn.error.clone().unwrap_or_default();
        let code = if told.code.is_empty() { Cow::Borrowed("turn_failed") } else { Cow::Owned(told.code) };
        let message = if told.message.is_empty() {
            format!("The turn ended as {}.", turn.status)
        } else {
            format!("The turn ended as {}: {}", turn.status, told.message)
        };
        let mut error = Self::new(code, message).with_retryable(told.retryable).with_turn(turn);
        error.0.kind = ErrorKind::TurnFailed;
        error
    }

    /// The class.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code, for programs. The service's own where it gave one.
    pub fn code(&self) -> &str {
        &self.0.code
    }

    /// One sentence for a person, without the causes.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The HTTP status, where there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The service's `x-request-id`.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// How long the service asked to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The body of the answer, as text, cut at 64 KiB.
    pub fn body(&self) -> Option<&str> {
        self.0.body.as_deref()
    }

    /// With [`ErrorKind::TurnConflict`]: the turn that runs.
    pub fn active_turn_id(&self) -> Option<&TurnId> {
        self.0.active_turn_id.as_ref()
    }

    /// The turn so far, where the error ended a stream.
    pub fn turn(&self) -> Option<&Turn> {
        self.0.turn.as_deref()
    }

    /// Where to go on, where the error ended a stream.
    pub fn cursor(&self) -> Option<&str> {
        self.0.cursor.as_deref()
    }

    /// A clock ran out.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout | ErrorKind::StreamIdleTimeout)
    }

    /// The connection could not be made.
    pub fn is_connect(&self) -> bool {
        matches!(
            &*self.0.code,
            "connection_failed"
                | "connect_timeout"
                | "certificate_refused"
                | "proxy_unreachable"
                | "proxy_refused"
                | "proxy_unauthorized"
                | "too_many_open_files"
        )
    }

    /// 409.
    pub fn is_conflict(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Conflict | ErrorKind::TurnConflict)
    }

    /// The stream ended before the turn.
    pub fn is_incomplete(&self) -> bool {
        self.0.kind == ErrorKind::IncompleteTurn
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Sets [`Error::message`].
    #[cfg(feature = "client")]
    #[must_use]
    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    /// Sets [`Error::status`].
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Sets [`Error::request_id`].
    #[must_use]
    pub fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id;
        self
    }

    /// Sets [`Error::retry_after`].
    #[must_use]
    pub fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Sets [`Error::body`], cut at 64 KiB.
    #[must_use]
    pub fn with_body(mut self, mut body: String) -> Self {
        let mut end = body.len().min(64 * 1024);
        while !body.is_char_boundary(end) {
            end -= 1;
        }
        body.truncate(end);
        self.0.body = Some(body);
        self
    }

    /// Sets [`Error::active_turn_id`].
    #[must_use]
    pub fn with_active_turn_id(mut self, id: Option<TurnId>) -> Self {
        self.0.active_turn_id = id;
        self
    }

    /// Sets [`Error::turn`].
    #[must_use]
    pub fn with_turn(mut self, turn: Turn) -> Self {
        self.0.turn = Some(Box::new(turn));
        self
    }

    /// Sets [`Error::cursor`].
    #[must_use]
    pub fn with_cursor(mut self, cursor: Option<String>) -> Self {
        self.0.cursor = cursor;
        self
    }

    /// Sets [`Error::is_retryable`], where the table does not know.
    #[must_use]
    pub fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }

    /// Sets the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// The messages of the causes, outermost first, for languages without `source`.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut cause = self.source();
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        causes
    }
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        400 => ErrorKind::BadRequest,
        401 => ErrorKind::Authentication,
        403 => ErrorKind::PermissionDenied,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Conflict,
        410 => ErrorKind::ChatEnded,
        422 => ErrorKind::UnprocessableEntity,
        429 => ErrorKind::RateLimit,
        500.. => ErrorKind::InternalServer,
        _ => ErrorKind::Status,
    }
}

/// The code of an answer that gave none.
fn default_code(status: u16) -> &'static str {
    match status {
        400 => "invalid_request",
        401 => "unauthorized",
        403 => "forbidden",
        410 => "chat_ended",
        413 => "payload_too_large",
        429 => "rate_limited",
        500 => "internal",
        503 => "runtime_unavailable",
        504 => "runtime_timeout",
        _ => "unexpected_status",
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The body and the turn are left out: long, and the body may echo what was sent.
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("status", &self.0.status)
            .field("request_id", &self.0.request_id)
            .field("causes", &self.causes())
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
