//! The client: one entry for the operations that answer once, one for those that stream.

use crate::error::{exception, internal, no_pickle};
use crate::event::snake;
use crate::response::RawAnswer;
use crate::runtime::{Local, runtime};
use crate::task::{Answer, Task};
use pyo3::exceptions::{PyTypeError, PyUserWarning, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use turnwire::chat::{ListChats, ListMessages, NewChat, OnConflict, PermissionReply, Prompt, Resume, Upload};
use turnwire::http::{Call, RequestOptions};
use turnwire::policy::attendance::Policies;
use turnwire::{Result, TurnStream};

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

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Settings {
    base_url: Option<String>,
    api_key: Option<String>,
    token: Option<String>,
    prefix: Option<String>,
    proxy: Option<String>,
    ca_bundle: Option<PathBuf>,
    user_agent: Option<String>,
    max_event_bytes: Option<usize>,
    backoff_scale: Option<f64>,
    tcp_keepalive_ms: Option<u64>,
    no_proxy: bool,
    http2_prior_knowledge: bool,
}

/// The arguments of all operations under the names of the wire; each takes its own.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Arguments {
    id: String,
    request_id: String,
    turn_id: Option<String>,
    file_path: String,
    title: Option<String>,
    answers: Vec<Vec<String>>,
    reply: String,
    message: Option<String>,
    cursor: String,
    token: Option<String>,
    last_event_id: Option<u64>,
    on_conflict: OnConflict,
    cancel_on_close: bool,
    resume: Resume,
    policies: Policies,
}

fn build(py: Python<'_>, settings: &str, options: &[String]) -> PyResult<turnwire::Client> {
    let settings: Settings = read(settings)?;
    // What `requests` and curl read, beside SSL_CERT_FILE.
    let mut builder = turnwire::Client::builder().ca_variables(&["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"]);
    for options in options {
        builder = builder.options(read(options)?);
    }
    macro_rules! given {
        ($($name:ident),*) => {
            $(if let Some(value) = settings.$name {
                builder = builder.$name(value);
            })*
        };
    }
    given!(base_url, api_key, token, prefix, proxy, ca_bundle, user_agent, max_event_bytes, backoff_scale);
    if let Some(ms) = settings.tcp_keepalive_ms {
        builder = builder.tcp_keepalive(Duration::from_millis(ms));
    }
    if settings.no_proxy {
        builder = builder.no_proxy();
    }
    if settings.http2_prior_knowledge {
        builder = builder.http2_prior_knowledge();
    }
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let told = warnings.clone();
    let builder = builder.on_warning(move |warning| lock(&told).extend(CString::new(warning)));
    let client = builder.build().map_err(|error| exception(py, &error))?;
    for warning in lock(&warnings).drain(..) {
        // Said of the line that made the client.
        PyErr::warn(py, &py.get_type::<PyUserWarning>(), &warning, 2)?;
    }
    Ok(client)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read<T: DeserializeOwned>(json: &str) -> PyResult<T> {
    let name = |name: &str| match name {
        "headers" | "query" | "body" => format!("extra_{name}"),
        _ => snake(name),
    };
    turnwire::read_arguments(json, name).map_err(|error| PyValueError::new_err(error.message().to_owned()))
}

/// The options of a call, or of `with_options`.
fn read_options(py: Python<'_>, json: &str) -> PyResult<RequestOptions> {
    let options: RequestOptions = read(json)?;
    options.check().map_err(|error| exception(py, &error))?;
    Ok(options)
}

/// What a file is written from.
#[derive(FromPyObject)]
enum Content<'py> {
    Bytes(Bound<'py, PyBytes>),
    File(PathBuf),
}

impl From<Content<'_>> for Upload {
    fn from(content: Content<'_>) -> Self {
        match content {
            Content::Bytes(bytes) => Self::from(bytes.as_bytes().to_vec()),
            Content::File(path) => Self::file(path),
        }
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
        let client = self.core(py)?.with_options(read_options(py, &options)?);
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

    /// Starts an operation that answers once.
    #[pyo3(signature = (operation, arguments, options, raw, content = None))]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &str,
        options: &str,
        raw: bool,
        content: Option<Content<'_>>,
    ) -> PyResult<Task> {
        let given: Arguments = read(arguments)?;
        let options = read_options(py, options)?;
        let chats = self.core(py)?.chat();
        macro_rules! call {
            ($call:expr) => {
                Task::start(once($call.options(options), raw))
            };
        }
        match operation {
            "create" => call!(chats.create(read::<NewChat>(arguments)?)),
            "retrieve" => call!(chats.retrieve(&given.id)),
            "update" => call!(chats.update(&given.id, needed(given.title, "title must be a string")?)),
            "list" => call!(chats.list(read::<ListChats>(arguments)?)),
            "delete" => call!(chats.delete(&given.id)),
            "cancel" => match given.turn_id {
                Some(turn) => call!(chats.cancel_turn(&given.id, turn)),
                None => call!(chats.cancel(&given.id)),
            },
            "createStreamToken" => call!(chats.create_stream_token(&given.id)),
            "replyToQuestion" => call!(chats.reply_to_question(&given.id, &given.request_id, given.answers)),
            "rejectQuestion" => call!(chats.reject_question(&given.id, &given.request_id)),
            "replyToPermission" => {
                let reply = permission_reply(&given.reply, given.message)?;
                call!(chats.reply_to_permission(&given.id, &given.request_id, reply))
            }
            "sendMessage" => call!(chats.send_message(&given.id, read::<Prompt>(arguments)?).raw_call()),
            "messages.list" => call!(chats.messages().list(&given.id, read::<ListMessages>(arguments)?)),
            "turns.retrieve" => call!(chats.turns().retrieve(&given.id, given.turn_id.unwrap_or_default())),
            "files.list" => call!(chats.files().list(&given.id)),
            "files.upload" => {
                let content = needed(content, "content must be bytes, a file, a path or pieces of bytes")?;
                call!(chats.files().upload(&given.id, &given.file_path, content))
            }
            "files.delete" => call!(chats.files().delete(&given.id, &given.file_path)),
            "files.download" => {
                let download = chats.files().download(&given.id, &given.file_path).options(options);
                Task::start(async move { download.await.map(Answer::File) })
            }
            _ => Err(internal(format!("no operation {operation}"))),
        }
    }

    /// Opens a stream.
    #[pyo3(signature = (operation, arguments, options, on_state = None))]
    fn open(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &str,
        options: &str,
        on_state: Option<Py<PyAny>>,
    ) -> PyResult<Task> {
        let given: Arguments = read(arguments)?;
        let options = read_options(py, options)?;
        options.check_for(operation).map_err(|error| PyValueError::new_err(error.to_string()))?;
        let chats = self.core(py)?.with_options(options).chat();
        let handle = runtime()?.handle().clone();
        let turn = move |stream: Option<TurnStream>| {
            let pump = stream.map(|mut stream| {
                if on_state.is_some() {
                    stream.watch_states();
                }
                stream.into_pump(&handle)
            });
            Answer::Turn(pump, on_state)
        };
        match operation {
            "respond" => {
                let respond = chats
                    .respond(&given.id, read::<Prompt>(arguments)?)
                    .on_conflict(given.on_conflict)
                    .cancel_on_close(given.cancel_on_close)
                    .resume(given.resume);
                Task::start(async move {
                    let mut stream = respond.await?;
                    stream.set_policies(given.policies);
                    Ok(turn(Some(stream)))
                })
            }
            "resume" => Task::start(async move { Ok(turn(Some(chats.resume(&given.cursor).await?))) }),
            "attach" => Task::start(async move {
                let stream = match given.turn_id {
                    Some(turn) => Some(chats.attach_turn(&given.id, turn).await?),
                    None => chats.attach(&given.id).await?,
                };
                Ok(turn(stream))
            }),
            "stream" => {
                let mut relay = chats.stream(&given.id, given.last_event_id);
                if let Some(token) = given.token {
                    relay = relay.token(token);
                }
                let handle = runtime()?.handle();
                Task::start(async move { Ok(Answer::Relay(relay.await?.into_pump(handle))) })
            }
            "files.download" => {
                let download = chats.files().download(&given.id, &given.file_path);
                Task::start(async move { download.stream().await.map(|stream| Answer::Download(Box::new(stream))) })
            }
            _ => Err(internal(format!("no stream {operation}"))),
        }
    }
}

fn needed<T>(given: Option<T>, why: &str) -> PyResult<T> {
    given.ok_or_else(|| PyTypeError::new_err(why.to_owned()))
}

/// What answers a permission.
pub(crate) fn permission_reply(word: &str, message: Option<String>) -> PyResult<PermissionReply> {
    PermissionReply::from_word(word, message).map_err(|error| PyValueError::new_err(error.to_string()))
}

async fn once<T: Serialize + Send + 'static>(call: Call<T>, raw: bool) -> Result<Answer> {
    let response = call.raw().await?;
    let parsed = response.parse().map(|value| serde_json::to_string(&value).unwrap_or_default());
    Ok(if raw { Answer::Raw(RawAnswer::new(&response, parsed)) } else { Answer::Json(parsed?) })
}
