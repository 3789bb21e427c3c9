//! What can be done about a turn while it streams, from anywhere.

use crate::chat::{Answers, Cancelled, Chats, PermissionReply};
use crate::error::Result;
use crate::http::{Call, Client};
use crate::id::{ChatId, RequestId, TurnId};
use futures_core::future::BoxFuture;
use std::collections::HashSet;
use std::fmt;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex, PoisonError};

/// Answers, refuses, allows and cancels for one turn, apart from its stream. Cheap to clone.
#[derive(Clone)]
pub struct TurnHandle {
    chats: Chats,
    chat_id: ChatId,
    turn_id: Option<TurnId>,
    /// What was answered here: it is open in the turn until the service says otherwise.
    answered: Arc<Mutex<HashSet<RequestId>>>,
}

impl TurnHandle {
    pub(crate) fn new(client: &Client, chat_id: ChatId) -> Self {
        Self { chats: client.chat(), chat_id, turn_id: None, answered: Arc::default() }
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
            reply.await?;
            handle.mark(&request_id);
            Ok(())
        })
    }

    pub(crate) fn mark(&self, request_id: &RequestId) {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).insert(request_id.clone());
    }

    pub(crate) fn is_answered(&self, request_id: &RequestId) -> bool {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).contains(request_id)
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
