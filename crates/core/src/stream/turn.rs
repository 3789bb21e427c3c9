//! The stream of a turn: iterator, handle, and the turn so far, in one object.

use super::attended::Attended;
use super::body::EventBody;
use super::foreign::Foreign;
use super::handle::TurnHandle;
use super::handlers::Handlers;
use super::inbox::Inbox;
use super::link::Link;
use super::state::{OnState, Resume, StreamState};
use super::turn_target::TurnTarget;
use crate::cursor::TurnCursor;
use crate::error::Error;
use crate::error::Result;
use crate::event::{Permission, Question};
use crate::http::{Client, Head, HeaderMap};
use crate::id::{ChatId, TurnId};
use crate::operations::{Answers, Cancelled, PermissionReply};
use crate::policy::resume::Resumes;
use crate::turn::Turn;
use futures_core::future::BoxFuture;
use std::fmt;
use std::sync::Arc;
use tokio::runtime::Handle;

/// A turn as it happens. Each event comes once and in order, however often the connection breaks; dropping the stream
/// closes its socket at once, and the turn goes on at the service unless `cancel_on_close` was asked for.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let mut stream = client.chat().respond("chat_1", "List the open points.").await?;
/// while let Some(event) = stream.try_next().await? {
///     print!("{}", event.text_delta().unwrap_or_default());
/// }
/// let turn = stream.result().await?;
/// println!("{} {:?}", turn.status, stream.cursor());
/// # Ok(())
/// # }
/// ```
pub struct TurnStream {
    pub(super) link: Link<TurnTarget>,
    /// Of the answer that opened the stream.
    pub(super) head: Head,
    pub(super) handle: TurnHandle,
    pub(super) inbox: Inbox,
    pub(super) attended: Attended,
    /// At a service without turn streams, if the caller requested it.
    pub(super) foreign: Option<Box<Foreign>>,
    pub(super) on_state: Option<OnState>,
    pub(super) end: End,
}

/// How a stream ends.
pub(super) struct End {
    /// Where closing the stream cancels its turn, by what: it goes on when the client is closed.
    canceller: Option<Client>,
    runtime: Handle,
    pub(super) by_caller: bool,
    /// The error that ended the stream.
    pub(super) failure: Option<Error>,
}

/// The options of a stream.
#[derive(Default)]
pub(crate) struct Wishes {
    pub(crate) handlers: Handlers,
    pub(crate) on_state: Option<OnState>,
    pub(crate) resume: Resume,
    pub(crate) foreign: Option<Foreign>,
    /// See [`Respond::cancel_on_close`](crate::chat::Respond::cancel_on_close).
    pub(crate) canceller: Option<Client>,
}

impl TurnStream {
    /// A stream over an open body.
    pub(crate) fn over(target: TurnTarget, body: EventBody, wishes: Wishes) -> Self {
        // The numbers of our service have no holes, and its broken turns can be taken up.
        let ours = body.header("turnwire-contract").is_some();
        let mut handle = TurnHandle::new(&target.client, target.chat_id.clone());
        let mut inbox = Inbox::new(ours);
        if let Some(turn_id) = body.header("turnwire-turn-id") {
            handle.set_turn(TurnId::from(turn_id));
            inbox.reader.expect(TurnId::from(turn_id));
        }
        let resumes = if ours && wishes.resume != Resume::Off { Resumes::new() } else { Resumes::none() };
        let deadline = target.clocks.deadline;
        Self {
            head: body.head().clone(),
            link: Link::new(target, Some(body), resumes, deadline),
            handle,
            inbox,
            attended: Attended::by(wishes.handlers),
            foreign: wishes.foreign.filter(|_| !ours).map(Box::new),
            on_state: wishes.on_state,
            end: End { canceller: wishes.canceller, runtime: Handle::current(), by_caller: false, failure: None },
        }
    }

    /// The turn so far: the fold of the events read.
    pub fn snapshot(&self) -> &Turn {
        self.inbox.reader.turn()
    }

    /// Where to go on after the last event handed out, fit to be stored; see [`Chats::resume`](crate::chat::Chats::resume).
    /// `None` before the first event.
    pub fn cursor(&self) -> Option<TurnCursor> {
        self.cursor_after(self.inbox.delivered)
    }

    /// Where to go on after the event of this number.
    pub fn cursor_after(&self, seq: u64) -> Option<TurnCursor> {
        Some(TurnCursor::new(self.chat_id(), self.turn_id()?, seq.max(self.inbox.resumed_after)))
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

    /// Closes the socket at once. The stream delivers nothing more.
    pub fn close(&mut self) {
        self.end.by_caller |= !self.is_shut();
        self.inbox.backlog.clear();
        self.inbox.incoming.clear();
        self.attended.stop();
        self.shut();
    }

    /// Called from now on when the connection breaks and when it has been taken up, as
    /// [`Respond::on_state`](crate::chat::Respond::on_state) is. It must not block.
    pub fn set_on_state(&mut self, callback: impl Fn(&StreamState) + Send + Sync + 'static) {
        self.on_state = Some(Arc::new(callback));
    }

    /// For a caller that has failed: what to [abandon](TurnHandle::abandon) the turn by, where closing the stream is to
    /// cancel it. It is given once.
    // For the bindings, whose garbage collectors close a stream where nothing can be awaited.
    #[doc(hidden)]
    pub fn give_up(&mut self) -> Option<TurnHandle> {
        (self.end.canceller.take().is_some() && !self.snapshot().ended).then(|| self.handle())
    }

    /// Tells of a change of the connection.
    pub(super) fn tell_state(&self, state: &StreamState) {
        if let Some(on_state) = &self.on_state {
            on_state(state);
        }
    }

    /// An error with the turn and the cursor of a stream.
    pub(super) fn with_context(&self, error: Error) -> Error {
        error.with_turn(self.snapshot().clone()).with_cursor(self.cursor_after(self.inbox.reader.last_seq()))
    }

    /// Whether nothing more comes over any connection.
    pub(super) fn is_shut(&self) -> bool {
        self.link.is_closed() && !self.foreign.as_ref().is_some_and(|foreign| foreign.is_taken())
    }

    /// Closes the sockets, and cancels the turn if the caller requested that.
    pub(super) fn shut(&mut self) {
        self.link.close();
        self.foreign = None;
        // Once, also where an error had closed the socket before.
        let canceller = self.end.canceller.take().filter(|_| !self.inbox.reader.ended());
        if let Some(client) = canceller {
            let handle = self.handle.through(&client);
            self.end.runtime.spawn(async move {
                if let Err(error) = handle.cancel().await {
                    tracing::warn!(%error, "the turn of a closed stream could not be cancelled");
                }
            });
        }
    }
}

impl Drop for TurnStream {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for TurnStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.foreign.as_ref().and_then(|foreign| foreign.state()).unwrap_or(self.link.state());
        f.debug_struct("TurnStream")
            .field("chat_id", &self.chat_id())
            .field("turn_id", &self.turn_id())
            .field("state", &state)
            .field("last_seq", &self.inbox.reader.last_seq())
            .field("resumes", &self.resumes())
            .finish_non_exhaustive()
    }
}
