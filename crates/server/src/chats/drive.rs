//! Sees one turn through: wakes the runtime, prompts it, watches over it, and ends what does not end by itself.

use super::decide::Decision;
use super::live::Live;
use super::{Chat, News};
use crate::ids;
use crate::runtime::{Prompt, RuntimeError, RuntimeFault, RuntimeResult};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use turnwire::TurnId;

/// After the runtime said that it has nothing to do, what is still open gets so long to end by itself.
const SETTLE: Duration = Duration::from_secs(2);
/// After so long without a word the runtime is asked whether it still works.
const SILENCE: Duration = Duration::from_secs(20);
/// The same before the agent's first message: a prompt may come to nothing without a word.
const FIRST_SILENCE: Duration = Duration::from_secs(5);
/// After an abort the runtime gets so long to end the turn by itself.
const ABORT: Duration = Duration::from_secs(3);
/// Any other call must be answered in this time; a runtime that does not answer is ended by whoever watches it.
const CALL: Duration = Duration::from_secs(5);
/// The prompt itself must be taken in this time.
const PROMPT: Duration = Duration::from_secs(30);

/// Sees the turn through. The accepted event is safe.
pub(super) async fn drive(chat: Arc<Chat>, turn: TurnId, prompt: Prompt) {
    // The former turn may have ended for its readers while its runtime is still being stopped.
    let _driving = chat.driving.lock().await;
    let mut driver =
        Driver { news: chat.news.subscribe(), message_id: prompt.message_id.clone(), chat: chat.clone(), turn };
    driver.run(prompt).await;
    tracing::Span::current().record("status", driver.chat.last_status().as_str());
}

/// Sees a turn through that the runtime began by itself, from where it stands.
pub(super) async fn attend(chat: Arc<Chat>, turn: TurnId) {
    let deadline = Instant::now() + chat.shared.limits.turn_time;
    let _driving = chat.driving.lock().await;
    // Without a session the turn was ended by whoever took that away.
    let Some(live) = chat.live().await else { return };
    let message_id = turn.message_id().as_str().to_owned();
    let mut driver = Driver { news: chat.news.subscribe(), message_id, chat: chat.clone(), turn };
    driver.watch_over(&live, deadline).await;
}

async fn soon<T>(call: impl Future<Output = RuntimeResult<T>>) -> RuntimeResult<T> {
    within(CALL, call).await
}

async fn within<T>(time: Duration, call: impl Future<Output = RuntimeResult<T>>) -> RuntimeResult<T> {
    let late = || RuntimeError::new(RuntimeFault::Timeout, "The runtime did not answer in time; try again.");
    tokio::time::timeout(time, call).await.unwrap_or_else(|_| Err(late()))
}

struct Driver {
    chat: Arc<Chat>,
    turn: TurnId,
    message_id: String,
    news: watch::Receiver<News>,
}

impl Driver {
    async fn run(&mut self, prompt: Prompt) {
        let deadline = Instant::now() + self.chat.shared.limits.turn_time;
        let chat = self.chat.clone();
        let live = tokio::select! {
            live = chat.wake() => live,
            () = self.cancelled_or_over() => {
                self.close("cancelled", None);
                return;
            }
        };
        let prompted = match &live {
            Ok(live) => self.prompt(live, prompt).await,
            Err(error) => Err(error.clone()),
        };
        match (live, prompted) {
            (Ok(live), Ok(())) => self.watch_over(&live, deadline).await,
            // The server goes down, and ends the turn itself.
            (_, Err(_)) if chat.shared.stopping.is_cancelled() => {}
            (live, Err(error)) => {
                tracing::warn!(%error, chat = self.chat.id(), "a turn could not be started");
                let failed = Some((error.code(), error.message.as_str()));
                match live {
                    // No answer is no refusal: the runtime may have taken the prompt and be at work on it.
                    Ok(live) => self.stop(&live, failed).await,
                    Err(_) => self.close("failed", failed),
                }
            }
            (Err(_), Ok(())) => {}
        }
    }

    async fn prompt(&self, live: &Live, prompt: Prompt) -> Result<(), RuntimeError> {
        within(PROMPT, live.session.prompt(prompt)).await
    }

    fn is_open(&self) -> bool {
        self.news.borrow().open.as_ref() == Some(&self.turn)
    }

    async fn cancelled_or_over(&self) {
        let mut news = self.news.clone();
        // The sender lives as long as the chat, which is held here.
        let _ = news.wait_for(|news| news.cancel || news.open.as_ref() != Some(&self.turn)).await;
    }

    /// Until the turn has ended, one way or another.
    async fn watch_over(&mut self, live: &Live, deadline: Instant) {
        let limits = self.chat.shared.limits.clone();
        let mut aborted = None;
        let mut idle_since = None;
        let mut heard = (0, Instant::now());
        loop {
            let news = self.news.borrow_and_update().clone();
            if news.open.as_ref() != Some(&self.turn) || self.chat.relay.failed() {
                break;
            }
            let now = Instant::now();
            if news.heard != heard.0 {
                heard = (news.heard, now);
            }
            idle_since = if news.idle { idle_since.or(Some(now)) } else { None };
            if news.cancel && aborted.is_none() {
                aborted = Some(now);
                self.abort(live).await;
                continue;
            }
            if news.steps > limits.turn_steps as usize {
                let why = format!("The turn was stopped after {} messages.", limits.turn_steps);
                self.stop(live, Some(("turn_limit", &why))).await;
                break;
            }
            if news.attempt > limits.turn_retries {
                let tries = limits.turn_retries;
                let why = format!("The provider failed {tries} times in a row; the turn was stopped.");
                self.stop(live, Some(("turn_limit", &why))).await;
                break;
            }
            if now >= deadline {
                let why = "The turn took longer than this server allows and was stopped.";
                self.stop(live, Some(("runtime_timeout", why))).await;
                break;
            }
            let settle = aborted.map(|at| at + ABORT).or(idle_since.map(|at| at + SETTLE));
            let patience = if news.steps == 0 { FIRST_SILENCE } else { SILENCE };
            let silence = (!news.waiting).then_some(heard.1 + patience);
            if settle.is_some_and(|at| now >= at) {
                self.settle(live, aborted.is_some()).await;
                idle_since = None;
                self.chat.news.send_modify(|news| news.idle = false);
                continue;
            }
            if silence.is_some_and(|at| now >= at) {
                heard.1 = now;
                // An error here is no verdict: a runtime that is gone is told by its reader.
                if matches!(soon(live.session.busy()).await, Ok(false)) {
                    self.settle(live, aborted.is_some()).await;
                }
                continue;
            }
            let next = [Some(deadline), settle, silence].into_iter().flatten().min().unwrap_or(deadline);
            tokio::select! {
                _ = self.news.changed() => {}
                () = sleep_until(next) => {}
            }
        }
        if aborted.is_some() {
            self.quieten(live).await;
        }
    }

    /// Stops the runtime; what it waits for is refused, as it would stay open for ever.
    async fn abort(&self, live: &Live) {
        if let Err(error) = soon(live.session.abort()).await {
            tracing::warn!(%error, chat = self.chat.id(), "the runtime could not be told to stop");
        }
        if let Err(error) = soon(live.session.reject_all()).await {
            tracing::warn!(%error, chat = self.chat.id(), "open requests could not be refused");
        }
    }

    /// Ends the turn as failed, then stops the runtime.
    async fn stop(&self, live: &Live, error: Option<(&'static str, &str)>) {
        self.close("failed", error);
        self.abort(live).await;
        self.quieten(live).await;
    }

    /// Waits, within bounds, until the runtime has nothing to do: the next prompt must not be queued behind this one.
    async fn quieten(&self, live: &Live) {
        let mut wait = Duration::from_millis(20);
        let end = Instant::now() + ABORT;
        while Instant::now() < end && matches!(soon(live.session.busy()).await, Ok(true)) {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(500));
        }
        let _ = soon(live.session.reject_all()).await;
    }

    /// The runtime has nothing to do, yet the turn is open: what it has is read, told, and the turn ended.
    async fn settle(&self, live: &Live, aborted: bool) {
        if !aborted && matches!(soon(live.session.busy()).await, Ok(true)) {
            return;
        }
        if let Ok(messages) = soon(live.session.messages()).await {
            self.chat.decide(vec![Decision::Snapshot { messages }], Vec::new());
        }
        let Some(turn) = self.chat.folded().filter(|_| self.is_open()) else { return };
        if aborted {
            self.close("cancelled", None);
        } else if turn.messages.iter().any(|message| message.finish_reason.is_some()) {
            self.close("completed", None);
        } else {
            // Why is in the log, if anybody said it. It may yet begin, as nothing of it was seen to end.
            // `OpenCode` takes what was said last for answered while its clock stands before that.
            let ahead = ids::is_ahead(&self.message_id);
            let why = "OpenCode did not take the prompt up: this machine's clock was set back to before the chat's last \
                       message. Set it right, or go on in a new chat.";
            self.stop(live, ahead.then_some(("runtime_error", why))).await;
        }
    }

    fn close(&self, status: &'static str, error: Option<(&'static str, &str)>) {
        if self.chat.open_turn().as_ref() == Some(&self.turn) {
            self.chat.decide(vec![Decision::Closed { message_id: &self.message_id, status, error }], Vec::new());
        }
    }
}
