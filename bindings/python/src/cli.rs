//! The command line inside the wheel.

use crate::runtime::{block, runtime};
use pyo3::prelude::*;
use turnwire::stream::{Task, TaskPolled};
use turnwire_cli::{Interrupt, Interrupts};

/// Runs the command line and gives its exit code. `args` begins with the program's name. Python's own handler takes
/// Ctrl-C and only sets a flag, which is looked at between slices of waiting; the program is then told, and ends by itself.
#[pyfunction]
pub(crate) fn cli_main(py: Python<'_>, args: Vec<String>) -> PyResult<i32> {
    let (interrupt, interrupts) = Interrupts::channel();
    let program = Task::spawn(runtime()?.handle(), async { Ok(turnwire_cli::run_with(args, interrupts).await) });
    loop {
        let ended = block(py, |slice| match program.wait_blocking(slice) {
            TaskPolled::Ready(code) => Some(code),
            TaskPolled::Pending => None,
        });
        match ended {
            // A program that panicked has failed.
            Ok(code) => return Ok(code.unwrap_or(1)),
            // Full: several were not looked at, one more says nothing new.
            Err(_) => drop(interrupt.try_send(Interrupt::Interrupt)),
        }
    }
}
