//! Reads the events of one chat's folder, for as long as the chat is awake.

use super::process::Process;
use crate::runtime::{RuntimeError, RuntimeResult, Sink, Upstream};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use turnwire::sse::Decoder;

/// `OpenCode` sends a heartbeat every ten seconds: after so long without a byte the connection is dead.
const SILENCE: Duration = Duration::from_secs(25);
/// The maximum size of an event.
const LARGEST: usize = 32 << 20;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why reading stopped.
enum Stopped {
    /// Nobody listens any more.
    Unheard,
    /// The connection ended or died.
    Broken,
    TooLarge,
}

/// Reads until nobody listens or the process is gone. `connected` is told once the first connection stands: from then on no event is
/// missed.
pub(super) async fn read(
    process: Arc<Process>,
    directory: PathBuf,
    sink: Sink,
    connected: oneshot::Sender<RuntimeResult<()>>,
) {
    let mut connected = Some(connected);
    let mut wait = FIRST_WAIT;
    loop {
        let stopped = match process.api.events(&directory).await {
            Ok(response) => {
                let first = connected.take();
                read_one(response, &sink, first, &mut wait).await
            }
            Err(error) => {
                if let Some(connected) = connected.take() {
                    // Nobody waits for the first connection any more.
                    let _ = connected.send(Err(error));
                    return;
                }
                Stopped::Broken
            }
        };
        match stopped {
            Stopped::Unheard => return,
            Stopped::TooLarge => {
                let why = "The agent's runtime sent an event larger than 32 MiB, which is not accepted.".to_owned();
                let _ = sink.send(Upstream::Lost(why)).await;
                return;
            }
            Stopped::Broken => {}
        }
        tokio::select! {
            () = process.gone() => {
                let _ = sink.send(Upstream::Lost("The agent's runtime was lost; send the prompt again.".to_owned())).await;
                return;
            }
            () = sink.closed() => return,
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
        }
    }
}

async fn read_one(
    response: reqwest::Response,
    sink: &Sink,
    mut first: Option<oneshot::Sender<RuntimeResult<()>>>,
    wait: &mut Duration,
) -> Stopped {
    let again = first.is_none();
    let mut decoder = Decoder::with_max_event_bytes(LARGEST);
    let mut body = response.bytes_stream();
    let mut events = Vec::new();
    let mut greeted = false;
    loop {
        let chunk = tokio::select! {
            chunk = tokio::time::timeout(SILENCE, body.next()) => chunk,
            () = sink.closed() => return Stopped::Unheard,
        };
        let Ok(Some(Ok(chunk))) = chunk else {
            if let Some(first) = first {
                let _ = first.send(Err(RuntimeError::unavailable("OpenCode does not tell its events; try again.")));
            }
            return Stopped::Broken;
        };
        if decoder.feed(&chunk, |frame| events.push(Bytes::copy_from_slice(frame.data))).is_err() {
            return Stopped::TooLarge;
        }
        if !greeted && !events.is_empty() {
            // The first event means that the connection is established.
            greeted = true;
            *wait = FIRST_WAIT;
            if let Some(first) = first.take() {
                let _ = first.send(Ok(()));
            }
            if again && sink.send(Upstream::Resync).await.is_err() {
                return Stopped::Unheard;
            }
        }
        for event in events.drain(..) {
            if sink.send(Upstream::Event(event)).await.is_err() {
                return Stopped::Unheard;
            }
        }
    }
}
