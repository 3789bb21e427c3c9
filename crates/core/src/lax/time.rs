//! Times.

use super::{Number, Text, note_odd};
use crate::time::Timestamp;
use serde::de::{Deserialize, Deserializer};

/// Numbers below this are no times in milliseconds: it would be before 1973.
const EARLIEST_MS: f64 = 1e11;

/// A time in RFC 3339, or in milliseconds since 1970, as JavaScript has it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Time(pub(crate) Option<Timestamp>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Text::deserialize(deserializer)?;
        let Some(text) = text.get() else { return Ok(Self(None)) };
        if let Some(time) = Timestamp::parse(text) {
            return Ok(Self(Some(time)));
        }
        note_odd();
        let ms = Number(text.parse().ok().filter(|ms| *ms >= EARLIEST_MS));
        Ok(Self(ms.count().map(Timestamp::from_millis)))
    }
}
