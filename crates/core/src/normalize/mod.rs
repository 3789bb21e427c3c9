//! Raw `OpenCode` events in, the seven events of a turn out: a pure state machine.
//!
//! [`Normalizer`] is fed one raw event at a time; [`Capture`] reads the bytes of a recorded stream. What each raw event
//! becomes stands in `docs/events.md`.

mod capture;
mod chat;
mod emitter;
mod ending;
mod failure;
mod files;
mod message;
mod message_events;
mod part_events;
mod prompts;
mod reading;
mod recent;
mod request_events;
mod requests;
mod server_events;
mod session_events;
mod sessions;
mod snapshot;
mod status;
mod text;
mod tool;
mod turn;
mod usage;

pub use crate::opencode::RAW_EVENTS;
pub use capture::Capture;
// For the server, which needs each event's chat and part before it is normalized.
#[doc(hidden)]
pub use reading::{About, Reading, read_answer};

use crate::event::Event;
use crate::id::{ChatId, TurnId};
use crate::opencode::{Delta, RawEvent, RawKind};
use chat::{Chat, Context};
use ending::Cause;
use reading::{Read, whole};
use recent::Recent;
use sessions::Sessions;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// How many events are recognized when they arrive twice.
const EVENTS: usize = 4096;

/// How many prompts of ended turns are recognized.
const ENDED: usize = 256;

/// How many chats may wait with an unanswered prompt and no turn.
const WAITING_CHATS: usize = 256;

/// Turns the raw events of one relay log, or of one `/event` stream, into turns.
///
/// Pure: no clock, no chance. The same log gives the same events to the byte, and memory is bounded by the open turns.
///
/// ```
/// use turnwire::{Normalizer, TurnAccumulator};
///
/// fn turn(log: &[&str]) -> turnwire::Turn {
///     let (mut normalizer, mut turn, mut events) = (Normalizer::new(), TurnAccumulator::new(), vec![]);
///     log.iter().for_each(|raw| normalizer.push(raw.as_bytes(), &mut events));
///     normalizer.finish(&mut events);
///     events.iter().for_each(|event| {
///         turn.push(event);
///     });
///     turn.into_turn()
/// }
/// # let _ = turn;
/// ```
#[derive(Clone, Debug)]
pub struct Normalizer {
    only: Option<(ChatId, Arc<str>)>,
    seen: Recent,
    ended: Recent,
    sessions: Sessions,
    /// By root session. A chat with nothing open is not kept.
    chats: HashMap<Arc<str>, Chat>,
    /// The chats that are kept, in the order they came.
    order: VecDeque<Arc<str>>,
    opened: u64,
    /// The root sessions that had a turn.
    begun: Recent,
    /// The agent was active in a session that had no turn.
    within_turn: bool,
}

impl Default for Normalizer {
    fn default() -> Self {
        Self::new()
    }
}

impl Normalizer {
    /// Every root session of the stream is a chat of its own; the chat's id is the session's.
    pub fn new() -> Self {
        Self {
            only: None,
            seen: Recent::new(EVENTS),
            ended: Recent::new(ENDED),
            sessions: Sessions::default(),
            chats: HashMap::new(),
            order: VecDeque::new(),
            opened: 0,
            begun: Recent::new(ENDED),
            within_turn: false,
        }
    }

    /// Only this root session and its children; events carry `chat_id`.
    pub fn for_chat(chat_id: impl Into<ChatId>, root_session_id: &str) -> Self {
        Self { only: Some((chat_id.into(), Arc::from(root_session_id))), ..Self::new() }
    }

    /// Reads one raw event (its JSON) and appends the events that follow from it to `out`. Never fails: what it cannot read
    /// has no effect.
    pub fn push(&mut self, raw: &[u8], out: &mut Vec<Event>) {
        self.push_read(&Reading::of(raw), out);
    }

    /// Does the same with an event that was read already.
    pub fn push_read(&mut self, reading: &Reading<'_>, out: &mut Vec<Event>) {
        let Reading { raw, read } = reading;
        match read {
            Read::Delta(delta) => self.delta(delta.session_id.or_empty(), delta, raw, out),
            read => {
                read.event(raw, |event| self.event(event, raw, out));
            }
        }
    }

    /// The end of the input: what is open ends as `interrupted`.
    pub fn finish(&mut self, out: &mut Vec<Event>) {
        let mut open: Vec<(u64, Arc<str>)> = self
            .chats
            .iter()
            .filter_map(|(root, chat)| chat.turn.as_ref().map(|turn| (turn.order, root.clone())))
            .collect();
        open.sort_unstable();
        for (_, root) in open {
            if let Some(chat) = self.chats.get_mut(&root) {
                chat.end(Cause::Input, &mut self.ended, out);
            }
        }
        self.chats.clear();
        self.order.clear();
    }

    /// The turn that runs now, if one does. Of several chats: the one whose turn was opened first.
    pub fn open_turn(&self) -> Option<&TurnId> {
        let open = self.chats.values().filter_map(|chat| chat.turn.as_ref());
        open.min_by_key(|turn| turn.order).map(|turn| &turn.emitter.turn_id)
    }

    /// Whether the input began in the middle of a turn. Only whole turns are emitted, so nothing of that one is.
    pub fn began_within_turn(&self) -> bool {
        self.within_turn
    }

    fn event(&mut self, event: &RawEvent<'_>, raw: &[u8], out: &mut Vec<Event>) {
        let (Some(kind), Some(session)) = (event.kind, event.session_id()) else { return };
        if event.id.filled().is_some_and(|id| !self.seen.insert(id)) {
            return;
        }
        if matches!(kind, RawKind::SessionCreated | RawKind::SessionUpdated) {
            let info = event.properties.info.0.as_deref();
            if let Some((info, parent)) = info.and_then(|info| Some((info, info.parent_id.filled()?))) {
                self.sessions.note(session, parent, info.title.or_empty());
            }
            return;
        }
        self.in_session(session, kind, event, raw, out);
        let part = event.properties.part.0.as_ref();
        if kind == RawKind::Snapshot || part.is_some_and(|part| part.part_type.get() == Some("tool")) {
            self.retry_parked(session, out);
        }
    }

    /// The quick path of a delta, which opens nothing and ends nothing.
    fn delta(&mut self, session: &str, delta: &Delta<'_>, raw: &[u8], out: &mut Vec<Event>) {
        if delta.event_id.filled().is_some_and(|id| !self.seen.insert(id)) {
            return;
        }
        let root = self.sessions.root_of(session);
        let Some(chat) = self.chats.get_mut(root).filter(|chat| chat.turn.is_some()) else {
            let ours = self.only.as_ref().is_none_or(|(_, only)| &**only == root);
            self.within_turn |= ours && !self.begun.contains_in("", root);
            return;
        };
        let mut context = Context {
            session,
            child: root != session,
            sessions: &self.sessions,
            ended: &mut self.ended,
            opened: &mut self.opened,
            out,
        };
        chat.part_delta(delta, raw, &mut context);
    }

    fn in_session(&mut self, session: &str, kind: RawKind, event: &RawEvent<'_>, raw: &[u8], out: &mut Vec<Event>) {
        let root = self.sessions.root_of(session);
        if self.only.as_ref().is_some_and(|(_, only)| &**only != root) {
            return;
        }
        if !self.chats.contains_key(root) {
            // Only these two begin anything.
            if root != session || !matches!(kind, RawKind::MessageUpdated | RawKind::TurnAccepted) {
                return;
            }
            let id = self.only.as_ref().map_or_else(|| ChatId::from(root), |(id, _)| id.clone());
            let key: Arc<str> = Arc::from(root);
            self.chats.insert(key.clone(), Chat::new(id));
            self.order.push_back(key);
        }
        let Some(chat) = self.chats.get_mut(root) else { return };
        let opened = self.opened;
        let mut context = Context {
            session,
            child: root != session,
            sessions: &self.sessions,
            ended: &mut self.ended,
            opened: &mut self.opened,
            out,
        };
        chat.handle(kind, event, raw, &mut context);
        if self.opened != opened {
            self.begun.insert_in("", root);
        } else if chat.turn.is_none() && is_being_answered(event) && !self.begun.contains_in("", root) {
            self.within_turn = true;
        }
        if chat.turn.is_none() {
            let empty = chat.is_empty();
            let root: Arc<str> = Arc::from(root);
            self.prune(&root, empty);
        }
    }

    /// A tool part may be the one that held-back events of a child session wait for.
    fn retry_parked(&mut self, session: &str, out: &mut Vec<Event>) {
        let root: Arc<str> = Arc::from(self.sessions.root_of(session));
        let Some(turn) = self.chats.get_mut(&root).and_then(|chat| chat.turn.as_mut()) else { return };
        // An event of the waiting session itself cannot name the tool part that it waits for.
        if turn.parked.is_empty() || turn.parked.iter().all(|(child, _)| &**child == session) {
            return;
        }
        for (child, raw) in turn.unpark() {
            whole(&raw).event(&raw, |event| {
                if let Some(kind) = event.kind {
                    self.in_session(&child, kind, event, &raw, out);
                }
            });
        }
    }

    /// Forgets chats that wait for nothing, and the oldest of too many that wait with a prompt.
    fn prune(&mut self, root: &Arc<str>, empty: bool) {
        if empty {
            self.chats.remove(root);
            self.order.retain(|known| known != root);
        } else if self.order.len() > WAITING_CHATS {
            let chats = &self.chats;
            let idle = |key: &Arc<str>| key != root && chats.get(key).is_none_or(|chat| chat.turn.is_none());
            if let Some(at) = self.order.iter().position(idle)
                && let Some(oldest) = self.order.remove(at)
            {
                self.chats.remove(&oldest);
            }
        }
    }
}

/// Whether the event shows an answer that is not complete yet.
fn is_being_answered(event: &RawEvent<'_>) -> bool {
    let info = event.properties.info.0.as_deref().filter(|_| event.kind == Some(RawKind::MessageUpdated));
    info.is_some_and(|info| info.role.get() == Some("assistant") && info.times().completed.0.is_none())
}
