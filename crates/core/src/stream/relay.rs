//! The stream of a chat's relay: the runtime's own events, for as long as somebody reads.

use super::body::{EventBody, is_final};
use super::cursor::Cursor;
use super::driver::Break;
use super::exclusive::Exclusive;
use super::frame::{Payload, is_error, is_keep_alive, stream_error};
use super::quiet::Quiet;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Client, Clocks, Request, RequestOptions, Secret, check_secret, total_timeout};
use crate::json::Json;
use crate::lax::{self, Count, Obj, Text};
use crate::numbers;
use crate::policy::resume::Resumes;
use crate::sse::{Decoder, Frame, write_frame};
use futures_core::{FusedStream, Stream};
use reqwest::Method;
use reqwest::header::HeaderMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep};

/// The largest event of a relay.
const MAX_EVENT_BYTES: usize = 32 * 1024 * 1024;

/// One item of a relay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum RelayItem {
    /// An event of the runtime.
    Event(RelayEvent),
    /// Events are missing that the service no longer keeps.
    Gap {
        /// The number of the oldest one it keeps; it comes next.
        oldest: u64,
    },
    /// The cursor lay beyond the newest event: the log is another one than that of the cursor.
    Reset {
        /// The number of the newest event; what comes next is live.
        head: u64,
    },
}

impl RelayItem {
    /// Where a relay goes on after this item.
    pub fn cursor(&self) -> Option<u64> {
        match self {
            Self::Event(event) => event.id,
            Self::Gap { oldest } => Some(oldest.saturating_sub(1)),
            Self::Reset { head } => Some(*head),
        }
    }

    /// The item as a frame of an event stream, to be passed on: an event with its number, or a notice.
    pub fn to_frame(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Event(event) => write_frame(&mut text, event.id, None, event.raw.get()),
            Self::Gap { oldest } => write_frame(&mut text, None, Some("gap"), &format!("{{\"oldest\":{oldest}}}")),
            Self::Reset { head } => write_frame(&mut text, None, Some("reset"), &format!("{{\"head\":{head}}}")),
        }
        text
    }
}

/// An event of the runtime, as it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RelayEvent {
    /// Its number in the chat; the cursor to go on from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Its `type`; empty where it has none.
    pub event_type: String,
    /// The session it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Its JSON.
    pub raw: Json,
}

impl RelayEvent {
    /// Reads what is known of an event from its JSON.
    pub fn new(id: Option<u64>, raw: &Json) -> Self {
        let text = numbers::readable(raw.get());
        let head = serde_json::from_str(&text).unwrap_or_default();
        Self::read(id, head, raw.clone())
    }

    fn read(id: Option<u64>, head: Head<'_>, raw: Json) -> Self {
        let event_type = head.event_type.or_empty().to_owned();
        Self { id, event_type, session_id: head.properties.0.and_then(Properties::session), raw }
    }
}

type Opening = Exclusive<Pin<Box<dyn Future<Output = Result<Option<EventBody>>> + Send>>>;

enum State {
    Open(Box<EventBody>),
    Opening(Opening),
    Closed,
}

/// A chat's relay. Broken connections are taken up where they broke, for as long as it is read; dropping it closes its
/// socket at once.
pub struct RelayStream {
    target: Arc<Target>,
    state: State,
    incoming: VecDeque<(RelayItem, Option<u64>)>,
    breaking: Option<Break>,
    cursor: Cursor,
    resumes: Resumes,
    last_progress: Instant,
    deadline: Option<Quiet<Sleep>>,
    /// Where it began, before anything was read.
    began: Cursor,
    status: u16,
    request_id: Option<String>,
    headers: HeaderMap,
}

/// What is opened, again and again.
struct Target {
    client: Client,
    chat_id: String,
    token: Option<Secret>,
    options: RequestOptions,
    clocks: Clocks,
}

impl Target {
    /// `None`: the chat has ended and has told all it has.
    async fn open(&self, cursor: Cursor, retries: Option<u32>) -> Result<Option<EventBody>> {
        let mut request = Request::new("stream", Method::GET)
            .event_stream()
            .id("chat id", &self.chat_id)?
            .word("stream")
            .query("lastEventId", cursor.number());
        if let Some(number) = cursor.number() {
            request.headers.push(("last-event-id", number.to_string()));
        }
        request.token.clone_from(&self.token);
        let options = match retries {
            Some(_) => RequestOptions { max_retries: retries, ..self.options.clone() },
            None => self.options.clone(),
        };
        let answer = self.client.send(&request, &options, &self.clocks).await?;
        if answer.status == 204 {
            return Ok(None);
        }
        let decoder = Decoder::with_max_event_bytes(self.client.max_event_bytes(MAX_EVENT_BYTES));
        EventBody::new(answer, decoder, self.clocks.idle).await.map(Some)
    }
}

impl RelayStream {
    pub(crate) async fn open(
        client: Client,
        chat_id: String,
        cursor: Cursor,
        token: Option<Secret>,
        options: RequestOptions,
    ) -> Result<Self> {
        if let Some(token) = &token {
            check_secret("token", token)?;
        }
        options.check_for("stream")?;
        let options = options.over(&client.options);
        let clocks = Clocks::of(options.timeout);
        let target = Arc::new(Target { client, chat_id, token, options, clocks });
        let body = target.client.within(clocks.deadline, target.open(cursor, None)).await?;
        let cursor = cursor.begun_at(body.as_ref().and_then(beginning));
        Ok(Self {
            began: cursor,
            status: body.as_ref().map_or(204, EventBody::status),
            request_id: body.as_ref().and_then(|body| body.request_id().map(str::to_owned)),
            headers: body.as_ref().map(|body| body.headers().clone()).unwrap_or_default(),
            state: body.map_or(State::Closed, |body| State::Open(Box::new(body))),
            deadline: clocks.deadline.map(|deadline| Quiet::new(tokio::time::sleep_until(deadline))),
            target,
            incoming: VecDeque::new(),
            breaking: None,
            cursor,
            resumes: Resumes::new(),
            last_progress: Instant::now(),
        })
    }

    /// The next item; `None` once an ended chat has told all. An error ends the stream.
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

    /// The number of the event it began after, as it was asked for or as the service told it.
    pub fn began_after(&self) -> Option<u64> {
        self.began.number()
    }

    /// The HTTP status of the answer that opened the stream; 204: an ended chat has nothing more to tell.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The service's `x-request-id` of the answer that opened the stream.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The headers of the answer that opened the stream.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// How often the connection broke and was taken up again.
    pub fn resumes(&self) -> u64 {
        self.resumes.total()
    }

    /// Closes the socket at once. The stream gives nothing more.
    pub fn close(&mut self) {
        self.incoming.clear();
        self.breaking = None;
        self.state = State::Closed;
    }

    pub(super) fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<RelayItem>>> {
        loop {
            while let Some((item, number)) = self.incoming.pop_front() {
                match (number, self.cursor) {
                    // A replay may begin before the cursor; what was read is not read twice.
                    (Some(number), Cursor::After(read)) if number <= read && matches!(item, RelayItem::Event(_)) => {
                        continue;
                    }
                    (Some(number), _) => self.cursor = Cursor::After(number),
                    (None, _) => {}
                }
                self.resumes.progress();
                return Poll::Ready(Some(Ok(item)));
            }
            match self.breaking.take() {
                Some(Break::Fatal(error)) => {
                    self.close();
                    return Poll::Ready(Some(Err(error)));
                }
                Some(Break::Lost(cause)) => {
                    self.take_up(cause);
                    continue;
                }
                None => {}
            }
            if self.poll_connection(cx).is_pending() {
                let Some(deadline) = &mut self.deadline else { return Poll::Pending };
                ready!(deadline.poll(cx));
                self.close();
                return Poll::Ready(Some(Err(total_timeout())));
            }
            if self.is_terminated() {
                return Poll::Ready(None);
            }
        }
    }

    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Closed => {}
            State::Opening(opening) => match ready!(opening.get().as_mut().poll(cx)) {
                Ok(Some(body)) => {
                    self.cursor = self.cursor.begun_at(beginning(&body));
                    self.state = State::Open(Box::new(body));
                }
                Ok(None) => self.state = State::Closed,
                Err(error) => {
                    self.state = State::Closed;
                    let again = match error.status() {
                        Some(status) => matches!(status, 408 | 425 | 429 | 500..),
                        None => {
                            !matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Api | ErrorKind::Aborted)
                        }
                    };
                    if again {
                        self.breaking = Some(Break::Lost(Some(error)));
                    } else {
                        self.breaking = Some(Break::Fatal(error));
                    }
                }
            },
            State::Open(body) => {
                let (incoming, mut wrong) = (&mut self.incoming, None);
                // A relay is silent while nothing happens in the chat: only comments tell whether it lives.
                let read = ready!(body.poll_frames(cx, true, |frame| {
                    if wrong.is_none() {
                        match read_frame(frame) {
                            Ok(item) => incoming.extend(item),
                            Err(error) => wrong = Some(error),
                        }
                    }
                }));
                match (wrong, read) {
                    (None, Ok(true)) => return Poll::Ready(()),
                    (Some(error), _) => self.breaking = Some(Break::Fatal(error)),
                    (None, Err(error)) if is_final(&error) => self.breaking = Some(Break::Fatal(error)),
                    (None, Ok(false)) => self.breaking = Some(Break::Lost(None)),
                    (None, Err(error)) => self.breaking = Some(Break::Lost(Some(error))),
                }
                self.last_progress = body.last_bytes().unwrap_or(self.last_progress);
                self.resumes.set_server_retry(body.decoder().retry());
                self.state = State::Closed;
            }
        }
        Poll::Ready(())
    }

    fn take_up(&mut self, cause: Option<Error>) {
        let Some(wait) = self.resumes.next(self.last_progress.elapsed(), fastrand::f64()) else {
            let error =
                Error::new("connection_lost", "The relay could not be taken up again; open it at its last event id.");
            self.breaking = Some(Break::Fatal(match cause {
                Some(cause) => error.with_source(cause),
                None => error,
            }));
            return;
        };
        let wait = wait.mul_f64(self.target.client.backoff_scale());
        tracing::debug!(chat_id = self.target.chat_id, after = ?self.cursor.number(), ?wait, "the relay broke; taking it up again");
        let (target, cursor) = (self.target.clone(), self.cursor);
        self.state = State::Opening(Exclusive::new(Box::pin(async move {
            let opening = async {
                sleep(wait).await;
                target.open(cursor, Some(0)).await
            };
            target.client.within(None, opening).await
        })));
    }
}

/// After which number a relay begins, where the service tells it: without it, what happens before the first event has
/// come is lost with the connection.
fn beginning(body: &EventBody) -> Option<u64> {
    body.header("turnwire-cursor")?.parse().ok()
}

/// One frame of a relay, with its number.
fn read_frame(frame: Frame<'_>) -> Result<Option<(RelayItem, Option<u64>)>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Notice {
        oldest: Count,
        head: Count,
    }
    let data = match Payload::of(&frame) {
        Payload::Event(data) => data,
        Payload::Signal => return Ok(None),
        Payload::Error(error) => return Err(error),
    };
    match frame.event_str().as_deref() {
        Some("gap") => {
            if let Ok(Notice { oldest: Count(Some(oldest)), .. }) = serde_json::from_str(&data) {
                return Ok(Some((RelayItem::Gap { oldest }, Some(oldest.saturating_sub(1)))));
            }
        }
        Some("reset") => {
            if let Ok(Notice { head: Count(Some(head)), .. }) = serde_json::from_str(&data) {
                return Ok(Some((RelayItem::Reset { head }, Some(head))));
            }
        }
        _ => {}
    }
    let Some(raw) = Json::parse(&data) else {
        let error = Error::new("invalid_frame", "The relay brought a frame that is no JSON.");
        return Err(error.with_body(data.into_owned()));
    };
    let id = frame.id_str().parse().ok();
    let text = numbers::readable(&data);
    let head: Head<'_> = serde_json::from_str(&text).unwrap_or_default();
    let event_type = head.event_type.or_empty();
    // The runtime's own events have properties.
    let bare = head.properties.0.is_none();
    if bare && (event_type == "error" || event_type.is_empty() && is_error(&data)) {
        return Err(stream_error(&data));
    }
    if bare && is_keep_alive(event_type) {
        return Ok(None);
    }
    let event = RelayEvent::read(id, head, raw);
    Ok(Some((RelayItem::Event(event), id)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    event_type: Text<'a>,
    properties: Obj<Properties>,
}

/// Where a session's id stands in the events of the runtime.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Properties {
    #[serde(rename = "sessionID", alias = "sessionId", alias = "session_id", deserialize_with = "lax::text")]
    session_id: Option<String>,
    info: Obj<Info>,
    part: Obj<Info>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(rename = "sessionID", alias = "sessionId", alias = "session_id", deserialize_with = "lax::text")]
    session_id: Option<String>,
    #[serde(deserialize_with = "lax::text")]
    id: Option<String>,
}

impl Properties {
    fn session(self) -> Option<String> {
        let own =
            |info: Obj<Info>| info.0.and_then(|info| info.session_id.or(info.id.filter(|id| id.starts_with("ses_"))));
        self.session_id.or_else(|| own(self.info)).or_else(|| own(self.part))
    }
}

impl Stream for RelayStream {
    type Item = Result<RelayItem>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_item(cx)
    }
}

impl FusedStream for RelayStream {
    fn is_terminated(&self) -> bool {
        matches!(self.state, State::Closed) && self.incoming.is_empty() && self.breaking.is_none()
    }
}

impl fmt::Debug for RelayStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayStream")
            .field("chat_id", &self.target.chat_id)
            .field("last_event_id", &self.last_event_id())
            .field("resumes", &self.resumes.total())
            .finish_non_exhaustive()
    }
}
