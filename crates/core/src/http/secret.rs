//! A key or a token: it can be sent, never shown.

use super::header::header_value;
use crate::error::{Error, Result};
use std::fmt;
use std::sync::Arc;

/// Text that no `Debug`, log line or error can print.
///
/// ```
/// let key = turnwire::http::Secret::from("sk_example");
/// assert!(!format!("{key:?}").contains("sk_example"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The text itself, for the code that sends it.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(Arc::from(text.trim()))
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<&String> for Secret {
    fn from(text: &String) -> Self {
        Self::from(text.as_str())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Refuses a key or token that no request can carry.
pub(crate) fn check_secret(name: &str, secret: &Secret) -> Result<()> {
    if secret.is_empty() {
        return Err(Error::new("invalid_argument", format!("The {name} is empty; leave it out, or give one.")));
    }
    header_value(name, secret.expose()).map(drop)
}
