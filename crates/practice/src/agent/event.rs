//! The shapes of `OpenCode` 1.18's messages and parts.

use crate::script::Usage;
use serde_json::{Value, json};

/// The version whose events these are.
pub(super) const VERSION: &str = "1.18.33";

/// `total` stands only where a step has ended.
pub(super) fn tokens(usage: Usage, ended: bool) -> Value {
    let mut tokens = json!({
        "input": usage.input,
        "output": usage.output,
        "reasoning": usage.reasoning,
        "cache": { "read": usage.cache_read, "write": 0 },
    });
    if ended {
        tokens["total"] = json!(usage.total());
    }
    tokens
}

/// `provider/model` in its two halves.
pub(super) fn model_of(model: Option<&str>) -> (&str, &str) {
    model.and_then(|model| model.split_once('/')).unwrap_or((crate::model::PROVIDER, crate::model::MODEL))
}

/// The error of a turn that was stopped.
pub(super) fn aborted() -> Value {
    json!({ "name": "MessageAbortedError", "data": { "message": "Aborted" } })
}

/// The error of a turn whose provider refused.
pub(super) fn refused(message: &str) -> Value {
    json!({ "name": "APIError", "data": { "message": message, "statusCode": 400, "isRetryable": false } })
}
