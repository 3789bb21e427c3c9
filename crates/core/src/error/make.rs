//! What the client knows about an error beside its code and message.

use super::{Error, ErrorKind};
use crate::cursor::TurnCursor;
use crate::id::TurnId;
use crate::turn::Turn;
use std::borrow::Cow;
use std::time::Duration;

impl Error {
    /// The error of a turn that ended as `failed` or `interrupted`, with the turn's own code where it has one.
    pub(crate) fn turn_failed(turn: Turn) -> Self {
        let reported = turn.error.clone().unwrap_or_default();
        let code = if reported.code.is_empty() { Cow::Borrowed("turn_failed") } else { Cow::Owned(reported.code) };
        let message = if reported.message.is_empty() {
            format!("The turn ended as {}.", turn.status)
        } else {
            format!("The turn ended as {}: {}", turn.status, reported.message)
        };
        let mut error = Self::new(code, message).with_retryable(reported.retryable).with_turn(turn);
        error.0.kind = ErrorKind::TurnFailed;
        error
    }

    /// Sets [`Error::message`].
    #[must_use]
    pub(crate) fn with_message(mut self, message: String) -> Self {
        self.0.message = message;
        self
    }

    /// Sets [`Error::status`].
    #[must_use]
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    /// Sets [`Error::request_id`].
    #[must_use]
    pub(crate) fn with_request_id(mut self, id: Option<String>) -> Self {
        self.0.request_id = id;
        self
    }

    /// Sets [`Error::retry_after`].
    #[must_use]
    pub(crate) fn with_retry_after(mut self, wait: Option<Duration>) -> Self {
        self.0.retry_after = wait;
        self
    }

    /// Sets [`Error::body`], cut at 64 KiB.
    #[must_use]
    pub(crate) fn with_body(mut self, mut body: String) -> Self {
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
    pub(crate) fn with_active_turn_id(mut self, id: Option<TurnId>) -> Self {
        self.0.active_turn_id = id;
        self
    }

    /// Sets [`Error::turn`].
    #[must_use]
    pub(crate) fn with_turn(mut self, turn: Turn) -> Self {
        self.0.turn = Some(Box::new(turn));
        self
    }

    /// Sets [`Error::cursor`].
    #[must_use]
    pub(crate) fn with_cursor(mut self, cursor: Option<TurnCursor>) -> Self {
        self.0.cursor = cursor;
        self
    }

    /// Sets [`Error::is_retryable`], where the table does not know.
    #[must_use]
    pub(crate) fn with_retryable(mut self, retryable: bool) -> Self {
        self.0.retryable = retryable;
        self
    }
}
