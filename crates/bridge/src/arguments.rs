//! Parses arguments that another language passes as JSON.

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use std::collections::HashMap;
use turnwire::{Error, Result};

/// How a language spells arguments, and which additional environment variables it reads.
#[derive(Debug)]
pub struct Language {
    /// The name of an argument or an option in the language, from its protocol name.
    pub name: fn(&str) -> String,
    /// Variables of the environment that name certificates to trust.
    pub ca_variables: &'static [&'static str],
}

impl Language {
    /// One JSON object of a type whose fields all have defaults.
    ///
    /// # Errors
    /// `invalid_argument`, in a sentence that names the argument. Where it stands in a text the caller never saw, it does
    /// not say.
    pub fn read<T: DeserializeOwned>(&self, json: &str) -> Result<T> {
        serde_json::from_str(json).map_err(|error| invalid(self.why::<T>(json, &error)))
    }

    fn why<T: DeserializeOwned>(&self, json: &str, error: &serde_json::Error) -> String {
        if let Some(half) = half_a_character(json) {
            return format!("{} holds half of a character (an unpaired surrogate); send it whole.", (self.name)(&half));
        }
        let given: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
        // Each by itself: the first that cannot be read alone is the one.
        let wrong = given.into_iter().find_map(|(key, value)| {
            let whole = if value.is_object() { "an object" } else { "a list" };
            let many = value.is_object() || value.is_array();
            let alone = Value::Object(Map::from_iter([(key.clone(), value)]));
            let error = serde_json::from_value::<T>(alone).err()?;
            Some(demand(&(self.name)(&key), many.then_some(whole), &error.to_string()))
        });
        wrong.unwrap_or_else(|| {
            let why = error.to_string();
            format!("The arguments cannot be sent: {}.", why.split(" at line ").next().unwrap_or_default())
        })
    }
}

pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new("invalid_argument", message)
}

/// The argument with half of a surrogate pair in it, as is left of an emoji where a text was cut by its length. Its JSON
/// is well formed, and stands for no text.
fn half_a_character(json: &str) -> Option<String> {
    let given: HashMap<String, &RawValue> = serde_json::from_str(json).ok()?;
    let cut = |value: &&RawValue| value.get().contains("\\u") && serde_json::from_str::<Value>(value.get()).is_err();
    given.into_iter().find(|(_, value)| cut(value)).map(|(name, _)| name)
}

/// "… must be …, not …" from serde's "invalid type: …, expected …" and its like. `many`: what the argument is, if it
/// has values of its own.
fn demand(name: &str, many: Option<&str>, why: &str) -> String {
    let told = why.split_once(", expected ").and_then(|(given, wanted)| {
        let starts = ["invalid type: ", "invalid value: ", "unknown variant "];
        Some((starts.iter().find_map(|start| given.strip_prefix(start))?, wanted))
    });
    let Some((given, wanted)) = told else { return format!("{name} is not right: {why}.") };
    let plain = |word| match word {
        "map" | "a map" => "an object",
        "sequence" | "a sequence" => "a list",
        "u32" | "u64" | "usize" => "a whole number of 0 or more",
        "f64" => "a number",
        other => other,
    };
    let given = plain(given);
    let of = if many.is_some_and(|many| many != given) { "a value in " } else { "" };
    format!("{of}{name} must be {}, not {given}.", plain(wanted))
}

#[cfg(test)]
mod tests {
    use super::Language;
    use turnwire::http::RequestOptions;

    #[test]
    fn an_argument_that_cannot_be_read_is_named_without_a_place_in_the_text() {
        for (json, told) in [
            (r#"{"body":{},"maxRetries":-1}"#, "max_retries must be a whole number of 0 or more, not integer `-1`."),
            (r#"{"idempotencyKey":{}}"#, "idempotency_key must be a string, not an object."),
            (r#"{"timeout":"soon"}"#, "timeout is not right: clocks are numbers of milliseconds."),
            (r#"{"headers":{"x":5}}"#, "a value in headers must be a string, not integer `5`."),
            (r#"{"headers":[]}"#, "headers must be an object, not a list."),
            (
                r#"{"idempotencyKey":"a \ud83d"}"#,
                "idempotency_key holds half of a character (an unpaired surrogate); send it whole.",
            ),
            (r#"{"query""#, "The arguments cannot be sent: EOF while parsing an object."),
        ] {
            let name = |name: &str| match name {
                "maxRetries" => "max_retries".to_owned(),
                "idempotencyKey" => "idempotency_key".to_owned(),
                other => other.to_owned(),
            };
            let read = Language { name, ca_variables: &[] }.read::<RequestOptions>(json);
            assert_eq!(read.err().map(|error| error.message().to_owned()).as_deref(), Some(told));
        }
    }
}
