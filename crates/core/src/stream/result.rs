//! The end of a turn: its value, or why there is none.

use super::turn::TurnStream;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::turn::Turn;
use std::future::poll_fn;
use std::task::{Context, Poll};

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
            self.inbox.backlog.push(event.clone(), weight(&event));
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

    /// The next event that no result has read; if the agent waits for an answer without a handler, that is an error.
    fn poll_attended(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        match self.poll_fresh(cx) {
            Poll::Pending => self.input_required().map_or(Poll::Pending, |error| Poll::Ready(Some(Err(error)))),
            ready @ Poll::Ready(_) => ready,
        }
    }

    /// The error of a reader that waits for the end while the agent waits for an answer that nobody is there to give;
    /// `None`: it does not.
    pub fn input_required(&self) -> Option<Error> {
        let in_vain = self.attended.waits_in_vain(&self.handle, &self.snapshot().requests);
        in_vain.then(|| self.required())
    }

    /// The error of [`TurnStream::input_required`].
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
            if let Some(error) = &self.end.failure {
                return Err(error.clone());
            }
            let error = if self.end.by_caller {
                Error::new("aborted", "The stream was closed before the turn ended.")
            } else {
                Error::new("incomplete_turn", "The stream ended before the turn; what came so far is in `turn`.")
            };
            return Err(self.with_context(error));
        }
        if turn.has_failed() { Err(Error::turn_failed(turn.clone())) } else { Ok(turn.clone()) }
    }
}

/// The approximate size of an event in memory.
pub(super) fn weight(event: &Event) -> usize {
    event.raw().map_or(256, str::len) + size_of::<Event>()
}
