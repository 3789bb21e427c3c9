//! A message of the agent in the open turn: its parts, how it ended, and when its end is emitted.

use super::emitter::{Emitter, PartEmitter};
use super::failure::{self, Failure};
use super::text::Text;
use super::tool::{self, Tool};
use super::usage::Spent;
use crate::event::{
    Event, EventKind, FinishReason, MessageCompleted, MessageCreated, MessageKind, MessageUsage, Part, ToolError,
    TurnError,
};
use crate::id::{MessageId, PartId};
use crate::opencode::Info;
use crate::time::Timestamp;
use std::sync::Arc;

/// So many bytes of deltas are held for a part that was not announced.
const HELD: usize = 1024 * 1024;

/// A message of the agent.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) id: MessageId,
    pub(super) session: Arc<str>,
    pub(super) kind: MessageKind,
    pub(super) model: Option<String>,
    /// For a subagent's message: the tool part that runs the subagent.
    pub(super) parent_part_id: Option<PartId>,
    pub(super) parts: Vec<MessagePart>,
    pub(super) spent: Spent,
    /// It answers a prompt from elsewhere, not the turn's own.
    pub(super) guest: bool,
    /// The runtime's reason for its end.
    finish: Option<String>,
    failure: Option<Failure>,
    state: MessageState,
    pub(super) completed_at: Option<Timestamp>,
    /// Steps begun. A message without any is a shell's.
    steps: u32,
    /// Deltas of parts that were not announced.
    held: Vec<(Box<str>, String)>,
}

/// How far a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MessageState {
    /// The agent writes it.
    Streaming,
    /// Complete. It was so when it was first seen, therefore its parts are still to come.
    AwaitingParts,
    /// Complete. Its end is emitted once its tools have ended too.
    Completed,
    /// `message.completed` was emitted, if need be before the runtime said that it is complete.
    Closed { completed: bool },
}

/// A part of a message.
#[derive(Clone, Debug)]
pub(super) enum MessagePart {
    Text(Text),
    Tool(Tool),
    /// One that is emitted as a whole: its last state.
    Whole(Part),
}

impl MessagePart {
    pub(super) fn id(&self) -> &PartId {
        match self {
            Self::Text(text) => &text.id,
            Self::Tool(tool) => &tool.id,
            Self::Whole(part) => &part.id,
        }
    }
}

/// How a turn ends, for what in it is still open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Abrupt {
    Cancelled,
    Failed,
    Other,
}

impl Message {
    pub(super) fn new(id: MessageId, session: Arc<str>, info: &Info<'_>, parent_part_id: Option<PartId>) -> Self {
        Self {
            id,
            session,
            kind: if info.is_summary() { MessageKind::Summary } else { MessageKind::Answer },
            model: model(info.provider_id.get(), info.model_id.get()),
            parent_part_id,
            parts: Vec::new(),
            spent: Spent::default(),
            guest: false,
            finish: None,
            failure: None,
            state: if info.is_completed() { MessageState::AwaitingParts } else { MessageState::Streaming },
            completed_at: None,
            steps: 0,
            held: Vec::new(),
        }
    }

    pub(super) fn created(&self, info: &Info<'_>) -> EventKind {
        EventKind::MessageCreated(MessageCreated {
            message_id: self.id.clone(),
            kind: self.kind.clone(),
            model: self.model.clone(),
            agent: info.agent.filled().map(str::to_owned),
            parent_part_id: self.parent_part_id.clone(),
            created_at: tool::at(info.times().created),
        })
    }

    /// What the runtime says about it now.
    pub(super) fn update(&mut self, info: &Info<'_>) {
        self.spent.message(info.tokens.0, info.cost);
        if let Some(finish) = info.finish.filled() {
            self.finish = Some(finish.to_owned());
        }
        if let Some(error) = &info.error.0 {
            self.failure = Some(Failure::read(error));
        }
        if info.is_completed() {
            self.completed_at = tool::at(info.times().completed);
            self.state = match self.state {
                MessageState::Streaming => MessageState::Completed,
                MessageState::Closed { .. } => MessageState::Closed { completed: true },
                state @ (MessageState::AwaitingParts | MessageState::Completed) => state,
            };
        }
    }

    /// Whether this message is the root session's own.
    pub(super) fn is_root(&self) -> bool {
        self.parent_part_id.is_none()
    }

    /// Whether the runtime says that it is complete.
    pub(super) fn is_completed(&self) -> bool {
        match self.state {
            MessageState::Streaming => false,
            MessageState::AwaitingParts | MessageState::Completed => true,
            MessageState::Closed { completed } => completed,
        }
    }

    /// Whether `message.completed` was emitted.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.state, MessageState::Closed { .. })
    }

    pub(super) fn was_aborted(&self) -> bool {
        matches!(self.failure, Some(Failure::Aborted))
    }

    pub(super) fn error(&self) -> Option<&TurnError> {
        match &self.failure {
            Some(Failure::Failed(error)) => Some(error),
            _ => None,
        }
    }

    pub(super) fn finish(&self) -> Option<&str> {
        self.finish.as_deref()
    }

    /// Ended well: a step that takes a former error of the session back.
    pub(super) fn is_step(&self) -> bool {
        self.is_completed() && self.finish.is_some() && self.failure.is_none()
    }

    /// Completed without a reason: stopped, unless it is a shell's, which contains only its tool.
    pub(super) fn stopped_silently(&self) -> bool {
        self.is_completed() && self.finish.is_none() && self.failure.is_none() && !self.is_shell()
    }

    fn is_shell(&self) -> bool {
        self.steps == 0 && matches!(self.parts.as_slice(), [MessagePart::Tool(_)])
    }

    pub(super) fn part_emitter<'a>(&'a self, emitter: &'a mut Emitter, out: &'a mut Vec<Event>) -> PartEmitter<'a> {
        part_emitter(&self.id, &self.kind, self.parent_part_id.as_ref(), emitter, out)
    }

    /// Its parts, and what emits their events.
    pub(super) fn parts_and_emitter<'a>(
        &'a mut self,
        emitter: &'a mut Emitter,
        out: &'a mut Vec<Event>,
    ) -> (&'a mut Vec<MessagePart>, PartEmitter<'a>) {
        (&mut self.parts, part_emitter(&self.id, &self.kind, self.parent_part_id.as_ref(), emitter, out))
    }

    /// Its tools.
    pub(super) fn tools(&self) -> impl DoubleEndedIterator<Item = &Tool> {
        self.parts.iter().filter_map(|part| match part {
            MessagePart::Tool(tool) => Some(tool),
            _ => None,
        })
    }

    /// Holds a delta of a part that was not announced.
    pub(super) fn hold(&mut self, part_id: &str, delta: &str) {
        if self.held.iter().map(|(_, text)| text.len()).sum::<usize>() + delta.len() > HELD {
            return;
        }
        match self.held.iter_mut().find(|(id, _)| &**id == part_id) {
            Some((_, text)) => text.push_str(delta),
            None => self.held.push((Box::from(part_id), delta.to_owned())),
        }
    }

    /// What was held of a part.
    pub(super) fn take_held(&mut self, part_id: &str) -> Option<String> {
        let at = self.held.iter().position(|(id, _)| &**id == part_id)?;
        Some(self.held.swap_remove(at).1)
    }

    /// The provider's stream broke off.
    pub(super) fn retry(&mut self) {
        if self.is_completed() {
            return;
        }
        for part in &mut self.parts {
            if let MessagePart::Text(text) = part {
                text.supersede();
            }
        }
    }

    /// A step, or a part that was not there before, begins: after a retry, what the broken attempt left is void.
    pub(super) fn begin(&mut self, step: bool, emitter: &mut Emitter, out: &mut Vec<Event>) {
        self.steps += u32::from(step);
        let (parts, mut part_emitter) = self.parts_and_emitter(emitter, out);
        for part in parts {
            if let MessagePart::Text(text) = part {
                text.discard_superseded(&mut part_emitter);
            }
        }
    }

    /// The runtime has gone on: no more parts come for a message first seen complete.
    pub(super) fn stop_waiting_for_parts(&mut self) {
        if self.state == MessageState::AwaitingParts {
            self.state = MessageState::Completed;
        }
    }

    /// Emits its end, once the runtime says that it is complete and its tools have ended.
    pub(super) fn close_if_done(
        &mut self,
        session_error: Option<&TurnError>,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        if self.state != MessageState::Completed || self.tools().any(Tool::is_open) {
            return;
        }
        let (finish, error) = self.ending(session_error);
        self.close(finish, error, None, emitter, out);
    }

    /// Emits its end now, whatever is still open.
    pub(super) fn close_now(
        &mut self,
        how: Abrupt,
        session_error: Option<&TurnError>,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        if self.is_closed() {
            return;
        }
        let (finish, error) = if self.is_completed() || self.finish.is_some() || self.failure.is_some() {
            self.ending(session_error)
        } else {
            let finish = match how {
                Abrupt::Cancelled => FinishReason::Cancelled,
                Abrupt::Failed => FinishReason::Error,
                Abrupt::Other => FinishReason::Unknown,
            };
            (finish, None)
        };
        let code = if how == Abrupt::Cancelled { "cancelled" } else { "interrupted" };
        let error_of_tools =
            ToolError { code: code.to_owned(), message: "The turn ended before the tool did.".to_owned() };
        self.close(finish, error, Some(&error_of_tools), emitter, out);
    }

    fn close(
        &mut self,
        finish_reason: FinishReason,
        error: Option<TurnError>,
        error_of_tools: Option<&ToolError>,
        emitter: &mut Emitter,
        out: &mut Vec<Event>,
    ) {
        let (parts, mut part_emitter) = self.parts_and_emitter(emitter, out);
        for part in parts {
            match part {
                MessagePart::Text(text) => {
                    text.close(&mut part_emitter);
                    text.forget();
                }
                MessagePart::Tool(tool) => {
                    if let Some(error) = error_of_tools {
                        tool.close(error.clone(), &mut part_emitter);
                    }
                }
                MessagePart::Whole(_) => {}
            }
        }
        self.state = MessageState::Closed { completed: self.is_completed() };
        self.held = Vec::new();
        let completed = MessageCompleted {
            message_id: self.id.clone(),
            kind: self.emitted_kind(),
            parent_part_id: self.parent_part_id.clone(),
            finish_reason,
            usage: self.spent.counts().map(|counts| MessageUsage { model: self.model.clone(), counts }),
            error,
            completed_at: self.completed_at,
        };
        emitter.emit(EventKind::MessageCompleted(Box::new(completed)), out);
    }

    fn emitted_kind(&self) -> Option<MessageKind> {
        (self.kind == MessageKind::Summary).then_some(MessageKind::Summary)
    }

    /// Why it ended, and what failed.
    fn ending(&self, session_error: Option<&TurnError>) -> (FinishReason, Option<TurnError>) {
        let error = self.error().cloned();
        let finish = match (self.finish.as_deref(), &self.failure) {
            (Some("stop"), _) => FinishReason::Stop,
            (Some("tool-calls"), _) => FinishReason::ToolCalls,
            (Some("length"), _) => FinishReason::Length,
            (Some("content-filter"), _) => FinishReason::ContentFilter,
            (_, Some(Failure::Aborted)) => FinishReason::Cancelled,
            (_, Some(Failure::Failed(error))) if error.code == "content_filter" => FinishReason::ContentFilter,
            (_, Some(Failure::Failed(_))) => FinishReason::Error,
            (Some(_), None) => FinishReason::Unknown,
            (None, None) if self.is_shell() => FinishReason::Unknown,
            // An error of the session, not of the message: the context was full, and a summary follows.
            (None, None) => match session_error {
                Some(session_error) => return (FinishReason::Error, Some(session_error.clone())),
                None => FinishReason::Cancelled,
            },
        };
        (finish, error)
    }
}

fn part_emitter<'a>(
    message_id: &'a MessageId,
    kind: &'a MessageKind,
    parent_part_id: Option<&'a PartId>,
    emitter: &'a mut Emitter,
    out: &'a mut Vec<Event>,
) -> PartEmitter<'a> {
    let kind = (*kind == MessageKind::Summary).then_some(kind);
    PartEmitter { emitter, out, message_id, kind, parent_part_id }
}

/// `provider/model`.
pub(super) fn model(provider: Option<&str>, model: Option<&str>) -> Option<String> {
    match (provider.filter(|provider| !provider.is_empty()), model.filter(|model| !model.is_empty())) {
        (Some(provider), Some(model)) => Some(format!("{provider}/{model}")),
        (None, Some(model)) => Some(model.to_owned()),
        _ => None,
    }
}

/// The error of a turn whose answer a content filter stopped, where the runtime gave none.
pub(super) fn content_filtered() -> TurnError {
    failure::own("content_filter", "The provider's content filter stopped the answer.", false)
}
