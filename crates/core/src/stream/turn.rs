//! The stream of a turn: iterator, handle, and the turn so far, in one object.

use super::body::EventBody;
use super::cursor::TurnCursor;
use super::driver::{Break, Checking, State};
use super::handle::TurnHandle;
use super::handlers::Handlers;
use super::kept::Kept;
use super::quiet::Quiet;
use super::reader::Reader;
use super::reconcile::StatusLog;
use super::relayed::Anchor;
use super::result::Attending;
use super::state::{OnState, Resume, StreamState};
use crate::error::{Error, Result};
use crate::event::{Event, Ids, Permission, Question};
use crate::http::{Client, Clocks, RequestOptions};
use crate::id::{ChatId, TurnId};
use crate::operations::{Answers, Cancelled, PermissionReply};
use crate::policy::resume::Resumes;
use crate::turn::Turn;
use futures_core::future::BoxFuture;
use futures_core::{FusedStream, Stream};
use reqwest::header::HeaderMap;
use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep};

/// A turn as it happens. Each event comes once and in order, however often the connection breaks; dropping the stream
/// closes its socket at once, and the turn goes on at the service unless `cancel_on_close` was asked for.
pub struct TurnStream {
    pub(super) client: Client,
    pub(super) options: RequestOptions,
    pub(super) clocks: Clocks,
    pub(super) handle: TurnHandle,
    pub(super) status: u16,
    pub(super) request_id: Option<String>,
    pub(super) headers: HeaderMap,
    pub(super) reader: Reader,
    pub(super) ids: Ids,
    /// Decoded, not yet read.
    pub(super) incoming: VecDeque<Event>,
    /// What is wrong with the connection, dealt with once `incoming` is empty.
    pub(super) breaking: Option<Break>,
    pub(super) state: State,
    pub(super) resumes: Resumes,
    pub(super) last_progress: Instant,
    pub(super) resume: Resume,
    /// Where the turn begins in the relay, where that is the way to take it up.
    pub(super) anchor: Option<Anchor>,
    pub(super) statuses: StatusLog,
    /// Events up to this number were told by another stream: folded here, not told.
    pub(super) told: u64,
    /// The number of the last event that was handed to a reader.
    pub(super) delivered: u64,
    /// What a result has read, for whoever iterates after it.
    pub(super) kept: Kept<Event>,
    /// Whether the numbers of this service have no holes, and broken turns can be taken up.
    pub(super) ours: bool,
    /// Who answers what the agent asks, and the one at work.
    pub(super) handlers: Handlers,
    pub(super) attending: Option<Attending>,
    /// Whether what was asked before the cursor still is, being found out.
    pub(super) checking: Option<Checking>,
    pub(super) on_state: Option<OnState>,
    /// Where closing the stream cancels its turn, by what: it goes on when the client is closed.
    pub(super) canceller: Option<Client>,
    pub(super) deadline: Option<Quiet<Sleep>>,
    pub(super) closed_by_caller: bool,
    /// The error that ended the stream.
    pub(super) failure: Option<Error>,
    pub(super) runtime: Handle,
}

impl TurnStream {
    /// A stream over an open body.
    pub(super) fn over(
        client: Client,
        options: RequestOptions,
        clocks: Clocks,
        chat_id: ChatId,
        body: EventBody,
    ) -> Self {
        let mut handle = TurnHandle::new(&client, chat_id);
        let mut reader = Reader::default();
        if let Some(turn_id) = body.header("turnwire-turn-id") {
            handle.set_turn(TurnId::from(turn_id));
            reader.expect(TurnId::from(turn_id));
        }
        Self {
            ours: body.header("turnwire-contract").is_some(),
            status: body.status(),
            request_id: body.request_id().map(str::to_owned),
            headers: body.headers().clone(),
            deadline: clocks.deadline.map(|deadline| Quiet::new(tokio::time::sleep_until(deadline))),
            handle,
            client,
            options,
            clocks,
            reader,
            ids: Ids::default(),
            incoming: VecDeque::new(),
            breaking: None,
            state: State::Open(Box::new(body)),
            resumes: Resumes::new(),
            last_progress: Instant::now(),
            resume: Resume::default(),
            anchor: None,
            statuses: StatusLog::default(),
            told: 0,
            delivered: 0,
            kept: Kept::default(),
            handlers: Handlers::default(),
            attending: None,
            checking: None,
            on_state: None,
            canceller: None,
            closed_by_caller: false,
            failure: None,
            runtime: Handle::current(),
        }
    }

    /// The next event; `None` once the turn has ended. An error ends the stream.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The next event, for `while let Some(event) = stream.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<Event>> {
        poll_fn(|cx| self.poll_event(cx).map(Option::transpose)).await
    }

    /// The turn so far: the fold of the events read.
    pub fn snapshot(&self) -> &Turn {
        self.reader.turn()
    }

    /// Where to go on after the last event handed out, fit to be stored; see [`Chats::resume`](crate::chat::Chats::resume).
    /// `None` before the first event.
    pub fn cursor(&self) -> Option<String> {
        self.cursor_after(self.delivered)
    }

    /// Where to go on after the event of this number.
    pub fn cursor_after(&self, seq: u64) -> Option<String> {
        let (turn_id, seq) = (self.turn_id()?.clone(), seq.max(self.told));
        Some(TurnCursor { chat_id: self.chat_id().clone(), turn_id, seq }.encode())
    }

    /// The turn, once it is known.
    pub fn turn_id(&self) -> Option<&TurnId> {
        self.handle.turn_id()
    }

    /// The chat.
    pub fn chat_id(&self) -> &ChatId {
        self.handle.chat_id()
    }

    /// The HTTP status of the answer that opened the stream.
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

    /// Answers, refuses, allows and cancels, apart from the stream.
    pub fn handle(&self) -> TurnHandle {
        self.handle.clone()
    }

    /// Answers a question: one list of labels (or free text) for each question in it.
    pub fn answer(&self, question: &Question, answers: impl Into<Answers>) -> BoxFuture<'static, Result<()>> {
        self.handle.answer(&question.request_id, answers)
    }

    /// Refuses a question (our server).
    pub fn reject(&self, question: &Question) -> BoxFuture<'static, Result<()>> {
        self.handle.reject(&question.request_id)
    }

    /// Answers a permission (our server).
    pub fn allow(&self, permission: &Permission, reply: PermissionReply) -> BoxFuture<'static, Result<()>> {
        self.handle.allow(&permission.request_id, reply)
    }

    /// Cancels this turn. Its last events still come.
    pub fn cancel(&self) -> BoxFuture<'static, Result<Cancelled>> {
        self.handle.cancel()
    }

    /// Closes the socket at once. The stream gives nothing more.
    pub fn close(&mut self) {
        if !matches!(self.state, State::Closed) {
            self.closed_by_caller = true;
        }
        self.kept.clear();
        self.attending = None;
        self.checking = None;
        self.incoming.clear();
        self.breaking = None;
        self.shut();
    }

    /// The text of all root answers as it comes, an empty line between two parts. Its end raises what
    /// [`TurnStream::result`] raises.
    pub fn text_stream(&mut self) -> TextStream<'_> {
        TextStream { stream: self, part: None, ended: false }
    }

    /// Called from now on when the connection breaks and when it has been taken up, as
    /// [`Respond::on_state`](crate::chat::Respond::on_state) is. It must not block.
    pub fn set_on_state(&mut self, tell: impl Fn(&StreamState) + Send + Sync + 'static) {
        self.on_state = Some(Arc::new(tell));
    }

    /// Tells of a change of the connection.
    pub(super) fn tell_state(&mut self, state: &StreamState) {
        if let Some(on_state) = &self.on_state {
            on_state(state);
        }
    }

    /// An error with what a stream knows.
    pub(super) fn with_context(&self, error: Error) -> Error {
        error.with_turn(self.snapshot().clone()).with_cursor(self.cursor_after(self.reader.last_seq()))
    }
}

impl Stream for TurnStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl FusedStream for TurnStream {
    fn is_terminated(&self) -> bool {
        let empty = self.kept.is_empty() && self.incoming.is_empty();
        matches!(self.state, State::Closed) && empty && self.breaking.is_none()
    }
}

impl Drop for TurnStream {
    fn drop(&mut self) {
        self.close();
    }
}

/// The text of a turn, see [`TurnStream::text_stream`].
pub struct TextStream<'a> {
    stream: &'a mut TurnStream,
    part: Option<crate::PartId>,
    ended: bool,
}

impl TextStream<'_> {
    /// The next piece of text.
    pub async fn next(&mut self) -> Option<Result<String>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next piece of text, for `while let Some(text) = texts.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<String>> {
        self.next().await.transpose()
    }
}

impl Stream for TextStream<'_> {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match self.stream.poll_event(cx) {
                Poll::Pending => {
                    let Some(error) = self.stream.input_required() else { return Poll::Pending };
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    self.ended = true;
                    return Poll::Ready(self.stream.outcome().err().map(Err));
                }
                Poll::Ready(Some(Ok(event))) => {
                    let crate::EventKind::PartDelta(delta) = &event.kind else { continue };
                    let Some(text) = event.text_delta().filter(|text| !text.is_empty()) else { continue };
                    let another = self.part.as_ref().is_some_and(|part| *part != delta.part_id);
                    let piece = if another { format!("\n\n{text}") } else { text.to_owned() };
                    self.part = Some(delta.part_id.clone());
                    return Poll::Ready(Some(Ok(piece)));
                }
            }
        }
    }
}

impl fmt::Debug for TextStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}

impl fmt::Debug for TurnStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnStream")
            .field("chat_id", &self.chat_id())
            .field("turn_id", &self.turn_id())
            .field("state", &self.state.name())
            .field("last_seq", &self.reader.last_seq())
            .field("resumes", &self.resumes.total())
            .finish_non_exhaustive()
    }
}
