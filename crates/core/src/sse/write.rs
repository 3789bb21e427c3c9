//! The way back: a frame as the contract writes it.

use std::fmt::Write as _;

/// Appends one frame: its `id:` and `event:` lines where they are given, one `data:` line, an empty line. Line ends in
/// JSON stand between its tokens only; they become blanks.
pub(crate) fn frame(text: &mut String, id: Option<u64>, event: Option<&str>, json: &str) {
    if let Some(id) = id {
        // Writing to a string does not fail.
        let _ = writeln!(text, "id: {id}");
    }
    if let Some(event) = event.filter(|event| !event.is_empty() && !event.contains(['\r', '\n'])) {
        let _ = writeln!(text, "event: {event}");
    }
    text.push_str("data: ");
    if json.contains(['\r', '\n']) {
        text.push_str(&json.replace(['\r', '\n'], " "));
    } else {
        text.push_str(json);
    }
    text.push_str("\n\n");
}
