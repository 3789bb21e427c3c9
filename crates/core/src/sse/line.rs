//! Lines and fields: the two small grammars of an event stream.

use memchr::{memchr, memchr2};

/// Where the first line of `bytes` ends.
pub(super) enum End {
    /// The line is `bytes[..at]`, the next one begins at `next`.
    At {
        /// The line's length.
        at: usize,
        /// Where the next line begins.
        next: usize,
        /// It ended in the last byte, a carriage return: a line feed that follows belongs to it.
        open_cr: bool,
    },
    /// It does not, yet.
    Nowhere,
}

/// Finds the end of the first line: a line feed, a carriage return, or both. `may_cr` says whether there is any
/// carriage return at all, so that the usual stream is searched for one byte, not two.
#[inline]
pub(super) fn end(bytes: &[u8], may_cr: bool) -> End {
    let found = if may_cr { memchr2(b'\n', b'\r', bytes) } else { memchr(b'\n', bytes) };
    let Some(at) = found else { return End::Nowhere };
    if bytes[at] == b'\n' {
        return End::At { at, next: at + 1, open_cr: false };
    }
    match bytes.get(at + 1) {
        Some(b'\n') => End::At { at, next: at + 2, open_cr: false },
        Some(_) => End::At { at, next: at + 1, open_cr: false },
        None => End::At { at, next: at + 1, open_cr: true },
    }
}

/// The parts of a line that is not empty.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Data(&'a [u8]),
    Event(&'a [u8]),
    Id(&'a [u8]),
    Retry(u64),
    Comment,
    /// A field with another name, or a value that must not count.
    Nothing,
}

/// Takes a line apart: the name up to the first colon, the value after it and one space.
#[inline]
pub(super) fn field(line: &[u8]) -> Field<'_> {
    // The usual line first.
    if let Some(value) = line.strip_prefix(b"data:") {
        return Field::Data(value.strip_prefix(b" ").unwrap_or(value));
    }
    let (name, value) = match memchr(b':', line) {
        Some(0) => return Field::Comment,
        Some(colon) => (&line[..colon], &line[colon + 1..]),
        None => (line, &b""[..]),
    };
    let value = value.strip_prefix(b" ").unwrap_or(value);
    match name {
        b"data" => Field::Data(value),
        b"event" => Field::Event(value),
        b"id" if memchr(0, value).is_none() => Field::Id(value),
        b"retry" => digits(value).map_or(Field::Nothing, Field::Retry),
        _ => Field::Nothing,
    }
}

/// A number of ASCII digits only; one too large for us is the largest.
fn digits(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    Some(value.iter().fold(0_u64, |sum, digit| sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))))
}
