//! What is under way.

use crate::driver::driver;
use crate::hub::Hub;
use napi_derive::napi;
use std::future::Future;
use std::sync::Arc;
use std::task::{Poll, Waker};
use turnwire::{Error, Result};
use turnwire_bridge::{Done, Task};

/// Something under way.
#[napi]
pub struct NativeTask {
    id: u32,
    hub: Arc<Hub>,
    waker: Waker,
    /// An error where it could not be begun.
    task: Result<Task<Done>>,
}

#[napi]
impl NativeTask {
    /// What the hub names when it has ended.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Stops it. A stream it has opened meanwhile is closed, as nobody will fetch it.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        if let Ok(task) = &self.task {
            task.cancel();
        }
    }
}

impl NativeTask {
    /// Begins at once, whoever polls.
    pub(crate) fn spawn(hub: &Arc<Hub>, work: impl Future<Output = Result<Done>> + Send + 'static) -> Self {
        let id = hub.id();
        let waker = hub.waker(id);
        let task = driver().map(|driver| Task::spawn(driver, work));
        Self { id, hub: hub.clone(), waker, task }
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// How it ended.
    pub(crate) fn done(&self) -> Poll<Result<Done>> {
        match &self.task {
            Ok(task) => task.poll(&self.waker),
            Err(error) => Poll::Ready(Err(error.clone())),
        }
    }

    pub(crate) fn failed(hub: &Arc<Hub>, error: Error) -> Self {
        let id = hub.id();
        Self { id, hub: hub.clone(), waker: hub.waker(id), task: Err(error) }
    }
}
