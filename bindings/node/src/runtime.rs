//! The runtime everything runs on: one for the process, for all its workers, and never shut down, as its last user may
//! be a thread of its own.

use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};
use turnwire::{Error, Result};

/// Decoding and parsing take one, the sockets of all streams the other.
const THREADS: usize = 2;

/// The handle; an error where the system gives no thread.
pub(crate) fn handle() -> Result<Handle> {
    static RUNTIME: OnceLock<std::io::Result<Runtime>> = OnceLock::new();
    let make = || Builder::new_multi_thread().worker_threads(THREADS).thread_name("turnwire").enable_all().build();
    match RUNTIME.get_or_init(make) {
        Ok(runtime) => Ok(runtime.handle().clone()),
        Err(error) => Err(Error::new("invalid_argument", format!("The system gives no thread: {error}."))),
    }
}
