//! The open turn of a chat.

use super::emitter::Emitter;
use super::message::{Message, MessagePart};
use super::status::CurrentStatus;
use super::tool::Tool;
use crate::event::{Event, EventKind, TurnError, TurnStarted, TurnStatus, Usage, UsageEntry, UserMessage};
use crate::id::{ChatId, MessageId, PartId, TurnId};
use crate::time::Timestamp;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Of a child session whose tool part is not known yet, so many raw bytes are held back.
const PARKED: usize = 4 * 1024 * 1024;

/// The open turn.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    pub(super) emitter: Emitter,
    pub(super) user: MessageId,
    /// The user's messages that are answered in this turn.
    pub(super) aliases: HashSet<Box<str>>,
    pub(super) status: CurrentStatus,
    pub(super) messages: Vec<Message>,
    pub(super) by_message: HashMap<MessageId, usize>,
    /// Message and place in it.
    pub(super) by_part: HashMap<PartId, (usize, usize)>,
    /// The part of the last delta.
    pub(super) last_part: Option<(PartId, usize, usize)>,
    /// The tool part that runs a child session.
    pub(super) children: HashMap<Arc<str>, PartId>,
    /// Raw events of child sessions whose tool part is not known yet.
    pub(super) parked: Vec<(Arc<str>, Vec<u8>)>,
    parked_bytes: usize,
    pub(super) started_at: Option<Timestamp>,
    pub(super) phase: Phase,
    /// The session's last error, unless a step was completed after it.
    pub(super) session_error: Option<TurnError>,
    /// The tool parts whose subagent was stopped.
    pub(super) stopped_tools: HashSet<PartId>,
    /// The subagents' sessions that are at work.
    pub(super) busy_children: HashSet<Box<str>>,
    /// The server accepted its prompt before the runtime had it.
    accepted: bool,
    /// Prompts from elsewhere that the runtime answered first.
    guests: HashSet<Box<str>>,
    /// The total length of the URLs of the emitted files.
    pub(super) url_bytes: usize,
    pub(super) order: u64,
}

/// What the runtime does for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It has not begun with the turn.
    Waiting,
    Busy,
    /// It was busy with the turn, and has nothing to do now.
    Idle,
}

/// How a turn begins.
pub(super) struct Start {
    pub(super) user_message: UserMessage,
    pub(super) model: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) base: TurnStatus,
    pub(super) order: u64,
}

impl Turn {
    /// Opens a turn and emits that.
    pub(super) fn open(chat_id: ChatId, start: Start, out: &mut Vec<Event>) -> Self {
        let user = start.user_message.id.clone();
        let mut emitter = Emitter::new(chat_id, TurnId::of_message(user.as_str()));
        let started =
            TurnStarted { user_message: start.user_message, model: start.model, started_at: start.started_at };
        emitter.emit(EventKind::TurnStarted(started), out);
        Self {
            emitter,
            aliases: HashSet::from([Box::from(user.as_str())]),
            user,
            phase: if start.base == TurnStatus::Running { Phase::Busy } else { Phase::Waiting },
            messages: Vec::new(),
            by_message: HashMap::new(),
            by_part: HashMap::new(),
            last_part: None,
            children: HashMap::new(),
            parked: Vec::new(),
            parked_bytes: 0,
            started_at: start.started_at,
            session_error: None,
            stopped_tools: HashSet::new(),
            busy_children: HashSet::new(),
            accepted: start.base == TurnStatus::Queued,
            guests: HashSet::new(),
            status: CurrentStatus::new(start.base),
            url_bytes: 0,
            order: start.order,
        }
    }

    pub(super) fn emit_status(&mut self, out: &mut Vec<Event>) {
        self.status.emit(&mut self.emitter, out);
    }

    /// Adds a message of the agent.
    pub(super) fn add_message(&mut self, message: Message) -> usize {
        let at = self.messages.len();
        self.by_message.insert(message.id.clone(), at);
        self.messages.push(message);
        at
    }

    /// Adds a part to a message.
    pub(super) fn add_part(&mut self, message: usize, part: MessagePart) -> usize {
        let parts = &mut self.messages[message].parts;
        let at = parts.len();
        self.by_part.insert(part.id().clone(), (message, at));
        parts.push(part);
        at
    }

    /// What its messages used.
    pub(super) fn usage(&self) -> Usage {
        let mut usage = Usage::default();
        for message in &self.messages {
            if message.is_root() && message.model.is_some() {
                usage.model.clone_from(&message.model);
            }
            let Some(counts) = message.spent.counts() else { continue };
            if message.is_root() {
                usage.counts += counts;
            }
            usage.summary += counts;
            usage.entries.push(UsageEntry {
                message_id: message.id.clone(),
                kind: message.kind.clone(),
                parent_part_id: message.parent_part_id.clone(),
                model: message.model.clone(),
                counts,
            });
        }
        usage
    }

    /// The root session's messages.
    pub(super) fn root_messages(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter().filter(|message| message.is_root())
    }

    /// Whether its own prompt was answered, if only in part. An answer to a prompt from elsewhere does not count.
    pub(super) fn is_answered(&self) -> bool {
        self.root_messages().any(|message| !message.guest)
    }

    /// Whether the runtime may still be answering a prompt from elsewhere before it comes to this turn's own.
    pub(super) fn takes_guests(&self) -> bool {
        self.accepted && !self.is_answered()
    }

    /// Makes a prompt from elsewhere one that is answered in this turn.
    pub(super) fn add_guest(&mut self, prompt: &str) {
        self.guests.insert(Box::from(prompt));
    }

    /// Whether a message answers a prompt from elsewhere.
    pub(super) fn is_guest(&self, parent: &str) -> bool {
        self.guests.contains(parent)
    }

    /// Whether a subagent that one of its tools began is at work.
    pub(super) fn has_busy_child(&self) -> bool {
        self.busy_children.iter().any(|child| self.children.contains_key(&**child))
    }

    /// The tool part of a call.
    pub(super) fn part_of_call(&self, message_id: Option<&str>, call_id: &str) -> Option<PartId> {
        let messages = self.messages.iter().rev();
        let mut tools = messages
            .filter(|message| message_id.is_none_or(|id| message.id == id))
            .flat_map(Message::tools)
            .filter(|tool| !call_id.is_empty() && tool.call_id() == call_id);
        tools.next().map(|tool| tool.id.clone())
    }

    /// The runtime is at work on it.
    pub(super) fn run(&mut self) {
        self.phase = Phase::Busy;
        self.status.base = TurnStatus::Running;
    }

    /// Emits the end of a message once it has come.
    pub(super) fn close_if_done(&mut self, message: usize, out: &mut Vec<Event>) {
        // What a compaction overcame is not the error of a message the user stopped.
        let error = self.session_error.as_ref().filter(|_| !self.status.is_stopping());
        self.messages[message].close_if_done(error, &mut self.emitter, out);
    }

    /// The tool part that runs a child session: the one that names it, else the open one it fits.
    pub(super) fn link(&mut self, child: &str, parent: &str, title: &str) -> Option<PartId> {
        if let Some(part) = self.children.get(child) {
            return Some(part.clone());
        }
        let tools = || self.messages.iter().filter(|message| &*message.session == parent).flat_map(Message::tools);
        let named = tools().find(|tool| tool.child.as_deref() == Some(child));
        let found = named.or_else(|| {
            // Versions before 1.14 name the child only once it has ended.
            let taken = |tool: &&Tool| !self.children.values().any(|part| *part == tool.id);
            tools()
                .filter(|tool| tool.is_open() && tool.name() == "task" && tool.child.is_none())
                .filter(taken)
                .find(|tool| fits(tool, title))
        })?;
        let part = found.id.clone();
        self.children.insert(Arc::from(child), part.clone());
        Some(part)
    }

    /// Holds a raw event of a child back until its tool part is known.
    pub(super) fn park(&mut self, session: &str, raw: &[u8]) {
        if self.parked_bytes + raw.len() <= PARKED {
            self.parked_bytes += raw.len();
            self.parked.push((Arc::from(session), raw.to_vec()));
        }
    }

    /// Takes all that was held back, to be tried again.
    pub(super) fn unpark(&mut self) -> Vec<(Arc<str>, Vec<u8>)> {
        self.parked_bytes = 0;
        std::mem::take(&mut self.parked)
    }
}

/// A child's title begins with the description its tool was given.
fn fits(tool: &Tool, title: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Input {
        description: String,
    }
    serde_json::from_str::<Input>(tool.input().get()).is_ok_and(|input| title.starts_with(&input.description))
}
