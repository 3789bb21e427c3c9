//! One chat: its log, what it makes of it, and its runtime while it is awake.

use super::decide::Decision;
use super::feed::{Feeds, Follower};
use super::heard::Heard;
use super::live::Live;
use super::tree::SessionTree;
use super::{News, Shared};
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
    /// As it was stored when it was loaded; what changes since is in the state.
    pub(super) row: ChatRow,
    pub(crate) relay: Arc<Relay>,
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
    /// What the one who drives the turn has to know.
    pub(super) news: watch::Sender<News>,
    /// Held while a prompt is looked at: one after the other.
    pub(super) accepting: tokio::sync::Mutex<()>,
    /// Held by the one who drives a turn, until all is put away.
    pub(super) driving: tokio::sync::Mutex<()>,
    pub(super) live: tokio::sync::Mutex<Option<Arc<Live>>>,
    feeds: Feeds,
}

/// What the log makes of the chat so far.
pub(super) struct State {
    pub(super) title: Option<String>,
    pub(super) ended_ms: Option<u64>,
    pub(super) runtime_ms: u64,
    pub(super) cost_micros: u64,
    pub(super) awake_since: Option<Instant>,
    /// When something last happened here.
    pub(super) used: Instant,
    pub(super) runtime: &'static str,
    tree: SessionTree,
    normalizer: Normalizer,
    /// The open turn so far.
    fold: TurnAccumulator,
    pub(super) open: Option<TurnId>,
    /// The greatest message id seen.
    pub(super) last_message_id: String,
    /// The attempt the provider is being tried in; 0 while all is well.
    attempt: u32,
    /// What the user said, here and elsewhere.
    pub(super) heard: Heard,
    /// A turn that began by itself, and that nobody sees through yet.
    pub(super) unasked: Option<TurnId>,
    told: Vec<Event>,
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("id", &self.row.id).finish_non_exhaustive()
    }
}

impl Chat {
    /// A chat that goes on after event number `head`.
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
            heard: Heard::default(),
            unasked: None,
            told: Vec::new(),
        };
        Arc::new(Self {
            relay: Relay::new(row.key, shared.store.clone(), shared.delivery, head, row.ended_ms.is_some()),
            row,
            shared,
            state: Mutex::new(state),
            news: watch::Sender::new(News::default()),
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

    /// The folder its agent works in.
    pub(crate) fn workspace(&self) -> PathBuf {
        self.shared.workspace(&self.row.id)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Nothing is left half done by a panic under this lock: the log is the truth, and is read again.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ended(&self) -> bool {
        self.state().ended_ms.is_some()
    }

    /// The turn that runs now.
    pub(crate) fn open_turn(&self) -> Option<TurnId> {
        self.state().open.clone()
    }

    /// The open turn so far.
    pub(super) fn folded(&self) -> Option<Turn> {
        let state = self.state();
        let id = state.open.clone()?;
        // Its id is known before its first event is taken in.
        let mut turn = state.fold.turn().clone();
        turn.id = id;
        Some(turn)
    }

    /// How the last turn stands, or ended.
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

    /// Takes in what is already in the log, from the start of the last turn on. `open`: that turn, if it has not ended.
    pub(super) fn recall(&self, events: &[(u64, Bytes)], open: Option<&TurnRow>) {
        let mut state = self.state();
        if state.open.is_none() {
            state.open = open.map(|turn| TurnId::from(turn.turn_id.as_str()));
        }
        for (seq, event) in events {
            state.take_in(event, *seq);
        }
        // Nobody sees through what began before.
        state.unasked = None;
    }

    /// Puts events into the log, as far as they are this chat's, together with `beside`. Told once they are safe; `None`:
    /// the chat has ended, nothing is taken any more.
    pub(super) fn record(
        &self,
        raw: impl IntoIterator<Item = Bytes>,
        beside: Vec<Write>,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Option<Safe> {
        self.record_in(&mut self.state(), raw, beside, permit)
    }

    /// The same under a lock that is held already, so that what was decided by it still holds.
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
        let mut heard = News::default();
        for event in raw {
            let Some(taken) = state.take_in(&event, seq + 1) else { continue };
            seq += 1;
            kept.push(event);
            heard.idle = (heard.idle || taken.idle) && !taken.busy;
            heard.busy |= taken.busy;
            if let Some(session_id) = taken.new_child {
                beside.push(Write::AddChild { chat: self.row.key, session_id });
            }
            beside.extend(taken.found.iter().map(|(turn_id, cursor)| self.found(turn_id, *cursor)));
            for Ended { turn_id, status, cost_micros } in taken.ended {
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
        // Under the lock: news come in the order of the log.
        self.news.send_modify(|news| {
            if open != news.open {
                *news = News::default();
            }
            // A message begun later takes the idle back; other late events do not.
            news.idle = heard.idle || (news.idle && !heard.busy);
            news.open = open;
            news.steps = steps;
            news.attempt = attempt;
            news.waiting = waiting;
            news.heard += 1;
        });
        Some(safe)
    }

    /// What is to be written of a turn that began by itself.
    fn found(&self, turn: &TurnId, cursor: u64) -> Write {
        let turn = TurnRow { turn_id: turn.as_str().to_owned(), cursor, end_seq: None, thinned: false };
        Write::FindTurn { chat: self.row.key, turn }
    }

    /// Records decisions of the server.
    pub(super) fn decide(&self, decisions: Vec<Decision<'_>>, beside: Vec<Write>) -> Option<Safe> {
        let events: Vec<_> = decisions.into_iter().map(|decision| decision.event(self.session_id())).collect();
        self.record(events, beside, None)
    }

    /// Records decisions and waits until they are safe.
    pub(super) async fn decided(&self, decisions: Vec<Decision<'_>>, beside: Vec<Write>) -> StoreResult<()> {
        match self.decide(decisions, beside) {
            Some(safe) => {
                safe.await.unwrap_or_else(|_| Err(crate::store::StoreError::Failed("the store is closed".to_owned())))
            }
            None => Ok(()),
        }
    }
}

/// What one event meant.
struct TakenIn {
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
    /// Takes the event in that has, or will have, the number `seq`. `None`: it is not this chat's.
    fn take_in(&mut self, event: &Bytes, seq: u64) -> Option<TakenIn> {
        // Read once, for both.
        let reading = Reading::of(event);
        let belongs = self.tree.belongs(&reading)?;
        if let Some(id) = belongs.message_id.as_deref().filter(|_| belongs.of_user) {
            self.heard.note(id, seq);
        }
        if let Some(id) = belongs.message_id.filter(|id| *id > self.last_message_id) {
            self.last_message_id = id;
        }
        self.normalizer.push_read(&reading, &mut self.told);
        let (mut found, mut ended) = (Vec::new(), Vec::new());
        let mut busy = false;
        for told in std::mem::take(&mut self.told) {
            if matches!(told.kind, EventKind::TurnStarted(_)) {
                let cursor = self.heard.begin(&told.turn_id, seq);
                // The one that was accepted is known already.
                if self.open.as_ref() != Some(&told.turn_id) {
                    found.push((told.turn_id.clone(), cursor));
                    self.unasked = Some(told.turn_id.clone());
                    self.open = Some(told.turn_id.clone());
                    self.attempt = 0;
                }
                self.fold = TurnAccumulator::new();
            }
            if self.open.as_ref() != Some(&told.turn_id) {
                continue;
            }
            if let EventKind::TurnStatusChanged(status) = &told.kind {
                self.attempt =
                    status.attempt.unwrap_or(if status.status == TurnStatus::Retrying { self.attempt } else { 0 });
            }
            busy |= matches!(told.kind, EventKind::MessageCreated(_) | EventKind::PartDelta(_));
            self.fold.push(&told);
            if told.is_last() {
                self.open = None;
                self.heard.settle();
                self.unasked.take_if(|unasked| *unasked == told.turn_id);
                let turn = self.fold.turn();
                let cost_micros = turn.cost_micros().unwrap_or(0);
                ended.push(Ended { turn_id: told.turn_id.clone(), status: turn.status.clone(), cost_micros });
            }
        }
        Some(TakenIn { new_child: belongs.new_child, idle: belongs.root_idle, busy, found, ended })
    }

    /// Opens the turn of an accepted prompt; its event follows at once, under the same lock of the acceptor.
    pub(super) fn begin(&mut self, turn: TurnId, message_id: &str) {
        self.open = Some(turn);
        self.fold = TurnAccumulator::new();
        self.attempt = 0;
        message_id.clone_into(&mut self.last_message_id);
    }
}
