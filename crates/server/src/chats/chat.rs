//! One chat: its log, the state derived from it, and its runtime while it is awake.

use super::decide::Decision;
use super::feed::{Feeds, Follower};
use super::live::Live;
use super::recent_prompts::RecentPrompts;
use super::tree::SessionTree;
use super::{Progress, Shared};
use crate::ids;
use crate::relay::{Relay, Safe};
use crate::store::{ChatRow, StoreResult, TurnRow, Write};
use bytes::Bytes;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, watch};
use turnwire::event::{EventKind, InputRequest, TurnStatus};
use turnwire::normalize::{Normalizer, Reading};
use turnwire::{Event, Turn, TurnAccumulator, TurnId};

/// One chat.
pub(crate) struct Chat {
    /// The stored row when the chat was loaded; later changes are in the state.
    pub(super) row: ChatRow,
    pub(crate) relay: Arc<Relay>,
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
    /// The progress of the open turn, for its driver.
    pub(super) progress: watch::Sender<Progress>,
    /// Held while a prompt is being accepted, so that prompts are accepted one after the other.
    pub(super) accepting: tokio::sync::Mutex<()>,
    /// Held by the driver of a turn, until its cleanup is finished.
    pub(super) driving: tokio::sync::Mutex<()>,
    pub(super) live: tokio::sync::Mutex<Option<Arc<Live>>>,
    feeds: Feeds,
}

/// The state of the chat, derived from its log.
pub(super) struct State {
    pub(super) title: Option<String>,
    pub(super) ended_ms: Option<u64>,
    pub(super) runtime_ms: u64,
    pub(super) cost_micros: u64,
    pub(super) awake_since: Option<Instant>,
    /// The time of the last activity.
    pub(super) used: Instant,
    pub(super) runtime: &'static str,
    tree: SessionTree,
    normalizer: Normalizer,
    /// The open turn so far.
    fold: TurnAccumulator,
    pub(super) open: Option<TurnId>,
    /// The greatest message id seen.
    pub(super) last_message_id: String,
    /// The attempt of the provider's current retry; 0 without one.
    attempt: u32,
    /// The user's messages, from this server or elsewhere.
    pub(super) prompts: RecentPrompts,
    /// A turn that began by itself and has no driver yet.
    pub(super) unasked: Option<TurnId>,
    emitted: Vec<Event>,
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("id", &self.row.id).finish_non_exhaustive()
    }
}

impl Chat {
    /// A chat whose log continues after event number `head`.
    pub(super) fn new(shared: Arc<Shared>, row: ChatRow, children: Vec<String>, head: u64) -> Arc<Self> {
        let state = State {
            title: row.title.clone(),
            ended_ms: row.ended_ms,
            runtime_ms: row.runtime_ms,
            cost_micros: row.cost_micros,
            awake_since: None,
            used: Instant::now(),
            runtime: "stopped",
            tree: SessionTree::new(row.session_id.clone(), children),
            normalizer: Normalizer::for_chat(row.id.as_str(), &row.session_id),
            fold: TurnAccumulator::new(),
            open: None,
            last_message_id: String::new(),
            attempt: 0,
            prompts: RecentPrompts::default(),
            unasked: None,
            emitted: Vec::new(),
        };
        Arc::new(Self {
            relay: Relay::new(row.key, shared.store.clone(), shared.delivery, head, row.ended_ms.is_some()),
            row,
            shared,
            state: Mutex::new(state),
            progress: watch::Sender::new(Progress::default()),
            accepting: tokio::sync::Mutex::new(()),
            driving: tokio::sync::Mutex::new(()),
            live: tokio::sync::Mutex::new(None),
            feeds: Feeds::default(),
        })
    }

    pub(crate) fn id(&self) -> &str {
        &self.row.id
    }

    pub(crate) fn owner(&self) -> &str {
        &self.row.owner
    }

    pub(crate) fn session_id(&self) -> &str {
        &self.row.session_id
    }

    /// Reads the normalized events after event number `from`. `thinned`: events of the turn that begins there were deleted.
    pub(super) fn follow(&self, from: u64, thinned: bool) -> Follower {
        let fresh = || Normalizer::for_chat(self.id(), self.session_id());
        let feed = self.feeds.of(from, thinned, fresh);
        Follower::new(feed, self.relay.reader(from), self.shared.metrics.clone())
    }

    /// The folder of its agent.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.shared.workspace(&self.row.id)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic under this lock leaves no inconsistent state: the log is authoritative, and is read again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ended(&self) -> bool {
        self.state().ended_ms.is_some()
    }

    /// The running turn.
    pub(crate) fn open_turn(&self) -> Option<TurnId> {
        self.state().open.clone()
    }

    /// The open turn so far.
    pub(super) fn folded(&self) -> Option<Turn> {
        let state = self.state();
        let id = state.open.clone()?;
        // Its id is known before its first event is applied.
        let mut turn = state.fold.turn().clone();
        turn.id = id;
        Some(turn)
    }

    /// The status of the last turn.
    pub(super) fn last_status(&self) -> TurnStatus {
        self.state().fold.turn().status.clone()
    }

    /// Whether a session of the runtime is this chat's, or a subagent's of it.
    pub(super) fn knows_session(&self, session: &str) -> bool {
        self.state().tree.knows(session)
    }

    /// An open request of the agent with this id.
    pub(crate) fn open_request(&self, id: &str) -> Option<InputRequest> {
        let state = self.state();
        state.open.as_ref()?;
        state.fold.turn().requests.iter().find(|request| request.request_id().as_str() == id).cloned()
    }

    /// Applies events that are already in the log, from the start of the last turn on. `open`: that turn, if it has not ended.
    pub(super) fn recall(&self, events: &[(u64, Bytes)], open: Option<&TurnRow>) {
        let mut state = self.state();
        if state.open.is_none() {
            state.open = open.map(|turn| TurnId::from(turn.turn_id.as_str()));
        }
        for (seq, event) in events {
            state.apply(event, *seq);
        }
        // Turns that began before the restart get no driver.
        state.unasked = None;
    }

    /// Appends those events to the log that belong to this chat, together with `beside`. The result resolves once they are
    /// committed; `None` if the chat has ended and accepts no more events.
    pub(super) fn record(
        &self,
        raw: impl IntoIterator<Item = Bytes>,
        beside: Vec<Write>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Option<Safe> {
        self.record_in(&mut self.state(), raw, beside, permit)
    }

    /// The same with the state's lock already held, so that a decision based on the state is still valid.
    pub(super) fn record_in(
        &self,
        state: &mut State,
        raw: impl IntoIterator<Item = Bytes>,
        mut beside: Vec<Write>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Option<Safe> {
        if state.ended_ms.is_some() {
            return None;
        }
        let mut seq = self.relay.numbered();
        let mut kept = Vec::new();
        let mut seen = Progress::default();
        for event in raw {
            let Some(effects) = state.apply(&event, seq + 1) else { continue };
            seq += 1;
            kept.push(event);
            seen.idle = (seen.idle || effects.idle) && !effects.busy;
            seen.busy |= effects.busy;
            if let Some(session_id) = effects.new_child {
                beside.push(Write::AddChild { chat: self.row.key, session_id });
            }
            beside.extend(effects.found.iter().map(|(turn_id, cursor)| self.found(turn_id, *cursor)));
            for Ended { turn_id, status, cost_micros } in effects.ended {
                self.shared.metrics.turn_ended(status.as_str());
                state.cost_micros += cost_micros;
                beside.push(Write::EndTurn {
                    turn_id: turn_id.as_str().to_owned(),
                    end_seq: seq,
                    at_ms: ids::now_ms(),
                });
                beside.push(Write::Accrue { chat: self.row.key, runtime_ms: 0, cost_micros });
            }
        }
        state.used = Instant::now();
        if kept.is_empty() && beside.is_empty() {
            return None;
        }
        self.shared.metrics.events(kept.len());
        let safe = self.relay.append(&kept, beside, permit);
        let open = state.open.clone();
        let turn = state.fold.turn();
        let (steps, waiting) = (turn.messages.len(), turn.status == TurnStatus::Waiting);
        let attempt = state.attempt;
        // Under the lock, so that the progress follows the order of the log.
        self.progress.send_modify(|progress| {
            if open != progress.open {
                *progress = Progress::default();
            }
            // A message that began later cancels the idle; other late events do not.
            progress.idle = seen.idle || (progress.idle && !seen.busy);
            progress.open = open;
            progress.steps = steps;
            progress.attempt = attempt;
            progress.waiting = waiting;
            progress.batches += 1;
        });
        Some(safe)
    }

    /// The write for a turn that began by itself.
    fn found(&self, turn: &TurnId, cursor: u64) -> Write {
        let turn = TurnRow { turn_id: turn.as_str().to_owned(), cursor, end_seq: None, thinned: false };
        Write::FindTurn { chat: self.row.key, turn }
    }

    /// Records decisions of the server.
    pub(super) fn decide(&self, decisions: Vec<Decision<'_>>, beside: Vec<Write>) -> Option<Safe> {
        let events: Vec<_> = decisions.into_iter().map(|decision| decision.event(self.session_id())).collect();
        self.record(events, beside, None)
    }

    /// Records decisions and waits until they are committed.
    pub(super) async fn decided(&self, decisions: Vec<Decision<'_>>, beside: Vec<Write>) -> StoreResult<()> {
        match self.decide(decisions, beside) {
            Some(safe) => {
                safe.await.unwrap_or_else(|_| Err(crate::store::StoreError::Failed("the store is closed".to_owned())))
            }
            None => Ok(()),
        }
    }
}

/// The effects of one event.
struct Effects {
    new_child: Option<String>,
    idle: bool,
    busy: bool,
    /// The turns that began by themselves, each with its cursor.
    found: Vec<(TurnId, u64)>,
    /// The turns it ended.
    ended: Vec<Ended>,
}

/// A turn that has ended.
struct Ended {
    turn_id: TurnId,
    status: TurnStatus,
    cost_micros: u64,
}

impl State {
    /// Applies the event that has, or will have, the number `seq`. `None` if it does not belong to this chat.
    fn apply(&mut self, event: &Bytes, seq: u64) -> Option<Effects> {
        // Parsed once, for both.
        let reading = Reading::of(event);
        let belongs = self.tree.belongs(&reading)?;
        if let Some(id) = belongs.message_id.as_deref().filter(|_| belongs.of_user) {
            self.prompts.record(id, seq);
        }
        if let Some(id) = belongs.message_id.filter(|id| *id > self.last_message_id) {
            self.last_message_id = id;
        }
        self.normalizer.push_read(&reading, &mut self.emitted);
        let (mut found, mut ended) = (Vec::new(), Vec::new());
        let mut busy = false;
        for event in std::mem::take(&mut self.emitted) {
            if matches!(event.kind, EventKind::TurnStarted(_)) {
                let cursor = self.prompts.begin(&event.turn_id, seq);
                // An accepted turn is already open.
                if self.open.as_ref() != Some(&event.turn_id) {
                    found.push((event.turn_id.clone(), cursor));
                    self.unasked = Some(event.turn_id.clone());
                    self.open = Some(event.turn_id.clone());
                    self.attempt = 0;
                }
                self.fold = TurnAccumulator::new();
            }
            if self.open.as_ref() != Some(&event.turn_id) {
                continue;
            }
            if let EventKind::TurnStatusChanged(status) = &event.kind {
                self.attempt =
                    status.attempt.unwrap_or(if status.status == TurnStatus::Retrying { self.attempt } else { 0 });
            }
            busy |= matches!(event.kind, EventKind::MessageCreated(_) | EventKind::PartDelta(_));
            self.fold.push(&event);
            if event.is_last() {
                self.open = None;
                self.prompts.settle();
                self.unasked.take_if(|unasked| *unasked == event.turn_id);
                let turn = self.fold.turn();
                let cost_micros = turn.cost_micros().unwrap_or(0);
                ended.push(Ended { turn_id: event.turn_id.clone(), status: turn.status.clone(), cost_micros });
            }
        }
        Some(Effects { new_child: belongs.new_child, idle: belongs.root_idle, busy, found, ended })
    }

    /// Opens the turn of an accepted prompt; its event is recorded immediately after, under the same `accepting` lock.
    pub(super) fn begin(&mut self, turn: TurnId, message_id: &str) {
        self.open = Some(turn);
        self.fold = TurnAccumulator::new();
        self.attempt = 0;
        message_id.clone_into(&mut self.last_message_id);
    }
}
