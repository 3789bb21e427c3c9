//! Cursors from their text forms. This is here because an error contains a cursor, so `cursor` cannot import `error`.

use super::{Error, Result};
use crate::cursor::{RelayCursor, TurnCursor};
use std::str::FromStr;

impl FromStr for RelayCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "live" => Ok(Self::Live),
            number => number.parse().map(Self::After).map_err(|_| {
                Error::new("invalid_argument", "This is no cursor of a relay; pass the number of an event, or `live`.")
            }),
        }
    }
}

impl FromStr for TurnCursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::read(text).ok_or_else(|| {
            Error::new("invalid_argument", "This is no cursor of a turn; pass one that `cursor` of a turn stream gave.")
        })
    }
}
