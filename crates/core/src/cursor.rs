//! Where a reader of a turn or a relay stands.

use crate::id::{ChatId, TurnId};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::borrow::Cow;
use std::fmt;

/// Where a relay is read from. Its text form is `live`, or the number.
///
/// ```
/// use turnwire::RelayCursor;
///
/// assert_eq!("42".parse::<RelayCursor>()?, RelayCursor::After(42));
/// assert_eq!(RelayCursor::Live.to_string(), "live");
/// # Ok::<(), turnwire::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RelayCursor {
    /// Only what comes from now on.
    #[default]
    Live,
    /// The events after this number; 0 starts with the oldest that is kept.
    After(u64),
}

impl RelayCursor {
    /// From the oldest event that is kept.
    pub const START: Self = Self::After(0);

    /// Where a live reader really begins, as the service said.
    #[cfg(feature = "client")]
    pub(crate) fn begun_at(self, number: Option<u64>) -> Self {
        match self {
            Self::Live => number.into(),
            Self::After(_) => self,
        }
    }

    /// The number, where there is one.
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Live => None,
            Self::After(number) => Some(number),
        }
    }
}

impl From<u64> for RelayCursor {
    fn from(last_event_id: u64) -> Self {
        Self::After(last_event_id)
    }
}

impl From<Option<u64>> for RelayCursor {
    fn from(last_event_id: Option<u64>) -> Self {
        last_event_id.map_or(Self::Live, Self::After)
    }
}

impl fmt::Display for RelayCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Live => f.pad("live"),
            Self::After(number) => number.fmt(f),
        }
    }
}

/// Where a turn is read on: after one of its events. Store its text form ([`Display`](fmt::Display), or with serde),
/// which is opaque so that it can grow, and [`parse`](str::parse) it.
///
/// ```
/// # use turnwire::TurnCursor;
/// let cursor = TurnCursor::new("chat_1", "turn_1", 42);
/// let stored = cursor.to_string();
/// assert_eq!(stored.parse::<TurnCursor>()?, cursor);
/// # Ok::<(), turnwire::Error>(())
/// ```
// What it holds: PROTOCOL RESUME-6.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TurnCursor {
    chat_id: ChatId,
    turn_id: TurnId,
    seq: u64,
}

/// What the text form holds.
#[derive(Serialize, Deserialize)]
struct Held<'a> {
    #[serde(rename = "c")]
    chat_id: Cow<'a, ChatId>,
    #[serde(rename = "t")]
    turn_id: Cow<'a, TurnId>,
    #[serde(rename = "s")]
    seq: u64,
}

/// Leads the text form; another number is another form.
const FORM: &str = "tw1.";

impl TurnCursor {
    /// After the event of this number; 0: before the first.
    pub fn new(chat_id: impl Into<ChatId>, turn_id: impl Into<TurnId>, seq: u64) -> Self {
        Self { chat_id: chat_id.into(), turn_id: turn_id.into(), seq }
    }

    /// The chat.
    pub fn chat_id(&self) -> &ChatId {
        &self.chat_id
    }

    /// The turn.
    pub fn turn_id(&self) -> &TurnId {
        &self.turn_id
    }

    /// The number of the event it stands after.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub(crate) fn read(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix(FORM)?.as_bytes();
        let half = |digit: u8| char::from(digit).to_digit(16).and_then(|half| u8::try_from(half).ok());
        let json: Option<Vec<u8>> =
            digits.chunks(2).map(|pair| Some(half(*pair.first()?)? << 4 | half(*pair.get(1)?)?)).collect();
        let held: Held<'_> = serde_json::from_slice(&json?).ok()?;
        Some(Self { chat_id: held.chat_id.into_owned(), turn_id: held.turn_id.into_owned(), seq: held.seq })
    }
}

impl fmt::Display for TurnCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (chat_id, turn_id) = (Cow::Borrowed(&self.chat_id), Cow::Borrowed(&self.turn_id));
        let json = serde_json::to_vec(&Held { chat_id, turn_id, seq: self.seq }).map_err(|_| fmt::Error)?;
        f.write_str(FORM)?;
        json.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl From<&TurnCursor> for TurnCursor {
    fn from(cursor: &TurnCursor) -> Self {
        cursor.clone()
    }
}

/// Both travel as their text.
macro_rules! as_text {
    ($($name:ident),*) => {
        $(impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
            }
        })*
    };
}

as_text!(TurnCursor, RelayCursor);

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::{RelayCursor, TurnCursor};

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_refused_in_a_sentence() {
        let cursor = TurnCursor::new("chat_é", "turn_1", 42);
        assert_eq!(cursor.to_string().parse::<TurnCursor>().unwrap(), cursor);
        let json = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<TurnCursor>(&json).unwrap(), cursor);
        for nonsense in ["", "42", "tw1.", "tw1.zz", "tw1.7", "tw2.7b7d", "tw1.é"] {
            let error = nonsense.parse::<TurnCursor>().unwrap_err();
            assert_eq!(error.code(), "invalid_argument", "{nonsense}");
        }
    }

    #[test]
    fn a_stored_cursor_of_an_earlier_version_is_read() {
        let stored = "tw1.7b2263223a22636861745f31222c2274223a227475726e5f31222c2273223a34327d";
        let cursor = TurnCursor::new("chat_1", "turn_1", 42);
        assert_eq!((stored.parse::<TurnCursor>().unwrap(), cursor.to_string().as_str()), (cursor, stored));
    }

    #[test]
    fn a_relay_cursor_reads_back() {
        for (cursor, text) in [(RelayCursor::Live, "live"), (RelayCursor::START, "0"), (RelayCursor::After(42), "42")] {
            assert_eq!(cursor.to_string(), text);
            assert_eq!(text.parse::<RelayCursor>().unwrap(), cursor);
            assert_eq!(serde_json::to_value(cursor).unwrap(), text);
            assert_eq!(serde_json::from_value::<RelayCursor>(text.into()).unwrap(), cursor);
        }
        assert_eq!("now".parse::<RelayCursor>().unwrap_err().code(), "invalid_argument");
    }
}
