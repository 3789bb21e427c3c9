//! What moves a turn's stream: the connection's states, and what happens when it breaks.

use super::body::{EventBody, is_final};
use super::exclusive::Exclusive;
use super::frame::{Payload, is_error, is_keep_alive, stream_error};
use super::reader::Read;
use super::relay::RelayStream;
use super::relayed::Replay;
use super::state::{Resume, StreamState};
use super::turn::TurnStream;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, Ids};
use crate::http::{Client, Clocks, Request, RequestOptions, total_timeout};
use crate::id::{ChatId, TurnId};
use crate::sse::{Decoder, Frame};
use crate::turn::Turn;
use reqwest::Method;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::sleep;

/// The largest event of a turn.
const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

type Reaching = Exclusive<Pin<Box<dyn Future<Output = Result<Option<RelayStream>>> + Send>>>;
/// The turn as the service has it.
pub(super) type Checking = Exclusive<Pin<Box<dyn Future<Output = Result<Turn>> + Send>>>;
type Opening = Exclusive<Pin<Box<dyn Future<Output = Result<EventBody>> + Send>>>;

/// Where the connection stands.
pub(super) enum State {
    /// Events come.
    Open(Box<EventBody>),
    /// Being taken up again: waiting, or asking.
    Opening(Opening),
    /// About to be taken up through the relay.
    Reaching(Reaching),
    /// Taken up through the relay.
    Relayed(Box<Replay>),
    /// Nothing more comes.
    Closed,
}

impl State {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "open",
            Self::Opening(_) | Self::Reaching(_) => "resuming",
            Self::Relayed(_) => "relayed",
            Self::Closed => "closed",
        }
    }
}

/// What is wrong with a connection.
pub(super) enum Break {
    /// It ended before the turn did, or broke; another one may go on.
    Lost(Option<Error>),
    /// What came over it is wrong.
    Fatal(Error),
}

impl TurnStream {
    /// The next event. An error is the last item.
    pub(super) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let polled = match self.kept.pop() {
            Some(kept) => Poll::Ready(Some(kept)),
            None => self.poll_fresh(cx),
        };
        if let Poll::Ready(Some(Ok(event))) = &polled {
            self.delivered = self.delivered.max(event.seq);
        }
        polled
    }

    /// The next event that no result has met before.
    pub(super) fn poll_fresh(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            if let Some(event) = self.reader.take_held() {
                return Poll::Ready(Some(Ok(event)));
            }
            if let Some(event) = self.next_told() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.reader.ended() {
                self.finish(cx);
                return Poll::Ready(None);
            }
            match self.breaking.take() {
                Some(Break::Lost(cause)) => {
                    if cause.is_none()
                        && let Some(end) = self.reader.only_end()
                    {
                        self.incoming.push_back(end);
                        continue;
                    }
                    if let Err(error) = self.take_up(cause) {
                        return Poll::Ready(Some(Err(self.fail(error))));
                    }
                }
                Some(Break::Fatal(error)) => return Poll::Ready(Some(Err(self.fail(error)))),
                None => {}
            }
            if self.poll_connection(cx).is_pending() {
                if let Some(event) = self.poll_still_asked(cx) {
                    return Poll::Ready(Some(Ok(event)));
                }
                if let Poll::Ready(error) = self.poll_handlers(cx) {
                    return Poll::Ready(Some(Err(error)));
                }
                let Some(deadline) = &mut self.deadline else { return Poll::Pending };
                return match deadline.poll(cx) {
                    Poll::Pending => Poll::Pending,
                    Poll::Ready(()) => Poll::Ready(Some(Err(self.fail(total_timeout())))),
                };
            }
            if matches!(self.state, State::Closed) && self.incoming.is_empty() && self.breaking.is_none() {
                return Poll::Ready(None);
            }
        }
    }

    /// What is still asked where the stream was resumed. The service is asked whether it is: the answer may be on its way.
    fn poll_still_asked(&mut self, cx: &mut Context<'_>) -> Option<Event> {
        if self.reader.last_seq() < self.told || !self.reader.may_still_ask() {
            self.checking = None;
            return None;
        }
        let turn_id = self.turn_id()?.clone();
        let (client, chat_id, options) = (&self.client, self.handle.chat_id(), &self.options);
        let checking = self.checking.get_or_insert_with(|| {
            let options = RequestOptions { idempotency_key: None, body: serde_json::Map::default(), ..options.clone() };
            Exclusive::new(Box::pin(client.chat().turns().retrieve(chat_id, turn_id).options(options).into_future()))
        });
        let Poll::Ready(turn) = checking.get().as_mut().poll(cx) else { return None };
        self.checking = None;
        // Rather asked once too often than never.
        let open = turn.ok().map(|turn| turn.requests);
        self.reader.still_asked(open.as_deref())
    }

    /// The next decoded event that is news.
    fn next_told(&mut self) -> Option<Event> {
        while let Some(event) = self.incoming.front_mut() {
            let names_turn = !event.turn_id.as_str().is_empty() && !self.reader.is_leftover(event);
            if self.handle.turn_id().is_none() && names_turn {
                self.handle.set_turn(event.turn_id.clone());
            }
            if let EventKind::TurnStatusChanged(status) = &event.kind {
                self.handle.met(&status.requests);
            }
            if event.seq > 0 && event.seq <= self.told {
                self.reader.restore(event);
                self.incoming.pop_front();
                continue;
            }
            match self.reader.accept(event, self.ours) {
                Read::Tell => {
                    if self.anchor.is_some() {
                        self.statuses.note(event);
                    }
                    self.progress();
                    return self.incoming.pop_front();
                }
                Read::Old => drop(self.incoming.pop_front()),
                Read::Gap => {
                    self.incoming.clear();
                    let message = "The stream left events out.";
                    self.breaking = Some(Break::Lost(Some(Error::new("connection_lost", message))));
                }
            }
        }
        None
    }

    fn progress(&mut self) {
        if self.resumes.in_a_row() > 0 {
            self.resumes.progress();
        }
    }

    /// Moves the connection on. Ready: something changed, or nothing more can.
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.state {
            State::Closed => Poll::Ready(()),
            State::Opening(opening) => {
                let opened = std::task::ready!(opening.get().as_mut().poll(cx));
                match opened {
                    Ok(body) => {
                        self.state = State::Open(Box::new(body));
                        self.tell_state(&StreamState::Resumed);
                    }
                    Err(error) => {
                        self.state = State::Closed;
                        self.breaking =
                            Some(if resumable(&error) { Break::Lost(Some(error)) } else { Break::Fatal(error) });
                    }
                }
                Poll::Ready(())
            }
            State::Reaching(relay) => {
                let found = std::task::ready!(relay.get().as_mut().poll(cx));
                self.state = State::Closed;
                match found {
                    Ok(Some(relay)) => {
                        let taken_up = Replay::new(relay, self.reader.turn(), &self.statuses);
                        self.state = State::Relayed(Box::new(taken_up));
                        self.tell_state(&StreamState::Resumed);
                    }
                    Ok(None) => self.breaking = Some(Break::Fatal(incomplete(None))),
                    Err(error) => self.breaking = Some(Break::Fatal(incomplete(Some(error)))),
                }
                Poll::Ready(())
            }
            State::Relayed(replay) => {
                let (told, last) = (self.reader.turn(), self.reader.last_seq());
                if let Err(wrong) = std::task::ready!(replay.poll_news(cx, told, last, &mut self.incoming)) {
                    self.breaking = Some(wrong);
                    self.state = State::Closed;
                }
                Poll::Ready(())
            }
            State::Open(body) => {
                if let Some(anchor) = &mut self.anchor {
                    anchor.watch(cx);
                }
                let asking = !self.reader.turn().requests.is_empty();
                let (incoming, ids, mut wrong) = (&mut self.incoming, &mut self.ids, None);
                let polled = body.poll_frames(cx, asking, |frame| {
                    if wrong.is_none() {
                        match read_frame(ids, &frame) {
                            Ok(Some(event)) => incoming.push_back(event),
                            Ok(None) => {}
                            Err(error) => wrong = Some(error),
                        }
                    }
                });
                let read = std::task::ready!(polled);
                self.breaking = match (wrong, read) {
                    (Some(wrong), _) => Some(Break::Fatal(wrong)),
                    (None, Ok(true)) => return Poll::Ready(()),
                    (None, Ok(false)) => Some(Break::Lost(None)),
                    (None, Err(error)) if is_final(&error) => Some(Break::Fatal(error)),
                    (None, Err(error)) => Some(Break::Lost(Some(error))),
                };
                self.last_progress = body.last_bytes().unwrap_or(self.last_progress);
                self.resumes.set_server_retry(body.decoder().retry());
                // The broken socket goes before anything else is tried.
                self.state = State::Closed;
                Poll::Ready(())
            }
        }
    }

    /// Begins to open the turn again, or says why not.
    fn take_up(&mut self, cause: Option<Error>) -> Result<()> {
        if let Some(anchor) = self.anchor.take().filter(|_| !self.ours) {
            tracing::debug!(
                chat_id = self.chat_id().as_str(),
                "the connection of a turn broke; taking it up through the relay"
            );
            self.tell_state(&resuming(1, Duration::ZERO, cause.as_ref()));
            let (client, options) = (self.client.clone(), self.options.clone());
            let chat_id = self.handle.chat_id().clone();
            self.state = State::Reaching(Exclusive::new(Box::pin(async move {
                client.within(None, anchor.replay(&client, chat_id.as_str(), &options)).await
            })));
            return Ok(());
        }
        let turn_id = self.handle.turn_id().cloned().filter(|_| self.ours && self.resume != Resume::Off);
        let wait = self.resumes.next(self.last_progress.elapsed(), fastrand::f64());
        let (Some(turn_id), Some(wait)) = (turn_id, wait) else { return Err(incomplete(cause)) };
        let wait = wait.mul_f64(self.client.backoff_scale());
        let after = self.reader.last_seq();
        tracing::debug!(
            turn_id = turn_id.as_str(),
            after,
            ?wait,
            cause = cause.as_ref().map_or("end of the stream", Error::code),
            "the connection of a turn broke; taking it up again"
        );
        self.tell_state(&resuming(self.resumes.in_a_row(), wait, cause.as_ref()));
        let (client, clocks) = (self.client.clone(), self.clocks);
        let chat_id = self.handle.chat_id().clone();
        // The resumes have a budget of their own.
        let options = RequestOptions { max_retries: Some(0), ..self.options.clone() };
        self.state = State::Opening(Exclusive::new(Box::pin(async move {
            let opening = async {
                sleep(wait).await;
                turn_body(&client, &options, &clocks, &chat_id, &turn_id, after).await
            };
            client.within(None, opening).await
        })));
        Ok(())
    }

    /// Ends the stream with an error.
    fn fail(&mut self, error: Error) -> Error {
        let error = self.with_context(error);
        self.failure = Some(error.clone());
        self.incoming.clear();
        self.breaking = None;
        self.shut();
        error
    }

    /// Ends the stream after its last event.
    fn finish(&mut self, cx: &mut Context<'_>) {
        self.incoming.clear();
        self.breaking = None;
        if let State::Open(body) = &mut self.state {
            body.poll_end(cx);
        }
        self.state = State::Closed;
    }

    /// Closes the socket; where the caller asked for it, cancels the turn that is left.
    pub(super) fn shut(&mut self) {
        self.state = State::Closed;
        // Once, also where an error had closed the socket before.
        let canceller = self.canceller.take().filter(|_| !self.reader.ended());
        if let Some(client) = canceller {
            let handle = self.handle.through(&client);
            self.runtime.spawn(async move {
                if let Err(error) = handle.cancel().await {
                    tracing::warn!(%error, "the turn of a closed stream could not be cancelled");
                }
            });
        }
    }
}

fn resuming(attempt: u32, wait: Duration, cause: Option<&Error>) -> StreamState {
    StreamState::Resuming { attempt, wait, cause: cause.map_or("end", Error::code).to_owned() }
}

pub(super) fn decoder(client: &Client) -> Decoder {
    Decoder::with_max_event_bytes(client.max_event_bytes(MAX_EVENT_BYTES))
}

/// Opens the stream of a turn after the event of a number.
pub(super) async fn turn_body(
    client: &Client,
    options: &RequestOptions,
    clocks: &Clocks,
    chat_id: &ChatId,
    turn_id: &TurnId,
    after: u64,
) -> Result<EventBody> {
    let mut request = Request::new("turns.stream", Method::GET)
        .event_stream()
        .id("chat id", chat_id.as_str())?
        .word("turns")
        .id("turn id", turn_id.as_str())?
        .word("stream");
    if after > 0 {
        request.headers.push(("last-event-id", after.to_string()));
    }
    let answer = client.send(&request, options, clocks).await?;
    EventBody::new(answer, decoder(client), clocks.idle).await
}

/// One frame of a turn: an event, nothing, or what is wrong.
fn read_frame(ids: &mut Ids, frame: &Frame<'_>) -> Result<Option<Event>> {
    let data = match Payload::of(frame) {
        Payload::Event(data) => data,
        Payload::Signal => return Ok(None),
        Payload::Error(error) => return Err(error),
    };
    let event = Event::parse_among(ids, &data, frame.event_str().as_deref()).map_err(|error| {
        Error::new("invalid_frame", "The stream brought a frame that is no JSON object.")
            .with_body(data.as_ref().to_owned())
            .with_source(error)
    })?;
    match &event.kind {
        EventKind::Unknown(unknown) if unknown.event_type == "error" => Err(stream_error(&data)),
        EventKind::Unknown(unknown) if unknown.event_type.is_empty() && is_error(&data) => Err(stream_error(&data)),
        EventKind::Unknown(unknown) if is_keep_alive(&unknown.event_type) => Ok(None),
        _ => Ok(Some(event)),
    }
}

/// Whether another try may open the stream.
fn resumable(error: &Error) -> bool {
    match error.status() {
        Some(status) => matches!(status, 408 | 425 | 429 | 500..) || error.is_retryable(),
        None => !matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Api | ErrorKind::Aborted),
    }
}

/// The error of a turn that cannot be taken up.
fn incomplete(cause: Option<Error>) -> Error {
    let message = "The stream ended before the turn; what came so far is in `turn`.";
    match cause {
        Some(error) if matches!(error.kind(), ErrorKind::StreamIdleTimeout | ErrorKind::Aborted) => error,
        Some(cause) => Error::new("incomplete_turn", message).with_source(cause),
        None => Error::new("incomplete_turn", message),
    }
}
