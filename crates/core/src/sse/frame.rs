//! One event, as it lies in the decoder's memory.

use std::borrow::Cow;

/// An event. Borrowed from the chunk it came in wherever that is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The last event id: it stays for later events until it is changed. Empty where none was ever set.
    pub id: &'a [u8],
    /// The `event:` line; empty where there is none.
    pub event: &'a [u8],
    /// The `data:` lines, joined by line feeds.
    pub data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The last event id as text, bytes that are no UTF-8 replaced.
    pub fn id_str(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.id)
    }

    /// The event's name as text; `None` where there is none.
    pub fn event_str(&self) -> Option<Cow<'a, str>> {
        (!self.event.is_empty()).then(|| String::from_utf8_lossy(self.event))
    }

    /// The data as text, bytes that are no UTF-8 replaced.
    pub fn data_str(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.data)
    }
}
