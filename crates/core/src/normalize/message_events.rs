//! Events of messages: the user's, which open turns, and the agent's, which fill them.

use super::chat::{Chat, Context};
use super::ending::Cause;
use super::message::{Abrupt, Message};
use super::status::Compaction;
use super::turn::Turn;
use crate::event::MessageKind;
use crate::id::{MessageId, PartId};
use crate::opencode::{Info, RawEvent};
use std::sync::Arc;

impl Chat {
    pub(super) fn message_updated(&mut self, event: &RawEvent<'_>, raw: &[u8], context: &mut Context<'_>) {
        let Some(info) = event.properties.info.0.as_deref() else { return };
        let Some(id) = info.id.filled() else { return };
        match info.role.or_empty() {
            "user" if !context.child => self.user_message(id, info, context),
            "assistant" => self.agent_message(id, info, raw, context),
            _ => {}
        }
    }

    fn user_message(&mut self, id: &str, info: &Info<'_>, context: &mut Context<'_>) {
        let known = context.ended.contains_in(self.id.as_str(), id)
            || self.prompts.get(id).is_some()
            || self.turn.as_ref().is_some_and(|turn| turn.aliases.contains(id));
        // A message that has a summary when it is first seen belongs to a turn from before the log.
        if known || info.has_summary() {
            return;
        }
        self.prompts.add(id, info);
        if self.turn.as_ref().is_some_and(|turn| turn.status.compaction == Compaction::Replaying) {
            self.alias(&MessageId::from(id));
        }
    }

    fn agent_message(&mut self, id: &str, info: &Info<'_>, raw: &[u8], context: &mut Context<'_>) {
        if let Some(at) = self.turn.as_ref().and_then(|turn| turn.by_message.get(id).copied()) {
            return self.update_message(at, info, context);
        }
        let parent_part = if context.child {
            match self.child_link(raw, context) {
                Some(part) => Some(part),
                None => return,
            }
        } else if self.belongs(info, context) {
            None
        } else {
            return;
        };
        if let Some(at) = self.add_message(id, info, parent_part, context) {
            self.update_message(at, info, context);
        }
    }

    /// Whether a root message not seen before is the open turn's; it may open one.
    fn belongs(&mut self, info: &Info<'_>, context: &mut Context<'_>) -> bool {
        let Some(parent) = info.parent_id.filled() else { return self.turn.is_some() };
        if self.turn.as_ref().is_some_and(|turn| turn.aliases.contains(parent)) {
            return true;
        }
        let Some(prompt) = self.prompts.get(parent) else { return false };
        // A message that the runtime writes in the user's name during a turn belongs to that turn.
        if self.turn.is_some() && prompt.is_synthetic() {
            self.alias(&MessageId::from(parent));
            return true;
        }
        if info.is_completed() {
            return false;
        }
        // The runtime answers a prompt from elsewhere before the one the server has accepted. Were that a turn of its own, the
        // accepted one would end before it began, and its answer would be nobody's.
        if let Some(turn) = self.turn.as_mut().filter(|turn| turn.takes_guests()) {
            turn.add_guest(parent);
            self.alias(&MessageId::from(parent));
            return true;
        }
        self.end(Cause::Successor, context.ended, context.out);
        self.open_prompt(parent, context);
        true
    }

    pub(super) fn add_message(
        &mut self,
        id: &str,
        info: &Info<'_>,
        parent_part: Option<PartId>,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let turn = self.turn.as_mut()?;
        for at in 0..turn.messages.len() {
            if &*turn.messages[at].session == context.session {
                turn.messages[at].stop_waiting_for_parts();
                turn.close_if_done(at, context.out);
            }
        }
        let mut message = Message::new(MessageId::from(id), Arc::from(context.session), info, parent_part);
        message.guest = !context.child && turn.is_guest(info.parent_id.or_empty());
        if !context.child {
            turn.run();
            turn.status.compaction =
                if message.kind == MessageKind::Summary { Compaction::Summarizing } else { Compaction::None };
            turn.emit_status(context.out);
        }
        turn.emitter.emit(message.created(info), context.out);
        Some(turn.add_message(message))
    }

    pub(super) fn update_message(&mut self, at: usize, info: &Info<'_>, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let message = &mut turn.messages[at];
        message.update(info);
        if message.is_root() && message.is_step() {
            turn.session_error = None;
            if message.kind == MessageKind::Summary && turn.status.compaction == Compaction::Summarizing {
                turn.status.compaction = Compaction::Replaying;
            }
        }
        turn.close_if_done(at, context.out);
        self.end_if_settled(context);
    }

    /// The tool part that runs the event's session. Without one the event waits for it.
    pub(super) fn child_link(&mut self, raw: &[u8], context: &Context<'_>) -> Option<PartId> {
        let child = context.sessions.child(context.session)?;
        let turn = self.turn.as_mut()?;
        let link = turn.link(context.session, &child.parent, &child.title);
        if link.is_none() {
            turn.park(context.session, raw);
        }
        link
    }

    pub(super) fn message_removed(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(id) = event.properties.message_id.filled() else { return };
        self.prompts.remove(id);
        let Some(turn) = &mut self.turn else { return };
        let Some(&at) = turn.by_message.get(id) else { return };
        let (parts, mut part_emitter) = turn.messages[at].parts_and_emitter(&mut turn.emitter, context.out);
        for part in parts {
            if let super::message::MessagePart::Text(text) = part {
                text.discard(&mut part_emitter);
            }
        }
        turn.messages[at].close_now(Abrupt::Other, None, &mut turn.emitter, context.out);
        self.end_if_settled(context);
    }
}

impl Turn {
    /// The message, if it has not been closed.
    pub(super) fn open_message(&self, id: &str) -> Option<usize> {
        self.by_message.get(id).copied().filter(|at| !self.messages[*at].is_closed())
    }
}
