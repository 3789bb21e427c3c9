//! The body of a stream's answer: bytes to frames, and the idle clock.

use super::exclusive::Exclusive;
use super::link::{Body, Break, Moved};
use super::quiet::Quiet;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Head, Incoming, client_closed, content_type, read_some};
use crate::sse::{Decoder, Frame};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// Without comments a service may well be silent while a tool runs.
const IDLE: Duration = Duration::from_secs(300);
/// A service that sends comments sends them often.
const IDLE_WITH_COMMENTS: Duration = Duration::from_secs(45);
/// Of a body that is no event stream so much is kept.
const MAX_SHOWN: usize = 64 * 1024;
/// How often the alarm rings in an idle clock. Time is asked only then, and not at each chunk, so silence is noticed up to a
/// tenth late, and never early.
const RINGS: u32 = 10;

/// An open event stream. Dropping it closes the socket.
pub(crate) struct EventBody {
    incoming: Incoming,
    decoder: Decoder,
    head: Head,
    /// The caller's idle clock; `None`: adaptive, zero: off.
    idle: Option<Duration>,
    /// Whether bytes came since the alarm last rang.
    fresh: bool,
    /// The last ring before which bytes came; at first, when the body was opened.
    last_heard: Instant,
    /// Whether anything came at all.
    begun: bool,
    alarm: Quiet<Sleep>,
    /// Ready once the client is closed.
    closed: Exclusive<Quiet<WaitForCancellationFutureOwned>>,
}

impl EventBody {
    /// Takes an answer that should be an event stream.
    pub(crate) async fn new(answer: Answer, decoder: Decoder, idle: Option<Duration>) -> Result<Self> {
        let Answer { head, body: mut incoming, closed } = answer;
        let kind = content_type(&head.headers);
        if kind.as_deref() != Some("text/event-stream") {
            let kind = kind.unwrap_or_else(|| "no content type".to_owned());
            let message = format!(
                "The service answered {kind} instead of an event stream; check the base URL and any proxy between."
            );
            let body = tokio::time::timeout(Duration::from_secs(2), read_some(&mut incoming, MAX_SHOWN)).await;
            let body = String::from_utf8_lossy(&body.unwrap_or_default()).into_owned();
            return Err(Error::new("unexpected_content_type", message)
                .with_status(head.status)
                .with_request_id(head.request_id)
                .with_body(body));
        }
        let now = Instant::now();
        Ok(Self {
            head,
            incoming,
            decoder,
            idle,
            fresh: false,
            last_heard: now,
            begun: false,
            alarm: Quiet::new(sleep_until(now + step(idle.unwrap_or(IDLE)))),
            closed: Exclusive::new(Quiet::new(closed.cancelled_owned())),
        })
    }

    /// Reads what has come, as a link wants it: `on` takes a frame, or says what is wrong with it.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        asking: bool,
        mut on: impl FnMut(Frame<'_>) -> Result<()>,
    ) -> Poll<Result<Moved, Break>> {
        let mut wrong = None;
        let read = ready!(self.poll_frames(cx, asking, |frame| {
            if wrong.is_none() {
                wrong = on(frame).err();
            }
        }));
        Poll::Ready(match (wrong, read) {
            (Some(wrong), _) => Err(Break::Fatal(wrong)),
            (None, Ok(true)) => Ok(Moved::Read),
            (None, Ok(false)) => Err(Break::Lost(None)),
            (None, Err(error)) if is_final(&error) => Err(Break::Fatal(error)),
            (None, Err(error)) => Err(Break::Lost(Some(error))),
        })
    }

    /// Feeds what has come to `on`. `Ok(true)`: some bytes were read, `Ok(false)`: the body has ended. `asking`: the
    /// agent waits for the user, so silence is natural.
    fn poll_frames(&mut self, cx: &mut Context<'_>, asking: bool, on: impl FnMut(Frame<'_>)) -> Poll<Result<bool>> {
        match self.incoming.poll_chunk(cx) {
            Poll::Ready(Some(Ok(chunk))) => {
                self.fresh = true;
                self.begun = true;
                let fed = self.decoder.feed(&chunk, on);
                Poll::Ready(fed.map(|()| true).map_err(|error| {
                    Error::new("event_too_large", format!("An event is larger than {} bytes.", error.limit))
                        .with_source(error)
                }))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(error)),
            Poll::Ready(None) => Poll::Ready(Ok(false)),
            Poll::Pending => {
                if self.closed.get().poll(cx).is_ready() {
                    return Poll::Ready(Err(client_closed()));
                }
                ready!(self.poll_alarm(cx, asking));
                let message = "Nothing came over the stream for too long; the connection is taken for dead.";
                Poll::Ready(Err(Error::new("stream_idle_timeout", message)))
            }
        }
    }

    /// Ready when the connection has been silent for too long.
    fn poll_alarm(&mut self, cx: &mut Context<'_>, asking: bool) -> Poll<()> {
        let heartbeats = self.decoder.comments() > 0;
        let idle = match self.idle {
            Some(idle) if idle.is_zero() => return Poll::Pending,
            _ if asking && !heartbeats => return Poll::Pending,
            Some(idle) => idle,
            None if heartbeats => IDLE_WITH_COMMENTS,
            None => IDLE,
        };
        loop {
            ready!(self.alarm.poll(cx));
            let now = Instant::now();
            if std::mem::take(&mut self.fresh) {
                self.last_heard = now;
            }
            let left = idle.saturating_sub(now - self.last_heard);
            if left.is_zero() {
                return Poll::Ready(());
            }
            self.alarm.reset(now + step(idle).min(left));
        }
    }

    /// Where the rest of the body has come already, its end is taken in, so that the connection can be used again.
    pub(crate) fn poll_end(&mut self, cx: &mut Context<'_>) {
        while let Poll::Ready(Some(Ok(_))) = self.incoming.poll_chunk(cx) {}
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// The head of its answer.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }
}

impl Body for EventBody {
    /// To the next ring of the alarm.
    fn last_bytes(&self) -> Option<Instant> {
        self.begun.then(|| if self.fresh { Instant::now() } else { self.last_heard })
    }

    fn server_retry(&self) -> Option<Duration> {
        self.decoder.retry()
    }
}

/// Whether another connection would be no better: what came is wrong, or the client is closed.
fn is_final(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Api | ErrorKind::Aborted)
}

/// From one ring of the alarm to the next.
fn step(idle: Duration) -> Duration {
    idle.min(IDLE_WITH_COMMENTS) / RINGS
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use bytes::Bytes;
    use futures_util::stream;
    use std::future::poll_fn;
    use tokio::time::sleep;
    use tokio_util::sync::CancellationToken;

    /// A body that brings `pieces`, each after `pause`, and then nothing more.
    async fn body(pieces: Vec<&'static str>, pause: Duration, idle: Option<Duration>) -> EventBody {
        let chunks = stream::unfold(pieces.into_iter(), move |mut pieces| async move {
            sleep(pause).await;
            match pieces.next() {
                Some(piece) => Some((Ok::<_, std::io::Error>(Bytes::from(piece)), pieces)),
                None => std::future::pending().await,
            }
        });
        let response = http::Response::builder().header("content-type", "text/event-stream");
        let response = response.body(reqwest::Body::wrap_stream(chunks)).unwrap().into();
        let answer = Answer::new(response, CancellationToken::new()).unwrap();
        EventBody::new(answer, Decoder::new(), idle).await.unwrap()
    }

    /// Reads to the error; how long that took, and how many chunks came before it.
    async fn silence(body: &mut EventBody, asking: bool) -> (Duration, u32) {
        let (start, mut chunks) = (Instant::now(), 0);
        loop {
            match poll_fn(|cx| body.poll_frames(cx, asking, |_| {})).await {
                Ok(more) => {
                    assert!(more);
                    chunks += 1;
                }
                Err(error) => {
                    assert_eq!(error.code(), "stream_idle_timeout");
                    return (start.elapsed(), chunks);
                }
            }
        }
    }

    /// PROTOCOL CLOCK-3.
    #[tokio::test(start_paused = true)]
    async fn silence_is_counted_from_the_last_byte_and_noticed_at_most_a_tenth_late() {
        let idle = Duration::from_secs(20);
        for pause in [1, 7, 19] {
            let pause = Duration::from_secs(pause);
            let mut body = body(vec!["data: a\n\n", ": b\n", "da", "ta: c"], pause, Some(idle)).await;
            let (took, chunks) = silence(&mut body, false).await;
            assert_eq!(chunks, 4, "a pause of {pause:?} is no silence");
            let silent = took.checked_sub(4 * pause).unwrap();
            assert!((idle..=idle + idle / RINGS).contains(&silent), "{pause:?}: {silent:?}");
        }
    }

    /// PROTOCOL CLOCK-3, CLOCK-4.
    #[tokio::test(start_paused = true)]
    async fn a_service_that_sends_comments_is_missed_sooner() {
        let pause = Duration::from_secs(20);
        for (piece, asking, expected) in [("data: a\n\n", false, IDLE), (": a\n", true, IDLE_WITH_COMMENTS)] {
            let mut body = body(vec![piece], pause, None).await;
            let (took, _) = silence(&mut body, asking).await;
            let late = took.checked_sub(pause + expected).unwrap();
            assert!(late <= IDLE_WITH_COMMENTS / RINGS, "{piece:?}: {took:?}");
        }
    }
}
