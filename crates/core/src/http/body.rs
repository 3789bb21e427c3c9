//! What a request carries.

use bytes::Bytes;
use futures_core::Stream;
use futures_util::TryStreamExt as _;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Debug)]
pub(crate) enum Body {
    None,
    /// A JSON object, as it is sent.
    Json(Bytes),
    Bytes(Bytes),
    Stream(BodyStream),
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

impl BodyStream {
    /// One that can be sent once.
    pub(crate) fn once(pieces: Pieces) -> Self {
        Self(Source::Once(Arc::new(Mutex::new(Some(pieces)))))
    }

    /// One that is made anew each time it is sent.
    pub(crate) fn again(make: impl Fn() -> Pieces + Send + Sync + 'static) -> Self {
        Self(Source::Again(Arc::new(make)))
    }

    /// Its pieces; `None`: they were taken before.
    pub(super) fn take(&self) -> Option<impl Stream<Item = Result<Bytes, Unreadable>> + Send + use<>> {
        let pieces = match &self.0 {
            Source::Once(pieces) => pieces.lock().unwrap_or_else(PoisonError::into_inner).take(),
            Source::Again(make) => Some(make()),
        };
        pieces.map(|pieces| pieces.map_err(Unreadable))
    }

    /// Whether it was sent and cannot be sent again.
    pub(super) fn is_spent(&self) -> bool {
        match &self.0 {
            Source::Once(pieces) => pieces.lock().unwrap_or_else(PoisonError::into_inner).is_none(),
            Source::Again(_) => false,
        }
    }
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
