//! A batch of items that crosses a language border at once, and its JSON.

use serde::Serialize;
use turnwire::Error;
use turnwire::event::{Event, EventKind, Permission, Question};
use turnwire::stream::{RelayItem, StreamState};

/// What a stream is made of.
pub trait Item: Clone + Send + 'static {
    /// Its approximate size in memory, in bytes.
    fn weight(&self) -> usize;

    /// Appends its JSON.
    fn append_json(&self, json: &mut String);

    /// The item as a frame of an event stream.
    fn to_frame(&self) -> String;
}

/// Items that were ready together, and the error that ended them.
#[derive(Debug)]
#[non_exhaustive]
pub struct Batch<I> {
    /// What became of the connection before them, where that is watched.
    pub states: Vec<StreamState>,
    /// The items.
    pub items: Vec<I>,
    /// What ended the stream after them.
    pub error: Option<Error>,
}

impl<I> Default for Batch<I> {
    fn default() -> Self {
        Self { states: Vec::new(), items: Vec::new(), error: None }
    }
}

impl<I: Item> Batch<I> {
    /// Only its last `count` items.
    #[must_use]
    pub fn into_tail(mut self, count: usize) -> Self {
        let used = self.items.len().saturating_sub(count);
        Self { items: self.items.split_off(used), ..Self::default() }
    }

    /// One JSON array of the items, see [`append_json`] for events. Items of a relay are
    /// `{"kind":"event","id","eventType","sessionId","raw"}`, `{"kind":"gap","oldest"}` and `{"kind":"reset","head"}`.
    pub fn to_json_array(&self) -> String {
        let mut json = String::with_capacity(self.items.iter().map(|item| item.weight() + 1).sum::<usize>() + 2);
        json.push('[');
        for (index, item) in self.items.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            item.append_json(&mut json);
        }
        json.push(']');
        json
    }

    /// The items as frames of an event stream.
    pub fn to_frames(&self) -> String {
        self.items.iter().map(Item::to_frame).collect()
    }
}

impl Item for Event {
    fn weight(&self) -> usize {
        self.raw().map_or(256, str::len)
    }

    fn append_json(&self, json: &mut String) {
        append_json(json, self);
    }

    fn to_frame(&self) -> String {
        Event::to_frame(self)
    }
}

impl Item for RelayItem {
    fn weight(&self) -> usize {
        match self {
            Self::Event(event) => event.raw.get().len() + 64,
            _ => 64,
        }
    }

    fn append_json(&self, json: &mut String) {
        json.push_str(&serde_json::to_string(self).unwrap_or_else(|_| "{}".to_owned()));
    }

    fn to_frame(&self) -> String {
        RelayItem::to_frame(self)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Asked<'a> {
    Question(&'a Question),
    Permission(&'a Permission),
}

/// Appends one event as a language without types is to see it: as it travels, but for an unknown event, which is
/// `{"type":"unknown","eventType","raw"}`, and for a status that asks something new, which has the `question` or the
/// `permission` beside it.
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
