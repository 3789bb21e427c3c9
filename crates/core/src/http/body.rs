//! The content of a request.

use crate::error::Error;
use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use tokio_util::sync::CancellationToken;

#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    /// A JSON object, as it is sent.
    Json(Bytes),
    Bytes(Bytes),
    Stream(BodyStream),
}

/// So much of what comes in pieces is read before anything is sent: what ends by then is sent as bytes, whose length is
/// known and which can be sent again, and what cannot be read at all costs no request.
const READ_AHEAD: usize = 1 << 20;

/// So much is written without a look for the answer.
const UNSEEN: usize = 256 * 1024;

impl Body {
    /// Reads the beginning of what comes in pieces.
    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        let Self::Stream(BodyStream(source)) = &*self else { return Ok(()) };
        let Some(mut pieces) = source.take() else { return Ok(()) };
        let (mut begun, mut length) = (Vec::new(), 0);
        while length <= READ_AHEAD {
            let Some(piece) = pieces.try_next().await.map_err(|why| unreadable(&why))? else {
                *self = Self::Bytes(begun.iter().fold(BytesMut::with_capacity(length), joined).freeze());
                return Ok(());
            };
            length += piece.len();
            begun.push(piece);
        }
        if let Source::Once(_) = source {
            let begun = stream::iter(begun.into_iter().map(Ok));
            *self = Self::Stream(BodyStream::once(Box::pin(begun.chain(pieces))));
        }
        Ok(())
    }
}

type Pieces = Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>;

/// A body that comes in pieces.
#[derive(Clone)]
pub(crate) struct BodyStream(Source);

#[derive(Clone)]
enum Source {
    Once(Arc<Mutex<Option<Pieces>>>),
    Again(Arc<dyn Fn() -> Pieces + Send + Sync>),
}

impl Source {
    fn take(&self) -> Option<Pieces> {
        match self {
            Self::Once(pieces) => pieces.lock().unwrap_or_else(PoisonError::into_inner).take(),
            Self::Again(make) => Some(make()),
        }
    }
}

impl BodyStream {
    /// One that can be sent once.
    pub(crate) fn once(pieces: Pieces) -> Self {
        Self(Source::Once(Arc::new(Mutex::new(Some(pieces)))))
    }

    /// One that is made anew each time it is sent.
    pub(crate) fn again(make: impl Fn() -> Pieces + Send + Sync + 'static) -> Self {
        Self(Source::Again(Arc::new(make)))
    }

    /// Its pieces; `None` if they were taken before. Once the request is `over` they break off, which ends the connection
    /// rather than the file.
    pub(super) fn take(
        &self,
        over: CancellationToken,
    ) -> Option<impl Stream<Item = Result<Bytes, Unreadable>> + Send + use<>> {
        let pieces = self.0.take()?.map_err(Unreadable);
        let mut unseen = 0;
        // Nobody looks for the answer as long as there is something to write.
        let pieces = pieces.then(move |piece| {
            unseen += piece.as_ref().map_or(0, Bytes::len);
            let looks = unseen >= UNSEEN;
            if looks {
                unseen = 0;
            }
            async move {
                if looks {
                    tokio::task::yield_now().await;
                }
                piece
            }
        });
        let broken = over.clone();
        let end = stream::poll_fn(move |_| {
            let broken = broken.is_cancelled().then(|| Err(Unreadable(io::Error::other("the request has ended"))));
            Poll::Ready(broken)
        });
        Some(pieces.take_until(over.cancelled_owned()).chain(end))
    }

    /// Whether it was sent and cannot be sent again.
    pub(super) fn is_spent(&self) -> bool {
        match &self.0 {
            Source::Once(pieces) => pieces.lock().unwrap_or_else(PoisonError::into_inner).is_none(),
            Source::Again(_) => false,
        }
    }
}

fn joined(mut whole: BytesMut, piece: &Bytes) -> BytesMut {
    whole.extend_from_slice(piece);
    whole
}

/// The error of what cannot be read.
pub(super) fn unreadable(why: &io::Error) -> Error {
    Error::new("invalid_argument", format!("What was to be uploaded cannot be read: {why}."))
}

/// What was to be sent could not be read: the fault is here, not at the service or on the way.
#[derive(Debug)]
pub(super) struct Unreadable(pub(super) io::Error);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Unreadable {}

impl fmt::Debug for BodyStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BodyStream")
    }
}
