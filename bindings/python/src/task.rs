//! One call under way: awaited on an event loop, or waited for.

use crate::driver::{Local, block, driver};
use crate::error::{exception, no_pickle};
use crate::hub::{Hub, Seat};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::future::Future;
use std::sync::{Mutex, PoisonError};
use turnwire::Result;
use turnwire_bridge::{Done, Task as BridgeTask};

/// Makes the object of what a call gives, where that is more than a value.
type Make = Box<dyn FnOnce(Python<'_>, Done) -> PyResult<Py<PyAny>> + Send>;

/// Something that runs on the driver.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct Task {
    call: Local<BridgeTask<Done>>,
    make: Mutex<Option<Make>>,
    seat: Seat,
    done: Mutex<Option<Result<Done>>>,
}

impl Task {
    pub(crate) fn start(work: impl Future<Output = Result<Done>> + Send + 'static) -> PyResult<Self> {
        Self::with(work, None)
    }

    /// A call whose end is an object of a class.
    pub(crate) fn call(
        work: impl Future<Output = Result<Done>> + Send + 'static,
        make: impl FnOnce(Python<'_>, Done) -> PyResult<Py<PyAny>> + Send + 'static,
    ) -> PyResult<Self> {
        Self::with(work, Some(Box::new(make)))
    }

    fn with(work: impl Future<Output = Result<Done>> + Send + 'static, make: Option<Make>) -> PyResult<Self> {
        Ok(Self {
            call: Local::new(BridgeTask::new(driver()?, work)),
            make: Mutex::new(make),
            seat: Seat::default(),
            done: Mutex::default(),
        })
    }

    /// Has it go on in the background.
    pub(crate) fn begin(&self) -> PyResult<()> {
        self.call.get()?.begin();
        Ok(())
    }

    fn object<'py>(&self, py: Python<'py>, done: Result<Done>) -> PyResult<Bound<'py, PyAny>> {
        let done = done.map_err(|error| exception(py, &error))?;
        let make = self.make.lock().unwrap_or_else(PoisonError::into_inner).take();
        match make {
            Some(make) => make(py, done).map(|made| made.into_bound(py)),
            None => value(py, done),
        }
    }
}

/// The value of a call that gives no object of its own.
pub(crate) fn value(py: Python<'_>, done: Done) -> PyResult<Bound<'_, PyAny>> {
    match done {
        Done::Answer(answer) => answer.value.map_err(|error| exception(py, &error))?.into_bound_py_any(py),
        Done::Value(json) => json.into_bound_py_any(py),
        Done::File(file, content) => {
            (PyBytes::new(py, &content), file.content_type, file.filename, file.request_id).into_bound_py_any(py)
        }
        Done::Chunk(chunk) => Ok(PyBytes::new(py, &chunk).into_any()),
        _ => Ok(py.None().into_bound(py)),
    }
}

#[pymethods]
impl Task {
    /// `None` once the call has ended, else a future of the event loop `owner` that is set when it has.
    fn poll<'py>(&self, owner: &Bound<'py, PyAny>, hub: &Bound<'py, Hub>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let task = self.call.get()?;
        match self.seat.poll(owner, hub, |waker| task.poll(waker))? {
            Ok(done) => {
                *self.done.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
                Ok(None)
            }
            Err(future) => Ok(Some(future)),
        }
    }

    /// What the call gives, once `poll` has said that it has ended.
    fn result<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).take();
        match done {
            Some(done) => self.object(py, done),
            None => Err(crate::error::internal("a call was asked for its result too early")),
        }
    }

    /// What the call gives, waited for. An interrupt drops the call.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let task = self.call.get()?;
        let done = block(py, |slice| task.wait_blocking(slice)).inspect_err(|_| task.cancel())?;
        self.object(py, done)
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "a call under way belongs to its process", "wait for its answer"))
    }

    /// Drops the call and its connection at once; one that is over does not mind.
    fn cancel(&self) {
        if let Ok(task) = self.call.get() {
            task.cancel();
        }
    }
}
