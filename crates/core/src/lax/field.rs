//! Fields of derived types, for `#[serde(deserialize_with)]`. Each also needs `default`, for where it is absent.

use super::{Count, Failure, Flag, List, Number, Obj, Text, Time, note_odd, read_text};
use crate::time::Timestamp;
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use serde_json::value::RawValue;
use std::time::Duration;

/// Text, if it is there.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Text::deserialize(deserializer)?.0.map(Into::into))
}

/// Text, or an empty one.
pub(crate) fn text_or_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    text(deserializer).map(Option::unwrap_or_default)
}

/// What a tool gave back: a text, or JSON as its text.
pub(crate) fn output<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(raw) = Option::<Box<RawValue>>::deserialize(deserializer)? else { return Ok(None) };
    Ok(Some(serde_json::from_str(raw.get()).unwrap_or_else(|_| {
        note_odd();
        raw.get().to_owned()
    })))
}

/// What is made of a text: an id, a word of an open list.
pub(crate) fn word<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: for<'t> From<&'t str>,
    D: Deserializer<'de>,
{
    Ok(Text::deserialize(deserializer)?.get().map(T::from))
}

/// An id, or an empty one.
pub(crate) fn id<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: for<'t> From<&'t str> + Default,
    D: Deserializer<'de>,
{
    word(deserializer).map(Option::unwrap_or_default)
}

/// Texts; what is none is left out.
pub(crate) fn texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let list = List::<Text<'de>>::deserialize(deserializer)?;
    Ok(list.0.into_iter().filter_map(|text| text.0.map(Into::into)).collect())
}

/// A whole number of 0 or more, if it is there.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Count::deserialize(deserializer).map(|count| count.0)
}

/// A whole number, or 0.
pub(crate) fn count_or_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    count(deserializer).map(Option::unwrap_or_default)
}

/// A number of milliseconds, if it is there.
pub(crate) fn millis<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    Ok(count(deserializer)?.map(Duration::from_millis))
}

/// A number that need not be whole, if it is there.
#[cfg_attr(not(feature = "client"), allow(dead_code, reason = "only answers of the service hold such numbers"))]
pub(crate) fn amount<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(Number::deserialize(deserializer)?.0.filter(|amount| amount.is_finite()))
}

/// `true`, or anything else.
pub(crate) fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Flag::deserialize(deserializer)?.0.unwrap_or(false))
}

/// A time, if it is there.
pub(crate) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    Time::deserialize(deserializer).map(|time| time.0)
}

/// An error, if there is one. An empty one is none.
pub(crate) fn error<'de, T: From<Failure>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    let failure = Option::<Failure>::deserialize(deserializer)?;
    Ok(failure.filter(|failure| !failure.is_empty()).map(T::from))
}

/// An object whose fields are read tolerantly themselves, or its default.
pub(crate) fn object_or_default<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Deserialize<'de> + Default,
    D: Deserializer<'de>,
{
    Ok(Obj::<T>::deserialize(deserializer)?.0.unwrap_or_default())
}

/// Such an object, if it is there.
pub(crate) fn object<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    Ok(Obj::<T>::deserialize(deserializer)?.0)
}

/// A list of such objects; what is none is left out.
pub(crate) fn objects<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let list = List::<Obj<T>>::deserialize(deserializer)?;
    Ok(list.0.into_iter().filter_map(|item| item.0).collect())
}

/// A list of what keeps its JSON; what cannot be read is left out. Not below a flattened field, where JSON is not kept.
pub(crate) fn list<'de, T: DeserializeOwned, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    let raw = Option::<Box<RawValue>>::deserialize(deserializer)?;
    let items = raw.as_ref().map(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).unwrap_or_default());
    let items = items.unwrap_or_default();
    let read: Vec<T> = items.iter().filter_map(|item| read_text(item.get()).ok()).collect();
    if read.len() < items.len() {
        note_odd();
    }
    Ok(read)
}
