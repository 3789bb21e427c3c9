//! One error for everything that can go wrong, and the one table of codes behind it.
//!
//! The table ([`CODES`]) is what the server answers from, what the clients' classes are chosen by, and what
//! `tests/conformance/errors.json` and `docs/errors.md` are checked against. Nobody matches text.

mod code;
#[cfg(feature = "client")]
mod make;
mod parse;

pub use code::{CODES, Code, ErrorKind, lookup};

use crate::cursor::TurnCursor;
use crate::id::TurnId;
use crate::turn::Turn;
use code::{default_code, kind_of_status};
use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What went wrong.
///
/// `Display` is one sentence for a person; the causes follow through [`std::error::Error::source`]. A key or a token
/// is never in it.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::ErrorKind;
///
/// match client.chat().send_message("chat_1", "Go on.").await {
///     Ok(turn) => println!("{}", turn.text()),
///     Err(error) if error.kind() == ErrorKind::TurnConflict => println!("busy with {:?}", error.active_turn_id()),
///     Err(error) if error.is_retryable() => println!("again later: {error}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(())
/// # }
/// ```
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
    cursor: Option<TurnCursor>,
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

    /// An error that a service answered. The class follows the status, or the code if it is known and agrees with the status.
    // For the testkit, which builds the errors of its cases with it.
    #[doc(hidden)]
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

    /// The class.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The code, for programs; the service's own if it sent one.
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

    /// The wait that the service requested.
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
    pub fn cursor(&self) -> Option<&TurnCursor> {
        self.0.cursor.as_ref()
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
