//! Names and values of headers, from text.

use crate::error::{Error, Result};
use ::http::header::{CONTENT_LENGTH, HeaderName, HeaderValue, TRANSFER_ENCODING};

/// The name of a header that a caller may set.
pub(super) fn header_name(name: &str) -> Result<HeaderName> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|error| {
        Error::new("invalid_argument", format!("{name:?} is no name of a header.")).with_source(error)
    })?;
    // Another value than the body's own leaves the service waiting, or reading the rest as a request.
    if [CONTENT_LENGTH, TRANSFER_ENCODING].contains(&parsed) {
        let why = format!("The header {name} says where the body ends, which the client itself sees to; leave it out.");
        return Err(Error::new("invalid_argument", why));
    }
    Ok(parsed)
}

pub(super) fn header_value(name: &str, text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text).map_err(|_| {
        // Neither the text nor the cause is shown: it may be a key.
        Error::new("invalid_argument", format!("The {name} holds characters that no header can carry."))
    })
}
