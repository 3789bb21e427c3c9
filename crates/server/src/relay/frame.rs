//! An event of the log in the form that readers get, rendered once and shared by all of them.

use crate::error::{ApiError, ApiResult};
use bytes::{BufMut as _, Bytes, BytesMut};
use http::HeaderMap;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

/// The request header for [`Data::Text`]; the answer has it too.
pub(crate) const DATA_HEADER: &str = "turnwire-data";

/// The content of a frame's `data:`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// The event, a JSON object.
    Json,
    /// A JSON string that contains the event's JSON, for clients that expect every `data:` to be a string.
    Text,
}

impl Data {
    /// The form that a request asks for, by the header alone: it is never inferred from the caller.
    pub(crate) fn requested(headers: &HeaderMap) -> ApiResult<Self> {
        match headers.get(DATA_HEADER).map(|value| value.to_str().map(str::trim)) {
            None | Some(Ok("" | "json")) => Ok(Self::Json),
            Some(Ok("text")) => Ok(Self::Text),
            Some(_) => Err(ApiError::invalid("The header `turnwire-data` must be text or json, or be left out.")),
        }
    }

    /// The event's JSON in this form.
    pub(crate) fn of(self, json: &str) -> Cow<'_, str> {
        match self {
            Self::Json => json.into(),
            Self::Text => serde_json::Value::from(json).to_string().into(),
        }
    }
}

/// An event of the log, with its number and its frame.
#[derive(Clone, Debug)]
pub(crate) struct LogEvent {
    pub(crate) seq: u64,
    /// The event's JSON, a slice of `frame`.
    pub(crate) data: Bytes,
    /// `id: N`, `data: …`, an empty line.
    pub(crate) frame: Bytes,
    /// The same frame with [`Data::Text`], rendered for the first reader that needs it and shared by all that do.
    text: Arc<OnceLock<Bytes>>,
}

impl LogEvent {
    /// Renders an event on one line: a line break in its JSON (white space between values) becomes a space.
    pub(crate) fn new(seq: u64, event: &[u8]) -> Self {
        let mut frame = BytesMut::with_capacity(event.len() + 34);
        frame.extend_from_slice(format!("id: {seq}\ndata: ").as_bytes());
        let start = frame.len();
        frame.extend_from_slice(event);
        let end = frame.len();
        for byte in &mut frame[start..] {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        frame.put_slice(b"\n\n");
        let frame = frame.freeze();
        Self { seq, data: frame.slice(start..end), frame, text: Arc::default() }
    }

    /// Its frame in this form.
    pub(crate) fn frame_of(&self, data: Data) -> Bytes {
        match data {
            Data::Json => self.frame.clone(),
            Data::Text => self.text.get_or_init(|| self.text_frame()).clone(),
        }
    }

    fn text_frame(&self) -> Bytes {
        // JSON is UTF-8; invalid bytes are replaced.
        let event = String::from_utf8_lossy(&self.data);
        Bytes::from(format!("id: {}\ndata: {}\n\n", self.seq, Data::Text.of(&event)))
    }
}

/// The opening of every stream.
pub(crate) const OPENING: &[u8] = b"retry: 1000\n: ok\n";

/// The comment of a stream without events: a bare line, with no empty line after it.
pub(crate) const HEARTBEAT: &[u8] = b": hb\n";

/// A frame of the server's own, such as `gap`, without a number.
pub(crate) fn named(event: &str, json: &str, data: Data) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {}\n\n", data.of(json)))
}

/// A frame of a turn's stream.
pub(crate) fn of_turn(seq: u64, event: &str, json: &str, data: Data) -> Bytes {
    Bytes::from(format!("id: {seq}\nevent: {event}\ndata: {}\n\n", data.of(json)))
}

/// A frame of the relay's stream of turns; `seq` is the log's number.
pub(crate) fn of_relay(seq: Option<u64>, json: &str, data: Data) -> Bytes {
    let number = seq.map(|seq| format!("id: {seq}\n")).unwrap_or_default();
    Bytes::from(format!("{number}data: {}\n\n", data.of(json)))
}

#[cfg(test)]
mod tests {
    use super::{Data, LogEvent};

    /// PROTOCOL FRAME-2, TEXT-1.
    #[test]
    fn a_frame_has_one_data_line_whatever_the_event_holds() {
        let event = LogEvent::new(42, b"{\"a\":\n\r1}");
        assert_eq!(&*event.frame, b"id: 42\ndata: {\"a\":  1}\n\n");
        assert_eq!(&*event.data, b"{\"a\":  1}");
        assert_eq!(&*event.frame_of(Data::Text), b"id: 42\ndata: \"{\\\"a\\\":  1}\"\n\n");
    }

    #[test]
    fn all_who_read_a_frame_as_text_share_one() {
        let event = LogEvent::new(1, b"{}");
        let again = event.clone();
        assert_eq!(event.frame_of(Data::Text).as_ptr(), again.frame_of(Data::Text).as_ptr());
    }
}
