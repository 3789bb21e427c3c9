//! The driver of this process.
//!
//! A forked child has none of its parent's threads: it starts a driver of its own and leaves the parent's alone.

use crate::error::exception;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::mem::ManuallyDrop;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::task::Poll;
use std::time::Duration;
use turnwire_bridge::Driver;

/// How long a blocking call waits before it looks for signals.
const SLICE: Duration = Duration::from_millis(100);

struct Started {
    pid: u32,
    driver: Driver,
}

static STARTED: AtomicPtr<Started> = AtomicPtr::new(std::ptr::null_mut());

/// The driver of this process, started on first use.
pub(crate) fn driver() -> PyResult<&'static Driver> {
    let current = STARTED.load(Ordering::Acquire);
    // SAFETY: the pointer is null or came from `Box::into_raw` below, and is never freed once it was published.
    if let Some(started) = unsafe { current.as_ref() }
        && started.pid == std::process::id()
    {
        return Ok(&started.driver);
    }
    let driver = Driver::start().map_err(|error| Python::attach(|py| exception(py, &error)))?;
    let made = Box::into_raw(Box::new(Started { pid: std::process::id(), driver }));
    match STARTED.compare_exchange(current, made, Ordering::AcqRel, Ordering::Acquire) {
        // SAFETY: published just now, hence never freed.
        Ok(_) => Ok(unsafe { &(*made).driver }),
        // SAFETY: the winner was published, and is not null as it replaced what we had loaded. Ours has a thread that
        // uses it and cannot be stopped, so it stays.
        Err(won) => Ok(unsafe { &(*won).driver }),
    }
}

/// A value that lives on this process's driver. A forked child can neither use it nor drop it: the threads behind it, and
/// the locks they may hold, are the parent's.
pub(crate) struct Local<T> {
    value: ManuallyDrop<T>,
    pid: u32,
}

impl<T> Local<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: ManuallyDrop::new(value), pid: std::process::id() }
    }

    pub(crate) fn is_ours(&self) -> bool {
        self.pid == std::process::id()
    }

    pub(crate) fn get(&self) -> PyResult<&T> {
        if self.is_ours() {
            return Ok(&self.value);
        }
        Err(PyRuntimeError::new_err("this stream was opened before fork(): open a new one in the child process"))
    }
}

impl<T> Drop for Local<T> {
    fn drop(&mut self) {
        if self.is_ours() {
            // SAFETY: dropped once, here, and not used afterwards.
            unsafe { ManuallyDrop::drop(&mut self.value) }
        }
    }
}

/// Waits in slices, without the lock of the interpreter, and looks for signals between them.
pub(crate) fn block<T: Send>(py: Python<'_>, mut next: impl FnMut(Duration) -> Poll<T> + Send) -> PyResult<T> {
    loop {
        if let Poll::Ready(value) = py.detach(|| next(SLICE)) {
            return Ok(value);
        }
        py.check_signals()?;
    }
}
