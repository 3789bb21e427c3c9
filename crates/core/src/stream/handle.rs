//! Control of a running turn, from any task.

use crate::error::{ErrorKind, Result};
use crate::event::InputRequest;
use crate::http::{Call, Client};
use crate::id::{ChatId, RequestId, TurnId};
use crate::operations::{Answers, Cancelled, Chats, PermissionReply};
use crate::policy::attendance::{Attendance, Duty, Policies};
use futures_core::future::BoxFuture;
use std::collections::HashSet;
use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::timeout;

/// How long a caller that fails waits for the word that its turn was cancelled.
const ABANDON: Duration = Duration::from_secs(3);

/// Answers, refuses, allows and cancels for one turn, apart from its stream. Cheap to clone.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let mut stream = client.chat().respond("chat_1", "Count to a million.").await?;
/// let handle = stream.handle();
/// let turn = tokio::join!(stream.result(), async move { handle.cancel().await }).0?;
/// # let _ = turn;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct TurnHandle {
    chats: Chats,
    chat_id: ChatId,
    turn_id: Option<TurnId>,
    requests: Arc<Mutex<Requests>>,
}

/// What is known of the turn's requests beside the turn itself.
#[derive(Debug, Default)]
struct Requests {
    attendance: Attendance,
    /// The requests of this turn: answering one of them too late is not an error.
    met: HashSet<RequestId>,
}

impl TurnHandle {
    pub(crate) fn new(client: &Client, chat_id: ChatId) -> Self {
        Self { chats: client.chat(), chat_id, turn_id: None, requests: Arc::default() }
    }

    /// The same by another client.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self { chats: client.chat(), ..self.clone() }
    }

    pub(crate) fn set_turn(&mut self, turn_id: TurnId) {
        self.turn_id = Some(turn_id);
    }

    /// The chat.
    pub fn chat_id(&self) -> &ChatId {
        &self.chat_id
    }

    /// The turn, once it is known.
    pub fn turn_id(&self) -> Option<&TurnId> {
        self.turn_id.as_ref()
    }

    /// Answers a question: one list of labels (or free text) for each question in it.
    pub fn answer(&self, request_id: &RequestId, answers: impl Into<Answers>) -> BoxFuture<'static, Result<()>> {
        self.replied(request_id, self.chats.reply_to_question(&self.chat_id, request_id, answers))
    }

    /// Refuses a question (our server).
    pub fn reject(&self, request_id: &RequestId) -> BoxFuture<'static, Result<()>> {
        self.replied(request_id, self.chats.reject_question(&self.chat_id, request_id))
    }

    /// Answers a permission (our server).
    pub fn allow(&self, request_id: &RequestId, reply: PermissionReply) -> BoxFuture<'static, Result<()>> {
        self.replied(request_id, self.chats.reply_to_permission(&self.chat_id, request_id, reply))
    }

    /// Cancels this turn, and no other where the service is ours.
    pub fn cancel(&self) -> BoxFuture<'static, Result<Cancelled>> {
        match &self.turn_id {
            Some(turn_id) => self.chats.cancel_turn(&self.chat_id, turn_id),
            None => self.chats.cancel(&self.chat_id),
        }
        .into_future()
    }

    fn replied(&self, request_id: &RequestId, reply: Call<()>) -> BoxFuture<'static, Result<()>> {
        let (handle, request_id) = (self.clone(), request_id.clone());
        Box::pin(async move {
            match reply.await {
                // Somebody else was faster; the events say what came of it.
                Err(error) if error.kind() == ErrorKind::NotFound && handle.requests().met.contains(&request_id) => {}
                replied => replied?,
            }
            handle.settle(&request_id);
            Ok(())
        })
    }

    fn requests(&self) -> MutexGuard<'_, Requests> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The turn has these requests open.
    pub(crate) fn met(&self, open: &[InputRequest]) {
        self.requests().met.extend(open.iter().map(|request| request.request_id().clone()));
    }

    pub(crate) fn settle(&self, request_id: &RequestId) {
        self.requests().attendance.settle(request_id);
    }

    /// Whether this request is still to be put to a handler; the one who asks does so.
    // For the bindings, whose handlers run in their own language.
    #[doc(hidden)]
    pub fn claim(&self, request_id: &RequestId) -> bool {
        self.requests().attendance.claim(request_id)
    }

    /// The handler of this request failed: the next reader gets it again.
    // For the bindings, whose handlers run in their own language.
    #[doc(hidden)]
    pub fn retract(&self, request_id: &RequestId) {
        self.requests().attendance.retract(request_id);
    }

    /// What to do about the requests that are open, each of which is put to a handler once, whoever asks.
    // For the bindings, whose handlers run in their own language.
    #[doc(hidden)]
    pub fn attend(&self, open: &[InputRequest], policies: Policies) -> Duty {
        self.requests().attendance.next(open, policies)
    }

    /// Whether the agent waits for an answer that nobody is there to give. Looking puts nothing to a handler.
    // For the bindings, whose handlers run in their own language.
    #[doc(hidden)]
    pub fn waits_in_vain(&self, open: &[InputRequest], policies: Policies) -> bool {
        self.requests().attendance.waits_in_vain(open, policies)
    }

    /// Cancels the turn of a caller that has failed, who does not care how that ends and waits for it a few seconds at
    /// most.
    // For the bindings, which cancel a turn whose caller failed.
    #[doc(hidden)]
    pub async fn abandon(self) {
        if let Ok(Err(error)) = timeout(ABANDON, self.cancel()).await {
            tracing::debug!(
                chat_id = self.chat_id.as_str(),
                code = error.code(),
                "a turn that was given up could not be cancelled"
            );
        }
    }
}

impl fmt::Debug for TurnHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TurnHandle")
            .field("chat_id", &self.chat_id)
            .field("turn_id", &self.turn_id)
            .finish_non_exhaustive()
    }
}
