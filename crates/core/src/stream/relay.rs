//! The stream of a chat's relay: the runtime's own events, for as long as somebody reads.

use super::body::EventBody;

use super::link::{Break, Link, Moved, Target};
use super::relay_item::{RelayItem, read_frame};
use crate::cursor::RelayCursor;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Client, Clocks, Head, Request, RequestOptions, Secret, check_secret};
use crate::id::ChatId;
use crate::policy::resume::Resumes;
use crate::sse::Decoder;
use ::http::Method;
use ::http::header::HeaderMap;
use futures_core::{FusedStream, Stream};
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The largest event of a relay.
const MAX_EVENT_BYTES: usize = 32 * 1024 * 1024;

/// A chat's relay. Broken connections are taken up where they broke, for as long as it is read; dropping it closes its
/// socket at once.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::{RelayCursor, RelayItem};
///
/// let mut relay = client.chat().stream("chat_1", RelayCursor::Live).await?;
/// while let Some(item) = relay.try_next().await? {
///     if let RelayItem::Event(event) = item {
///         println!("{:?} {}", event.id, event.event_type);
///     }
/// }
/// # Ok(())
/// # }
/// ```
pub struct RelayStream {
    link: Link<RelayTarget>,
    incoming: VecDeque<(RelayItem, Option<u64>)>,
    cursor: RelayCursor,
    /// Where it began, before anything was read.
    began: RelayCursor,
    head: Head,
}

/// The relay of a chat.
struct RelayTarget {
    client: Client,
    chat_id: ChatId,
    token: Option<Secret>,
    options: RequestOptions,
    clocks: Clocks,
}

impl RelayTarget {
    /// Opens it with these options. `None` if the chat has ended and everything was delivered.
    async fn open_with(&self, cursor: RelayCursor, options: &RequestOptions) -> Result<Option<EventBody>> {
        let mut request = Request::new("stream", Method::GET)
            .event_stream()
            .chat(&self.chat_id)?
            .word("stream")
            .query("lastEventId", cursor.number());
        if let Some(number) = cursor.number() {
            request.headers.push(("last-event-id", number.to_string()));
        }
        request.token.clone_from(&self.token);
        let answer = self.client.send(&request, options, &self.clocks).await?;
        if answer.head.status == 204 {
            return Ok(None);
        }
        let decoder = Decoder::with_max_event_bytes(self.client.max_event_bytes(MAX_EVENT_BYTES));
        EventBody::new(answer, decoder, self.clocks.idle).await.map(Some)
    }
}

impl Target for RelayTarget {
    type Body = EventBody;
    type Place = RelayCursor;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn open(&self, cursor: RelayCursor) -> Result<Option<EventBody>> {
        let options = RequestOptions { max_retries: Some(0), ..self.options.clone() };
        self.open_with(cursor, &options).await
    }

    fn opens_later(error: &Error) -> bool {
        match error.status() {
            Some(status) => matches!(status, 408 | 425 | 429 | 500..),
            None => !matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Api | ErrorKind::Aborted),
        }
    }
}

impl RelayStream {
    pub(crate) async fn open(
        client: Client,
        chat_id: ChatId,
        cursor: RelayCursor,
        token: Option<Secret>,
        options: RequestOptions,
    ) -> Result<Self> {
        if let Some(token) = &token {
            check_secret("token", token)?;
        }
        options.check_for("stream")?;
        let options = options.over(&client.options);
        let clocks = Clocks::of(options.timeout);
        let target = RelayTarget { client, chat_id, token, options, clocks };
        let opening = target.open_with(cursor, &target.options);
        let body = target.client.within(clocks.deadline, opening).await?;
        let cursor = cursor.begun_at(body.as_ref().and_then(beginning));
        let nothing = || Head { status: 204, headers: HeaderMap::new(), request_id: None };
        Ok(Self {
            began: cursor,
            head: body.as_ref().map_or_else(nothing, |body| body.head().clone()),
            link: Link::new(target, body, Resumes::new(), clocks.deadline),
            incoming: VecDeque::new(),
            cursor,
        })
    }

    /// The next item; `None` after the last item of an ended chat. An error ends the stream.
    pub async fn next(&mut self) -> Option<Result<RelayItem>> {
        poll_fn(|cx| self.poll_item(cx)).await
    }

    /// The next item, for `while let Some(item) = relay.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<RelayItem>> {
        self.next().await.transpose()
    }

    /// The number of the last event read, or of the one the relay begins after: the cursor to go on from. `None`: a live
    /// relay of a service that does not say where it begins.
    pub fn last_event_id(&self) -> Option<u64> {
        self.cursor.number()
    }

    /// Where to go on after the last item read.
    pub fn cursor(&self) -> RelayCursor {
        self.cursor
    }

    /// The number of the event after which it began, as it was requested or as the service reported it.
    pub fn began_after(&self) -> Option<u64> {
        self.began.number()
    }

    /// The HTTP status of the answer that opened the stream; 204 if an ended chat has no more events.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The service's `x-request-id` of the answer that opened the stream.
    pub fn request_id(&self) -> Option<&str> {
        self.head.request_id.as_deref()
    }

    /// The headers of the answer that opened the stream.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The number of times that the connection broke and was resumed.
    pub fn resumes(&self) -> u64 {
        self.link.resumes()
    }

    /// Closes the socket at once. The stream delivers nothing more.
    pub fn close(&mut self) {
        self.incoming.clear();
        self.link.close();
    }

    pub(super) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RelayItem>>> {
        loop {
            while let Some((item, number)) = self.incoming.pop_front() {
                match (number, self.cursor) {
                    // A replay may begin before the cursor; what was read is not read twice.
                    (Some(number), RelayCursor::After(read))
                        if number <= read && matches!(item, RelayItem::Event(_)) =>
                    {
                        continue;
                    }
                    (Some(number), _) => self.cursor = RelayCursor::After(number),
                    (None, _) => {}
                }
                self.link.progress();
                return Poll::Ready(Some(Ok(item)));
            }
            let incoming = &mut self.incoming;
            // A relay is silent while nothing happens in the chat: only comments show that it lives.
            let polled = self.link.poll(cx, |body, cx| {
                body.poll_read(cx, true, |frame| read_frame(frame).map(|item| incoming.extend(item)))
            });
            match polled {
                Poll::Ready(Ok(Moved::Read)) => {}
                Poll::Ready(Ok(Moved::Resumed)) => {
                    self.cursor = self.cursor.begun_at(self.link.body().and_then(|body| beginning(body)));
                }
                Poll::Ready(Ok(Moved::Closed)) => return Poll::Ready(None),
                Poll::Ready(Err(Break::Lost(cause))) => {
                    if let Err(error) = self.take_up(cause) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
                Poll::Ready(Err(Break::Fatal(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Pending => {
                    let error = ready!(self.link.poll_deadline(cx));
                    self.close();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }

    fn take_up(&mut self, cause: Option<Error>) -> Result<()> {
        let Some(attempt) = self.link.take_up(self.cursor) else {
            let error =
                Error::new("connection_lost", "The relay could not be taken up again; open it at its last event id.");
            return Err(match cause {
                Some(cause) => error.with_source(cause),
                None => error,
            });
        };
        let (chat_id, after) = (self.link.target().chat_id.as_str(), self.cursor.number());
        tracing::debug!(chat_id, ?after, wait = ?attempt.wait, "the relay broke; taking it up again");
        Ok(())
    }
}

/// After which number a relay begins, where the service says so: without it, what happens before the first event has
/// come is lost with the connection.
fn beginning(body: &EventBody) -> Option<u64> {
    body.header("turnwire-cursor")?.parse().ok()
}

impl Stream for RelayStream {
    type Item = Result<RelayItem>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl FusedStream for RelayStream {
    fn is_terminated(&self) -> bool {
        self.link.is_closed() && self.incoming.is_empty()
    }
}

impl fmt::Debug for RelayStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayStream")
            .field("chat_id", &self.link.target().chat_id)
            .field("last_event_id", &self.last_event_id())
            .field("resumes", &self.link.resumes())
            .finish_non_exhaustive()
    }
}
