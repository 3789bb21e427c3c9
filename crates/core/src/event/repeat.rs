//! The fast reader of deltas: one that differs from an earlier one in nothing but its number and its text.
//!
//! Of a turn's events nearly all are deltas, and of their JSON nearly all was there before, byte for byte. What was read
//! once by the general reader is kept as a [`Pattern`]: the bytes around the number and the text. JSON that has the same
//! bytes there, a number where the number was and a string where the string was reads the same but for these two, so it is
//! compared instead of parsed. Whatever is odd goes to the general reader.

use super::{Event, EventKind, PartDelta};
use crate::id::{ChatId, TurnId};
use crate::text::Text;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Parts that grow at the same time: an answer, its reasoning, and those of some subagents.
const PATTERNS: usize = 8;
/// A longer pattern is none; it would keep what an event has beside its text.
const MAX_PATTERN: usize = 2048;
/// Longer deltas with escapes go to the general reader, so that little memory is kept for them.
const MAX_ESCAPED: usize = 16 * 1024;

/// What later deltas are compared with. Bounded: a few patterns of limited length.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    /// The one that fitted last comes first.
    patterns: Vec<Pattern>,
    /// Deltas in a row that fitted none.
    misses: u32,
    /// Where a text with escapes is put together, used again each time.
    scratch: String,
}

#[derive(Debug)]
struct Pattern {
    /// The text before the number, if any.
    head: Box<str>,
    numbered: bool,
    /// From there to the text, with its opening quote.
    middle: Box<str>,
    /// From the closing quote on.
    tail: Box<str>,
    chat_id: ChatId,
    turn_id: TurnId,
    /// Without its text.
    delta: PartDelta,
}

impl Repeats {
    /// The event, if it repeats an earlier one.
    pub(super) fn read(&mut self, json: &str) -> Option<Event> {
        let scratch = &mut self.scratch;
        let (at, event) =
            self.patterns.iter().enumerate().find_map(|(at, pattern)| Some((at, pattern.read(json, scratch)?)))?;
        self.patterns[..=at].rotate_right(1);
        self.misses = 0;
        Some(event)
    }

    /// Remembers an event that the general reader took from `json`, if it is a delta in the contract's spelling.
    pub(super) fn learn(&mut self, json: &str, event: &Event) {
        let EventKind::PartDelta(delta) = &event.kind else { return };
        self.misses = self.misses.saturating_add(1);
        // In a stream whose deltas are all different there is nothing to learn, which is tried ever more seldom.
        if self.misses as usize > PATTERNS && !self.misses.is_power_of_two() {
            return;
        }
        if let Some(pattern) = Pattern::of(json, event, delta) {
            self.patterns.truncate(PATTERNS - 1);
            self.patterns.insert(0, pattern);
        }
    }
}

#[cfg(test)]
impl Repeats {
    pub(super) fn patterns(&self) -> usize {
        self.patterns.len()
    }
}

impl Pattern {
    fn of(json: &str, event: &Event, delta: &PartDelta) -> Option<Self> {
        #[derive(Deserialize)]
        struct Tokens<'a> {
            #[serde(borrow)]
            seq: Option<&'a RawValue>,
            #[serde(borrow)]
            delta: &'a RawValue,
        }
        // A key that stands twice is an error here.
        let tokens: Tokens<'_> = serde_json::from_str(json).ok()?;
        let inner = tokens.delta.get().strip_prefix('"')?.strip_suffix('"')?;
        let text = crate::text::place(json, inner)?;
        let number = match tokens.seq {
            Some(seq) => {
                let (_, after) = number(seq.get())?;
                after.is_empty().then_some(())?;
                crate::text::place(json, seq.get())?
            }
            None => 0..0,
        };
        let (head, middle) = (json.get(..number.start)?, json.get(number.end..text.start)?);
        let tail = &json[text.end..];
        (event.is_plain() && head.len() + middle.len() + tail.len() <= MAX_PATTERN).then(|| Self {
            head: head.into(),
            numbered: tokens.seq.is_some(),
            middle: middle.into(),
            tail: tail.into(),
            chat_id: event.chat_id.clone(),
            turn_id: event.turn_id.clone(),
            delta: PartDelta { delta: Text::default(), ..delta.clone() },
        })
    }

    fn read(&self, json: &str, scratch: &mut String) -> Option<Event> {
        let rest = json.strip_prefix(&*self.head)?;
        let (seq, rest) = if self.numbered { number(rest)? } else { (0, rest) };
        let value = rest.strip_prefix(&*self.middle)?.strip_suffix(&*self.tail)?;
        let (raw, delta) = if is_bare(value) {
            let raw: Arc<str> = Arc::from(json);
            let end = json.len() - self.tail.len();
            let delta = Text::of(&raw, end - value.len()..end);
            (Text::from(raw), delta)
        } else {
            if json.len() > MAX_ESCAPED {
                return None;
            }
            // The JSON and, after it, the text: one allocation holds both.
            scratch.clear();
            scratch.push_str(json);
            unescape(value, scratch)?;
            let both: Arc<str> = Arc::from(scratch.as_str());
            (Text::of(&both, 0..json.len()), Text::of(&both, json.len()..both.len()))
        };
        let kind = EventKind::PartDelta(PartDelta {
            message_id: self.delta.message_id.clone(),
            part_id: self.delta.part_id.clone(),
            part_type: self.delta.part_type.clone(),
            kind: self.delta.kind.clone(),
            parent_part_id: self.delta.parent_part_id.clone(),
            delta,
        });
        let event = Event::new(seq, self.chat_id.clone(), self.turn_id.clone(), kind);
        Some(Event { raw: Some(raw), ..event })
    }
}

/// A whole number as JSON writes it, of at most 19 digits, and what follows it.
fn number(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take(20).take_while(u8::is_ascii_digit).count();
    if digits == 0 || digits > 19 || digits > 1 && text.starts_with('0') {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    // 19 digits always have room.
    Some((number.bytes().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')), rest))
}

/// Whether the inside of a JSON string is its text.
fn is_bare(inner: &str) -> bool {
    // Counted to the end rather than searched for, so that the compiler looks at many bytes at a time.
    inner.bytes().filter(|byte| *byte < b' ' || matches!(byte, b'"' | b'\\')).count() == 0
}

/// Appends the text of a JSON string's inside. `None`: it is none, or has surrogates, which the general reader knows how to
/// mend.
fn unescape(mut inner: &str, text: &mut String) -> Option<()> {
    while let Some(at) = memchr::memchr(b'\\', inner.as_bytes()) {
        let (before, escape) = inner.split_at(at);
        let (char, length) = match escape.as_bytes().get(1)? {
            b'n' => ('\n', 2),
            b't' => ('\t', 2),
            b'r' => ('\r', 2),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            byte @ (b'"' | b'\\' | b'/') => (char::from(*byte), 2),
            b'u' => {
                let digits = escape.get(2..6).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
                (char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, 6)
            }
            _ => return None,
        };
        is_bare(before).then(|| text.push_str(before))?;
        text.push(char);
        inner = &escape[length..];
    }
    is_bare(inner).then(|| text.push_str(inner))
}

#[cfg(test)]
mod tests;
