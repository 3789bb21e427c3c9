//! What crosses a language border at once.

use super::relay::RelayItem;
use super::state::StreamState;
use crate::error::Error;
use crate::event::{Event, EventKind, Permission, Question};
use crate::sse::write_frame;
use serde::Serialize;

/// Events of a turn that were ready together, and the error that ended them.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Batch {
    /// What became of the connection before the events, where that is [watched](super::TurnStream::watch_states).
    pub states: Vec<StreamState>,
    /// The events.
    pub events: Vec<Event>,
    /// What ended the stream after them.
    pub error: Option<Error>,
}

impl Batch {
    /// Its last `count` events.
    #[must_use]
    pub fn tail(&self, count: usize) -> Self {
        Self { events: self.events[self.events.len().saturating_sub(count)..].to_vec(), ..Self::default() }
    }

    /// One JSON array of the events as they travel. An unknown event is `{"type":"unknown","eventType","raw"}`; a
    /// status that asks something new has the `question` or the `permission` beside it.
    pub fn to_json_array(&self) -> String {
        let known: usize = self.events.iter().map(|event| event.raw().map_or(256, str::len) + 1).sum();
        let mut json = String::with_capacity(known + 2);
        json.push('[');
        for (index, event) in self.events.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            append_json(&mut json, event);
        }
        json.push(']');
        json
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Asked<'a> {
    Question(&'a Question),
    Permission(&'a Permission),
}

/// Appends one event as a language without types is to see it: an element of [`Batch::to_json_array`].
pub fn append_json(json: &mut String, event: &Event) {
    if let EventKind::Unknown(unknown) = &event.kind {
        let name = serde_json::to_string(&unknown.event_type).unwrap_or_default();
        json.push_str(r#"{"type":"unknown","eventType":"#);
        json.push_str(&name);
        json.push_str(r#","raw":"#);
        json.push_str(unknown.raw.get());
        json.push('}');
        return;
    }
    let asked = event.question().map(Asked::Question).or_else(|| event.permission().map(Asked::Permission));
    // What another service spells its own way is written in ours.
    match event.raw().filter(|_| event.is_plain()) {
        Some(raw) => json.push_str(raw.trim_end()),
        None => json.push_str(&serde_json::to_string(event).unwrap_or_else(|_| "{}".to_owned())),
    }
    if let Some(asked) = asked
        && let Ok(asked) = serde_json::to_string(&asked)
        && json.ends_with('}')
    {
        json.pop();
        json.push(',');
        json.push_str(&asked[1..]);
    }
}

impl RelayItem {
    /// Where a relay goes on after this item.
    pub fn cursor(&self) -> Option<u64> {
        match self {
            Self::Event(event) => event.id,
            Self::Gap { oldest } => Some(oldest.saturating_sub(1)),
            Self::Reset { head } => Some(*head),
        }
    }

    /// The item as a frame of an event stream, to be passed on: an event with its number, or a notice.
    pub fn to_frame(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Event(event) => write_frame(&mut text, event.id, None, event.raw.get()),
            Self::Gap { oldest } => write_frame(&mut text, None, Some("gap"), &format!("{{\"oldest\":{oldest}}}")),
            Self::Reset { head } => write_frame(&mut text, None, Some("reset"), &format!("{{\"head\":{head}}}")),
        }
        text
    }
}

/// What a relay brought together, and the error that ended it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RelayBatch {
    /// The items.
    pub items: Vec<RelayItem>,
    /// What ended the stream after them.
    pub error: Option<Error>,
}

impl RelayBatch {
    /// Its last `count` items.
    #[must_use]
    pub fn tail(&self, count: usize) -> Self {
        Self { items: self.items[self.items.len().saturating_sub(count)..].to_vec(), ..Self::default() }
    }

    /// One JSON array: `{"kind":"event","id","eventType","sessionId","raw"}`, `{"kind":"gap","oldest"}` and
    /// `{"kind":"reset","head"}`.
    pub fn to_json_array(&self) -> String {
        serde_json::to_string(&self.items).unwrap_or_else(|_| "[]".to_owned())
    }
}
