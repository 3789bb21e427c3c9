//! One call under way: awaited on an event loop, or waited for.

use crate::error::{exception, no_pickle};
use crate::response::{Download, RawAnswer};
use crate::runtime::{Local, block, runtime};
use crate::stream::{RelayStream, TurnStream};
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::future::Future;
use turnwire::chat::{DownloadStream, DownloadedFile};
use turnwire::stream::{RelayPump, Task as CoreTask, TaskPolled, TurnPump};

/// What a call gives.
pub(crate) enum Answer {
    /// A value of the contract, as JSON.
    Json(String),
    Raw(RawAnswer),
    File(DownloadedFile),
    Chunk(Option<Vec<u8>>),
    Download(Box<DownloadStream>),
    /// A stream, and what its reader calls with what becomes of the connection.
    Turn(Option<TurnPump>, Option<Py<PyAny>>),
    Relay(RelayPump),
}

/// Something that runs on the runtime.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct Task(Local<CoreTask<Answer>>);

impl Task {
    pub(crate) fn start(future: impl Future<Output = turnwire::Result<Answer>> + Send + 'static) -> PyResult<Self> {
        Ok(Self(Local::new(CoreTask::spawn(runtime()?.handle(), future))))
    }
}

#[pymethods]
impl Task {
    /// What the call gives, or `NotImplemented`: then `future` of the event loop `owner` is set once it is there.
    fn poll<'py>(&self, py: Python<'py>, owner: Py<PyAny>, future: Py<PyAny>) -> PyResult<Bound<'py, PyAny>> {
        match self.0.get()?.poll(Some(runtime()?.waker(owner, future))) {
            TaskPolled::Ready(answer) => object(py, answer),
            TaskPolled::Pending => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    /// What the call gives, waited for. An interrupt drops the call.
    fn wait<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let task = self.0.get()?;
        let answer = block(py, |slice| match task.wait_blocking(slice) {
            TaskPolled::Ready(answer) => Some(answer),
            TaskPolled::Pending => None,
        });
        object(py, answer.inspect_err(|_| task.cancel())?)
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "a call under way belongs to its process", "wait for its answer"))
    }

    /// Drops the call and its connection at once; one that is over does not mind.
    fn cancel(&self) {
        if let Ok(task) = self.0.get() {
            task.cancel();
        }
    }
}

fn object(py: Python<'_>, answer: turnwire::Result<Answer>) -> PyResult<Bound<'_, PyAny>> {
    match answer.map_err(|error| exception(py, &error))? {
        Answer::Json(json) => json.into_bound_py_any(py),
        Answer::Raw(raw) => raw.into_bound_py_any(py),
        Answer::File(file) => {
            (PyBytes::new(py, &file.content), file.content_type, file.filename, file.request_id).into_bound_py_any(py)
        }
        Answer::Chunk(chunk) => chunk.map(|chunk| PyBytes::new(py, &chunk)).into_bound_py_any(py),
        Answer::Download(stream) => Download::new(*stream).into_bound_py_any(py),
        Answer::Turn(pump, on_state) => pump.map(|pump| TurnStream::new(pump, on_state)).into_bound_py_any(py),
        Answer::Relay(pump) => RelayStream::new(pump).into_bound_py_any(py),
    }
}
