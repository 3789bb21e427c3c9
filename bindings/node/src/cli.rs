//! The program, inside Node.

use crate::hub::NativeHub;
use crate::runtime;
use crate::task::{Done, NativeTask};
use napi_derive::napi;
use std::sync::{Mutex, PoisonError};
use tokio::sync::mpsc::Sender;
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
        let runtime = runtime::handle().map_err(|error| napi::Error::from_reason(error.to_string()))?;
        let interrupts = self.interrupts.lock().unwrap_or_else(PoisonError::into_inner).take();
        let interrupts = interrupts.ok_or_else(|| napi::Error::from_reason("The program was run before."))?;
        Ok(NativeTask::spawn(&hub.hub, &runtime, async move { Ok(Done::Exit(run_with(args, interrupts).await)) }))
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
