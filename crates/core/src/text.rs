//! Text that shares its memory with what it was read from.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{Deref, Range};
use std::sync::Arc;

/// Up to this many bytes are held on to for a text, however short it is.
const MAY_PIN: usize = 1024;
/// Beyond that, memory may be this many times as large as the text that holds on to it.
const MAY_PIN_TIMES: usize = 4;

/// A text, cheap to clone, used as a `str`. A delta is a range of the JSON it was read from, so that reading it copies
/// nothing.
///
/// ```
/// let text = turnwire::Text::from("Hello");
/// assert_eq!((text.as_str(), text.len()), ("Hello", 5));
/// ```
#[derive(Clone, Default)]
pub struct Text {
    memory: Arc<str>,
    start: usize,
    end: usize,
}

impl Text {
    /// A range of `memory`.
    ///
    /// The range keeps all of `memory` alive. A short text of a large event would hold on to megabytes for as long as its
    /// user keeps it, so that one is copied instead: a text pins 1 KiB, or four times its own length.
    ///
    /// # Panics
    /// The range ends beyond `memory`, or cuts a character.
    pub(crate) fn of(memory: &Arc<str>, range: Range<usize>) -> Self {
        if memory.len() > MAY_PIN.max(range.len().saturating_mul(MAY_PIN_TIMES)) {
            return Self::from(&memory[range]);
        }
        assert!(memory.is_char_boundary(range.start) && memory.is_char_boundary(range.end), "{range:?} is no text");
        Self { memory: memory.clone(), start: range.start, end: range.end }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.memory[self.start..self.end]
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self
    }
}

impl From<Arc<str>> for Text {
    fn from(memory: Arc<str>) -> Self {
        Self { start: 0, end: memory.len(), memory }
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(Arc::<str>::from(text))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::from(Arc::<str>::from(text))
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_str().cmp(other)
    }
}

impl Hash for Text {
    // As `str`, which `Borrow` asks for.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

macro_rules! equal_to {
    ($($other:ty),*) => {
        $(impl PartialEq<$other> for Text {
            fn eq(&self, other: &$other) -> bool {
                let other: &str = other.as_ref();
                self.as_str() == other
            }
        }

        impl PartialEq<Text> for $other {
            fn eq(&self, other: &Text) -> bool {
                other == self
            }
        })*
    };
}
equal_to!(str, &str, String);

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Where in `outer` the memory of `inner` lies; `None`: elsewhere.
pub(crate) fn place(outer: &str, inner: &str) -> Option<Range<usize>> {
    let start = inner.as_ptr().addr().checked_sub(outer.as_ptr().addr())?;
    let end = start.checked_add(inner.len())?;
    (end <= outer.len()).then_some(start..end)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_text_reads_as_a_str_does() {
        let memory = Arc::from("say \"caf\u{e9}\"");
        let text = Text::of(&memory, 4..11);
        assert_eq!(text, "\"caf\u{e9}\"");
        assert_eq!(format!("{text:>8}|{text:?}"), format!("{:>8}|{:?}", &*text, &*text));
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""\"café\"""#);
        assert_eq!(serde_json::from_str::<Text>(r#""\"café\"""#).unwrap(), text);
        assert_eq!(String::from(text.clone()) + "!", "\"caf\u{e9}\"!");
        let known = std::collections::HashSet::from([text]);
        assert!(known.contains("\"caf\u{e9}\""), "it hashes as a str does");
    }

    #[test]
    fn a_short_text_holds_on_to_no_large_memory() {
        for (size, shared) in [(1024, true), (1025, false), (1 << 20, false)] {
            let memory: Arc<str> = Arc::from("x".repeat(size));
            let _short = Text::of(&memory, 3..8);
            assert_eq!(Arc::strong_count(&memory) == 2, shared, "{size}");
        }
        let memory: Arc<str> = Arc::from("x".repeat(1 << 20));
        let _most = Text::of(&memory, 1..1 << 19);
        assert_eq!(Arc::strong_count(&memory), 2);
    }
}
