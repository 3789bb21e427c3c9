//! Who answers requests of the agent while a stream is read.

use crate::error::Result;
use crate::event::{Permission, Question};
use crate::operations::{Answers, PermissionReply};
use crate::policy::attendance::{Policies, Policy};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Answering<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// How requests of the agent are handled while nothing iterates the stream.
#[derive(Default)]
pub(crate) enum Handler<Q, A> {
    /// [`ErrorKind::InputRequired`](crate::ErrorKind::InputRequired).
    #[default]
    Fail,
    /// Somebody else answers.
    Wait,
    /// This answers; `None`: it refuses.
    Ask(Arc<dyn Fn(Q) -> Answering<A> + Send + Sync>),
}

/// How requests of the agent are handled while waiting for a turn.
#[derive(Clone, Default)]
pub(crate) struct Handlers {
    pub(crate) question: Handler<Question, Option<Answers>>,
    pub(crate) permission: Handler<Permission, PermissionReply>,
}

impl<Q, A> Clone for Handler<Q, A> {
    fn clone(&self) -> Self {
        match self {
            Self::Fail => Self::Fail,
            Self::Wait => Self::Wait,
            Self::Ask(ask) => Self::Ask(ask.clone()),
        }
    }
}

impl<Q, A> Handler<Q, A> {
    fn policy(&self) -> Policy {
        match self {
            Self::Fail => Policy::Fail,
            Self::Wait => Policy::Wait,
            Self::Ask(_) => Policy::Ask,
        }
    }
}

impl Handlers {
    pub(crate) fn policies(&self) -> Policies {
        Policies { questions: self.question.policy(), permissions: self.permission.policy() }
    }
}
