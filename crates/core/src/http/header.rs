//! Names and values of headers, from text.

use crate::error::{Error, Result};
use ::http::header::{HeaderName, HeaderValue};

pub(super) fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|error| Error::new("invalid_argument", format!("{name:?} is no name of a header.")).with_source(error))
}

pub(super) fn header_value(name: &str, text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| {
        // Neither the text nor the cause is shown: it may be a key.
        Error::new("invalid_argument", format!("The {name} holds characters that no header can carry."))
    })
}
