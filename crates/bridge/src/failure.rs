//! The fields of an error, from which a language creates its own class.

use serde::Serialize;
use turnwire::{Error, Turn};

/// The fields of an error. `class` is the name of the language's class; core's table determines the class of each code.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are those of `turnwire::Error`")]
pub struct Facts<'a> {
    pub class: &'static str,
    pub code: &'a str,
    pub message: &'a str,
    pub retryable: bool,
    pub status: Option<u16>,
    pub request_id: Option<&'a str>,
    /// Milliseconds.
    pub retry_after_ms: Option<f64>,
    pub body: Option<&'a str>,
    pub active_turn_id: Option<&'a str>,
    pub turn: Option<&'a Turn>,
    pub cursor: Option<String>,
    /// Outermost first.
    pub causes: Vec<String>,
}

impl<'a> From<&'a Error> for Facts<'a> {
    fn from(error: &'a Error) -> Self {
        Self {
            class: error.kind().class(),
            code: error.code(),
            message: error.message(),
            retryable: error.is_retryable(),
            status: error.status(),
            request_id: error.request_id(),
            retry_after_ms: error.retry_after().map(|wait| wait.as_secs_f64() * 1000.0),
            body: error.body(),
            active_turn_id: error.active_turn_id().map(turnwire::TurnId::as_str),
            turn: error.turn(),
            cursor: error.cursor().map(ToString::to_string),
            causes: error.causes(),
        }
    }
}
