//! The program, inside Node.

use crate::hub::NativeHub;
use crate::runtime;
use crate::task::{Done, NativeTask};
use napi_derive::napi;
use std::sync::Arc;
use tokio::sync::Notify;

/// The program. Signals are Node's: it says `stop`, and the program ends by itself.
#[napi]
#[derive(Default)]
pub struct NativeProgram {
    stop: Arc<Notify>,
}

#[napi]
impl NativeProgram {
    /// Not running yet.
    #[napi(constructor)]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs it with these arguments, its own name not among them. The task ends with its exit status.
    #[napi]
    pub fn run(&self, hub: &NativeHub, args: Vec<String>) -> napi::Result<NativeTask> {
        let runtime = runtime::handle().map_err(|error| napi::Error::from_reason(error.to_string()))?;
        let stop = self.stop.clone();
        Ok(NativeTask::spawn(&hub.hub, &runtime, async move {
            Ok(Done::Exit(turnwire_cli::run(args, async move { stop.notified().await }).await))
        }))
    }

    /// Asks it to end.
    #[napi]
    pub fn stop(&self) {
        self.stop.notify_one();
    }
}
