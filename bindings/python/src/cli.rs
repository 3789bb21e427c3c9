//! The command line inside the wheel.

use crate::driver::block;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Sender;
use turnwire_cli::{Interrupt, Interrupts};

/// The program. Signals are Python's, whose handlers pass them on.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct NativeProgram {
    interrupt: Sender<Interrupt>,
    interrupts: Mutex<Option<Interrupts>>,
}

#[pymethods]
impl NativeProgram {
    #[new]
    fn new() -> Self {
        let (interrupt, interrupts) = Interrupts::channel();
        Self { interrupt, interrupts: Mutex::new(Some(interrupts)) }
    }

    /// Runs it, once, and gives its exit code. `args` begins with its name. Python looks for signals between slices of
    /// waiting; the program is told of them and ends by itself.
    fn run(&self, py: Python<'_>, args: Vec<String>) -> PyResult<i32> {
        let interrupts = self.interrupts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let interrupts = interrupts.ok_or_else(|| PyRuntimeError::new_err("the program was run before"))?;
        let (end, ended) = channel();
        // On threads of its own, while this one waits for signals: the server wants both cores.
        std::thread::spawn(move || {
            let run = |runtime: Runtime| runtime.block_on(turnwire_cli::run_with(args, interrupts));
            end.send(Runtime::new().map_or(1, run))
        });
        let ended = Mutex::new(ended);
        loop {
            let code = block(py, |slice| {
                match ended.lock().unwrap_or_else(PoisonError::into_inner).recv_timeout(slice) {
                    Ok(code) => Poll::Ready(code),
                    Err(RecvTimeoutError::Timeout) => Poll::Pending,
                    // A program that panicked has failed.
                    Err(RecvTimeoutError::Disconnected) => Poll::Ready(1),
                }
            });
            match code {
                Ok(code) => return Ok(code),
                // A handler that raises, such as Python's own for Ctrl-C.
                Err(_) => self.tell(Interrupt::Interrupt),
            }
        }
    }

    /// Passes on the signal of this name.
    fn interrupt(&self, signal: &str) {
        if let Some(interrupt) = Interrupt::of_signal(signal) {
            self.tell(interrupt);
        }
    }
}

impl NativeProgram {
    fn tell(&self, interrupt: Interrupt) {
        // Full or ended: several were not looked at, one more says nothing new.
        let _ = self.interrupt.try_send(interrupt);
    }
}
