//! The end of a turn: its value, or why there is none.

use super::handle::TurnHandle;
use super::turn::TurnStream;
use crate::chat::{Handler, Handlers};
use crate::error::{Error, ErrorKind, Result};
use crate::event::InputRequest;
use crate::turn::Turn;
use std::future::poll_fn;
use std::task::Poll;

/// What a reader that waits for the end meets.
enum Met {
    End,
    Event,
    Failed(Error),
    /// The agent waits, and nothing more comes until it is answered.
    Asked(Vec<InputRequest>),
}

impl TurnStream {
    /// Reads to the end and gives the ended turn.
    ///
    /// # Errors
    /// [`ErrorKind::TurnFailed`] for a turn that ended as `failed` or `interrupted`; [`ErrorKind::InputRequired`] where
    /// the agent waits for an answer (answer it and call this again); and what the stream itself ends with.
    pub async fn result(&mut self) -> Result<Turn> {
        self.result_with(&Handlers::default()).await
    }

    pub(crate) async fn result_with(&mut self, handlers: &Handlers) -> Result<Turn> {
        loop {
            match self.meet(handlers).await {
                Met::Event => {}
                Met::End => return self.outcome(),
                Met::Failed(error) => return Err(error),
                Met::Asked(requests) => {
                    for request in requests {
                        let unattended = self.required();
                        attend(self.handle(), request, handlers, unattended).await?;
                    }
                }
            }
        }
    }

    async fn meet(&mut self, handlers: &Handlers) -> Met {
        poll_fn(|cx| match self.poll_event(cx) {
            Poll::Ready(None) => Poll::Ready(Met::End),
            Poll::Ready(Some(Ok(_))) => Poll::Ready(Met::Event),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Met::Failed(error)),
            Poll::Pending => {
                let mut open = self.unanswered();
                open.retain(|request| match request {
                    InputRequest::Question(_) => !matches!(handlers.question, Handler::Wait),
                    InputRequest::Permission(_) => !matches!(handlers.permission, Handler::Wait),
                });
                if open.is_empty() { Poll::Pending } else { Poll::Ready(Met::Asked(open)) }
            }
        })
        .await
    }

    /// The open requests that were not answered through this stream.
    fn unanswered(&self) -> Vec<InputRequest> {
        let requests = &self.snapshot().requests;
        requests.iter().filter(|request| !self.handle.is_answered(request.request_id())).cloned().collect()
    }

    /// The error of a reader that waits for the end while the agent waits for an answer; `None`: it does not.
    pub fn input_required(&self) -> Option<Error> {
        if self.unanswered().is_empty() { None } else { Some(self.required()) }
    }

    fn required(&self) -> Error {
        self.with_context(Error::new(
            "input_required",
            "The agent waits for an answer; answer it while you read the events, or say beforehand who answers questions and permissions.",
        ))
    }

    /// The turn as a stream that has ended gives it: the value, or the error of a turn that failed or is not whole.
    pub fn outcome(&self) -> Result<Turn> {
        let turn = self.snapshot();
        if !turn.ended {
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

/// Lets the handler of a request answer it; `unattended` is the error where there is none.
async fn attend(handle: TurnHandle, request: InputRequest, handlers: &Handlers, unattended: Error) -> Result<()> {
    let id = request.request_id().clone();
    let replied = match request {
        InputRequest::Question(question) => match &handlers.question {
            Handler::Ask(ask) => match ask(question).await? {
                Some(answers) => handle.answer(&id, answers).await,
                None => handle.reject(&id).await,
            },
            _ => return Err(unattended),
        },
        InputRequest::Permission(permission) => match &handlers.permission {
            Handler::Ask(ask) => handle.allow(&id, ask(permission).await?).await,
            _ => return Err(unattended),
        },
    };
    match replied {
        // Somebody else was faster.
        Err(error) if error.kind() == ErrorKind::NotFound => {
            handle.mark(&id);
            Ok(())
        }
        other => other,
    }
}
