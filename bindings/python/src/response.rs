//! Answers as they came, and downloads in pieces.

use crate::driver::Local;
use crate::error::{exception, no_pickle};
use crate::event::View;
use crate::relay::item_of;
use crate::task::Task;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use turnwire::http::HeaderMap;
use turnwire_bridge::{Answer, Chunks, Done};

/// An answer, and what the plain call would have given.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct RawAnswer {
    #[pyo3(get)]
    status: u16,
    #[pyo3(get)]
    headers: Vec<(String, String)>,
    #[pyo3(get)]
    request_id: Option<String>,
    body: Vec<u8>,
    parsed: turnwire::Result<String>,
}

/// Headers as names and values.
pub(crate) fn pairs(headers: &HeaderMap) -> Vec<(String, String)> {
    turnwire_bridge::pairs(headers, |bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// An event, or an item of a relay, as a frame of an event stream.
#[pyfunction]
pub(crate) fn frame(item: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(event) = item.cast::<View>() {
        return Ok(event.get().event().to_frame());
    }
    Ok(item_of(item)?.to_frame())
}

impl RawAnswer {
    pub(crate) fn new(answer: Answer) -> Self {
        Self {
            status: answer.status,
            headers: pairs(&answer.headers),
            request_id: answer.request_id,
            body: answer.body.to_vec(),
            parsed: answer.value,
        }
    }
}

#[pymethods]
impl RawAnswer {
    #[getter]
    fn body<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.body)
    }

    fn parse(&self, py: Python<'_>) -> PyResult<&str> {
        self.parsed.as_deref().map_err(|error| exception(py, error))
    }
}

/// A download that runs.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct Download {
    chunks: Local<Chunks>,
    #[pyo3(get)]
    status: u16,
    #[pyo3(get)]
    headers: Vec<(String, String)>,
    #[pyo3(get)]
    request_id: Option<String>,
    #[pyo3(get)]
    content_type: Option<String>,
    #[pyo3(get)]
    filename: Option<String>,
    #[pyo3(get)]
    content_length: Option<u64>,
}

impl Download {
    pub(crate) fn new(chunks: Chunks) -> Self {
        Self {
            status: chunks.status,
            headers: pairs(&chunks.headers),
            request_id: chunks.request_id.clone(),
            content_type: chunks.content_type.clone(),
            filename: chunks.filename.clone(),
            content_length: chunks.content_length,
            chunks: Local::new(chunks),
        }
    }
}

#[pymethods]
impl Download {
    /// The next bytes; `None` at the end.
    fn chunk(&self) -> PyResult<Task> {
        Task::start(self.chunks.get()?.chunk())
    }

    /// Closes the connection; a piece that is being waited for is waited for by its task. That of a parent process is the
    /// parent's to close.
    fn close(&self) -> PyResult<Task> {
        match self.chunks.get() {
            Ok(chunks) => Task::start(chunks.close()),
            Err(_) => Task::start(async { Ok(Done::Nothing) }),
        }
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "a download that runs belongs to its process", "read it first"))
    }
}
