//! A relay's stream, read in batches.

use crate::failure::{NativeFailure, failure};
use crate::hub::Hub;
use crate::text::JsonText;
use crate::turn::Next;
use napi::Either;
use napi::bindgen_prelude::{Either3, Null, Uint8Array};
use napi_derive::napi;
use std::sync::{Arc, Mutex, PoisonError};
use turnwire::stream::{Polled, RelayBatch, RelayItem, RelayPump};

/// A relay's stream.
#[napi]
pub struct NativeRelay {
    id: u32,
    hub: Arc<Hub>,
    pump: RelayPump,
    /// The batch that ended the stream by an error.
    last: Mutex<Option<Arc<RelayBatch>>>,
    /// The batch that was polled last.
    taken: Mutex<Option<Arc<RelayBatch>>>,
}

#[napi]
impl NativeRelay {
    /// What the hub names when there is something to read.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The number of the event it began after.
    #[napi(getter, catch_unwind)]
    pub fn began_after(&self) -> Option<f64> {
        self.pump.began_after().map(number)
    }

    /// The next items, as one JSON array.
    #[napi(catch_unwind)]
    pub fn poll(&self) -> Next<JsonText> {
        self.next(|batch| JsonText::new(batch.to_json_array()))
    }

    /// The next items, as frames of an event stream.
    #[napi(catch_unwind)]
    pub fn poll_frames(&self) -> Next<Uint8Array> {
        self.next(|batch| batch.items.iter().map(RelayItem::to_frame).collect::<String>().into_bytes().into())
    }

    /// What ended the stream, if that was an error.
    #[napi(catch_unwind)]
    pub fn failure(&self) -> Either<NativeFailure, Null> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        failure(last.as_ref().and_then(|batch| batch.error.as_ref()))
    }

    /// The last `count` items of the batch that was polled last were not used.
    #[napi(catch_unwind)]
    pub fn put_back(&self, count: u32) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(taken) = taken {
            self.pump.put_back(taken.tail(count as usize));
        }
    }

    /// The number of the last item that was polled: where to go on.
    #[napi(catch_unwind)]
    pub fn last_polled(&self) -> Option<f64> {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.as_ref()?.items.iter().rev().find_map(RelayItem::cursor).map(number)
    }

    /// Closes the socket.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.pump.close();
    }
}

impl NativeRelay {
    pub(crate) fn new(hub: Arc<Hub>, pump: RelayPump) -> Self {
        Self { id: hub.id(), hub, pump, last: Mutex::default(), taken: Mutex::default() }
    }

    fn next<T>(&self, write: impl FnOnce(&RelayBatch) -> T) -> Next<T> {
        match self.pump.poll(Some(self.hub.waker(self.id))) {
            Polled::Batch(batch) => {
                let written = write(&batch);
                if batch.error.is_some() {
                    *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch.clone());
                }
                *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(batch);
                Either3::A(written)
            }
            Polled::Ended => Either3::B(Null),
            Polled::Pending => Either3::C(()),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "JavaScript has no other numbers; events do not come to 2^53")]
fn number(number: u64) -> f64 {
    number as f64
}
