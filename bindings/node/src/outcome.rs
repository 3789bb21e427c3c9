//! How a task ended, and what it opened.

use crate::download::NativeDownload;
use crate::failure::NativeFailure;
use crate::hub::Hub;
use crate::relay::NativeRelay;
use crate::task::NativeTask;
use crate::turn::NativeTurn;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use std::sync::Arc;
use std::task::Poll;
use turnwire::Result;
use turnwire::http::HeaderMap;
use turnwire_bridge::Done;

/// Names and values in turn, the bytes as `Headers` takes them.
fn pairs(headers: &HeaderMap) -> Vec<String> {
    let latin1 = |bytes: &[u8]| bytes.iter().map(|&byte| char::from(byte)).collect();
    turnwire_bridge::pairs(headers, latin1).into_iter().flat_map(|(name, value)| [name, value]).collect()
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

#[napi]
impl NativeTask {
    /// How it ended; while it has not, the hub will name it.
    #[napi(catch_unwind)]
    pub fn poll(&self) -> Option<NativeOutcome> {
        let Poll::Ready(done) = self.done() else { return None };
        Some(done.and_then(|done| outcome(self.hub(), done)).unwrap_or_else(|error| NativeOutcome {
            failure: Some(NativeFailure::from(&error)),
            status: 200,
            ..NativeOutcome::default()
        }))
    }
}

fn outcome(hub: &Arc<Hub>, done: Done) -> Result<NativeOutcome> {
    let mut outcome = NativeOutcome { status: 200, ..NativeOutcome::default() };
    let hub = hub.clone();
    match done {
        Done::Answer(answer) => {
            outcome.status = answer.status.into();
            outcome.headers = pairs(&answer.headers);
            outcome.body = Some(answer.body.to_vec().into());
            // What answers nothing has no value, not even `null`.
            outcome.value = Some(answer.value?).filter(|value| value != "null");
        }
        Done::Value(value) => outcome.value = Some(value),
        Done::Turn(pump) => {
            outcome.status = pump.status().into();
            outcome.headers = pairs(&pump.headers());
            outcome.turn = Some(NativeTurn::new(hub, pump));
        }
        Done::Relay(pump) => {
            outcome.status = pump.status().into();
            outcome.headers = pairs(&pump.headers());
            outcome.relay = Some(NativeRelay::new(hub, pump));
        }
        Done::Download(chunks) => {
            outcome.status = chunks.status.into();
            outcome.headers = pairs(&chunks.headers);
            outcome.download = Some(NativeDownload::new(hub, chunks));
        }
        Done::Chunk(chunk) => outcome.body = Some(chunk.to_vec().into()),
        Done::Exit(status) => outcome.status = status,
        _ => {}
    }
    Ok(outcome)
}
