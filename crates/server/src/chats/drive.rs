//! Drives one turn: wakes the runtime, prompts it, supervises it, and ends the turn if it does not end by itself.

use super::decide::Decision;
use super::live::Live;
use super::{Chat, Progress};
use crate::ids;
use crate::runtime::{Prompt, RuntimeError, RuntimeFault, RuntimeResult};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use turnwire::TurnId;

/// After the runtime reported that it is idle, an open turn gets this long to end by itself.
const SETTLE: Duration = Duration::from_secs(2);
/// After this long without an event the runtime is asked whether it is still busy.
const SILENCE: Duration = Duration::from_secs(20);
/// The same before the agent's first message, because a prompt may have no effect and no event.
const FIRST_SILENCE: Duration = Duration::from_secs(5);
/// After an abort the runtime gets this long to end the turn by itself.
const ABORT: Duration = Duration::from_secs(3);
/// The timeout of any other call; a runtime that does not answer is stopped by its supervisor.
const CALL: Duration = Duration::from_secs(5);
/// The timeout of the prompt itself.
const PROMPT: Duration = Duration::from_secs(30);

/// Drives the turn. Its accepted event is committed.
pub(super) async fn drive(chat: Arc<Chat>, turn: TurnId, prompt: Prompt) {
    // The previous turn may have ended for its readers while its runtime is still being stopped.
    let _driving = chat.driving.lock().await;
    let mut driver =
        Driver { progress: chat.progress.subscribe(), message_id: prompt.message_id.clone(), chat: chat.clone(), turn };
    driver.run(prompt).await;
    tracing::Span::current().record("status", driver.chat.last_status().as_str());
}

/// Supervises a turn that the runtime began by itself.
pub(super) async fn attend(chat: Arc<Chat>, turn: TurnId) {
    let deadline = Instant::now() + chat.shared.limits.turn_time;
    let _driving = chat.driving.lock().await;
    // Whoever removed the session has ended the turn.
    let Some(live) = chat.live().await else { return };
    let message_id = turn.message_id().as_str().to_owned();
    let mut driver = Driver { progress: chat.progress.subscribe(), message_id, chat: chat.clone(), turn };
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
    progress: watch::Receiver<Progress>,
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
            // The shutdown of the server ends the turn.
            (_, Err(_)) if chat.shared.stopping.is_cancelled() => {}
            (live, Err(error)) => {
                tracing::warn!(%error, chat = self.chat.id(), "a turn could not be started");
                let failed = Some((error.code(), error.message.as_str()));
                match live {
                    // A missing answer is not a refusal: the runtime may have accepted the prompt and be working on it.
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
        self.progress.borrow().open.as_ref() == Some(&self.turn)
    }

    async fn cancelled_or_over(&self) {
        let mut progress = self.progress.clone();
        // The sender lives as long as the chat, which this driver owns.
        let _ = progress.wait_for(|progress| progress.cancel || progress.open.as_ref() != Some(&self.turn)).await;
    }

    /// Runs until the turn has ended, for whatever reason.
    async fn watch_over(&mut self, live: &Live, deadline: Instant) {
        let limits = self.chat.shared.limits.clone();
        let mut aborted = None;
        let mut idle_since = None;
        let mut last = (0, Instant::now());
        loop {
            let progress = self.progress.borrow_and_update().clone();
            if progress.open.as_ref() != Some(&self.turn) || self.chat.relay.failed() {
                break;
            }
            let now = Instant::now();
            if progress.batches != last.0 {
                last = (progress.batches, now);
            }
            idle_since = if progress.idle { idle_since.or(Some(now)) } else { None };
            if progress.cancel && aborted.is_none() {
                aborted = Some(now);
                self.abort(live).await;
                continue;
            }
            if progress.steps > limits.turn_steps as usize {
                let why = format!("The turn was stopped after {} messages.", limits.turn_steps);
                self.stop(live, Some(("turn_limit", &why))).await;
                break;
            }
            if progress.attempt > limits.turn_retries {
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
            let patience = if progress.steps == 0 { FIRST_SILENCE } else { SILENCE };
            let silence = (!progress.waiting).then_some(last.1 + patience);
            if settle.is_some_and(|at| now >= at) {
                self.settle(live, aborted.is_some()).await;
                idle_since = None;
                self.chat.progress.send_modify(|progress| progress.idle = false);
                continue;
            }
            if silence.is_some_and(|at| now >= at) {
                last.1 = now;
                // An error here decides nothing: the reader of the runtime's events reports a lost runtime.
                if matches!(soon(live.session.busy()).await, Ok(false)) {
                    self.settle(live, aborted.is_some()).await;
                }
                continue;
            }
            let next = [Some(deadline), settle, silence].into_iter().flatten().min().unwrap_or(deadline);
            tokio::select! {
                _ = self.progress.changed() => {}
                () = sleep_until(next) => {}
            }
        }
        if aborted.is_some() {
            self.quieten(live).await;
        }
    }

    /// Stops the runtime and rejects its open requests, which would stay open forever.
    async fn abort(&self, live: &Live) {
        if let Err(error) = soon(live.session.abort()).await {
            tracing::warn!(%error, chat = self.chat.id(), "the runtime could not be stopped");
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

    /// Waits, within limits, until the runtime is idle, so that the next prompt is not queued behind this one.
    async fn quieten(&self, live: &Live) {
        let mut wait = Duration::from_millis(20);
        let end = Instant::now() + ABORT;
        while Instant::now() < end && matches!(soon(live.session.busy()).await, Ok(true)) {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(Duration::from_millis(500));
        }
        let _ = soon(live.session.reject_all()).await;
    }

    /// The runtime is idle but the turn is open: records the runtime's messages and ends the turn.
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
            // The cause is in the log, if the runtime reported one. The turn may still begin, because nothing of it was seen to end.
            // `OpenCode` considers the last prompt answered while its clock is earlier than that prompt.
            let ahead = ids::is_ahead(&self.message_id);
            let why = "OpenCode did not start on the prompt: this machine's clock was set back to before the chat's last \
                       message. Correct it, or continue in a new chat.";
            self.stop(live, ahead.then_some(("runtime_error", why))).await;
        }
    }

    fn close(&self, status: &'static str, error: Option<(&'static str, &str)>) {
        if self.chat.open_turn().as_ref() == Some(&self.turn) {
            self.chat.decide(vec![Decision::Closed { message_id: &self.message_id, status, error }], Vec::new());
        }
    }
}
