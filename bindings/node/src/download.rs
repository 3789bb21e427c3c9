//! A file's bytes, as they come.

use crate::driver::driver;
use crate::hub::Hub;
use crate::task::NativeTask;
use napi_derive::napi;
use std::sync::Arc;
use turnwire_bridge::Chunks;

/// A download that runs; what is not asked for is not read. When it is garbage, its socket is closed.
#[napi]
pub struct NativeDownload {
    hub: Arc<Hub>,
    chunks: Chunks,
}

#[napi]
impl NativeDownload {
    /// The next bytes; a task without a body is the end.
    #[napi(catch_unwind)]
    pub fn chunk(&self) -> NativeTask {
        NativeTask::spawn(&self.hub, self.chunks.chunk())
    }

    /// Closes the socket, as soon as a chunk under way was cancelled.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        if let Ok(driver) = driver() {
            self.chunks.close_later(driver);
        }
    }
}

impl NativeDownload {
    pub(crate) fn new(hub: Arc<Hub>, chunks: Chunks) -> Self {
        Self { hub, chunks }
    }
}
