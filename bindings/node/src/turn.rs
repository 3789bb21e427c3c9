//! A turn's stream, read in batches.

use crate::failure::{NativeFailure, failure};
use crate::hub::Hub;
use crate::lazy::NativeLazyBatch;
use crate::source::{Next, Source};
use crate::task::NativeTask;
use crate::text::JsonText;
use napi::Either;
use napi::bindgen_prelude::{Null, Uint8Array};
use napi_derive::napi;
use std::future::Future;
use std::sync::Arc;
use turnwire::Result;
use turnwire_bridge::{Done, TurnPump};

/// A turn's stream.
#[napi]
pub struct NativeTurn(Source<turnwire_bridge::TurnSource>);

#[napi]
impl NativeTurn {
    /// What the hub names when there is something to read.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// The chat.
    #[napi(getter, catch_unwind)]
    pub fn chat_id(&self) -> String {
        self.0.pump.handle().chat_id().to_string()
    }

    /// The turn; empty where it is not known yet.
    #[napi(getter, catch_unwind)]
    pub fn turn_id(&self) -> String {
        self.0.pump.handle().turn_id().map(ToString::to_string).unwrap_or_default()
    }

    /// The next events, as one JSON array.
    #[napi(catch_unwind)]
    pub fn poll(&self) -> Next<JsonText> {
        self.0.json()
    }

    /// The next events, as frames of an event stream.
    #[napi(catch_unwind)]
    pub fn poll_frames(&self) -> Next<Uint8Array> {
        self.0.frames()
    }

    /// The next events, and where each stands in the text.
    #[napi(catch_unwind)]
    pub fn poll_lazy(&self) -> Next<NativeLazyBatch> {
        self.0.next(NativeLazyBatch::of)
    }

    /// What became of the connection before what was polled last, as one JSON array.
    #[napi(catch_unwind)]
    pub fn states(&self) -> String {
        self.0.states()
    }

    /// What ended the stream, if that was an error.
    #[napi(catch_unwind)]
    pub fn failure(&self) -> Either<NativeFailure, Null> {
        self.0.failure()
    }

    /// The turn so far, as JSON.
    #[napi(catch_unwind)]
    pub fn snapshot(&self) -> String {
        self.0.pump.snapshot()
    }

    /// Where to go on after event number `seq`.
    #[napi(catch_unwind)]
    pub fn cursor(&self, seq: u32) -> Option<String> {
        self.0.pump.cursor_after(seq.into())
    }

    /// Why a reader that waits for the end would wait in vain, if it would.
    #[napi(catch_unwind)]
    pub fn input_required(&self) -> Either<NativeFailure, Null> {
        failure(self.0.pump.input_required().as_ref())
    }

    /// The turn of a stream that has ended, as JSON.
    #[napi(catch_unwind)]
    pub fn outcome(&self) -> Either<String, NativeFailure> {
        match self.0.pump.outcome() {
            Ok(turn) => Either::A(turn),
            Err(error) => Either::B(NativeFailure::from(&error)),
        }
    }

    /// Answers a question.
    #[napi(catch_unwind)]
    pub fn answer(&self, request_id: String, answers: Vec<Vec<String>>) -> NativeTask {
        self.task(self.0.pump.answer(&request_id, answers))
    }

    /// Refuses a question.
    #[napi(catch_unwind)]
    pub fn reject(&self, request_id: String) -> NativeTask {
        self.task(self.0.pump.reject(&request_id))
    }

    /// Replies to a permission.
    #[napi(catch_unwind)]
    pub fn allow(&self, request_id: String, reply: String, message: Option<String>) -> NativeTask {
        match self.0.pump.allow(&request_id, &reply, message) {
            Ok(replied) => self.task(replied),
            Err(error) => NativeTask::failed(&self.0.hub, error),
        }
    }

    /// Cancels this turn.
    #[napi(catch_unwind)]
    pub fn cancel(&self) -> NativeTask {
        self.task(self.0.pump.cancel())
    }

    /// Reads on: nothing at the end, a request that a handler has to answer, or a list of what became of the connection.
    /// Nothing is taken from those who iterate.
    #[napi(catch_unwind)]
    pub fn attend(&self) -> NativeTask {
        self.task(self.0.pump.attend_json())
    }

    /// Whether this request is still to be put to a handler.
    #[napi(catch_unwind)]
    pub fn claim(&self, request_id: String) -> bool {
        self.0.pump.claim(&request_id)
    }

    /// Its handler failed.
    #[napi(catch_unwind)]
    pub fn retract(&self, request_id: String) {
        self.0.pump.retract(&request_id);
    }

    /// Cancels the turn of a caller that has failed, where its closing is to cancel it.
    #[napi(catch_unwind)]
    pub fn abandon(&self) -> NativeTask {
        self.task(self.0.pump.abandon())
    }

    /// The last `count` events of the batch that was polled last were not used.
    #[napi(catch_unwind)]
    pub fn put_back(&self, count: u32) {
        self.0.put_back(count);
    }

    /// The number of the last event that was polled; 0 where it has none.
    #[napi(catch_unwind)]
    pub fn last_polled(&self) -> u32 {
        let numbered = |event: &turnwire::Event| (event.seq > 0).then_some(event.seq);
        self.0.last(numbered).and_then(|seq| u32::try_from(seq).ok()).unwrap_or(0)
    }

    /// Closes the socket.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.0.pump.close();
    }
}

impl NativeTurn {
    pub(crate) fn new(hub: Arc<Hub>, pump: TurnPump) -> Self {
        Self(Source::new(hub, pump))
    }

    fn task(&self, work: impl Future<Output = Result<Done>> + Send + 'static) -> NativeTask {
        NativeTask::spawn(&self.0.hub, work)
    }
}
