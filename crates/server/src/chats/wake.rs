//! Wakes a chat's runtime, receives its events, and puts it to sleep.

use super::Chat;
use super::decide::Decision;
use super::live::Live;
use super::resync::resync;
use crate::runtime::{Opening, QUEUE, RuntimeError, RuntimeFault, RuntimeResult, Session, Upstream};
use crate::store::Write;
use bytes::Bytes;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{MutexGuard, mpsc};
use turnwire::event::TurnStatus;

/// The timeout for starting a runtime.
const OPEN_TIME: Duration = Duration::from_secs(100);
/// The timeout for stopping a lost runtime.
const ABORT_TIME: Duration = Duration::from_secs(2);
/// The maximum number of events per batch.
const BATCH: usize = 256;

/// A wake that is abandoned half-way leaves the chat asleep.
struct Waking<'a>(&'a Chat);

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.runtime == "starting" {
            state.runtime = "stopped";
        }
    }
}

impl Chat {
    /// The session, woken if it sleeps.
    pub(crate) async fn wake(self: &Arc<Self>) -> RuntimeResult<Arc<Live>> {
        let mut place = self.live.lock().await;
        if let Some(live) = &*place {
            return Ok(live.clone());
        }
        if self.ended() {
            return Err(RuntimeError::new(RuntimeFault::SessionGone, "The chat has ended."));
        }
        self.decide(vec![Decision::Runtime("resuming")], Vec::new());
        self.state().runtime = "starting";
        let _waking = Waking(self);
        let (sink, upstream) = mpsc::channel(QUEUE);
        let opening = Opening {
            directory: self.workspace(),
            session_id: Some(self.session_id().to_owned()),
            title: None,
            owner: self.row.owner.clone(),
        };
        let late = || RuntimeError::new(RuntimeFault::Timeout, "The runtime did not come up in time; try again.");
        let opened = tokio::select! {
            biased;
            () = self.shared.stopping.cancelled() => Err(super::going_down()),
            opened = tokio::time::timeout(OPEN_TIME, self.shared.runtime.open(opening, sink)) => {
                opened.unwrap_or_else(|_| Err(late()))
            }
        };
        match opened {
            Ok(session) => {
                self.decide(vec![Decision::Runtime("running")], Vec::new());
                let live = self.awake(session, upstream);
                *place = Some(live.clone());
                Ok(live)
            }
            Err(error) => {
                self.state().runtime = "error";
                Err(error)
            }
        }
    }

    /// Takes over a session that is open.
    pub(super) async fn adopt(self: &Arc<Self>, session: Arc<dyn Session>, upstream: mpsc::Receiver<Upstream>) {
        let mut place = self.live.lock().await;
        *place = Some(self.awake(session, upstream));
    }

    fn awake(self: &Arc<Self>, session: Arc<dyn Session>, upstream: mpsc::Receiver<Upstream>) -> Arc<Live> {
        let live = Arc::new(Live { session });
        {
            let mut state = self.state();
            state.runtime = "running";
            state.awake_since = Some(Instant::now());
            state.used = Instant::now();
        }
        tokio::spawn(hear(self.clone(), Arc::downgrade(&live), upstream));
        live
    }

    /// Whether the runtime is up, or coming up.
    pub(crate) fn is_awake(&self) -> bool {
        // Locked: it is being woken.
        self.live.try_lock().map_or(true, |live| live.is_some())
    }

    /// The session if the chat is awake.
    pub(crate) async fn live(&self) -> Option<Arc<Live>> {
        self.live.lock().await.clone()
    }

    /// Stops listening to the runtime. Not while a turn runs.
    pub(super) async fn sleep(&self) {
        let place = self.live.lock().await;
        self.sleep_in(place).await;
    }

    /// The same, unless it is just being woken or ended. Whether it fell asleep.
    pub(super) async fn sleep_if_quiet(&self) -> bool {
        match self.live.try_lock() {
            Ok(place) => self.sleep_in(place).await,
            Err(_) => false,
        }
    }

    async fn sleep_in(&self, mut place: MutexGuard<'_, Option<Arc<Live>>>) -> bool {
        let (live, accrued) = {
            let mut state = self.state();
            if state.open.is_some() {
                return false;
            }
            let Some(live) = place.take() else { return false };
            (live, self.fall_asleep(&mut state, "stopped"))
        };
        self.record([], accrued, None);
        live.session.close().await;
        true
    }

    /// Sets the sleeping state, and returns the writes for it.
    pub(super) fn fall_asleep(&self, state: &mut super::chat::State, runtime: &'static str) -> Vec<Write> {
        state.runtime = runtime;
        let Some(since) = state.awake_since.take() else { return Vec::new() };
        let runtime_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        state.runtime_ms = state.runtime_ms.saturating_add(runtime_ms);
        vec![Write::Accrue { chat: self.row.key, runtime_ms, cost_micros: 0 }]
    }

    /// The runtime is gone: the turn that ran on it is interrupted, with the text that was heard. Of one that was taken away, or
    /// that another has followed, nothing needs to be said.
    async fn lost(&self, live: &Weak<Live>, why: &str) {
        let mut place = self.live.lock().await;
        if !is_in(place.as_ref(), live) {
            return;
        }
        place.take();
        let accrued = self.fall_asleep(&mut self.state(), "stopped");
        self.close_as_lost(why, accrued);
    }

    /// Says that the runtime is lost, and ends the turn that ran on it.
    pub(super) fn close_as_lost(&self, why: &str, beside: Vec<Write>) -> Option<crate::relay::Safe> {
        let Some(turn) = self.folded() else { return self.decide(vec![Decision::Runtime("lost")], beside) };
        let message_id = turn.id.message_id();
        // The cancel was requested before the runtime was lost, so the turn ends as cancelled.
        let cancelled = turn.status == TurnStatus::Cancelling;
        let (status, error) =
            if cancelled { ("cancelled", None) } else { ("interrupted", Some(("runtime_unavailable", why))) };
        // First the turn's end, with the reason; the bare loss would end it without.
        let closed = Decision::Closed { message_id: message_id.as_str(), status, error };
        self.decide(vec![closed, Decision::Runtime("lost")], beside)
    }
}

/// Whether `live` is the current one. Its address is not reused while this comparison is possible.
fn is_in(place: Option<&Arc<Live>>, live: &Weak<Live>) -> bool {
    place.is_some_and(|found| std::ptr::eq(Arc::as_ptr(found), live.as_ptr()))
}

/// Records the runtime's events, until the runtime ends or the chat no longer listens.
async fn hear(chat: Arc<Chat>, live: Weak<Live>, mut upstream: mpsc::Receiver<Upstream>) {
    let mut told = Vec::with_capacity(BATCH);
    while upstream.recv_many(&mut told, BATCH).await > 0 {
        let mut events: Vec<Bytes> = Vec::with_capacity(told.len());
        for told in told.drain(..) {
            match told {
                Upstream::Event(event) => events.push(event),
                Upstream::Resync => {
                    take_in(&chat, std::mem::take(&mut events)).await;
                    resync(&chat, &live).await;
                }
                Upstream::Lost(why) => {
                    take_in(&chat, std::mem::take(&mut events)).await;
                    if let Some(live) = live.upgrade() {
                        // Lost to us, it may still be working.
                        let _ = tokio::time::timeout(ABORT_TIME, live.session.abort()).await;
                    }
                    chat.lost(&live, &why).await;
                    return;
                }
            }
        }
        take_in(&chat, events).await;
        if chat.relay.failed() {
            // The events could not be written. The chat is loaded from its log again when it is next used.
            if let Some(live) = live.upgrade() {
                let _ = live.session.abort().await;
            }
            let mut place = chat.live.lock().await;
            if is_in(place.as_ref(), &live) {
                place.take();
            }
            return;
        }
    }
}

async fn take_in(chat: &Arc<Chat>, events: Vec<Bytes>) {
    if !events.is_empty() {
        let permit = chat.shared.write_budget.reserve(&events).await;
        chat.record(events, Vec::new(), permit);
        chat.attend_to_unasked();
    }
}
