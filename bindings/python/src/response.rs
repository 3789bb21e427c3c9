//! Answers as they came, and downloads in pieces.

use crate::error::{exception, no_pickle};
use crate::event::View;
use crate::relay::relay_frame;
use crate::runtime::Local;
use crate::task::{Answer, Task};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::sync::Arc;
use turnwire::chat::DownloadStream;
use turnwire::http::{HeaderMap, RawResponse};

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
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}

/// An event, or an item of a relay, as a frame of an event stream.
#[pyfunction]
pub(crate) fn frame(item: &Bound<'_, PyAny>) -> PyResult<String> {
    if let Ok(event) = item.cast::<View>() {
        return Ok(event.get().event().to_frame());
    }
    relay_frame(item)
}

impl RawAnswer {
    pub(crate) fn new<T>(response: &RawResponse<T>, parsed: turnwire::Result<String>) -> Self {
        Self {
            status: response.status(),
            headers: pairs(response.headers()),
            request_id: response.request_id().map(str::to_owned),
            body: response.body().to_vec(),
            parsed,
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
    stream: Local<Arc<tokio::sync::Mutex<Option<DownloadStream>>>>,
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
    pub(crate) fn new(stream: DownloadStream) -> Self {
        Self {
            status: stream.status(),
            headers: pairs(stream.headers()),
            request_id: stream.request_id().map(str::to_owned),
            content_type: stream.content_type().map(str::to_owned),
            filename: stream.filename().map(str::to_owned),
            content_length: stream.content_length(),
            stream: Local::new(Arc::new(tokio::sync::Mutex::new(Some(stream)))),
        }
    }
}

#[pymethods]
impl Download {
    /// The next bytes; `None` at the end.
    fn chunk(&self) -> PyResult<Task> {
        let stream = self.stream.get()?.clone();
        Task::start(async move {
            let mut stream = stream.lock().await;
            let chunk = match stream.as_mut() {
                Some(stream) => stream.chunk().await?,
                None => None,
            };
            Ok(Answer::Chunk(chunk.map(|chunk| chunk.to_vec())))
        })
    }

    /// Closes the connection; a piece that is being waited for is waited for by its task.
    fn close(&self) -> PyResult<Task> {
        // That of a parent process is the parent's to close.
        let stream = self.stream.get().ok().cloned();
        Task::start(async move {
            if let Some(stream) = stream {
                *stream.lock().await = None;
            }
            Ok(Answer::Chunk(None))
        })
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "a download that runs belongs to its process", "read it first"))
    }
}
