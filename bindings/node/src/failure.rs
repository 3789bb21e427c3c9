//! Errors, field by field. JavaScript makes its own classes of them, by `class`.

use napi::Either;
use napi::bindgen_prelude::Null;
use napi_derive::napi;
use turnwire::Error;
use turnwire_bridge::Facts;

/// Why a call failed.
#[napi(object, object_from_js = false)]
pub struct NativeFailure {
    /// The name of the class in JavaScript.
    #[napi(js_name = "class")]
    pub class_name: String,
    /// For programs.
    pub code: String,
    /// One sentence for a person.
    pub message: String,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// The HTTP status.
    pub status: Option<u16>,
    /// The service's id of the request.
    pub request_id: Option<String>,
    /// How long the service asked to wait.
    pub retry_after_ms: Option<f64>,
    /// The answer's body.
    pub body: Option<String>,
    /// The turn that runs, in a conflict.
    pub active_turn_id: Option<String>,
    /// The turn so far, as JSON.
    pub turn: Option<String>,
    /// Where to go on.
    pub cursor: Option<String>,
    /// The causes, outermost first.
    pub causes: Vec<String>,
}

impl From<&Error> for NativeFailure {
    fn from(error: &Error) -> Self {
        let facts = Facts::from(error);
        let text = |text: &str| text.to_owned();
        Self {
            class_name: text(facts.class),
            code: text(facts.code),
            message: text(facts.message),
            retryable: facts.retryable,
            status: facts.status,
            request_id: facts.request_id.map(text),
            retry_after_ms: facts.retry_after_ms,
            body: facts.body.map(text),
            active_turn_id: facts.active_turn_id.map(text),
            turn: facts.turn.and_then(|turn| serde_json::to_string(turn).ok()),
            cursor: facts.cursor,
            causes: facts.causes,
        }
    }
}

/// The failure, or `null`.
pub(crate) fn failure(error: Option<&Error>) -> Either<NativeFailure, Null> {
    error.map_or(Either::B(Null), |error| Either::A(NativeFailure::from(error)))
}
