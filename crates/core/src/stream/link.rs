//! A connection that reconnects and resumes where it broke, whatever its data.

use super::exclusive::Exclusive;
use super::quiet::Quiet;
use crate::error::{Error, Result};
use crate::http::{Client, total_timeout};
use crate::policy::resume::Resumes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep, sleep_until};

/// What is opened, again and again.
pub(super) trait Target: Send + Sync + 'static {
    /// Its data.
    type Body: Body;
    /// Where to go on.
    type Place: Send + 'static;

    fn client(&self) -> &Client;

    /// Opens it once more, in one attempt: the link counts them. `None`: nothing more is to come.
    fn open(&self, place: Self::Place) -> impl Future<Output = Result<Option<Self::Body>>> + Send;

    /// Whether another attempt may open what this error kept shut.
    fn opens_later(error: &Error) -> bool;
}

/// The state of an open connection.
pub(super) trait Body: Send + 'static {
    /// When the last bytes came, if any did.
    fn last_bytes(&self) -> Option<Instant> {
        None
    }

    /// The service's wish for the wait before a resume.
    fn server_retry(&self) -> Option<Duration> {
        None
    }
}

/// The error of a connection.
pub(super) enum Break {
    /// It ended too early, or broke; another connection may resume.
    Lost(Option<Error>),
    /// Its data is invalid.
    Fatal(Error),
}

/// The outcome of driving a link.
pub(super) enum Moved {
    /// Something was read.
    Read,
    /// The connection is established again.
    Resumed,
    /// Nothing more comes.
    Closed,
}

/// An attempt to take a link up.
pub(super) struct Attempt {
    /// How many in a row this makes, from 1.
    pub(super) number: u32,
    /// The wait before it.
    pub(super) wait: Duration,
}

type Opening<B> = Exclusive<Pin<Box<dyn Future<Output = Result<Option<B>>> + Send>>>;

enum State<B> {
    Open(Box<B>),
    /// Resuming: waiting, or connecting.
    Opening(Opening<B>),
    /// It broke, but that is not reported yet: data from before the break is read first.
    Broken(Break),
    Closed,
}

/// A connection to a target. Its reader interprets the data, and determines the position to resume from.
pub(super) struct Link<T: Target> {
    target: Arc<T>,
    state: State<T::Body>,
    resumes: Resumes,
    last_progress: Instant,
    deadline: Option<Quiet<Sleep>>,
}

impl<T: Target> Link<T> {
    /// An established link; without a body, one without data.
    pub(super) fn new(target: T, body: Option<T::Body>, resumes: Resumes, deadline: Option<Instant>) -> Self {
        Self {
            target: Arc::new(target),
            state: body.map_or(State::Closed, |body| State::Open(Box::new(body))),
            resumes,
            last_progress: Instant::now(),
            deadline: deadline.map(|deadline| Quiet::new(sleep_until(deadline))),
        }
    }

    pub(super) fn target(&self) -> &T {
        &self.target
    }

    /// What is open.
    pub(super) fn body(&mut self) -> Option<&mut T::Body> {
        match &mut self.state {
            State::Open(body) => Some(body),
            _ => None,
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// The number of resumes.
    pub(super) fn resumes(&self) -> u64 {
        self.resumes.total()
    }

    /// Moves the connection on, to be called when all that was read has been dealt with. `read` reads what has come; its error
    /// breaks the connection, whose socket is closed at once.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        read: impl FnOnce(&mut T::Body, &mut Context<'_>) -> Poll<Result<Moved, Break>>,
    ) -> Poll<Result<Moved, Break>> {
        match &mut self.state {
            State::Open(body) => {
                let what = match ready!(read(body, cx)) {
                    Ok(Moved::Closed) => {
                        self.state = State::Closed;
                        return Poll::Ready(Ok(Moved::Closed));
                    }
                    Ok(moved) => return Poll::Ready(Ok(moved)),
                    Err(what) => what,
                };
                self.last_progress = body.last_bytes().unwrap_or(self.last_progress);
                self.resumes.set_server_retry(body.server_retry());
                self.state = State::Broken(what);
                Poll::Ready(Ok(Moved::Read))
            }
            State::Opening(opening) => {
                let opened = ready!(opening.get().as_mut().poll(cx));
                self.state = State::Closed;
                Poll::Ready(match opened {
                    Ok(Some(body)) => {
                        self.state = State::Open(Box::new(body));
                        Ok(Moved::Resumed)
                    }
                    Ok(None) => Ok(Moved::Closed),
                    Err(error) if T::opens_later(&error) => Err(Break::Lost(Some(error))),
                    Err(error) => Err(Break::Fatal(error)),
                })
            }
            State::Broken(_) | State::Closed => match std::mem::replace(&mut self.state, State::Closed) {
                State::Broken(what) => Poll::Ready(Err(what)),
                _ => Poll::Ready(Ok(Moved::Closed)),
            },
        }
    }

    /// Ready when the total clock has run out, with its error.
    pub(super) fn poll_deadline(&mut self, cx: &Context<'_>) -> Poll<Error> {
        match &mut self.deadline {
            Some(deadline) => deadline.poll(cx).map(|()| total_timeout()),
            None => Poll::Pending,
        }
    }

    /// Something new was read: the next break starts afresh.
    pub(super) fn progress(&mut self) {
        if self.resumes.in_a_row() > 0 {
            self.resumes.progress();
        }
    }

    /// Begins to resume at `place`; `None` if there were too many attempts.
    pub(super) fn take_up(&mut self, place: T::Place) -> Option<Attempt> {
        let wait = self.resumes.next(self.last_progress.elapsed(), fastrand::f64())?;
        let wait = wait.mul_f64(self.target.client().backoff_scale());
        let target = self.target.clone();
        self.state = State::Opening(Exclusive::new(Box::pin(async move {
            let opening = async {
                sleep(wait).await;
                target.open(place).await
            };
            target.client().within(None, opening).await
        })));
        Some(Attempt { number: self.resumes.in_a_row(), wait })
    }

    /// Closes the socket because of what its reader found out. What was read by now is to be thrown away by it.
    pub(super) fn break_off(&mut self, what: Break) {
        self.state = State::Broken(what);
    }

    /// Closes the socket at once.
    pub(super) fn close(&mut self) {
        self.state = State::Closed;
    }

    /// For `Debug`.
    pub(super) fn state(&self) -> &'static str {
        match self.state {
            State::Open(_) => "open",
            State::Opening(_) | State::Broken(_) => "resuming",
            State::Closed => "closed",
        }
    }
}
