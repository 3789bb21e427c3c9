//! What several tests share.

use serde_json::Value;

/// The first difference between what is expected and what is there; `null` expects absence.
pub(crate) fn difference(expected: &Value, found: &Value, at: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().find_map(|(name, expected)| {
            difference(expected, found.get(name).unwrap_or(&Value::Null), &format!("{at}.{name}"))
        }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut both = expected.iter().zip(found).enumerate();
            both.find_map(|(index, (expected, found))| difference(expected, found, &format!("{at}[{index}]")))
        }
        _ => (expected != found).then(|| format!("{at} should be {expected}, is {found}")),
    }
}
