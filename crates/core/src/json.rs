//! JSON that is passed on as it came.

use crate::numbers;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A piece of JSON kept as the text it came in: key order, number forms and escapes survive. Cheap to clone; equal
/// when the text is equal. It is checked when it is made, and never again.
///
/// ```
/// use turnwire::Json;
///
/// let json = Json::parse(r#"{"n": 1.50}"#).ok_or("JSON")?;
/// assert_eq!(json.get(), r#"{"n": 1.50}"#);
/// assert_eq!(json.to_value()["n"], 1.5);
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone)]
pub struct Json(Arc<RawValue>);

impl Json {
    /// The JSON text.
    pub fn get(&self) -> &str {
        self.0.get()
    }

    /// Parsed. `null` for what serde cannot represent: all of it for a lone surrogate, a number beyond what a float holds.
    pub fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(&numbers::readable(self.get())).unwrap_or_default()
    }

    /// From JSON text; `None` if it is not JSON.
    pub fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// `{}`.
    pub fn empty_object() -> Self {
        Self::from(&serde_json::Value::Object(serde_json::Map::new()))
    }
}

impl From<Box<RawValue>> for Json {
    fn from(raw: Box<RawValue>) -> Self {
        Self(raw.into())
    }
}

impl From<&RawValue> for Json {
    fn from(raw: &RawValue) -> Self {
        Self::from(raw.to_owned())
    }
}

impl From<&serde_json::Value> for Json {
    fn from(value: &serde_json::Value) -> Self {
        // A value can always be written.
        Self::from(to_raw_value(value).unwrap_or_default())
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl Eq for Json {}

impl Hash for Json {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.get().hash(state);
    }
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Through a box, so that it also works where serde has buffered the input.
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}
