//! Times and sizes, as people write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A time: `90s`, `15m`, `1h 30m`, `7days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match humantime::parse_duration(text) {
            Ok(time) if time.is_zero() => Err("must be more than nothing".to_owned()),
            Ok(time) => Ok(Self(time)),
            Err(error) => Err(format!("{error}; write it as in 90s, 15m or 7days")),
        }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(self.0).fmt(f)
    }
}

/// A size in bytes: `4MiB`, `10GB`, `4096`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.parse::<bytesize::ByteSize>() {
            Ok(size) if size.as_u64() == 0 => Err("must be more than nothing".to_owned()),
            Ok(size) => Ok(Self(size.as_u64())),
            Err(error) => Err(format!("{error}; write it as in 4MiB, 10GB or 4096")),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `4.0 MiB` reads as if it had been measured.
        f.write_str(&bytesize::ByteSize(self.0).to_string().replace(".0 ", "").replace(' ', ""))
    }
}

#[cfg(test)]
mod tests {
    use super::{Size, Span};
    use std::time::Duration;

    #[test]
    fn what_is_shown_can_be_given() {
        for seconds in [1, 90, 900, 3600, 86_400 * 7, 86_400 * 365] {
            let span = Span(Duration::from_secs(seconds));
            assert_eq!(span.to_string().parse(), Ok(span));
        }
        for bytes in [1, 1023, 1 << 10, 4 << 20, 256 << 20, 1 << 40] {
            assert_eq!(Size(bytes).to_string().parse(), Ok(Size(bytes)));
        }
        assert_eq!((Size(4 << 20).to_string(), Size(1000).to_string()), ("4MiB".to_owned(), "1000B".to_owned()));
        assert_eq!("10GB".parse(), Ok(Size(10_000_000_000)));
    }

    #[test]
    fn what_means_nothing_is_refused_with_an_example() {
        for text in ["", "soon", "5", "0s", "-1s"] {
            assert!(text.parse::<Span>().is_err(), "{text:?}");
        }
        for text in ["", "large", "0", "-1", "1XB"] {
            assert!(text.parse::<Size>().is_err(), "{text:?}");
        }
    }
}
