//! What is under way, and how it ended.

use crate::download::NativeDownload;
use crate::failure::NativeFailure;
use crate::hub::Hub;
use crate::relay::NativeRelay;
use crate::turn::NativeTurn;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use serde::Serialize;
use std::future::Future;
use std::sync::Arc;
use tokio::runtime::Handle;
use turnwire::chat::DownloadStream;
use turnwire::http::{HeaderMap, RawResponse};
use turnwire::stream::{RelayStream, Task, TaskPolled, TurnStream};
use turnwire::{Error, Result};

/// What an operation gives.
pub(crate) enum Done {
    Answer { status: u16, headers: Vec<String>, body: Vec<u8>, value: Option<String> },
    Turn(Box<TurnStream>),
    Relay(Box<RelayStream>),
    Download(Box<DownloadStream>),
    Chunk(Option<Vec<u8>>),
    Exit(i32),
    Nothing,
}

impl Done {
    pub(crate) fn answer<T: Serialize>(raw: &RawResponse<T>) -> Result<Self> {
        let value = json(&raw.parse()?)?;
        Ok(Self::Answer {
            status: raw.status(),
            headers: pairs(raw.headers()),
            body: raw.body().to_vec(),
            // What answers nothing has no value, not even `null`.
            value: Some(value).filter(|value| value != "null"),
        })
    }

    pub(crate) fn turn(stream: TurnStream) -> Self {
        Self::Turn(Box::new(stream))
    }

    /// A value that did not come in an answer of its own.
    pub(crate) fn value<T: Serialize>(value: &T) -> Result<Self> {
        Ok(Self::Answer { status: 200, headers: Vec::new(), body: Vec::new(), value: Some(json(value)?) })
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new("invalid_answer", "The answer cannot be told.").with_source(error))
}

/// Names and values in turn, the bytes as `Headers` takes them.
fn pairs(headers: &HeaderMap) -> Vec<String> {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect();
    headers.iter().flat_map(|(name, value)| [name.to_string(), latin1(value.as_bytes())]).collect()
}

/// How a task ended.
#[napi(object, object_from_js = false)]
#[derive(Default)]
pub struct NativeOutcome {
    /// Why it failed.
    pub failure: Option<NativeFailure>,
    /// The HTTP status, or the program's exit status.
    pub status: i32,
    /// Names and values of the headers, in turn.
    pub headers: Vec<String>,
    /// The body.
    pub body: Option<Uint8Array>,
    /// What the core read in the body, as JSON.
    pub value: Option<String>,
    /// A turn's stream.
    pub turn: Option<NativeTurn>,
    /// A relay's stream.
    pub relay: Option<NativeRelay>,
    /// A file's bytes to come.
    pub download: Option<NativeDownload>,
}

/// Something under way.
#[napi]
pub struct NativeTask {
    id: u32,
    hub: Arc<Hub>,
    runtime: Handle,
    task: Task<Done>,
}

#[napi]
impl NativeTask {
    /// What the hub names when it has ended.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// How it ended; while it has not, the hub will name it.
    #[napi(catch_unwind)]
    pub fn poll(&self) -> Option<NativeOutcome> {
        match self.task.poll(Some(self.hub.waker(self.id))) {
            TaskPolled::Ready(done) => Some(self.outcome(done)),
            TaskPolled::Pending => None,
        }
    }

    /// Stops it. A stream it has opened meanwhile is closed, as nobody will fetch it.
    #[napi(catch_unwind)]
    pub fn cancel(&self) {
        self.task.cancel();
        drop(self.task.poll(None));
    }
}

impl NativeTask {
    pub(crate) fn spawn(
        hub: &Arc<Hub>,
        runtime: &Handle,
        work: impl Future<Output = Result<Done>> + Send + 'static,
    ) -> Self {
        let task = Task::spawn(runtime, work);
        Self { id: hub.id(), hub: hub.clone(), runtime: runtime.clone(), task }
    }

    fn outcome(&self, done: Result<Done>) -> NativeOutcome {
        let mut outcome = NativeOutcome { status: 200, ..NativeOutcome::default() };
        let (hub, runtime) = (self.hub.clone(), self.runtime.clone());
        match done {
            Ok(Done::Answer { status, headers, body, value }) => {
                outcome.status = status.into();
                outcome.headers = headers;
                outcome.body = Some(body.into());
                outcome.value = value;
            }
            Ok(Done::Turn(stream)) => {
                outcome.status = stream.status().into();
                outcome.headers = pairs(stream.headers());
                outcome.turn = Some(NativeTurn::new(hub, runtime.clone(), stream.into_pump(&runtime)));
            }
            Ok(Done::Relay(stream)) => {
                outcome.status = stream.status().into();
                outcome.headers = pairs(stream.headers());
                outcome.relay = Some(NativeRelay::new(hub, stream.into_pump(&runtime)));
            }
            Ok(Done::Download(stream)) => {
                outcome.status = stream.status().into();
                outcome.headers = pairs(stream.headers());
                outcome.download = Some(NativeDownload::new(hub, runtime, *stream));
            }
            Ok(Done::Chunk(chunk)) => outcome.body = chunk.map(Into::into),
            Ok(Done::Exit(status)) => outcome.status = status,
            Ok(Done::Nothing) => {}
            Err(error) => outcome.failure = Some(NativeFailure::from(&error)),
        }
        outcome
    }
}
