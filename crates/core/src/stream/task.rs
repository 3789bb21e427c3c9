//! One future for another language: spawned, then polled, waited for, or cancelled.

use super::Wake;
use crate::error::{Error, Result};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

/// What a task has to give.
#[derive(Debug)]
#[must_use]
pub enum TaskPolled<T> {
    /// Its result. It is given once.
    Ready(Result<T>),
    /// Not yet.
    Pending,
}

/// A future that runs on a runtime of another thread. Dropping it stops the future at once.
pub struct Task<T> {
    shared: Arc<Shared<T>>,
    abort: AbortHandle,
}

struct Shared<T> {
    state: Mutex<State<T>>,
    done: Condvar,
}

struct State<T> {
    result: Option<Result<T>>,
    wake: Option<Wake>,
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(&self, result: Result<T>) {
        let mut state = self.lock();
        state.result = Some(result);
        let wake = state.wake.take();
        drop(state);
        self.done.notify_all();
        if let Some(wake) = wake {
            wake();
        }
    }
}

/// Sees to it that a future that is stopped or panics is not waited for in vain.
struct Finish<T>(Option<Arc<Shared<T>>>);

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.finish(Err(Error::new("aborted", "The call was stopped.")));
        }
    }
}

impl<T: Send + 'static> Task<T> {
    /// Runs a future.
    pub fn spawn(runtime: &Handle, future: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        let shared = Arc::new(Shared { state: Mutex::new(State { result: None, wake: None }), done: Condvar::new() });
        let mut finish = Finish(Some(shared.clone()));
        let work = runtime.spawn(async move {
            let result = future.await;
            if let Some(shared) = finish.0.take() {
                shared.finish(result);
            }
        });
        Self { shared, abort: work.abort_handle() }
    }

    /// The result, if it is there; else `wake` is called once when it is.
    pub fn poll(&self, wake: Option<Wake>) -> TaskPolled<T> {
        let mut state = self.shared.lock();
        if let Some(result) = state.result.take() {
            return TaskPolled::Ready(result);
        }
        if wake.is_some() {
            state.wake = wake;
        }
        TaskPolled::Pending
    }

    /// Waits up to `wait` for the result.
    pub fn wait_blocking(&self, wait: Duration) -> TaskPolled<T> {
        let state = self.shared.lock();
        let (mut state, _) = self
            .shared
            .done
            .wait_timeout_while(state, wait, |state| state.result.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        state.result.take().map_or(TaskPolled::Pending, TaskPolled::Ready)
    }

    /// Stops the future; what it held (a socket) is dropped by the runtime at once.
    pub fn cancel(&self) {
        self.abort.abort();
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.abort.abort();
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}
