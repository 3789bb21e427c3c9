//! The client: one entry for the operations that answer once, one for those that stream.

use crate::error::{exception, internal};
use crate::event::snake;
use crate::response::RawAnswer;
use crate::runtime::{Local, runtime};
use crate::task::{Answer, Task};
use pyo3::exceptions::{PyUserWarning, PyValueError};
use pyo3::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::CString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use turnwire::chat::{ListChats, ListMessages, NewChat, OnConflict, PermissionReply, Prompt, Resume};
use turnwire::http::{Call, RequestOptions};
use turnwire::{Result, TurnStream};

/// A client of core. A forked child has none of its parent's connections, so it builds the client anew.
#[pyclass(frozen, module = "turnwire._native")]
pub(crate) struct Client {
    settings: String,
    /// Those of the client, and of every `with_options` on the way here.
    options: Vec<String>,
    core: Mutex<Local<turnwire::Client>>,
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
    title: String,
    answers: Vec<Vec<String>>,
    reply: String,
    message: Option<String>,
    cursor: String,
    token: Option<String>,
    last_event_id: Option<u64>,
    on_conflict: OnConflict,
    cancel_on_close: bool,
    resume: Resume,
}

fn build(py: Python<'_>, settings: &str, options: &[String]) -> PyResult<turnwire::Client> {
    let settings: Settings = read(settings)?;
    let mut builder = turnwire::Client::builder();
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

impl Client {
    /// The client of core, of this very process.
    fn core(&self, py: Python<'_>) -> PyResult<turnwire::Client> {
        let mut core = lock(&self.core);
        if !core.is_ours() {
            *core = Local::new(build(py, &self.settings, &self.options)?);
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
        Ok(Self { settings, options, core: Mutex::new(Local::new(client)) })
    }

    fn with_options(&self, py: Python<'_>, options: String) -> PyResult<Self> {
        let client = self.core(py)?.with_options(read(&options)?);
        let options = self.options.iter().cloned().chain([options]).collect();
        Ok(Self { settings: self.settings.clone(), options, core: Mutex::new(Local::new(client)) })
    }

    #[getter]
    fn base_url(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.core(py)?.base_url().to_owned())
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
        content: Option<Vec<u8>>,
    ) -> PyResult<Task> {
        let given: Arguments = read(arguments)?;
        let options: RequestOptions = read(options)?;
        let chats = self.core(py)?.chat();
        macro_rules! call {
            ($call:expr) => {
                Task::start(once($call.options(options), raw))
            };
        }
        match operation {
            "create" => call!(chats.create(read::<NewChat>(arguments)?)),
            "retrieve" => call!(chats.retrieve(&given.id)),
            "update" => call!(chats.update(&given.id, given.title)),
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
                call!(chats.files().upload(&given.id, &given.file_path, content.unwrap_or_default()))
            }
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
        let chats = self.core(py)?.with_options(read(options)?).chat();
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
                Task::start(async move { Ok(turn(Some(respond.await?))) })
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

/// What answers a permission.
pub(crate) fn permission_reply(word: &str, message: Option<String>) -> PyResult<PermissionReply> {
    PermissionReply::from_word(word, message).ok_or_else(|| {
        PyValueError::new_err(format!("a permission is replied to with once, always or reject, not {word}"))
    })
}

async fn once<T: Serialize + Send + 'static>(call: Call<T>, raw: bool) -> Result<Answer> {
    let response = call.raw().await?;
    let parsed = response.parse().map(|value| serde_json::to_string(&value).unwrap_or_default());
    Ok(if raw { Answer::Raw(RawAnswer::new(&response, parsed)) } else { Answer::Json(parsed?) })
}
