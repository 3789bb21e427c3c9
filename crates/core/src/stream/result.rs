//! The end of a turn: its value, or why there is none; and what the agent asks on the way.

use super::exclusive::Exclusive;
use super::handle::TurnHandle;
use super::handlers::{Handler, Handlers};
use super::turn::TurnStream;
use crate::error::{Error, Result};
use crate::event::{Event, InputRequest};
use crate::policy::attendance::Duty;
use crate::turn::Turn;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A handler at work, and the reply it sends.
pub(super) type Attending = Exclusive<Pin<Box<dyn Future<Output = Result<()>> + Send>>>;

impl TurnStream {
    /// Reads to the end and gives the ended turn. It takes nothing away: what it reads on its way is still there for whoever
    /// iterates afterwards, also where this future is dropped before the end.
    ///
    /// # Errors
    /// [`ErrorKind::TurnFailed`](crate::ErrorKind::TurnFailed) for a turn that ended as `failed` or `interrupted`;
    /// [`ErrorKind::InputRequired`](crate::ErrorKind::InputRequired) where the agent waits for an answer (answer it and call
    /// this again); and what the stream itself ends with.
    pub async fn result(&mut self) -> Result<Turn> {
        while let Some(event) = poll_fn(|cx| self.poll_attended(cx)).await {
            let event = event?;
            self.kept.push(event.clone(), weight(&event));
        }
        self.outcome()
    }

    /// [`TurnStream::result`] for whoever never looks at the events.
    pub(crate) async fn settle(&mut self) -> Result<Turn> {
        while let Some(event) = poll_fn(|cx| self.poll_attended(cx)).await {
            event?;
        }
        self.outcome()
    }

    /// Cancels the turn of a caller that has failed, where that is wanted.
    pub(crate) async fn abandon(&mut self) {
        if let Some(handle) = self.give_up() {
            handle.abandon().await;
        }
    }

    /// For a caller that has failed: what to [abandon](TurnHandle::abandon) the turn by, where closing the stream is to
    /// cancel it. It is given once.
    pub fn give_up(&mut self) -> Option<TurnHandle> {
        (self.canceller.take().is_some() && !self.snapshot().ended).then(|| self.handle())
    }

    /// The next event that no result has met; where the agent waits and nobody is there to answer, that is an error.
    fn poll_attended(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        match self.poll_fresh(cx) {
            Poll::Pending => self.input_required().map_or(Poll::Pending, |error| Poll::Ready(Some(Err(error)))),
            ready @ Poll::Ready(_) => ready,
        }
    }

    /// Lets handlers answer what is open. Ready: one of them failed.
    pub(super) fn poll_handlers(&mut self, cx: &mut Context<'_>) -> Poll<Error> {
        loop {
            if let Some(attending) = &mut self.attending {
                let attended = ready!(attending.get().as_mut().poll(cx));
                self.attending = None;
                match attended {
                    Ok(()) => continue,
                    Err(error) => return Poll::Ready(error),
                }
            }
            match self.duty() {
                Duty::Ask(request) => {
                    let attending = attend(self.handle(), request, self.handlers.clone());
                    self.attending = Some(Exclusive::new(Box::pin(attending)));
                }
                _ => return Poll::Pending,
            }
        }
    }

    fn duty(&self) -> Duty {
        // Nearly always, and then nobody else's lock is needed to know.
        if self.snapshot().requests.is_empty() {
            return Duty::ReadOn;
        }
        self.handle.attend(&self.snapshot().requests, self.handlers.policies())
    }

    /// The error of a reader that waits for the end while the agent waits for an answer that nobody is there to give;
    /// `None`: it does not.
    pub fn input_required(&self) -> Option<Error> {
        let open = &self.snapshot().requests;
        let in_vain = !open.is_empty() && self.handle.waits_in_vain(open, self.handlers.policies());
        in_vain.then(|| self.required())
    }

    /// The error of [`TurnStream::input_required`], whoever found that out.
    pub fn required(&self) -> Error {
        self.with_context(Error::new(
            "input_required",
            "The agent waits for an answer; answer it while you read the events, or say beforehand who answers questions and permissions.",
        ))
    }

    /// The turn as a stream that has ended gives it: the value, or the error of a turn that failed or is not whole.
    pub fn outcome(&self) -> Result<Turn> {
        let turn = self.snapshot();
        if !turn.ended {
            if let Some(error) = &self.failure {
                return Err(error.clone());
            }
            let error = if self.closed_by_caller {
                Error::new("aborted", "The stream was closed before the turn ended.")
            } else {
                Error::new("incomplete_turn", "The stream ended before the turn; what came so far is in `turn`.")
            };
            return Err(self.with_context(error));
        }
        if turn.has_failed() { Err(Error::turn_failed(turn.clone())) } else { Ok(turn.clone()) }
    }
}

/// About how much room an event takes.
pub(super) fn weight(event: &Event) -> usize {
    event.raw().map_or(256, str::len) + size_of::<Event>()
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
