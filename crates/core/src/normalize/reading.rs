//! A raw event that has been read, for several readers.

use crate::numbers;
use crate::opencode::{Delta, RawEvent, StatusInfo, read as read_raw};
use crate::repair;
use std::borrow::Cow;

/// A raw event (its JSON), read once for all its readers.
#[derive(Debug)]
pub struct Reading<'a> {
    pub(super) raw: &'a [u8],
    pub(super) read: Read<'a>,
}

/// What was read.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// Nine of ten events are one.
    Delta(Delta<'a>),
    Event(Box<RawEvent<'a>>),
    /// What no strict reader takes, made readable; it is seldom, so it is read by each.
    Repaired(String),
}

/// What a raw event says of where it belongs, whatever its type.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct About<'a> {
    /// Its type.
    pub event_type: &'a str,
    /// The session it is about.
    pub session_id: Option<&'a str>,
    /// Of a session: the session it is a child of.
    pub parent_session_id: Option<&'a str>,
    /// Of a message: its id.
    pub message_id: Option<&'a str>,
    /// Of a message: it is the user's.
    pub of_user: bool,
    /// The session says that it has nothing to do.
    pub idle: bool,
}

impl<'a> Reading<'a> {
    /// Reads one. Never fails: what cannot be read has no effect.
    pub fn of(raw: &'a [u8]) -> Self {
        let delta = Delta::read(raw).filter(|delta| !repair::suspicious(raw) && delta.session_id.filled().is_some());
        let read = delta.map_or_else(|| whole(raw), Read::Delta);
        Self { raw, read }
    }

    /// Hands out what it says of where it belongs; `None`: it could not be read.
    pub fn about<T>(&self, take: impl FnOnce(&About<'_>) -> T) -> Option<T> {
        match &self.read {
            Read::Delta(delta) => Some(take(&About {
                event_type: "message.part.delta",
                session_id: delta.session_id.filled(),
                ..About::default()
            })),
            read => read.event(self.raw, |event| of_event(event, take)),
        }
    }
}

impl Read<'_> {
    /// Hands out the event, which was read from `raw`; `None`: it is a bare delta, or no event.
    pub(super) fn event<T>(&self, raw: &[u8], take: impl FnOnce(&RawEvent<'_>) -> T) -> Option<T> {
        match self {
            Self::Delta(_) => None,
            Self::Event(event) => Some(take(event)),
            Self::Repaired(text) => RawEvent::parse_repaired(text, raw).map(|event| take(&event)),
        }
    }
}

fn of_event<T>(event: &RawEvent<'_>, take: impl FnOnce(&About<'_>) -> T) -> T {
    let event_type = event.event_type.or_empty();
    let info = event.properties.info.0.as_deref();
    let of_session = event_type.starts_with("session.");
    let message = info.filter(|_| event_type == "message.updated");
    let status = || read_raw::<StatusInfo<'_>>(event.properties.status).unwrap_or_default();
    take(&About {
        event_type,
        session_id: event.session_id(),
        parent_session_id: info.filter(|_| of_session).and_then(|info| info.parent_id.filled()),
        message_id: message.and_then(|info| info.id.filled()),
        of_user: message.is_some_and(|info| info.role.get() == Some("user")),
        idle: event_type == "session.idle" || (event_type == "session.status" && status().kind.get() == Some("idle")),
    })
}

/// Reads what `OpenCode` answers as it reads its events: a number beyond what a float holds is `null`, half a character is replaced,
/// and neither costs the rest. `None`: it is no JSON.
pub fn read_answer(raw: &[u8]) -> Option<serde_json::Value> {
    let strict = serde_json::from_slice(raw).ok();
    strict.or_else(|| serde_json::from_str(&numbers::readable(&repair::repair(raw))).ok())
}

/// Reads an event; one that no strict reader takes is repaired first.
pub(super) fn whole(raw: &[u8]) -> Read<'_> {
    let text = std::str::from_utf8(raw).ok().filter(|_| !repair::suspicious(raw)).map(numbers::readable);
    if let Some(Cow::Borrowed(text)) = text
        && let Some(event) = RawEvent::parse(text.as_bytes())
    {
        return Read::Event(Box::new(event));
    }
    let mut repaired = repair::repair(raw);
    if let Cow::Owned(text) = numbers::readable(&repaired) {
        repaired = text;
    }
    Read::Repaired(repaired)
}

#[cfg(test)]
mod tests {
    use super::read_answer;
    use serde_json::json;

    #[test]
    fn one_odd_value_does_not_cost_the_whole_answer() {
        let odd = br#"[{"id":"msg_1","cost":1e999,"text":"half \ud83d"},{"id":"msg_2"}]"#;
        let read = json!([{ "id": "msg_1", "cost": null, "text": "half \u{fffd}" }, { "id": "msg_2" }]);
        assert_eq!(read_answer(odd), Some(read));
        assert_eq!(read_answer(b"<html>"), None);
    }
}
