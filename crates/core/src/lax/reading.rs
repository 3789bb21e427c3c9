//! Reading JSON that strict readers refuse.

use crate::{numbers, repair};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a text as `T`. Half of a surrogate pair in it becomes U+FFFD, a number beyond
/// what a float holds `null`; of a key that stands twice the last counts.
pub(crate) fn read_text<T: DeserializeOwned>(json: &str) -> serde_json::Result<T> {
    let error = match serde_json::from_str(json) {
        Ok(read) => return Ok(read),
        Err(error) => error,
    };
    let repaired = if repair::suspicious(json.as_bytes()) { repair::repair(json.as_bytes()) } else { json.to_owned() };
    let repaired = numbers::readable(&repaired);
    serde_json::from_str(&repaired)
        .or_else(|_| serde_json::from_str::<Value>(&repaired).and_then(serde_json::from_value))
        .map_err(|_| error)
}
