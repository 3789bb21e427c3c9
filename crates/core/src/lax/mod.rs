//! Readers that take what they can use and pass over the rest: a field of a wrong type counts as absent and never
//! costs the value it stands in. Raw `OpenCode` events, the contract's events and the answers of services are read by them.

mod failure;
mod field;
mod nested;
mod odd;
mod reading;
mod scalar;
mod time;

pub(crate) use failure::Failure;
#[cfg(feature = "client")]
pub(crate) use field::amount;
pub(crate) use field::{
    count, count_or_zero, error, flag, id, list, millis, object, object_or_default, objects, output, text,
    text_or_empty, texts, time, word,
};
pub(crate) use nested::{List, Obj};
pub(crate) use odd::{note_odd, noticing};
pub(crate) use reading::read_text;
pub(crate) use scalar::{Count, Flag, Number, Text};
pub(crate) use time::Time;

use serde_json::value::RawValue;

/// Any JSON, as it came.
pub(crate) type Raw<'a> = Option<&'a RawValue>;
