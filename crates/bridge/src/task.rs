//! One call for another language: polled, waited for, or cancelled.

use crate::driver::Driver;
use crate::pump::lock;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::task::AbortHandle;
use turnwire::{Error, Result};

/// What a call gives once it has ended.
pub type Started<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// A call. It begins when it is first polled or waited for, unless it was [spawned](Task::spawn); dropping it stops it at
/// once.
pub struct Task<T> {
    driver: &'static Driver,
    state: Arc<Mutex<State<T>>>,
}

enum State<T> {
    /// Not started, or started by a thread that has stopped waiting for now.
    Idle(Started<T>),
    /// A thread waits for it. A poll meanwhile is woken when that thread has finished.
    Blocked(Option<Waker>),
    /// It runs in the background.
    Running(AbortHandle, Option<Waker>),
    Done(Result<T>),
    /// Its result was returned, or it was stopped.
    Over,
}

/// Makes sure that a stopped or panicking call does not leave waiters.
struct Finish<T>(Arc<Mutex<State<T>>>);

impl<T> Finish<T> {
    fn with(&self, result: Result<T>) {
        let mut state = lock(&self.0);
        let State::Running(_, waker) = &mut *state else { return };
        let waker = waker.take();
        *state = State::Done(result);
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Finish<T> {
    fn drop(&mut self) {
        self.with(Err(stopped()));
    }
}

fn stopped() -> Error {
    Error::new("aborted", "The call was stopped.")
}

impl<T: Send + 'static> Task<T> {
    /// A call that has not started.
    pub fn new(driver: &'static Driver, work: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        Self { driver, state: Arc::new(Mutex::new(State::Idle(Box::pin(work)))) }
    }

    /// A call that starts at once, in the background.
    pub fn spawn(driver: &'static Driver, work: impl Future<Output = Result<T>> + Send + 'static) -> Self {
        let task = Self::new(driver, work);
        task.begin();
        task
    }

    /// Starts it in the background, if it has not started.
    pub fn begin(&self) {
        if matches!(*lock(&self.state), State::Idle(_)) {
            let _ = self.poll(Waker::noop());
        }
    }

    /// The result, if it is there; else `waker` is woken once when it is. It is given once.
    pub fn poll(&self, waker: &Waker) -> Poll<Result<T>> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Over) {
            State::Idle(work) => {
                let finish = Finish(self.state.clone());
                // The lock is held: the task cannot finish before it is said to run.
                let abort = self.driver.spawn(async move {
                    let result = work.await;
                    finish.with(result);
                });
                *state = State::Running(abort, Some(waker.clone()));
                Poll::Pending
            }
            State::Blocked(_) => {
                *state = State::Blocked(Some(waker.clone()));
                Poll::Pending
            }
            State::Running(abort, _) => {
                *state = State::Running(abort, Some(waker.clone()));
                Poll::Pending
            }
            State::Done(result) => Poll::Ready(result),
            State::Over => Poll::Ready(Err(stopped())),
        }
    }

    /// Waits up to `wait` for the result with the thread blocked, which moves the call itself.
    pub fn wait_blocking(&self, wait: Duration) -> Poll<Result<T>> {
        let mut work = {
            let mut state = lock(&self.state);
            match std::mem::replace(&mut *state, State::Over) {
                State::Idle(work) => {
                    *state = State::Blocked(None);
                    work
                }
                State::Done(result) => return Poll::Ready(result),
                State::Over => return Poll::Ready(Err(stopped())),
                elsewhere => {
                    *state = elsewhere;
                    drop(state);
                    return self.watch(wait);
                }
            }
        };
        let result = self.driver.block_on(async { tokio::time::timeout(wait, &mut work).await.ok() });
        let mut state = lock(&self.state);
        let State::Blocked(waker) = std::mem::replace(&mut *state, State::Over) else {
            // It was cancelled meanwhile: what it held goes with it.
            return Poll::Ready(Err(stopped()));
        };
        let polled = if let Some(result) = result {
            Poll::Ready(result)
        } else {
            *state = State::Idle(work);
            Poll::Pending
        };
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        polled
    }

    /// Waits for a call that runs elsewhere.
    fn watch(&self, wait: Duration) -> Poll<Result<T>> {
        let polled = self.driver.block_on(async {
            let ended = std::future::poll_fn(|cx: &mut Context<'_>| self.poll(cx.waker()));
            tokio::time::timeout(wait, ended).await
        });
        polled.map_or(Poll::Pending, Poll::Ready)
    }

    /// Stops the call; what it held, such as a socket, is dropped by the runtime at once.
    pub fn cancel(&self) {
        stop(&self.state, self.driver);
    }
}

/// A runtime's own values, such as timers, look for it when they are dropped.
fn stop<T>(state: &Mutex<State<T>>, driver: &Driver) {
    let former = std::mem::replace(&mut *lock(state), State::Over);
    match former {
        State::Idle(work) => {
            let _entered = driver.enter();
            drop(work);
            driver.call();
        }
        State::Running(abort, waker) => {
            abort.abort();
            driver.call();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        State::Blocked(waker) => {
            if let Some(waker) = waker {
                waker.wake();
            }
        }
        State::Done(_) | State::Over => {}
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        stop(&self.state, self.driver);
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}
