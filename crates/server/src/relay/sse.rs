//! The body of a stream: frames as they arrive, comments while none arrive, and its end.

use super::frame::{DATA_HEADER, Data, HEARTBEAT, OPENING};
use crate::metrics::OpenStream;
use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderValue, header};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, Sleep, interval_at, sleep_until};
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};

/// The source of the frames of a stream.
pub(crate) trait Frames: Send + 'static {
    /// The next frames; `None` at the end of the stream. It must be cancel-safe.
    fn next(&mut self) -> impl Future<Output = Option<Vec<Bytes>>> + Send;
}

/// What ends a stream from outside, and the interval of its heartbeat.
#[derive(Debug)]
pub(crate) struct Bounds {
    pub(crate) heartbeat: Duration,
    /// Cancelled when the server shuts down.
    pub(crate) stop: CancellationToken,
    /// When the token that opened it expires.
    pub(crate) until: Option<Instant>,
    /// Counts the stream while it is open.
    pub(crate) counted: OpenStream,
}

/// The answer that carries `frames`, with `data:` in this form.
pub(crate) fn response(frames: impl Frames, data: Data, bounds: Bounds) -> Response {
    let mut ticks = interval_at(Instant::now() + bounds.heartbeat, bounds.heartbeat);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let state = Stream {
        frames,
        ticks,
        stop: Box::pin(bounds.stop.cancelled_owned()),
        expiry: bounds.until.map(|until| Box::pin(sleep_until(until))),
        _counted: bounds.counted,
        ready: VecDeque::from([Bytes::from_static(OPENING)]),
        over: false,
    };
    let body = Body::from_stream(stream::unfold(state, |mut state| async move {
        let chunk = state.next().await?;
        Some((Ok::<_, Infallible>(chunk), state))
    }));
    let mut response = body.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    if data == Data::Text {
        headers.insert(DATA_HEADER, HeaderValue::from_static("text"));
    }
    response
}

struct Stream<F> {
    frames: F,
    ticks: tokio::time::Interval,
    // Both futures are created once, not for every frame, because each wait takes a lock that all streams share.
    stop: Pin<Box<WaitForCancellationFutureOwned>>,
    expiry: Option<Pin<Box<Sleep>>>,
    _counted: OpenStream,
    /// Frames that arrived together and wait for the socket.
    ready: VecDeque<Bytes>,
    over: bool,
}

impl<F: Frames> Stream<F> {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Some(self.with_followers(frame));
            }
            if self.over {
                return None;
            }
            let expiry = async {
                match &mut self.expiry {
                    Some(expiry) => expiry.await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = expiry => self.over = true,
                frames = self.frames.next() => match frames {
                    Some(frames) => self.ready.extend(frames),
                    None => self.over = true,
                },
                _ = self.ticks.tick() => self.ready.push_back(Bytes::from_static(HEARTBEAT)),
                // Last, so that events published before the shutdown are still sent.
                () = &mut self.stop => self.over = true,
            }
        }
    }

    /// Small frames that are ready together are sent in one chunk, because copying them is cheaper than a write for each.
    fn with_followers(&mut self, first: Bytes) -> Bytes {
        const CHUNK: usize = 16 * 1024;
        let follows =
            |ready: &VecDeque<Bytes>, size: usize| ready.front().is_some_and(|next| size + next.len() <= CHUNK);
        if !follows(&self.ready, first.len()) {
            return first;
        }
        let mut chunk = Vec::with_capacity(CHUNK);
        chunk.extend_from_slice(&first);
        while follows(&self.ready, chunk.len()) {
            if let Some(next) = self.ready.pop_front() {
                chunk.extend_from_slice(&next);
            }
        }
        Bytes::from(chunk)
    }
}
