//! The result of a call.

use crate::driver::Driver;
use crate::pump::{RelayPump, TurnPump};
use bytes::Bytes;
use serde::Serialize;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::Mutex;
use turnwire::chat::DownloadStream;
use turnwire::http::{HeaderMap, RawResponse};
use turnwire::{Error, Result};

/// What a call gives.
#[derive(Debug)]
#[non_exhaustive]
pub enum Done {
    /// An answer of the service.
    Answer(Answer),
    /// A value without an answer of its own, as JSON.
    Value(String),
    /// A turn's stream.
    Turn(TurnPump),
    /// A relay's stream.
    Relay(RelayPump),
    /// A whole file, with its properties.
    File(Chunks, Bytes),
    /// The bytes of a file, still to be read.
    Download(Chunks),
    /// Some bytes of a file.
    Chunk(Bytes),
    /// The program's exit status.
    Exit(i32),
    /// There is nothing, or nothing more.
    Nothing,
}

/// A raw answer, and its parsed value.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The service's `x-request-id`.
    pub request_id: Option<String>,
    /// The body as it was received.
    pub body: Bytes,
    /// The value of the operation, as JSON; `null` where it has none.
    pub value: Result<String>,
}

impl Answer {
    pub(crate) fn of<T: Serialize>(response: &RawResponse<T>) -> Self {
        Self {
            status: response.status(),
            headers: response.headers().clone(),
            request_id: response.request_id().map(str::to_owned),
            body: response.body().clone(),
            value: response.parse().and_then(|value| json(&value)),
        }
    }
}

/// A download that runs. What is not asked for is not read; dropping it closes its socket.
#[derive(Clone)]
pub struct Chunks {
    stream: Arc<Mutex<Option<DownloadStream>>>,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The service's `x-request-id`.
    pub request_id: Option<String>,
    /// The media type, as the service reports it.
    pub content_type: Option<String>,
    /// The file's name, as the service reports it.
    pub filename: Option<String>,
    /// The length, as the service reports it.
    pub content_length: Option<u64>,
}

impl Chunks {
    pub(crate) fn new(stream: DownloadStream) -> Self {
        Self {
            status: stream.status(),
            headers: stream.headers().clone(),
            request_id: stream.request_id().map(str::to_owned),
            content_type: stream.content_type().map(str::to_owned),
            filename: stream.filename().map(str::to_owned),
            content_length: stream.content_length(),
            stream: Arc::new(Mutex::new(Some(stream))),
        }
    }

    /// The next bytes; nothing at the end.
    pub fn chunk(&self) -> impl Future<Output = Result<Done>> + Send + use<> {
        let stream = self.stream.clone();
        async move {
            let mut stream = stream.lock().await;
            let chunk = match stream.as_mut() {
                Some(open) => open.chunk().await?,
                None => None,
            };
            if chunk.is_none() {
                *stream = None;
            }
            Ok(chunk.map_or(Done::Nothing, Done::Chunk))
        }
    }

    /// The whole file, where nothing was read of it yet.
    ///
    /// # Errors
    /// Those of a download.
    pub async fn whole(self) -> Result<Done> {
        let mut content = Vec::new();
        while let Done::Chunk(chunk) = self.chunk().await? {
            content.extend_from_slice(&chunk);
        }
        Ok(Done::File(self, content.into()))
    }

    /// Closes the socket, once a pending chunk has arrived or was abandoned.
    pub fn close(&self) -> impl Future<Output = Result<Done>> + Send + use<> {
        let stream = self.stream.clone();
        async move {
            *stream.lock().await = None;
            Ok(Done::Nothing)
        }
    }

    /// [`Chunks::close`] in the background.
    pub fn close_later(&self, driver: &Driver) {
        let closing = self.close();
        driver.spawn(async move { drop(closing.await) });
    }
}

impl fmt::Debug for Chunks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chunks").field("status", &self.status).finish_non_exhaustive()
    }
}

pub(crate) fn json<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::new("invalid_answer", "The answer cannot be told.").with_source(error))
}

/// Headers as names and values; `text` reads the bytes of a value as the language does.
pub fn pairs(headers: &HeaderMap, text: fn(&[u8]) -> String) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes()))).collect()
}
