//! What the streams of a turn and of a relay have in common: batches, polled by JavaScript.

use crate::failure::{NativeFailure, failure};
use crate::hub::{Hub, lock};
use crate::text::JsonText;
use napi::Either;
use napi::bindgen_prelude::{Either3, Null, Uint8Array, Undefined};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use turnwire::stream::StreamState;
use turnwire_bridge::{Batch, Pump, Source as Read};

/// A batch, `null` at the end, or nothing yet: then the hub will name the stream.
pub(crate) type Next<T> = Either3<T, Null, Undefined>;

/// A pump, and the batch that JavaScript has last.
pub(crate) struct Source<S: Read> {
    pub(crate) id: u32,
    pub(crate) hub: Arc<Hub>,
    pub(crate) pump: Pump<S>,
    waker: Waker,
    taken: Mutex<Option<Batch<S::Item>>>,
    /// What became of the connection, not fetched yet.
    states: Mutex<Vec<StreamState>>,
}

impl<S: Read> Source<S> {
    pub(crate) fn new(hub: Arc<Hub>, pump: Pump<S>) -> Self {
        let id = hub.id();
        let waker = hub.waker(id);
        Self { id, hub, pump, waker, taken: Mutex::default(), states: Mutex::default() }
    }

    pub(crate) fn next<T>(&self, write: impl FnOnce(&Batch<S::Item>) -> T) -> Next<T> {
        loop {
            let batch = match self.pump.poll(&self.waker) {
                Poll::Ready(Some(batch)) => batch,
                Poll::Ready(None) => return Either3::B(Null),
                Poll::Pending => return Either3::C(()),
            };
            if !batch.states.is_empty() {
                lock(&self.states).extend(batch.states.iter().cloned());
                if batch.items.is_empty() && batch.error.is_none() {
                    continue;
                }
            }
            let written = write(&batch);
            *lock(&self.taken) = Some(batch);
            return Either3::A(written);
        }
    }

    pub(crate) fn json(&self) -> Next<JsonText> {
        self.next(|batch| JsonText::new(batch.to_json_array()))
    }

    pub(crate) fn frames(&self) -> Next<Uint8Array> {
        self.next(|batch| batch.to_frames().into_bytes().into())
    }

    pub(crate) fn states(&self) -> String {
        serde_json::to_string(&std::mem::take(&mut *lock(&self.states))).unwrap_or_default()
    }

    /// The error of the batch that was polled last, which was the last one.
    pub(crate) fn failure(&self) -> Either<NativeFailure, Null> {
        failure(lock(&self.taken).as_ref().and_then(|batch| batch.error.as_ref()))
    }

    pub(crate) fn put_back(&self, count: u32) {
        if let Some(taken) = lock(&self.taken).take() {
            self.pump.put_back(taken.into_tail(count as usize));
        }
    }

    /// What `number` gives for the last item polled that has one.
    pub(crate) fn last<N>(&self, number: impl Fn(&S::Item) -> Option<N>) -> Option<N> {
        lock(&self.taken).as_ref()?.items.iter().rev().find_map(number)
    }
}
