//! A file's bytes, as they come.

use crate::hub::Hub;
use crate::task::{Done, NativeTask};
use napi_derive::napi;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use turnwire::chat::DownloadStream;

/// A download that runs; what is not asked for is not read.
#[napi]
pub struct NativeDownload {
    hub: Arc<Hub>,
    runtime: Handle,
    stream: Arc<Mutex<DownloadStream>>,
}

#[napi]
impl NativeDownload {
    /// The next bytes; a task without a body is the end.
    #[napi]
    pub fn chunk(&self) -> NativeTask {
        let stream = self.stream.clone();
        NativeTask::spawn(&self.hub, &self.runtime, async move {
            Ok(Done::Chunk(stream.lock().await.chunk().await?.map(|chunk| chunk.to_vec())))
        })
    }
}

impl NativeDownload {
    pub(crate) fn new(hub: Arc<Hub>, runtime: Handle, stream: DownloadStream) -> Self {
        Self { hub, runtime, stream: Arc::new(Mutex::new(stream)) }
    }
}
