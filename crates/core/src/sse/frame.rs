//! One event, as it lies in the decoder's memory.

use std::borrow::Cow;

/// An event. Borrowed from the chunk it came in wherever that is possible.
///
/// ```
/// let mut names = vec![];
/// turnwire::sse::Decoder::new().feed(b"event: gap\ndata: {}\n\n", |frame| {
///     names.push(frame.event_str().map(std::borrow::Cow::into_owned));
/// })?;
/// assert_eq!(names, [Some("gap".to_owned())]);
/// # Ok::<(), turnwire::sse::EventTooLarge>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Frame<'a> {
    /// The last event id, which applies to later events until it is changed. Empty if none was set.
    pub id: &'a [u8],
    /// The `event:` line; empty if there is none.
    pub event: &'a [u8],
    /// The `data:` lines, joined by line feeds.
    pub data: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The last event id as text, bytes that are no UTF-8 replaced.
    pub fn id_str(&self) -> Cow<'a, str> {
        text(self.id)
    }

    /// The event's name as text; `None` if there is none.
    pub fn event_str(&self) -> Option<Cow<'a, str>> {
        (!self.event.is_empty()).then(|| text(self.event))
    }

    /// The data as text, bytes that are no UTF-8 replaced.
    pub fn data_str(&self) -> Cow<'a, str> {
        text(self.data)
    }
}

/// Checked first, as that is much faster than looking for what to replace, which is hardly ever there.
fn text(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
