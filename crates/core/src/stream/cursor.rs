//! Where a reader stands.

use crate::error::{Error, Result};
use crate::id::{ChatId, TurnId};
use serde::{Deserialize, Serialize};

/// Where a relay is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cursor {
    /// Only what comes from now on.
    #[default]
    Live,
    /// What comes after the event of this number; 0: from the oldest that is kept.
    After(u64),
}

impl Cursor {
    /// From the oldest event that is kept.
    pub const START: Self = Self::After(0);

    /// Where a live reader really begins, as the service told it.
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

impl From<u64> for Cursor {
    fn from(last_event_id: u64) -> Self {
        Self::After(last_event_id)
    }
}

impl From<Option<u64>> for Cursor {
    fn from(last_event_id: Option<u64>) -> Self {
        last_event_id.map_or(Self::Live, Self::After)
    }
}

/// What a turn's cursor holds (PROTOCOL RESUME-6). Its text form is opaque to users, so that it can grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct TurnCursor {
    #[serde(rename = "c")]
    pub(crate) chat_id: ChatId,
    #[serde(rename = "t")]
    pub(crate) turn_id: TurnId,
    /// The last event that was told.
    #[serde(rename = "s")]
    pub(crate) seq: u64,
}

/// Leads the text form; another number is another form.
const FORM: &str = "tw1.";

impl TurnCursor {
    pub(crate) fn encode(&self) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let mut text = String::with_capacity(FORM.len() + json.len() * 2);
        text.push_str(FORM);
        for byte in json {
            for half in [byte >> 4, byte & 15] {
                text.push(char::from(b"0123456789abcdef"[usize::from(half)]));
            }
        }
        text
    }

    pub(crate) fn decode(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::new("invalid_argument", "This is no cursor of a turn; pass one that `cursor` of a turn stream gave.")
        })
    }

    fn read(text: &str) -> Option<Self> {
        let digits = text.trim().strip_prefix(FORM)?.as_bytes();
        let half = |digit: u8| char::from(digit).to_digit(16).and_then(|half| u8::try_from(half).ok());
        let json: Option<Vec<u8>> =
            digits.chunks(2).map(|pair| Some(half(*pair.first()?)? << 4 | half(*pair.get(1)?)?)).collect();
        serde_json::from_slice(&json?).ok()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::TurnCursor;
    use crate::error::ErrorKind;

    #[test]
    fn a_cursor_reads_back_and_nonsense_is_refused_in_a_sentence() {
        let cursor = TurnCursor { chat_id: "chat_é".into(), turn_id: "turn_1".into(), seq: 42 };
        assert_eq!(TurnCursor::decode(&cursor.encode()).unwrap(), cursor);
        for nonsense in ["", "42", "tw1.", "tw1.zz", "tw1.7", "tw2.7b7d", "tw1.é"] {
            assert_eq!(TurnCursor::decode(nonsense).unwrap_err().kind(), ErrorKind::InvalidArgument, "{nonsense}");
        }
    }
}
