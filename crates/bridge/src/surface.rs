//! The public names, generated from the types that parse them: `tests/conformance/surface.json`, which every language is tested
//! against.

use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{Deserializer, Error as _, Visitor};
use serde_json::{Value, json};

/// An operation: the names of its arguments, those first that need no name.
pub(crate) struct Row {
    name: &'static str,
    positional: &'static [&'static str],
    named: Vec<&'static str>,
}

impl Row {
    pub(crate) fn new(name: &'static str, positional: &'static [&'static str], types: &[&[&'static str]]) -> Self {
        let named = types.concat().into_iter().filter(|field| !positional.contains(field)).collect();
        Self { name, positional, named }
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "name": self.name, "positional": self.positional, "named": self.named })
    }
}

/// The names of a struct's fields as they travel.
pub(crate) fn fields<'de, T: Deserialize<'de>>() -> &'static [&'static str] {
    struct Asked<'a>(&'a mut &'static [&'static str]);

    impl<'de> Deserializer<'de> for Asked<'_> {
        type Error = Error;

        fn deserialize_struct<V: Visitor<'de>>(
            self,
            _: &'static str,
            fields: &'static [&'static str],
            _: V,
        ) -> Result<V::Value, Error> {
            *self.0 = fields;
            Err(Error::custom("asked for its fields"))
        }

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
            Err(Error::custom("no struct"))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map enum identifier ignored_any
        }
    }

    let mut names: &'static [&'static str] = &[];
    // It fails by design, once it has been told the fields.
    let _ = T::deserialize(Asked(&mut names));
    names
}
