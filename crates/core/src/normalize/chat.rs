//! A chat: its open turn, and the user's messages that no turn has answered yet.

use super::ending::Cause;
use super::prompts::Prompts;
use super::recent::Recent;
use super::requests;
use super::sessions::Sessions;
use super::status::Compaction;
use super::turn::{Start, Turn};
use crate::event::{Event, TurnStatus};
use crate::id::{ChatId, MessageId, TurnId};
use crate::opencode::{RawEvent, RawKind};

/// One root session and its children.
#[derive(Clone, Debug)]
pub(super) struct Chat {
    pub(super) id: ChatId,
    pub(super) prompts: Prompts,
    pub(super) turn: Option<Turn>,
}

/// What a chat needs in order to handle one raw event.
pub(super) struct Context<'a> {
    /// The event's session.
    pub(super) session: &'a str,
    /// It is a child of the chat's own.
    pub(super) child: bool,
    pub(super) sessions: &'a Sessions,
    /// The user's messages of turns that have ended.
    pub(super) ended: &'a mut Recent,
    /// Counts turns opened, over all chats.
    pub(super) opened: &'a mut u64,
    pub(super) out: &'a mut Vec<Event>,
}

impl Chat {
    pub(super) fn new(id: ChatId) -> Self {
        Self { id, prompts: Prompts::default(), turn: None }
    }

    /// Whether nothing is left to remember.
    pub(super) fn is_empty(&self) -> bool {
        self.turn.is_none() && self.prompts.is_empty()
    }

    /// Handles one event of the chat's sessions.
    pub(super) fn handle(&mut self, kind: RawKind, event: &RawEvent<'_>, raw: &[u8], context: &mut Context<'_>) {
        match kind {
            RawKind::PartDelta => self.part_delta(&event.delta(), raw, context),
            RawKind::PartUpdated => self.part_updated(event, raw, context),
            RawKind::PartRemoved => self.part_removed(event, context),
            RawKind::MessageUpdated => self.message_updated(event, raw, context),
            RawKind::MessageRemoved => self.message_removed(event, context),
            RawKind::SessionStatus => self.session_status(event, context),
            RawKind::SessionIdle => self.session_idle(context),
            RawKind::SessionError => self.session_error(event, context),
            RawKind::SessionCompacted => self.session_compacted(context),
            RawKind::SessionDeleted => self.session_deleted(context),
            // They say which session is whose child, which concerns all chats.
            RawKind::SessionCreated | RawKind::SessionUpdated => {}
            RawKind::TodoUpdated => self.todo_updated(event, context),
            RawKind::QuestionAsked => self.asked(requests::question, event, context),
            RawKind::PermissionAsked | RawKind::PermissionUpdated => self.asked(requests::permission, event, context),
            RawKind::QuestionRejected => self.answered(true, event, context),
            RawKind::QuestionReplied | RawKind::PermissionReplied => {
                let reply = event.properties.reply.filled().or_else(|| event.properties.response.filled());
                self.answered(reply == Some("reject"), event, context);
            }
            RawKind::TurnAccepted => self.turn_accepted(event, context),
            RawKind::Runtime => self.runtime(event, context),
            RawKind::CancelRequested => self.cancel_requested(event, context),
            RawKind::Snapshot => self.snapshot(event, context),
            RawKind::TurnClosed => self.turn_closed(event, context),
            RawKind::ChatEnded => self.chat_ended(event, context),
        }
    }

    /// Opens the turn of an unanswered message; older ones are answered with it.
    pub(super) fn open_prompt(&mut self, id: &str, context: &mut Context<'_>) {
        let mut taken = self.prompts.take_through(id);
        let Some(prompt) = taken.pop() else { return };
        let into = TurnId::of_message(prompt.id.as_str());
        let mut merged = Vec::new();
        for older in taken {
            context.ended.insert_in(self.id.as_str(), older.id.as_str());
            merged.push(older.id.clone());
            if older.is_synthetic() {
                continue;
            }
            let start = Start {
                user_message: older.user_message(),
                model: older.model,
                started_at: older.created_at,
                base: TurnStatus::Queued,
                order: 0,
            };
            Turn::open(self.id.clone(), start, context.out).merge(into.clone(), context.out);
        }
        let compaction = prompt.is_compaction();
        let start = Start {
            user_message: prompt.user_message(),
            model: prompt.model,
            started_at: prompt.created_at,
            base: TurnStatus::Running,
            order: 0,
        };
        self.open(start, context);
        if let Some(turn) = &mut self.turn {
            if compaction {
                turn.status.compaction = Compaction::Summarizing;
            }
            turn.aliases.extend(merged.iter().map(|id| Box::from(id.as_str())));
            turn.emit_status(context.out);
        }
    }

    pub(super) fn open(&mut self, start: Start, context: &mut Context<'_>) {
        *context.opened += 1;
        let start = Start { order: *context.opened, ..start };
        self.turn = Some(Turn::open(self.id.clone(), start, context.out));
    }

    /// Ends the open turn, if there is one.
    pub(super) fn end(&mut self, cause: Cause, ended: &mut Recent, out: &mut Vec<Event>) {
        let Some(mut turn) = self.turn.take() else { return };
        turn.end(cause, out);
        for prompt in self.prompts.take_synthetic() {
            ended.insert_in(self.id.as_str(), prompt.as_str());
        }
        let mut ids: Vec<&str> = turn.aliases.iter().map(|id| &**id).collect();
        // In one order whatever the set's, as the oldest are forgotten first.
        ids.sort_unstable();
        for id in ids {
            ended.insert_in(self.id.as_str(), id);
        }
    }

    /// Ends the open turn if all of it has ended and the runtime is idle.
    pub(super) fn end_if_settled(&mut self, context: &mut Context<'_>) {
        if self.turn.as_ref().is_some_and(Turn::is_settled) {
            self.end(Cause::Settled, context.ended, context.out);
        }
    }

    /// Makes an unanswered message one that the open turn answers.
    pub(super) fn alias(&mut self, id: &MessageId) {
        if let Some(turn) = &mut self.turn {
            turn.aliases.insert(Box::from(id.as_str()));
            self.prompts.remove(id.as_str());
        }
    }
}
