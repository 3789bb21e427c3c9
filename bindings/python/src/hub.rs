//! How native work wakes an event loop: one descriptor for all streams and calls of the loop.
//!
//! Whoever has something for a reader writes to the descriptor, which the loop watches as it watches its sockets. No thread
//! of ours enters the interpreter. What becomes ready while a wake-up is under way joins it.

use pyo3::PyTraverseError;
use pyo3::PyVisit;
use pyo3::intern;
use pyo3::prelude::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Wake, Waker};

/// The wake-up of one event loop.
#[pyclass(frozen, weakref, module = "turnwire._native")]
pub(crate) struct Hub {
    shared: Arc<Shared>,
    /// The futures that wait, by the number of what they wait for.
    waiting: Mutex<HashMap<u64, Py<PyAny>>>,
}

struct Shared {
    ready: Mutex<Ready>,
    changed: Condvar,
    bell: Option<bell::Bell>,
    last_id: AtomicU64,
}

#[derive(Default)]
struct Ready {
    ids: Vec<u64>,
    closed: bool,
}

/// Something that is waited for under a number.
struct Waiting {
    shared: Arc<Shared>,
    id: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Wake for Waiting {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let first = {
            let mut ready = lock(&self.shared.ready);
            ready.ids.push(self.id);
            ready.ids.len() == 1
        };
        if first {
            match &self.shared.bell {
                Some(bell) => bell.ring(),
                None => self.shared.changed.notify_all(),
            }
        }
    }
}

/// What wakes one reader, on the event loop where it waited last.
#[derive(Default)]
pub(crate) struct Seat(Mutex<Option<Taken>>);

struct Taken {
    shared: Arc<Shared>,
    id: u64,
    waker: Waker,
}

impl Seat {
    /// Looks with a waker of this loop. Where there is nothing yet, the future that will be set once there is.
    pub(crate) fn poll<'py, T>(
        &self,
        owner: &Bound<'py, PyAny>,
        hub: &Bound<'py, Hub>,
        poll: impl FnOnce(&Waker) -> std::task::Poll<T>,
    ) -> PyResult<Result<T, Bound<'py, PyAny>>> {
        let shared = &hub.get().shared;
        let (polled, id) = {
            let mut taken = lock(&self.0);
            let known = match &mut *taken {
                Some(known) if Arc::ptr_eq(&known.shared, shared) => known,
                other => {
                    let id = shared.last_id.fetch_add(1, Ordering::Relaxed);
                    let waker = Waker::from(Arc::new(Waiting { shared: shared.clone(), id }));
                    other.insert(Taken { shared: shared.clone(), id, waker })
                }
            };
            (poll(&known.waker), known.id)
        };
        match polled {
            std::task::Poll::Ready(value) => Ok(Ok(value)),
            std::task::Poll::Pending => {
                let future = owner.call_method0(intern!(owner.py(), "create_future"))?;
                let former = lock(&hub.get().waiting).insert(id, future.clone().unbind());
                drop(former);
                Ok(Err(future))
            }
        }
    }
}

#[pymethods]
impl Hub {
    /// `watched`: whether the loop can watch a descriptor.
    #[new]
    fn new(watched: bool) -> PyResult<Self> {
        let bell = if watched { Some(bell::Bell::new()?) } else { None };
        let shared = Shared { ready: Mutex::default(), changed: Condvar::new(), bell, last_id: AtomicU64::default() };
        Ok(Self { shared: Arc::new(shared), waiting: Mutex::default() })
    }

    /// What the loop is to watch for reading.
    fn fileno(&self) -> Option<i32> {
        self.shared.bell.as_ref().map(bell::Bell::fileno)
    }

    /// Sets the futures of what became ready. Called on the loop.
    fn settle(&self, py: Python<'_>) -> PyResult<()> {
        if let Some(bell) = &self.shared.bell {
            // Before the look: what comes after it rings again.
            bell.quiet();
        }
        let ids = std::mem::take(&mut lock(&self.shared.ready).ids);
        for id in ids {
            let Some(future) = lock(&self.waiting).remove(&id) else { continue };
            let future = future.bind(py);
            if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
                future.call_method1(intern!(py, "set_result"), (py.None(),))?;
            }
        }
        Ok(())
    }

    /// Blocks until something is ready, for a thread that stands in for a descriptor. `False`: the hub is closed.
    fn wait(&self, py: Python<'_>) -> bool {
        py.detach(|| {
            let ready = lock(&self.shared.ready);
            let ready = self
                .shared
                .changed
                .wait_while(ready, |ready| ready.ids.is_empty() && !ready.closed)
                .unwrap_or_else(PoisonError::into_inner);
            !ready.closed
        })
    }

    /// Ends the thread that stands in for a descriptor.
    fn close(&self) {
        lock(&self.shared.ready).closed = true;
        self.shared.changed.notify_all();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Held only for a moment, and never while Python runs.
        match self.waiting.try_lock() {
            Ok(waiting) => waiting.values().try_for_each(|future| visit.call(future)),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        let held = std::mem::take(&mut *lock(&self.waiting));
        drop(held);
    }
}

/// A descriptor that becomes readable when it is rung.
#[cfg(unix)]
mod bell {
    use std::io::{Read, Result, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    pub(super) struct Bell {
        near: UnixStream,
        far: UnixStream,
    }

    impl Bell {
        pub(super) fn new() -> Result<Self> {
            let (near, far) = UnixStream::pair()?;
            near.set_nonblocking(true)?;
            far.set_nonblocking(true)?;
            Ok(Self { near, far })
        }

        pub(super) fn fileno(&self) -> i32 {
            self.near.as_raw_fd()
        }

        pub(super) fn ring(&self) {
            // Where it cannot be written to, it was rung often enough.
            let _ = (&self.far).write(&[1]);
        }

        pub(super) fn quiet(&self) {
            // Rung once for each look, so that this takes all of it.
            let _ = (&self.near).read(&mut [0; 16]);
        }
    }
}

/// Elsewhere loops watch no descriptors: a thread stands in.
#[cfg(not(unix))]
mod bell {
    pub(super) struct Bell;

    impl Bell {
        pub(super) fn new() -> std::io::Result<Self> {
            Err(std::io::ErrorKind::Unsupported.into())
        }

        pub(super) fn fileno(&self) -> i32 {
            -1
        }

        pub(super) fn ring(&self) {}

        pub(super) fn quiet(&self) {}
    }
}
