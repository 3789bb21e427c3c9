//! Events of a session as a whole: busy, idle, retry, errors, compaction, deletion.

use super::chat::{Chat, Context};
use super::ending::Cause;
use super::failure::{self, Failure};
use super::message::Message;
use super::status::{Compaction, Retry, Stop};
use super::tool::at;
use super::turn::Phase;
use crate::opencode::{ErrorInfo, RawEvent, StatusInfo, read};

impl Chat {
    pub(super) fn session_status(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let status: StatusInfo<'_> = read(event.properties.status).unwrap_or_default();
        if context.child
            && let Some(turn) = &mut self.turn
            && matches!(status.kind.or_empty(), "busy" | "retry")
        {
            turn.busy_children.insert(Box::from(context.session));
        }
        match status.kind.or_empty() {
            "busy" => self.busy(context),
            "retry" => self.retry(&status, context),
            "idle" => self.session_idle(context),
            _ => {}
        }
    }

    fn busy(&mut self, context: &mut Context<'_>) {
        if context.child {
            return;
        }
        if self.turn.is_none() {
            let Some(newest) = self.prompts.newest().cloned() else { return };
            self.open_prompt(newest.as_str(), context);
        }
        let Some(turn) = &mut self.turn else { return };
        turn.run();
        turn.status.retry = None;
        turn.emit_status(context.out);
    }

    fn retry(&mut self, status: &StatusInfo<'_>, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        for message in turn.messages.iter_mut().filter(|message| &*message.session == context.session) {
            message.retry();
        }
        // A subagent's retry is its own matter: the turn runs on.
        if context.child {
            return;
        }
        turn.run();
        turn.status.retry = Some(Retry {
            attempt: status.attempt.count().map(|attempt| u32::try_from(attempt).unwrap_or(u32::MAX)),
            message: status.message.filled().map(failure::sentence),
            next_attempt_at: at(status.next),
        });
        turn.emit_status(context.out);
    }

    pub(super) fn session_idle(&mut self, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let of_session = |message: &Message| &*message.session == context.session;
        for at in 0..turn.messages.len() {
            if of_session(&turn.messages[at]) {
                turn.messages[at].stop_waiting_for_parts();
                turn.close_if_done(at, context.out);
            }
        }
        // A child's end is not the turn's, but the turn may have waited for it. Nor is an idle from before the turn began.
        if context.child {
            turn.busy_children.remove(context.session);
            self.end_if_settled(context);
        } else if turn.phase != Phase::Waiting {
            turn.phase = Phase::Idle;
            self.end_if_settled(context);
        }
    }

    pub(super) fn session_error(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        match Failure::read(&read::<ErrorInfo<'_>>(event.properties.error).unwrap_or_default()) {
            Failure::Aborted if context.child => {
                turn.stopped_tools.extend(turn.children.get(context.session).cloned());
            }
            // Before the runtime has begun with this turn it can only mean the one before.
            Failure::Aborted if turn.phase == Phase::Waiting => {}
            Failure::Aborted => turn.status.stop(Stop::Aborted),
            Failure::Failed(error) if !context.child => turn.session_error = Some(error),
            Failure::Failed(_) => {}
        }
    }

    pub(super) fn session_compacted(&mut self, context: &mut Context<'_>) {
        let Some(turn) = self.turn.as_mut().filter(|_| !context.child) else { return };
        turn.status.compaction = Compaction::None;
        turn.emit_status(context.out);
    }

    pub(super) fn session_deleted(&mut self, context: &mut Context<'_>) {
        if context.child {
            if let Some(turn) = &mut self.turn {
                turn.busy_children.remove(context.session);
            }
            return self.end_if_settled(context);
        }
        self.prompts = super::prompts::Prompts::default();
        self.end(Cause::Deleted(None), context.ended, context.out);
    }
}
