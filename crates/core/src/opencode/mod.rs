//! The events of `OpenCode`, from 1.0 to 1.18, read tolerantly: a field that is missing, of a wrong type or unknown
//! never costs the rest.

mod delta;
mod event;
mod info;
mod kind;

pub(crate) use delta::Delta;
pub(crate) use event::{Properties, RawEvent};
pub(crate) use info::{
    ErrorInfo, FileInfo, Info, ModelRef, PartInfo, QuestionInfo, StatusInfo, StoredMessage, Times, Tokens,
};
pub use kind::RAW_EVENTS;
pub(crate) use kind::RawKind;

/// Reads any JSON value as `T`, or nothing.
pub(crate) fn read<'a, T: serde::Deserialize<'a>>(raw: crate::lax::Raw<'a>) -> Option<T> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}
