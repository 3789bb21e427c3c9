//! Errors, field by field. JavaScript makes its own classes of them, by `class`.

use napi::Either;
use napi::bindgen_prelude::Null;
use napi_derive::napi;
use turnwire::Error;

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
        Self {
            class_name: error.kind().class().to_owned(),
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            retryable: error.is_retryable(),
            status: error.status(),
            request_id: error.request_id().map(str::to_owned),
            retry_after_ms: error.retry_after().map(|wait| wait.as_secs_f64() * 1000.0),
            body: error.body().map(str::to_owned),
            active_turn_id: error.active_turn_id().map(ToString::to_string),
            turn: error.turn().and_then(|turn| serde_json::to_string(turn).ok()),
            cursor: error.cursor().map(str::to_owned),
            causes: error.causes(),
        }
    }
}

/// The failure, or `null`.
pub(crate) fn failure(error: Option<&Error>) -> Either<NativeFailure, Null> {
    error.map_or(Either::B(Null), |error| Either::A(NativeFailure::from(error)))
}
