//! An event as readers get it, rendered once and shared by all of them.

use bytes::{BufMut as _, Bytes, BytesMut};

/// An event with its number and its frame.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) seq: u64,
    /// The event's JSON, a piece of `frame`.
    pub(crate) data: Bytes,
    /// `id: N`, `data: …`, an empty line.
    pub(crate) frame: Bytes,
}

impl Told {
    /// Renders an event. Its JSON stands on one line: a line break in it (white space between values) becomes a space.
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
        Self { seq, data: frame.slice(start..end), frame }
    }
}

/// What every stream opens with.
pub(crate) const OPENING: &[u8] = b"retry: 1000\n: ok\n";

/// What every stream says when it has nothing to say: a bare line, with no empty line after it.
pub(crate) const HEARTBEAT: &[u8] = b": hb\n";

/// A frame of the server's own, such as `gap`, without a number.
pub(crate) fn named(event: &str, data: &str) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

/// A frame of a turn's stream.
pub(crate) fn of_turn(seq: u64, event: &str, data: &str) -> Bytes {
    Bytes::from(format!("id: {seq}\nevent: {event}\ndata: {data}\n\n"))
}

#[cfg(test)]
mod tests {
    use super::Told;

    #[test]
    fn a_frame_has_one_data_line_whatever_the_event_holds() {
        let told = Told::new(42, b"{\"a\":\n\r1}");
        assert_eq!(&*told.frame, b"id: 42\ndata: {\"a\":  1}\n\n");
        assert_eq!(&*told.data, b"{\"a\":  1}");
    }
}
