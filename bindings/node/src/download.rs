//! A file's bytes, as they come.

use crate::hub::Hub;
use crate::task::{Done, NativeTask};
use napi_derive::napi;
use std::sync::Arc;
use tokio::runtime::Handle;
use tokio::sync::Mutex;
use turnwire::chat::DownloadStream;

/// A download that runs; what is not asked for is not read. When it is garbage, its socket is closed.
#[napi]
pub struct NativeDownload {
    hub: Arc<Hub>,
    runtime: Handle,
    stream: Arc<Mutex<Option<DownloadStream>>>,
}

#[napi]
impl NativeDownload {
    /// The next bytes; a task without a body is the end.
    #[napi(catch_unwind)]
    pub fn chunk(&self) -> NativeTask {
        let stream = self.stream.clone();
        NativeTask::spawn(&self.hub, &self.runtime, async move {
            let mut stream = stream.lock().await;
            let chunk = match &mut *stream {
                Some(open) => open.chunk().await?,
                None => None,
            };
            if chunk.is_none() {
                *stream = None;
            }
            Ok(Done::Chunk(chunk.map(|chunk| chunk.to_vec())))
        })
    }

    /// Closes the socket, as soon as a chunk under way was cancelled.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        let stream = self.stream.clone();
        self.runtime.spawn(async move { stream.lock().await.take() });
    }
}

impl NativeDownload {
    pub(crate) fn new(hub: Arc<Hub>, runtime: Handle, stream: DownloadStream) -> Self {
        Self { hub, runtime, stream: Arc::new(Mutex::new(Some(stream))) }
    }
}
