//! A batch of events that JavaScript reads without parsing them.

use crate::text::JsonText;
use napi::bindgen_prelude::Uint32Array;
use napi_derive::napi;
use turnwire::{Event, EventKind};
use turnwire_bridge::{Batch, append_json};

/// The numbers of one event in the table.
const WIDTH: usize = 8;

/// A batch as one text, and what its events say in short.
#[napi(object, object_from_js = false)]
pub struct NativeLazyBatch {
    /// One JSON array.
    pub json: JsonText,
    /// Of each event: its start and end in `json`, its number, its type, the start and end of its delta in `deltas` (the
    /// same where it has none), the place of its part in `parts` after 1 (0: it has none), and 1 where its delta is text
    /// of the answer.
    pub table: Uint32Array,
    /// All deltas, one after the other.
    pub deltas: String,
    /// The ids of the parts.
    pub parts: Vec<String>,
}

impl NativeLazyBatch {
    pub(crate) fn of(batch: &Batch<Event>) -> Self {
        let mut text = JsonText::default();
        let mut table = Vec::with_capacity(batch.items.len() * WIDTH);
        let mut deltas = String::new();
        // JavaScript counts in UTF-16.
        let mut units = 0;
        let mut parts: Vec<String> = Vec::new();
        let mut json = String::new();
        for (index, event) in batch.items.iter().enumerate() {
            text.push(if index == 0 { "[" } else { "," });
            json.clear();
            append_json(&mut json, event);
            let start = text.len();
            text.push(&json);
            let begun = units;
            let mut part = 0;
            if let EventKind::PartDelta(delta) = &event.kind {
                let piece: &str = delta.delta.as_ref();
                deltas.push_str(piece);
                units += if piece.is_ascii() { piece.len() } else { piece.encode_utf16().count() };
                let id = delta.part_id.as_str();
                part = parts.iter().rposition(|known| known == id).map_or_else(
                    || {
                        parts.push(id.to_owned());
                        parts.len()
                    },
                    |at| at + 1,
                );
            }
            let seq = usize::try_from(event.seq).unwrap_or(0);
            let is_text = usize::from(event.text_delta().is_some());
            let row: [usize; WIDTH] = [start, text.len(), seq, kind(&event.kind), begun, units, part, is_text];
            table.extend(row.map(|number| u32::try_from(number).unwrap_or(u32::MAX)));
        }
        text.push(if batch.items.is_empty() { "[]" } else { "]" });
        Self { json: text, table: table.into(), deltas, parts }
    }
}

/// The place of the type in JavaScript's list of types.
fn kind(kind: &EventKind) -> usize {
    match kind {
        EventKind::TurnStarted(_) => 1,
        EventKind::TurnStatusChanged(_) => 2,
        EventKind::MessageCreated(_) => 3,
        EventKind::PartDelta(_) | EventKind::PartUpdated(_) => 4,
        EventKind::MessageCompleted(_) => 5,
        EventKind::SessionUsage(_) => 6,
        EventKind::TurnCompleted(_) => 7,
        _ => 0,
    }
}
