//! A point in time as the contract writes it: RFC 3339, UTC, milliseconds.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970, written as `2026-11-23T04:37:00.000Z`.
///
/// ```
/// use turnwire::Timestamp;
///
/// let at = Timestamp::parse("2026-11-23T02:58:01.410Z").ok_or("a time")?;
/// assert_eq!((at.as_millis(), at.to_string()), (1_795_402_681_410, "2026-11-23T02:58:01.410Z".to_owned()));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(u64);

/// 9999-12-31T23:59:59.999Z, the last moment RFC 3339 can write.
const LATEST_MS: u64 = 253_402_300_799_999;

impl Timestamp {
    /// From milliseconds since 1970; held at the year 9999, beyond which no text form exists.
    pub fn from_millis(ms: u64) -> Self {
        Self(ms.min(LATEST_MS))
    }

    /// Milliseconds since 1970.
    pub fn as_millis(self) -> u64 {
        self.0
    }

    /// Reads RFC 3339; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        humantime::parse_rfc3339_weak(text).ok().map(Self::from)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(SystemTime::from(*self)).fmt(f)
    }
}

impl From<Timestamp> for SystemTime {
    fn from(at: Timestamp) -> Self {
        UNIX_EPOCH + Duration::from_millis(at.0)
    }
}

impl From<SystemTime> for Timestamp {
    fn from(at: SystemTime) -> Self {
        let ms = at.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        Self::from_millis(u64::try_from(ms).unwrap_or(LATEST_MS))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| de::Error::custom("expected an RFC 3339 time, such as 2026-11-23T04:37:00.000Z"))
    }
}

/// A duration as the contract writes it, for `#[serde(with)]`: a number of milliseconds.
pub(crate) mod millis {
    #[cfg(feature = "client")]
    use serde::{Deserialize, Deserializer};
    use serde::{Serialize, Serializer};
    use std::time::Duration;

    pub(crate) fn of(duration: Option<Duration>) -> Option<u64> {
        duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub(crate) fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        of(*duration).serialize(serializer)
    }

    #[cfg(feature = "client")]
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn a_time_reads_back_as_it_was_written() {
        let at = Timestamp::from_millis(1_795_402_681_410);
        assert_eq!(at.to_string(), "2026-11-23T02:58:01.410Z");
        assert_eq!(Timestamp::parse(&at.to_string()), Some(at));
        assert_eq!(Timestamp::parse("2026-01-02T03:04:05Z").map(Timestamp::as_millis), Some(1_767_323_045_000));
    }

    #[test]
    fn a_time_beyond_the_calendar_is_held_at_its_end() {
        assert_eq!(Timestamp::from_millis(u64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }
}
