//! The command line inside the wheel.

use crate::runtime::{block, runtime};
use pyo3::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use turnwire_cli::{Interrupt, Interrupts};

/// Runs the command line and gives its exit code. `args` begins with the program's name. Python's own handler takes
/// Ctrl-C and only sets a flag, which is looked at between slices of waiting; the program is then told, and ends by itself.
#[pyfunction]
pub(crate) fn cli_main(py: Python<'_>, args: Vec<String>) -> PyResult<i32> {
    let (interrupt, interrupts) = Interrupts::channel();
    let (end, ended) = channel();
    let handle = runtime()?.handle();
    // On a thread of its own, while this one waits for signals.
    std::thread::spawn(move || end.send(handle.block_on(turnwire_cli::run_with(args, interrupts))));
    let ended = Mutex::new(ended);
    loop {
        let code = block(py, |slice| {
            match ended.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(slice) {
                Ok(code) => Some(code),
                Err(RecvTimeoutError::Timeout) => None,
                // A program that panicked has failed.
                Err(RecvTimeoutError::Disconnected) => Some(1),
            }
        });
        match code {
            Ok(code) => return Ok(code),
            // Full: several were not looked at, one more says nothing new.
            Err(_) => drop(interrupt.try_send(Interrupt::Interrupt)),
        }
    }
}
