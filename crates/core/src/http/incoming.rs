//! The body of an answer, as it comes, decoded.

use super::connection_error::connection_error;
use super::encoding::Decoder;
use crate::error::{Error, Result};
use bytes::Bytes;
use futures_core::Stream;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

type Chunks = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>;

/// The body of an answer. Dropping it closes the connection, unless it was read to its end.
pub(crate) struct Incoming {
    /// Never locked: it only makes the body `Sync`.
    chunks: Mutex<Chunks>,
    decoder: Option<Decoder>,
    /// Whether the decoder has more to give before another chunk is needed.
    full: bool,
    length: Option<u64>,
}

impl Incoming {
    /// # Errors
    /// The body is of an encoding that cannot be read.
    pub(crate) fn new(response: reqwest::Response) -> Result<Self> {
        let decoder = Decoder::of(response.headers())?;
        // The announced length is that of the compressed bytes.
        let length = if decoder.is_some() { None } else { response.content_length() };
        Ok(Self { chunks: Mutex::new(Box::pin(response.bytes_stream())), decoder, full: false, length })
    }

    /// The size in bytes, if the service sent it.
    pub(crate) fn length(&self) -> Option<u64> {
        self.length
    }

    /// Whether the bytes are decoded on their way: then they are no part of the file by which the service counts.
    pub(crate) fn is_encoded(&self) -> bool {
        self.decoder.is_some()
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await.transpose()
    }

    pub(crate) fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let chunks = self.chunks.get_mut().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(decoder) = self.decoder.as_mut().filter(|_| self.full) {
                match decoder.next() {
                    Ok(piece) if piece.is_empty() => self.full = false,
                    piece => return Poll::Ready(Some(piece)),
                }
            }
            let came = ready!(chunks.as_mut().poll_next(cx));
            match (came, &mut self.decoder) {
                (Some(Err(error)), _) => return Poll::Ready(Some(Err(connection_error(error, None)))),
                (Some(Ok(chunk)), None) => return Poll::Ready(Some(Ok(chunk))),
                (Some(Ok(chunk)), Some(decoder)) => {
                    decoder.feed(chunk);
                    self.full = true;
                }
                (None, None) => return Poll::Ready(None),
                (None, Some(decoder)) => {
                    let ended = decoder.end();
                    self.decoder = None;
                    return Poll::Ready(ended.err().map(Err::<Bytes, Error>));
                }
            }
        }
    }
}
