//! The classes of error and the table of codes.

/// The kinds of errors; Python and Node have a class for each, with the name of [`ErrorKind::class`].
///
/// ```
/// use turnwire::{Error, ErrorKind};
///
/// let error = Error::new("chat_not_found", "There is no such chat.");
/// assert_eq!((error.kind(), error.kind().class()), (ErrorKind::NotFound, "NotFoundError"));
/// ```
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
    /// 409: another turn runs in this chat; [`Error::active_turn_id`](super::Error::active_turn_id) names it.
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
    /// The agent waits for an answer, and there is no handler.
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
///
/// ```
/// let row = turnwire::error::lookup("turn_conflict").ok_or("a code of the protocol")?;
/// assert_eq!(row.status, 409);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
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

impl Code {
    /// The row for an error of a service that has no row of its own.
    pub const INTERNAL: Self = code("internal", ErrorKind::InternalServer, 500, "api_error", true);
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
    Code::INTERNAL,
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
///
/// ```
/// assert!(turnwire::error::lookup("chat_ended").is_some_and(|row| row.status == 410));
/// ```
pub fn lookup(code: &str) -> Option<&'static Code> {
    CODES.iter().find(|row| row.code == code)
}

/// The class of an answer whose code is not in the table.
pub(super) fn kind_of_status(status: u16) -> ErrorKind {
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

/// The code of an answer without one.
pub(super) fn default_code(status: u16) -> &'static str {
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
