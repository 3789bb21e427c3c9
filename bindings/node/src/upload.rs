//! A file on its way up, piece by piece.

use crate::hub::Hub;
use crate::task::NativeTask;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use std::sync::Arc;
use turnwire_bridge::{Done, Pieces};

/// What JavaScript hands the pieces to. One that is left before its end breaks the upload off: what has come by then is
/// not the file.
#[napi]
pub struct NativeUpload {
    hub: Arc<Hub>,
    pub(crate) pieces: Pieces,
}

#[napi]
impl NativeUpload {
    /// Ends once there is room for more, or the request has ended.
    #[napi(catch_unwind)]
    pub fn push(&self, bytes: Uint8Array) -> NativeTask {
        let pushed = self.pieces.push(bytes.to_vec().into());
        NativeTask::spawn(&self.hub, async move {
            pushed.await;
            Ok(Done::Nothing)
        })
    }

    /// That was all.
    #[napi(catch_unwind)]
    pub fn end(&self) {
        self.pieces.end();
    }

    /// It cannot be read on.
    #[napi(catch_unwind)]
    pub fn fail(&self) {
        self.pieces.fail();
    }

    /// Whether nobody takes any more.
    #[napi(getter, catch_unwind)]
    pub fn is_over(&self) -> bool {
        self.pieces.is_over()
    }
}

impl NativeUpload {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        Self { hub, pieces: Pieces::default() }
    }
}
