//! An upload in pieces.

use crate::pump::lock;
use bytes::Bytes;
use futures_util::stream;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use turnwire::chat::Upload;

/// The maximum number of pieces that wait for the socket; passing more waits.
const AHEAD: usize = 4;

/// What the pieces of one upload are handed over to. One that is left before its [`end`](Self::end) breaks the request off:
/// what has come by then is not the file.
#[derive(Debug)]
pub struct Pieces {
    /// `None` once nothing more will come.
    sender: Mutex<Option<Sender<Bytes>>>,
    receiver: Mutex<Option<Receiver<Bytes>>>,
    /// Whether what has come is the whole file.
    whole: Arc<AtomicBool>,
}

impl Default for Pieces {
    fn default() -> Self {
        let (sender, receiver) = channel(AHEAD);
        Self { sender: Mutex::new(Some(sender)), receiver: Mutex::new(Some(receiver)), whole: Arc::default() }
    }
}

impl Pieces {
    /// The resulting file, which can be taken once.
    pub fn content(&self) -> Option<Upload> {
        let receiver = lock(&self.receiver).take()?;
        let pieces = (Some(receiver), self.whole.clone());
        Some(Upload::stream(stream::unfold(pieces, |(receiver, whole)| async {
            let mut receiver = receiver?;
            match receiver.recv().await {
                Some(piece) => Some((Ok(piece), (Some(receiver), whole))),
                None if whole.load(Ordering::SeqCst) => None,
                None => Some((Err(io::Error::other("it broke off")), (None, whole))),
            }
        })))
    }

    /// Passes a piece, or returns it if there is no room for it now.
    ///
    /// # Errors
    /// There is no room.
    pub fn try_push(&self, piece: Bytes) -> Result<(), Bytes> {
        match lock(&self.sender).as_ref().map(|sender| sender.try_send(piece)) {
            Some(Err(TrySendError::Full(piece))) => Err(piece),
            _ => Ok(()),
        }
    }

    /// Passes a piece once there is room for it. It also ends when the request has ended; the piece is then dropped.
    pub fn push(&self, piece: Bytes) -> impl Future<Output = ()> + Send + use<> {
        let sender = lock(&self.sender).clone();
        async move {
            if let Some(sender) = sender {
                let _ = sender.send(piece).await;
            }
        }
    }

    /// The end.
    pub fn end(&self) {
        self.whole.store(true, Ordering::SeqCst);
        self.fail();
    }

    /// No more items will arrive.
    pub fn fail(&self) {
        lock(&self.sender).take();
    }

    /// Whether nobody takes any more: the request has ended.
    pub fn is_over(&self) -> bool {
        lock(&self.sender).as_ref().is_none_or(Sender::is_closed)
    }
}
