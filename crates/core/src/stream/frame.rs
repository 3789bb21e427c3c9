//! Frames of an event stream that are not events: keep-alives, an end mark, an error.

use crate::error::Error;
use crate::event::TurnError;
use crate::http::status_error;
use crate::lax;
use crate::numbers;
use crate::sse::Frame;
use ::http::header::HeaderMap;
use serde::Deserialize;
use std::borrow::Cow;

/// Names under which services send what only keeps a connection alive.
const KEEP_ALIVE: [&str; 5] = ["ping", "heartbeat", "keepalive", "keep-alive", "keep_alive"];
/// A keep-alive frame that is no object (`null`, a word, a time) is not longer. What is longer was meant to be an event.
const MAX_SIGNAL_BYTES: usize = 64;

/// The purpose of a frame.
pub(super) enum Payload<'a> {
    /// An event, or what was meant to be one.
    Event(Cow<'a, str>),
    /// Nothing that concerns a reader.
    Signal,
    /// The service failed.
    Error(Error),
}

impl<'a> Payload<'a> {
    pub(super) fn of(frame: &Frame<'a>) -> Self {
        let data = match frame.data_str() {
            Cow::Borrowed(data) => Cow::Borrowed(data.trim()),
            Cow::Owned(data) => Cow::Owned(data.trim().to_owned()),
        };
        match frame.event {
            b"error" => Self::Error(stream_error(&data)),
            name if KEEP_ALIVE.iter().any(|known| known.as_bytes() == name) => Self::Signal,
            _ if is_signal(&data) => Self::Signal,
            _ => Self::Event(data),
        }
    }
}

/// Whether an event's own type, under no name, says that it only keeps the connection alive.
pub(super) fn is_keep_alive(event_type: &str) -> bool {
    KEEP_ALIVE.contains(&event_type)
}

fn is_signal(data: &str) -> bool {
    !data.starts_with('{') && data.len() <= MAX_SIGNAL_BYTES
}

/// Whether an event without a type is nothing but an error.
pub(super) fn is_error(data: &str) -> bool {
    #[derive(Deserialize)]
    struct Bare {
        #[serde(default, deserialize_with = "lax::error")]
        error: Option<TurnError>,
    }
    serde_json::from_str::<Bare>(&numbers::readable(data)).is_ok_and(|bare| bare.error.is_some())
}

/// The error that a service sent in the middle of a stream.
pub(super) fn stream_error(data: &str) -> Error {
    let error = status_error(200, &HeaderMap::new(), data);
    Error::new("stream_error", error.message().to_owned()).with_body(data.to_owned())
}
