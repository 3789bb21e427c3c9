//! The program, inside Node.

use crate::hub::NativeHub;
use crate::task::NativeTask;
use napi_derive::napi;
use std::sync::{Mutex, PoisonError};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::Sender;
use turnwire_bridge::Done;
use turnwire_cli::{Interrupt, Interrupts, run_with};

/// The program. Signals are Node's, which passes them on.
#[napi]
pub struct NativeProgram {
    interrupt: Sender<Interrupt>,
    interrupts: Mutex<Option<Interrupts>>,
}

#[napi]
impl NativeProgram {
    /// Not running yet.
    #[napi(constructor, catch_unwind)]
    pub fn new() -> Self {
        let (interrupt, interrupts) = Interrupts::channel();
        Self { interrupt, interrupts: Mutex::new(Some(interrupts)) }
    }

    /// Runs it, once, with these arguments, the first its own name. The task ends with its exit status.
    #[napi(catch_unwind)]
    pub fn run(&self, hub: &NativeHub, args: Vec<String>) -> napi::Result<NativeTask> {
        let interrupts = self.interrupts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let interrupts = interrupts.ok_or_else(|| napi::Error::from_reason("The program was run before."))?;
        Ok(NativeTask::spawn(&hub.hub, async move {
            let (end, ended) = tokio::sync::oneshot::channel();
            // The server wants both cores, so the program has a runtime of its own.
            std::thread::spawn(move || {
                let status = Runtime::new().map_or(1, |runtime| runtime.block_on(run_with(args, interrupts)));
                end.send(status)
            });
            // A program that panicked has failed.
            Ok(Done::Exit(ended.await.unwrap_or(1)))
        }))
    }

    /// Passes on the signal of this name.
    #[napi(catch_unwind)]
    #[allow(clippy::needless_pass_by_value, reason = "a text of JavaScript is handed over as a whole")]
    pub fn interrupt(&self, signal: String) {
        if let Some(interrupt) = Interrupt::of_signal(&signal) {
            // Full or ended: it knows already.
            let _ = self.interrupt.try_send(interrupt);
        }
    }
}
