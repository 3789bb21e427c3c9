//! Packs the events of one commit into one row: each has a length of four bytes, then the event.

use bytes::Bytes;

/// Adds one event to a row.
pub(super) fn push(row: &mut Vec<u8>, event: &[u8]) {
    // Events are limited far below 4 GiB when they are received.
    row.extend_from_slice(&u32::try_from(event.len()).unwrap_or(u32::MAX).to_le_bytes());
    row.extend_from_slice(event);
}

/// The events of a row, in order; it stops if the row is truncated.
pub(super) fn unpack(row: Vec<u8>) -> impl Iterator<Item = Bytes> {
    let mut rest = Bytes::from(row);
    std::iter::from_fn(move || {
        let length = rest.first_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes))?;
        let end = 4 + usize::try_from(length).ok()?;
        if rest.len() < end {
            return None;
        }
        let event = rest.slice(4..end);
        rest = rest.slice(end..);
        Some(event)
    })
}

#[cfg(test)]
mod tests {
    use super::{push, unpack};

    #[test]
    fn events_come_out_as_they_went_in() {
        let events = [&b"{}"[..], b"", &[0, 255, 10, 13], &[7; 7_000]];
        let mut row = Vec::new();
        for event in events {
            push(&mut row, event);
        }
        assert_eq!(unpack(row.clone()).collect::<Vec<_>>(), events);
        row.truncate(row.len() - 1);
        assert_eq!(unpack(row).collect::<Vec<_>>(), events[..3]);
    }
}
