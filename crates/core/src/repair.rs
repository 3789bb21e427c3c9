//! Repairs JSON that a strict parser refuses: invalid UTF-8, and lone halves of surrogate pairs.
//!
//! A provider that splits an emoji over two chunks makes `OpenCode` send `"\ud83d"` and then `"\ude80"`. Text cannot hold
//! half a character, so a half at the edge of a text is kept beside it ([`Edges`]) until its other half comes.

/// The halves at the edges of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Edges {
    /// The low half the text began with; it is not in the text.
    pub(crate) lead: Option<u16>,
    /// The high half the text ended with; it is not in the text.
    pub(crate) tail: Option<u16>,
}

/// The replacement for a lone half of a surrogate pair.
pub(crate) const LOST: char = '\u{fffd}';

/// The character of two halves.
pub(crate) fn join(high: u16, low: u16) -> char {
    char::decode_utf16([high, low]).next().and_then(Result::ok).unwrap_or(LOST)
}

/// The JSON with bad UTF-8 and unpaired surrogate escapes replaced by U+FFFD.
pub(crate) fn repair(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        at += found;
        match unit(&bytes[at..]) {
            // A pair, as JSON wants it.
            Some(0xD800..=0xDBFF) if matches!(unit(&bytes[at + 6..]), Some(0xDC00..=0xDFFF)) => at += 12,
            Some(0xD800..=0xDFFF) => {
                out.push_str(&text[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            Some(_) => at += 6,
            None => at = (at + 2).min(bytes.len()),
        }
    }
    out.push_str(&text[copied..]);
    out
}

/// The UTF-16 unit of the `\uXXXX` that `bytes` begin with.
fn unit(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"\\u")?.get(..4)?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// The halves at the edges of a JSON string, quotes and all.
pub(crate) fn edges(json: &str) -> Edges {
    let Some(inner) = json.trim().strip_prefix('"').and_then(|json| json.strip_suffix('"')) else {
        return Edges::default();
    };
    let bytes = inner.as_bytes();
    let lead = unit(bytes).filter(|unit| (0xDC00..=0xDFFF).contains(unit));
    // The last escape counts only if its backslash is no escaped one: it is preceded by an even number of them.
    let tail = bytes.len().checked_sub(6).and_then(|at| {
        let escaped = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
        unit(&bytes[at..]).filter(|unit| !escaped && (0xD800..=0xDBFF).contains(unit))
    });
    Edges { lead, tail }
}

/// Removes the placeholders of the halves at the edges of a repaired text.
pub(crate) fn trim_edges(text: &str, edges: Edges) -> &str {
    let text = if edges.lead.is_some() { text.strip_prefix(LOST).unwrap_or(text) } else { text };
    if edges.tail.is_some() { text.strip_suffix(LOST).unwrap_or(text) } else { text }
}

/// A delta with the half that the former one ended with at its start. `half` is that half, and then the one this delta
/// ends with.
pub(crate) fn joined(half: &mut Option<u16>, delta: &str, edges: Edges) -> String {
    let delta = trim_edges(delta, edges);
    let mut joined = String::with_capacity(delta.len() + 4);
    match (half.take(), edges.lead) {
        (Some(high), Some(low)) => joined.push(join(high, low)),
        (None, None) => {}
        _ => joined.push(LOST),
    }
    joined.push_str(delta);
    *half = edges.tail;
    joined
}

/// Whether JSON may hold half a surrogate pair: the runtime escapes no whole one.
pub(crate) fn suspicious(json: &[u8]) -> bool {
    memchr::memmem::find_iter(json, b"\\u").any(|at| matches!(json.get(at + 2), Some(b'd' | b'D')))
}

#[cfg(test)]
mod tests {
    use super::{Edges, edges, join, repair};

    #[test]
    fn halves_are_replaced_and_pairs_kept() {
        assert_eq!(
            repair(br#"{"a":"\ud83d\ude80 \ud83d x \\ud83d \ude80"}"#),
            r#"{"a":"\ud83d\ude80 \ufffd x \\ud83d \ufffd"}"#
        );
        assert_eq!(repair(b"\"\xff\""), "\"\u{fffd}\"");
        assert_eq!(repair(br"\ud83d\"), r"\ufffd\");
    }

    #[test]
    fn halves_are_found_at_the_edges_only() {
        assert_eq!(edges(r#""\ude80 a \ud83d""#), Edges { lead: Some(0xde80), tail: Some(0xd83d) });
        assert_eq!(edges(r#""a \\ud83d""#), Edges::default());
        assert_eq!(edges(r#""a\\\ud83d""#), Edges { lead: None, tail: Some(0xd83d) });
        assert_eq!(join(0xd83d, 0xde80), '🚀');
    }
}
