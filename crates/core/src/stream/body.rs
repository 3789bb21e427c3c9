//! The body of a stream's answer: bytes to frames, and the idle clock.

use super::exclusive::Exclusive;
use crate::error::{Error, Result};
use crate::http::{Answer, connection_error, content_type};
use crate::sse::{Decoder, Frame};
use bytes::Bytes;
use futures_core::Stream;
use reqwest::header::HeaderMap;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Without comments a service may well be silent while a tool runs.
const IDLE: Duration = Duration::from_secs(300);
/// A service that sends comments sends them often.
const IDLE_WITH_COMMENTS: Duration = Duration::from_secs(45);

type Chunks = Exclusive<Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send>>>;

/// An open event stream. Dropping it closes the socket.
pub(crate) struct EventBody {
    chunks: Chunks,
    decoder: Decoder,
    status: u16,
    headers: HeaderMap,
    request_id: Option<String>,
    /// The caller's idle clock; `None`: adaptive, zero: off.
    idle: Option<Duration>,
    /// Since when nothing came, as far as anybody waited; `None`: what came last has just been read. The clock is not
    /// asked at each chunk.
    silent_since: Option<Instant>,
    /// Whether anything came at all.
    begun: bool,
    alarm: Pin<Box<Sleep>>,
}

impl EventBody {
    /// Takes an answer that should be an event stream.
    pub(crate) async fn new(answer: Answer, decoder: Decoder, idle: Option<Duration>) -> Result<Self> {
        let Answer { response, request_id } = answer;
        let headers = response.headers().clone();
        let kind = content_type(&headers);
        if kind.as_deref() != Some("text/event-stream") {
            let kind = kind.unwrap_or_else(|| "no content type".to_owned());
            let message = format!(
                "The service answered {kind} instead of an event stream; check the base URL and any proxy between."
            );
            let status = response.status().as_u16();
            let body = tokio::time::timeout(Duration::from_secs(2), response.text()).await;
            let body = body.ok().and_then(Result::ok).unwrap_or_default();
            return Err(Error::new("unexpected_content_type", message)
                .with_status(status)
                .with_request_id(request_id)
                .with_body(body));
        }
        let now = Instant::now();
        Ok(Self {
            status: response.status().as_u16(),
            chunks: Exclusive::new(Box::pin(response.bytes_stream())),
            decoder,
            headers,
            request_id,
            idle,
            silent_since: Some(now),
            begun: false,
            alarm: Box::pin(sleep_until(now + IDLE)),
        })
    }

    /// Feeds what has come to `on`. `Ok(true)`: some bytes were read, `Ok(false)`: the body has ended. `asking`: the
    /// agent waits for the user, so silence is natural.
    pub(crate) fn poll_frames(
        &mut self,
        cx: &mut Context<'_>,
        asking: bool,
        on: impl FnMut(Frame<'_>),
    ) -> Poll<Result<bool>> {
        match self.chunks.get().as_mut().poll_next(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.silent_since = None;
                self.begun = true;
                let fed = self.decoder.feed(&chunk, on);
                Poll::Ready(fed.map(|()| true).map_err(|error| {
                    Error::new("event_too_large", format!("An event is larger than {} bytes.", error.limit))
                        .with_source(error)
                }))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(connection_error(error))),
            Poll::Ready(None) => Poll::Ready(Ok(false)),
            Poll::Pending => {
                ready!(self.poll_alarm(cx, asking));
                let message = "Nothing came over the stream for too long; the connection is taken for dead.";
                Poll::Ready(Err(Error::new("stream_idle_timeout", message)))
            }
        }
    }

    /// Ready when the connection has been silent for too long.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, asking: bool) -> Poll<()> {
        loop {
            let heartbeats = self.decoder.comments() > 0;
            let idle = match self.idle {
                Some(idle) if idle.is_zero() => return Poll::Pending,
                _ if asking && !heartbeats => return Poll::Pending,
                Some(idle) => idle,
                None if heartbeats => IDLE_WITH_COMMENTS,
                None => IDLE,
            };
            // Set again only when it rings, not at every byte: bytes come often, the alarm hardly ever.
            let due = *self.silent_since.get_or_insert_with(Instant::now) + idle;
            if self.alarm.deadline() != due && (self.alarm.deadline() > due || self.alarm.is_elapsed()) {
                self.alarm.as_mut().reset(due);
            }
            ready!(self.alarm.as_mut().poll(cx));
            if Instant::now() >= due {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(due);
        }
    }

    /// Where the rest of the body has come already, its end is taken in, so that the connection can be used again.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(Ok(_))) = self.chunks.get().as_mut().poll_next(cx) {}
    }

    /// When the last bytes came, if any did.
    pub(crate) fn last_bytes(&self) -> Option<Instant> {
        self.begun.then(|| self.silent_since.unwrap_or_else(Instant::now))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    pub(crate) fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    pub(crate) fn decoder(&self) -> &Decoder {
        &self.decoder
    }
}
