//! Requests of the agent during a turn: who answers them, and whether they are still open.

use super::exclusive::Exclusive;
use super::handle::TurnHandle;
use super::handlers::{Handler, Handlers};
use super::reader::Reader;
use super::turn_target::TurnTarget;
use crate::error::{Error, Result};
use crate::event::{Event, InputRequest};
use crate::http::RequestOptions;
use crate::id::TurnId;
use crate::operations::Chats;
use crate::policy::attendance::Duty;
use crate::turn::Turn;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A handler at work, and the reply it sends.
type Attending = Exclusive<Pin<Box<dyn Future<Output = Result<()>> + Send>>>;
/// The turn as the service has it.
type Checking = Exclusive<Pin<Box<dyn Future<Output = Result<Turn>> + Send>>>;

/// The requests of a turn on its reader's side.
#[derive(Default)]
pub(super) struct Attended {
    handlers: Handlers,
    at_work: Option<Attending>,
    /// Whether what was asked before the cursor still is, being found out.
    checking: Option<Checking>,
}

impl Attended {
    pub(super) fn by(handlers: Handlers) -> Self {
        Self { handlers, ..Self::default() }
    }

    /// Stops what is under way.
    pub(super) fn stop(&mut self) {
        self.at_work = None;
        self.checking = None;
    }

    /// Lets handlers answer what is open. Ready: one of them failed.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, handle: &TurnHandle, open: &[InputRequest]) -> Poll<Error> {
        loop {
            if let Some(at_work) = &mut self.at_work {
                let attended = ready!(at_work.get().as_mut().poll(cx));
                self.at_work = None;
                match attended {
                    Ok(()) => continue,
                    Err(error) => return Poll::Ready(error),
                }
            }
            // Nearly always, and then nobody else's lock is needed to know.
            if open.is_empty() {
                return Poll::Pending;
            }
            let Duty::Ask(request) = handle.attend(open, self.handlers.policies()) else { return Poll::Pending };
            let attending = attend(handle.clone(), request, self.handlers.clone());
            self.at_work = Some(Exclusive::new(Box::pin(attending)));
        }
    }

    /// Whether the agent waits for an answer that nobody is there to give.
    pub(super) fn waits_in_vain(&self, handle: &TurnHandle, open: &[InputRequest]) -> bool {
        !open.is_empty() && handle.waits_in_vain(open, self.handlers.policies())
    }

    /// What is still asked where the stream was resumed. The service is asked whether it is: the answer may be on its way.
    pub(super) fn poll_still_asked(
        &mut self,
        cx: &mut Context<'_>,
        target: &TurnTarget,
        turn_id: &TurnId,
        reader: &mut Reader,
    ) -> Option<Event> {
        let checking = self.checking.get_or_insert_with(|| {
            let TurnTarget { client, options, chat_id, .. } = target;
            let options = RequestOptions { idempotency_key: None, body: serde_json::Map::default(), ..options.clone() };
            let turn = Chats::new(client.clone()).turns().retrieve(chat_id, turn_id).options(options);
            Exclusive::new(Box::pin(turn.into_future()))
        });
        let Poll::Ready(turn) = checking.get().as_mut().poll(cx) else { return None };
        self.checking = None;
        // Rather asked once too often than never.
        let open = turn.ok().map(|turn| turn.requests);
        reader.still_asked(open.as_deref())
    }

    /// Nothing is left to be found out.
    pub(super) fn checked(&mut self) {
        self.checking = None;
    }
}

/// Lets the handler of a request answer it.
async fn attend(handle: TurnHandle, request: InputRequest, handlers: Handlers) -> Result<()> {
    let id = request.request_id().clone();
    let replied = match request {
        InputRequest::Question(question) => match &handlers.question {
            Handler::Ask(ask) => match ask(question).await {
                Ok(Some(answers)) => handle.answer(&id, answers).await,
                Ok(None) => handle.reject(&id).await,
                Err(error) => Err(error),
            },
            _ => Ok(()),
        },
        InputRequest::Permission(permission) => match &handlers.permission {
            Handler::Ask(ask) => match ask(permission).await {
                Ok(reply) => handle.allow(&id, reply).await,
                Err(error) => Err(error),
            },
            _ => Ok(()),
        },
    };
    if replied.is_err() {
        handle.retract(&id);
    }
    replied
}
