//! The driver of everything: one for the process, for all its workers, and never stopped, as its last user may be a
//! thread of its own.

use crate::hub::lock;
use std::sync::{Mutex, OnceLock};
use turnwire::Result;
use turnwire_bridge::{Driver, Language};

/// How JavaScript spells arguments.
pub(crate) const LANGUAGE: Language = Language {
    name: |name| if name == "baseUrl" { "baseURL".to_owned() } else { name.to_owned() },
    ca_variables: &["NODE_EXTRA_CA_CERTS"],
};

/// The driver, started on first use; an error where the system does not give what it needs, which it may at the next.
pub(crate) fn driver() -> Result<&'static Driver> {
    static DRIVER: OnceLock<Driver> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(driver) = DRIVER.get() {
        return Ok(driver);
    }
    let _one = lock(&STARTING);
    match DRIVER.get() {
        Some(driver) => Ok(driver),
        None => Driver::start().map(|driver| DRIVER.get_or_init(|| driver)),
    }
}
