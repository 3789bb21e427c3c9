//! Errors as the reader sees them: a code, a sentence, and nothing of the provider's headers, bodies and addresses.

use crate::event::TurnError;
use crate::opencode::ErrorInfo;
use serde::Deserialize;

/// The longest sentence that is emitted.
const MAX_MESSAGE: usize = 1000;

/// What an error of the runtime means for the turn.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    /// Somebody stopped it: no failure.
    Aborted,
    /// It failed.
    Failed(TurnError),
}

impl Failure {
    pub(super) fn read(info: &ErrorInfo<'_>) -> Self {
        let data = info.data.0.as_ref();
        let status = data.and_then(|data| data.status_code.count());
        let name = info.name.or_empty();
        if name == "MessageAbortedError" {
            return Self::Aborted;
        }
        let code = match (name, status) {
            ("ContextOverflowError", _) => "context_overflow",
            ("ContentFilterError", _) => "content_filter",
            ("MessageOutputLengthError", _) => "output_length",
            ("StructuredOutputError", _) => "structured_output",
            ("ProviderAuthError", _) | (_, Some(401 | 403)) => "provider_auth",
            (_, Some(429)) => "provider_rate_limited",
            ("APIError", _) => "provider_error",
            _ => "runtime_error",
        };
        let message = data.and_then(|data| data.message.filled()).or_else(|| info.message.filled());
        let message = message.map_or_else(|| "The agent's runtime failed and gave no reason.".to_owned(), sentence);
        Self::Failed(TurnError {
            code: code.to_owned(),
            message,
            retryable: data.and_then(|data| data.is_retryable.0).unwrap_or(false),
        })
    }
}

/// A turn's error in our own words.
pub(super) fn own(code: &str, message: &str, retryable: bool) -> TurnError {
    TurnError { code: code.to_owned(), message: message.to_owned(), retryable }
}

/// What is fit for people of a provider's or a runtime's complaint: the message within a body, the first line without
/// the stack below it, no addresses.
pub(super) fn sentence(text: &str) -> String {
    let text = body_message(text, 0).unwrap_or_else(|| text.to_owned());
    let text = crate::plain(&text);
    let text = text.split("\n    at ").next().unwrap_or_default().trim();
    let mut clean = without_addresses(text);
    if clean.len() > MAX_MESSAGE {
        let mut end = MAX_MESSAGE;
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        clean.truncate(end);
        clean.push('…');
    }
    clean
}

/// The message inside a JSON body, `{"message":…}` or `{"error":{"message":…}}`, or inside the quotes of a JSON text.
fn body_message(text: &str, depth: u8) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        message: Option<serde_json::Value>,
        error: Option<serde_json::Value>,
    }
    if depth > 3 {
        return None;
    }
    // Versions between 1.14 and 1.18 pass on the provider's message as it stood in the JSON, including the quotes.
    if text.starts_with('"') {
        let message: String = serde_json::from_str(text).ok()?;
        return Some(body_message(&message, depth + 1).unwrap_or(message));
    }
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let body: Body = serde_json::from_str(text).ok()?;
    match (body.message, body.error) {
        (Some(serde_json::Value::String(message)), _) => Some(body_message(&message, depth + 1).unwrap_or(message)),
        (_, Some(serde_json::Value::String(message))) => Some(message),
        (_, Some(error @ serde_json::Value::Object(_))) => body_message(&error.to_string(), depth + 1),
        // A body without a message says nothing to people.
        _ => Some("The provider gave no reason.".to_owned()),
    }
}

fn without_addresses(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let start = rest[..at]
            .rfind(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c))
            .map_or(0, |end| end + rest[end..].chars().next().map_or(1, char::len_utf8));
        out.push_str(&rest[..start]);
        out.push_str("[address]");
        let after = &rest[at..];
        let end = after.find(|c: char| c.is_whitespace() || "\"'<>)]},".contains(c)).unwrap_or(after.len());
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::sentence;

    /// PROTOCOL STATUS-3.
    #[test]
    fn what_people_read_is_free_of_bodies_stacks_and_addresses() {
        assert_eq!(sentence(r#"{"error":{"message":"Slow down","type":"x"},"url":"https://a.b"}"#), "Slow down");
        assert_eq!(sentence("Model not found: x.\n    at f (/$bunfs/root/c.js:1:2)"), "Model not found: x.");
        assert_eq!(sentence("POST https://api.example.com/v1?key=1 failed"), "POST [address] failed");
        assert_eq!(sentence("plain words"), "plain words");
        assert_eq!(sentence("\u{1b}[91mError:\u{1b}[0m no model"), "Error: no model");
        assert_eq!(sentence(r#""The server had an error""#), "The server had an error");
        assert_eq!(sentence(r#""Yes" is no "answer""#), r#""Yes" is no "answer""#);
    }
}
