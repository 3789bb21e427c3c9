//! An error as services write it: an object, a bare text, a number.

use super::{Flag, Text, note_odd};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use std::fmt;

/// What an error says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) retryable: bool,
}

#[derive(serde::Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Members<'a> {
    #[serde(borrow)]
    code: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    message: Text<'a>,
    #[serde(borrow)]
    detail: Text<'a>,
    retryable: Flag,
}

struct FailureVisitor;

impl FailureVisitor {
    fn bare(message: String) -> Failure {
        note_odd();
        Failure { message, ..Failure::default() }
    }
}

impl<'de> Visitor<'de> for FailureVisitor {
    type Value = Failure;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an error")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Failure, A::Error> {
        let members = Members::deserialize(MapAccessDeserializer::new(map))?;
        let first = |texts: [&Text<'_>; 2]| texts.iter().find_map(|text| text.filled()).unwrap_or_default().to_owned();
        Ok(Failure {
            code: first([&members.code, &members.name]),
            message: first([&members.message, &members.detail]),
            retryable: members.retryable.0.unwrap_or(false),
        })
    }

    fn visit_str<E>(self, text: &str) -> Result<Failure, E> {
        Ok(Self::bare(text.to_owned()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Failure, E> {
        // As programs write that nothing went wrong.
        Ok(Self::bare(if number == 0 { String::new() } else { number.to_string() }))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Failure, E> {
        Ok(Self::bare(number.to_string()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Failure, E> {
        Ok(Self::bare(number.to_string()))
    }

    fn visit_bool<E>(self, failed: bool) -> Result<Failure, E> {
        Ok(Self::bare(if failed { "true".to_owned() } else { String::new() }))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Failure, A::Error> {
        note_odd();
        let first = seq.next_element::<Failure>()?;
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(first.unwrap_or_default())
    }

    fn visit_unit<E>(self) -> Result<Failure, E> {
        Ok(Self::bare(String::new()))
    }
}

impl Failure {
    /// Whether it says nothing at all: some services write an empty error where there is none.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl<'de> Deserialize<'de> for Failure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FailureVisitor)
    }
}
