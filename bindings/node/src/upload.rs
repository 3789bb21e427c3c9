//! A file on its way up, piece by piece.

use crate::hub::Hub;
use crate::task::NativeTask;
use napi::bindgen_prelude::Uint8Array;
use napi_derive::napi;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use turnwire::Error;
use turnwire::chat::Upload;
use turnwire_bridge::Done;

/// Pieces that wait for the socket. Who hands more over waits too.
const AHEAD: usize = 4;

enum Piece {
    Bytes(Vec<u8>),
    End,
}

/// What JavaScript hands the pieces to. One that is left before its end breaks the upload off: what has come by then is
/// not the file.
#[napi]
pub struct NativeUpload {
    hub: Arc<Hub>,
    /// `None` once nothing more will come.
    sender: Mutex<Option<Sender<Piece>>>,
    receiver: Mutex<Option<Receiver<Piece>>>,
}

#[napi]
impl NativeUpload {
    /// Ends once there is room for more; fails once the request has ended.
    #[napi(catch_unwind)]
    pub fn push(&self, bytes: Uint8Array) -> NativeTask {
        self.send(Piece::Bytes(bytes.to_vec()))
    }

    /// That was all.
    #[napi(catch_unwind)]
    pub fn end(&self) -> NativeTask {
        self.send(Piece::End)
    }

    /// It cannot be read on.
    #[napi(catch_unwind)]
    pub fn fail(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl NativeUpload {
    pub(crate) fn new(hub: Arc<Hub>) -> Self {
        let (sender, receiver) = channel(AHEAD);
        Self { hub, sender: Mutex::new(Some(sender)), receiver: Mutex::new(Some(receiver)) }
    }

    /// What was handed over and will be; it is taken once.
    pub(crate) fn content(&self) -> Upload {
        let receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner).take();
        Upload::stream(futures_util::stream::unfold(receiver, |receiver| async {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(Piece::Bytes(bytes)) => Some((Ok(bytes), Some(receiver))),
                Some(Piece::End) => None,
                None => Some((Err(io::Error::other("it broke off")), None)),
            }
        }))
    }

    fn send(&self, piece: Piece) -> NativeTask {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        NativeTask::spawn(&self.hub, async move {
            let ended = || Error::new("aborted", "The upload has ended.");
            match sender {
                Some(sender) => sender.send(piece).await.map_err(|_| ended())?,
                None => return Err(ended()),
            }
            Ok(Done::Nothing)
        })
    }
}
