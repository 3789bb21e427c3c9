//! A relay's stream, read in batches.

use crate::failure::NativeFailure;
use crate::hub::Hub;
use crate::source::{Next, Source};
use crate::text::JsonText;
use napi::Either;
use napi::bindgen_prelude::{Null, Uint8Array};
use napi_derive::napi;
use std::sync::Arc;
use turnwire::stream::{RelayItem, RelayStream};
use turnwire_bridge::RelayPump;

/// A relay's stream.
#[napi]
pub struct NativeRelay(Source<RelayStream>);

#[napi]
impl NativeRelay {
    /// What the hub names when there is something to read.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// The number of the event it began after.
    #[napi(getter, catch_unwind)]
    pub fn began_after(&self) -> Option<f64> {
        self.0.pump.began_after().map(number)
    }

    /// The next items, as one JSON array.
    #[napi(catch_unwind)]
    pub fn poll(&self) -> Next<JsonText> {
        self.0.json()
    }

    /// The next items, as frames of an event stream.
    #[napi(catch_unwind)]
    pub fn poll_frames(&self) -> Next<Uint8Array> {
        self.0.frames()
    }

    /// What ended the stream, if that was an error.
    #[napi(catch_unwind)]
    pub fn failure(&self) -> Either<NativeFailure, Null> {
        self.0.failure()
    }

    /// The last `count` items of the batch that was polled last were not used.
    #[napi(catch_unwind)]
    pub fn put_back(&self, count: u32) {
        self.0.put_back(count);
    }

    /// The number of the last item that was polled: where to go on.
    #[napi(catch_unwind)]
    pub fn last_polled(&self) -> Option<f64> {
        self.0.last(RelayItem::cursor).map(number)
    }

    /// Closes the socket.
    #[napi(catch_unwind)]
    pub fn close(&self) {
        self.0.pump.close();
    }
}

impl NativeRelay {
    pub(crate) fn new(hub: Arc<Hub>, pump: RelayPump) -> Self {
        Self(Source::new(hub, pump))
    }
}

#[expect(clippy::cast_precision_loss, reason = "JavaScript has no other numbers; events do not come to 2^53")]
fn number(number: u64) -> f64 {
    number as f64
}
