//! The driver of everything: one for the process, for all its workers, and never stopped, as its last user may be a
//! thread of its own.

use std::sync::OnceLock;
use turnwire::{Error, Result};
use turnwire_bridge::{Driver, Language};

/// How JavaScript spells arguments.
pub(crate) const LANGUAGE: Language = Language {
    name: |name| if name == "baseUrl" { "baseURL".to_owned() } else { name.to_owned() },
    ca_variables: &["NODE_EXTRA_CA_CERTS"],
};

/// The driver; an error where the system gives no thread.
pub(crate) fn driver() -> Result<&'static Driver> {
    static DRIVER: OnceLock<std::io::Result<Driver>> = OnceLock::new();
    match DRIVER.get_or_init(Driver::start) {
        Ok(driver) => Ok(driver),
        Err(error) => Err(Error::new("invalid_argument", format!("The system gives no thread: {error}."))),
    }
}
