//! The client: one entry for all operations.

use crate::driver::{Local, driver};
use crate::error::{exception, no_pickle};
use crate::event::snake;
use crate::response::{Download, RawAnswer};
use crate::stream::{RelayStream, TurnStream};
use crate::task::{Task, value};
use crate::upload;
use pyo3::IntoPyObjectExt;
use pyo3::exceptions::PyUserWarning;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use turnwire::chat::Upload;
use turnwire_bridge::{Done, Language, Operation, Settings};

/// A client of core. A forked child has none of its parent's connections, so it builds the client anew.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct Client {
    shared: Arc<Shared>,
    /// Those of the client, and of every `with_options` on the way here.
    options: Vec<String>,
    core: Mutex<Local<turnwire::Client>>,
}

/// What a client and those made of it by `with_options` have in common, also in a forked child.
struct Shared {
    settings: String,
    base_url: String,
    /// The key that was set after the client was made.
    key: Mutex<Option<String>>,
    closed: AtomicBool,
}

/// How Python spells arguments.
const LANGUAGE: Language = Language {
    name: |name| match name {
        "headers" | "query" | "body" => format!("extra_{name}"),
        _ => snake(name),
    },
    // What `requests` and curl read, beside SSL_CERT_FILE.
    ca_variables: &["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"],
};

fn build(py: Python<'_>, settings: &str, options: &[String]) -> PyResult<turnwire::Client> {
    let (client, warnings) = Settings::client(&LANGUAGE, settings, options).map_err(|error| exception(py, &error))?;
    for warning in warnings {
        // Said of the line that made the client.
        PyErr::warn(py, &py.get_type::<PyUserWarning>(), &CString::new(warning)?, 2)?;
    }
    Ok(client)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a file is written from.
#[derive(FromPyObject)]
enum Content<'py> {
    Bytes(Bound<'py, PyBytes>),
    Pieces(PyRef<'py, upload::Upload>),
    File(PathBuf),
}

impl Content<'_> {
    fn upload(&self) -> PyResult<Option<Upload>> {
        Ok(match self {
            Self::Bytes(bytes) => Some(Upload::from(bytes.as_bytes().to_vec())),
            Self::Pieces(pieces) => pieces.content()?,
            Self::File(path) => Some(Upload::file(path)),
        })
    }
}

impl Client {
    /// The client of core, of this very process.
    fn core(&self, py: Python<'_>) -> PyResult<turnwire::Client> {
        let mut core = lock(&self.core);
        if !core.is_ours() {
            let client = build(py, &self.shared.settings, &self.options)?;
            if let Some(key) = lock(&self.shared.key).clone() {
                client.set_api_key(key).map_err(|error| exception(py, &error))?;
            }
            if self.shared.closed.load(Ordering::SeqCst) {
                client.close();
            }
            *core = Local::new(client);
        }
        core.get().cloned()
    }
}

#[pymethods]
impl Client {
    #[new]
    fn new(py: Python<'_>, settings: String, options: String) -> PyResult<Self> {
        let options = vec![options];
        let client = build(py, &settings, &options)?;
        let base_url = client.base_url().to_owned();
        let shared = Shared { settings, base_url, key: Mutex::default(), closed: AtomicBool::new(false) };
        Ok(Self { shared: Arc::new(shared), options, core: Mutex::new(Local::new(client)) })
    }

    fn with_options(&self, py: Python<'_>, options: String) -> PyResult<Self> {
        let client = self
            .core(py)?
            .with_options(turnwire_bridge::options(&LANGUAGE, &options).map_err(|error| exception(py, &error))?);
        let options = self.options.iter().cloned().chain([options]).collect();
        Ok(Self { shared: self.shared.clone(), options, core: Mutex::new(Local::new(client)) })
    }

    #[getter]
    fn base_url(&self) -> &str {
        &self.shared.base_url
    }

    #[getter]
    fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::SeqCst)
    }

    fn set_api_key(&self, py: Python<'_>, key: String) -> PyResult<()> {
        self.core(py)?.set_api_key(key.as_str()).map_err(|error| exception(py, &error))?;
        *lock(&self.shared.key) = Some(key);
        Ok(())
    }

    /// Closes the connections of this process; a forked child has none of them.
    fn close(&self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        if let Ok(core) = lock(&self.core).get() {
            core.close();
        }
    }

    /// A copy shares the connections, as what `with_options` gives.
    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__(slf: &Bound<'_, Self>) -> PyResult<()> {
        Err(no_pickle(slf, "a client holds a key and connections", "make one in the other process"))
    }

    /// An operation, to be waited for or awaited. `raw`: its answer as it came. `whole`: a file rather than its pieces.
    #[pyo3(signature = (operation, arguments, options, *, raw = false, whole = false, content = None, on_state = None))]
    #[allow(clippy::too_many_arguments, reason = "each has its name in Python")]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &str,
        options: &str,
        raw: bool,
        whole: bool,
        content: Option<Content<'_>>,
        on_state: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let (client, driver) = (self.core(py)?, driver()?);
        let upload = content.as_ref().map_or(Ok(None), Content::upload)?;
        let parsed = Operation::parse(&LANGUAGE, &client, operation, arguments, options, upload);
        let operation = parsed.map_err(|error| exception(py, &error))?;
        let work = async move {
            match operation.run(driver).await? {
                Done::Download(chunks) if whole => chunks.whole().await,
                done => Ok(done),
            }
        };
        let task = Task::call(work, move |py, done| opened(py, done, raw, on_state))?;
        if let Some(Content::Pieces(_)) = content {
            // Nobody waits for it while they are handed over.
            task.begin()?;
        }
        Ok(task)
    }
}

/// The object of an operation. `raw`: an answer is wanted as it came. `on_state`: what the reader of the stream that it opens
/// calls with what becomes of the connection.
fn opened(py: Python<'_>, done: Done, raw: bool, on_state: Option<Py<PyAny>>) -> PyResult<Py<PyAny>> {
    match done {
        Done::Answer(answer) if raw => RawAnswer::new(answer).into_py_any(py),
        Done::Turn(pump) => TurnStream::new(pump, on_state).into_py_any(py),
        Done::Relay(pump) => RelayStream::new(pump).into_py_any(py),
        Done::Download(chunks) => Download::new(chunks).into_py_any(py),
        done => value(py, done).map(Bound::unbind),
    }
}
