//! Drives a turn's stream: delivers events, and resumes when the connection breaks.

use super::inbox::Gap;
use super::link::{Break, Moved};
use super::state::StreamState;
use super::turn::TurnStream;
use super::turn_target::{TurnPlace, incomplete, read_frame};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::id::TurnId;
use futures_core::{FusedStream, Stream};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

impl TurnStream {
    /// The next event; `None` once the turn has ended. An error ends the stream.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// The next event, for `while let Some(event) = stream.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<Event>> {
        poll_fn(|cx| self.poll_event(cx).map(Option::transpose)).await
    }

    /// The next event. An error is the last item.
    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let polled = match self.inbox.backlog.pop() {
            Some(kept) => Poll::Ready(Some(kept)),
            None => self.poll_fresh(cx),
        };
        if let Poll::Ready(Some(Ok(event))) = &polled {
            self.inbox.delivered = self.inbox.delivered.max(event.seq);
        }
        polled
    }

    /// The next event that no result has met before.
    pub(super) fn poll_fresh(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            if let Some(event) = self.inbox.reader.take_held() {
                return Poll::Ready(Some(Ok(event)));
            }
            match self.inbox.next(&mut self.handle) {
                Ok(Some(event)) => {
                    if let Some(foreign) = &mut self.foreign {
                        foreign.note(&event);
                    }
                    self.link.progress();
                    return Poll::Ready(Some(Ok(event)));
                }
                Ok(None) => {}
                Err(Gap) => {
                    let error = Error::new("connection_lost", "The stream left events out.");
                    self.link.break_off(Break::Lost(Some(error)));
                }
            }
            if self.inbox.reader.ended() {
                self.finish(cx);
                return Poll::Ready(None);
            }
            match self.poll_connection(cx) {
                Poll::Ready(Ok(Moved::Read)) => {}
                Poll::Ready(Ok(Moved::Resumed)) => self.tell_state(&StreamState::Resumed),
                Poll::Ready(Ok(Moved::Closed)) => return Poll::Ready(None),
                Poll::Ready(Err(what)) => {
                    if let Err(error) = self.repair(what) {
                        return Poll::Ready(Some(Err(self.fail(error))));
                    }
                }
                Poll::Pending => {
                    if let Some(event) = self.poll_still_asked(cx) {
                        return Poll::Ready(Some(Ok(event)));
                    }
                    if let Poll::Ready(error) = self.attended.poll(cx, &self.handle, &self.inbox.reader.turn().requests)
                    {
                        return Poll::Ready(Some(Err(error)));
                    }
                    return match self.link.poll_deadline(cx) {
                        Poll::Pending => Poll::Pending,
                        Poll::Ready(error) => Poll::Ready(Some(Err(self.fail(error)))),
                    };
                }
            }
        }
    }

    /// Drives whichever connection carries the turn.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<Result<Moved, Break>> {
        let inbox = &mut self.inbox;
        if let Some(foreign) = &mut self.foreign {
            if foreign.is_taken() {
                let reader = &inbox.reader;
                return foreign.poll(cx, reader.turn(), reader.last_seq(), &mut inbox.incoming);
            }
            if self.link.body().is_some() {
                foreign.watch(cx);
            }
        }
        let asking = !inbox.reader.turn().requests.is_empty();
        self.link.poll(cx, |body, cx| {
            body.poll_read(cx, asking, |frame| {
                if let Some(event) = read_frame(&mut inbox.ids, &frame)? {
                    inbox.incoming.push_back(event);
                }
                Ok(())
            })
        })
    }

    /// The requests that were open when the stream was resumed.
    fn poll_still_asked(&mut self, cx: &mut Context<'_>) -> Option<Event> {
        let inbox = &mut self.inbox;
        if inbox.reader.last_seq() < inbox.resumed_after || !inbox.reader.may_still_ask() {
            self.attended.checked();
            return None;
        }
        let turn_id = self.handle.turn_id()?;
        self.attended.poll_still_asked(cx, self.link.target(), turn_id, &mut inbox.reader)
    }

    /// Handles a broken connection: begins to resume the turn, or returns an error.
    fn repair(&mut self, what: Break) -> Result<()> {
        if self.inbox.take_unclaimed(!matches!(what, Break::Lost(None))) {
            // They are delivered first.
            self.link.break_off(what);
            return Ok(());
        }
        let cause = match what {
            Break::Fatal(error) => return Err(error),
            Break::Lost(cause) => cause,
        };
        if let Some(foreign) = &mut self.foreign
            && foreign.take_up(self.link.target())
        {
            let chat_id = self.chat_id().as_str();
            tracing::debug!(chat_id, "the connection of a turn broke; taking it up through the relay");
            self.tell_state(&resuming(1, Duration::ZERO, cause.as_ref()));
            return Ok(());
        }
        let Some(turn_id) = self.handle.turn_id().cloned() else { return Err(incomplete(cause)) };
        let after = self.inbox.reader.last_seq();
        let Some(attempt) = self.link.take_up(TurnPlace { turn_id, after }) else { return Err(incomplete(cause)) };
        tracing::debug!(
            turn_id = self.turn_id().map(TurnId::as_str),
            after,
            wait = ?attempt.wait,
            cause = cause.as_ref().map_or("end of the stream", Error::code),
            "the connection of a turn broke; taking it up again"
        );
        self.tell_state(&resuming(attempt.number, attempt.wait, cause.as_ref()));
        Ok(())
    }

    /// Ends the stream with an error.
    fn fail(&mut self, error: Error) -> Error {
        let error = self.with_context(error);
        self.end.failure = Some(error.clone());
        self.inbox.incoming.clear();
        self.shut();
        error
    }

    /// Ends the stream after its last event.
    fn finish(&mut self, cx: &mut Context<'_>) {
        self.inbox.incoming.clear();
        if let Some(body) = self.link.body() {
            body.poll_end(cx);
        }
        self.link.close();
        self.foreign = None;
    }
}

fn resuming(attempt: u32, wait: Duration, cause: Option<&Error>) -> StreamState {
    StreamState::Resuming { attempt, wait, cause: cause.map_or("end", Error::code).to_owned() }
}

impl Stream for TurnStream {
    type Item = Result<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_event(cx)
    }
}

impl FusedStream for TurnStream {
    fn is_terminated(&self) -> bool {
        self.is_shut() && self.inbox.backlog.is_empty() && self.inbox.incoming.is_empty()
    }
}
