//! A turn's stream, read in batches.

use crate::failure::{NativeFailure, failure};
use crate::hub::Hub;
use crate::task::{Done, NativeTask, json};
use crate::text::JsonText;
use napi::Either;
use napi::bindgen_prelude::{Either3, Null, Uint8Array, Uint32Array, Undefined};
use napi_derive::napi;
use std::future::Future;
use std::mem::take;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use turnwire::chat::PermissionReply;
use turnwire::stream::{Attended, Batch, Polled, StreamState, TurnHandle, TurnPump, append_json};
use turnwire::{Event, EventKind, RequestId, Result};

/// A batch, `null` at the end, or nothing yet: then the hub will name the stream.
pub(crate) type Next<T> = Either3<T, Null, Undefined>;

/// A batch as one text, with the places of its events.
#[napi(object, object_from_js = false)]
pub struct NativeLazyBatch {
    /// One JSON array.
    pub json: JsonText,
    /// `[start, end, seq, kind]` of each event.
    pub table: Uint32Array,
}

/// A turn's stream.
#[napi]
pub struct NativeTurn {
    id: u32,
    hub: Arc<Hub>,
    runtime: Handle,
    pump: Arc<TurnPump>,
    /// The batch that ended the stream by an error.
    last: Mutex<Option<Arc<Batch>>>,
    /// The batch that was polled last.
    taken: Mutex<Option<Arc<Batch>>>,
    /// What became of the connection, not fetched yet.
    states: Mutex<Vec<StreamState>>,
}

#[napi]
impl NativeTurn {
    /// What the hub names when there is something to read.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The chat.
    #[napi(getter, catch_unwind)]
    pub fn chat_id(&self) -> String {
        self.pump.handle().chat_id().to_string()
    }

    /// The turn; empty where it is not known yet.
    #[napi(getter, catch_unwind)]
    pub fn turn_id(&self) -> String {
        self.pump.handle().turn_id().map(ToString::to_string).unwrap_or_default()
    }

    /// The next events, as one JSON array.
    #[napi(catch_unwind)]
    pub fn poll(&self) -> Next<JsonText> {
        self.next(|batch| JsonText::new(batch.to_json_array()))
    }

    /// The next events, as frames of an event stream.
    #[napi(catch_unwind)]
    pub fn poll_frames(&self) -> Next<Uint8Array> {
        self.next(|batch| batch.events.iter().map(Event::to_frame).collect::<String>().into_bytes().into())
    }

    /// The next events, and where each stands in the text.
    #[napi(catch_unwind)]
    pub fn poll_lazy(&self) -> Next<NativeLazyBatch> {
        self.next(lazy)
    }

    /// What became of the connection before what was polled last, as one JSON array.
    #[napi(catch_unwind)]
    pub fn states(&self) -> String {
        let states = take(&mut *self.states.lock().unwrap_or_else(PoisonError::into_inner));
        serde_json::to_string(&states).unwrap_or_default()
    }

    /// What ended the stream, if that was an error.
    #[napi(catch_unwind)]
    pub fn failure(&self) -> Either<NativeFailure, Null> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        failure(last.as_ref().and_then(|batch| batch.error.as_ref()))
    }

    /// The turn so far, as JSON.
    #[napi(catch_unwind)]
    pub fn snapshot(&self) -> String {
        serde_json::to_string(&self.pump.snapshot()).unwrap_or_default()
    }

    /// Where to go on after event number `seq`.
    #[napi(catch_unwind)]
    pub fn cursor(&self, seq: u32) -> Option<String> {
        self.pump.cursor_after(seq.into())
    }

    /// Why a reader that waits for the end would wait in vain, if it would.
    #[napi(catch_unwind)]
    pub fn input_required(&self) -> Either<NativeFailure, Null> {
        failure(self.pump.input_required().as_ref())
    }

    /// The turn of a stream that has ended, as JSON.
    #[napi(catch_unwind)]
    pub fn outcome(&self) -> Either<String, NativeFailure> {
        match self.pump.outcome().and_then(|turn| json(&turn)) {
            Ok(turn) => Either::A(turn),
            Err(error) => Either::B(NativeFailure::from(&error)),
        }
    }

    /// Answers a question.
    #[napi(catch_unwind)]
    pub fn answer(&self, request_id: String, answers: Vec<Vec<String>>) -> NativeTask {
        self.on_handle(request_id, async move |turn, id| turn.answer(&id, answers).await)
    }

    /// Refuses a question.
    #[napi(catch_unwind)]
    pub fn reject(&self, request_id: String) -> NativeTask {
        self.on_handle(request_id, async move |turn, id| turn.reject(&id).await)
    }

    /// Replies to a permission.
    #[napi(catch_unwind)]
    pub fn allow(&self, request_id: String, reply: String, message: Option<String>) -> NativeTask {
        self.on_handle(request_id, async move |turn, id| {
            turn.allow(&id, PermissionReply::from_word(&reply, message)?).await
        })
    }

    /// Cancels this turn.
    #[napi(catch_unwind)]
    pub fn cancel(&self) -> NativeTask {
        let turn = self.pump.handle();
        self.task(async move { Done::value(&turn.cancel().await?) })
    }

    /// Reads on: nothing at the end, a request that a handler has to answer, or a list of what became of the connection.
    /// Nothing is taken from those who iterate.
    #[napi(catch_unwind)]
    pub fn attend(&self) -> NativeTask {
        let pump = self.pump.clone();
        self.task(async move {
            match pump.attend().await? {
                Attended::Asked(request) => Done::value(&request),
                Attended::States(states) => Done::value(&states),
                _ => Ok(Done::Nothing),
            }
        })
    }

    /// Whether this request is still to be put to a handler.
    #[napi(catch_unwind)]
    pub fn claim(&self, request_id: String) -> bool {
        self.pump.handle().claim(&RequestId::from(request_id))
    }

    /// Its handler failed.
    #[napi(catch_unwind)]
    pub fn retract(&self, request_id: String) {
        self.pump.handle().retract(&RequestId::from(request_id));
    }

    /// Cancels the turn of a caller that has failed, where its closing is to cancel it.
    #[napi(catch_unwind)]
    pub fn abandon(&self) -> NativeTask {
        let abandon = self.pump.abandon();
        self.task(async move {
            abandon.await;
            Ok(Done::Nothing)
        })
    }

    /// The last `count` events of the batch that was polled last were not used.
    #[napi(catch_unwind)]
    pub fn put_back(&self, count: u32) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(taken) = taken {
            self.pump.put_back(taken.tail(count as usize));
        }
    }

    /// The number of the last event that was polled; 0 where it has none.
    #[napi(catch_unwind)]
    pub fn last_polled(&self) -> u32 {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let last = taken.as_ref().and_then(|batch| batch.events.iter().rev().find(|event| event.seq > 0));
        last.and_then(|event| u32::try_from(event.seq).ok()).unwrap_or(0)
    }

    /// Closes the socket.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.pump.close();
    }
}

impl NativeTurn {
    pub(crate) fn new(hub: Arc<Hub>, runtime: Handle, pump: TurnPump) -> Self {
        Self {
            id: hub.id(),
            hub,
            runtime,
            pump: Arc::new(pump),
            last: Mutex::default(),
            taken: Mutex::default(),
            states: Mutex::default(),
        }
    }

    fn next<T>(&self, write: impl FnOnce(&Batch) -> T) -> Next<T> {
        loop {
            let batch = match self.pump.poll(Some(self.hub.waker(self.id))) {
                Polled::Batch(batch) => batch,
                Polled::Ended => return Either3::B(Null),
                Polled::Pending => return Either3::C(()),
            };
            if !batch.states.is_empty() {
                self.states.lock().unwrap_or_else(PoisonError::into_inner).extend(batch.states.iter().cloned());
                if batch.events.is_empty() && batch.error.is_none() {
                    continue;
                }
            }
            let text = write(&batch);
            if batch.error.is_some() {
                *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch.clone());
            }
            *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch);
            return Either3::A(text);
        }
    }

    fn task(&self, work: impl Future<Output = Result<Done>> + Send + 'static) -> NativeTask {
        NativeTask::spawn(&self.hub, &self.runtime, work)
    }

    fn on_handle<W>(&self, request_id: String, act: impl FnOnce(TurnHandle, RequestId) -> W) -> NativeTask
    where
        W: Future<Output = Result<()>> + Send + 'static,
    {
        let acted = act(self.pump.handle(), RequestId::from(request_id));
        self.task(async move {
            acted.await?;
            Ok(Done::Nothing)
        })
    }
}

fn lazy(batch: &Batch) -> NativeLazyBatch {
    let mut text = JsonText::default();
    let mut table = Vec::with_capacity(batch.events.len() * 4);
    let place = |text: &JsonText| u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut json = String::new();
    for (index, event) in batch.events.iter().enumerate() {
        text.push(if index == 0 { "[" } else { "," });
        json.clear();
        append_json(&mut json, event);
        let start = place(&text);
        text.push(&json);
        table.extend([start, place(&text), u32::try_from(event.seq).unwrap_or(0), kind(&event.kind)]);
    }
    text.push(if batch.events.is_empty() { "[]" } else { "]" });
    NativeLazyBatch { json: text, table: table.into() }
}

/// The place of the type in JavaScript's list of types.
fn kind(kind: &EventKind) -> u32 {
    match kind {
        EventKind::TurnStarted(_) => 1,
        EventKind::TurnStatusChanged(_) => 2,
        EventKind::MessageCreated(_) => 3,
        EventKind::PartDelta(_) | EventKind::PartUpdated(_) => 4,
        EventKind::MessageCompleted(_) => 5,
        EventKind::SessionUsage(_) => 6,
        EventKind::TurnCompleted(_) => 7,
        _ => 0,
    }
}
