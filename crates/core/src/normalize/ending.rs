//! How a turn ends: what is still open in it, its status, its usage.

use super::failure;
use super::message::{Abrupt, Message, content_filtered};
use super::turn::Turn;
use crate::event::{Event, EventKind, SessionUsage, TurnCompleted, TurnError, TurnStatus};
use crate::id::TurnId;
use crate::time::Timestamp;

/// What made a turn end.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    /// The runtime is idle and everything has ended.
    Settled,
    /// The input ended.
    Input,
    /// The runtime was lost.
    Lost(Option<Timestamp>),
    /// The chat or its session was deleted.
    Deleted(Option<Timestamp>),
    /// Another turn begins.
    Successor,
    /// The server says so, and how.
    Told(TurnStatus, Option<TurnError>, Option<Timestamp>),
}

impl Turn {
    /// Whether everything has ended, so that an idle runtime ends the turn.
    pub(super) fn is_settled(&self) -> bool {
        // With nothing told and no reason why, the idle may be the late one of the turn before.
        let something = self.is_answered() || self.session_error.is_some() || self.aborted || self.standing.cancelling;
        // A subagent in the background outlives the answer of whoever began it.
        let working = self.has_busy_child() && !self.aborted && !self.standing.cancelling;
        self.begun && self.idle && something && !working && self.root_messages().all(|message| message.closed)
    }

    /// Ends the turn: closes what is open, tells usage and end.
    pub(super) fn end(&mut self, cause: Cause, out: &mut Vec<Event>) {
        let (status, error, completed_at) = self.verdict(cause);
        let how = match status {
            TurnStatus::Cancelled => Abrupt::Cancelled,
            TurnStatus::Failed => Abrupt::Failed,
            _ => Abrupt::Other,
        };
        let session_error = self.session_error.as_ref().filter(|_| status != TurnStatus::Cancelled);
        // Subagents first: their parents' tools run them.
        let messages = &mut self.messages;
        for child in [true, false] {
            for message in messages.iter_mut().filter(|message| message.is_root() != child) {
                message.close_now(how, session_error, &mut self.teller, out);
            }
        }
        self.finish(status, None, error, completed_at, out);
    }

    /// Tells a turn that never ran, as its prompt was answered together with a later one.
    pub(super) fn merge(mut self, into: TurnId, out: &mut Vec<Event>) {
        self.finish(TurnStatus::Merged, Some(into), None, None, out);
    }

    fn finish(
        &mut self,
        status: TurnStatus,
        merged_into: Option<TurnId>,
        error: Option<TurnError>,
        completed_at: Option<Timestamp>,
        out: &mut Vec<Event>,
    ) {
        let usage = self.usage();
        self.teller.tell(EventKind::SessionUsage(Box::new(SessionUsage { usage })), out);
        let duration_ms = match (self.started_at, completed_at) {
            (Some(start), Some(end)) => end.as_millis().checked_sub(start.as_millis()),
            _ => None,
        };
        let completed = TurnCompleted { status, merged_into, error, completed_at, duration_ms };
        self.teller.tell(EventKind::TurnCompleted(Box::new(completed)), out);
    }

    fn verdict(&self, cause: Cause) -> (TurnStatus, Option<TurnError>, Option<Timestamp>) {
        let last_at = self.root_messages().filter_map(|message| message.completed_at).max();
        if let Cause::Told(status, error, at) = cause {
            let error = error.or_else(|| (status == TurnStatus::Failed).then(|| self.failure()));
            return (status, error, at.or(last_at));
        }
        let (status, error) = self.status(&cause);
        let at = match cause {
            Cause::Lost(at) | Cause::Deleted(at) => at,
            // A turn that was cut off ended nobody knows when.
            _ if status == TurnStatus::Interrupted => None,
            _ => last_at,
        };
        (status, error, at)
    }

    /// The first that fits: PROTOCOL STATUS-1.
    fn status(&self, cause: &Cause) -> (TurnStatus, Option<TurnError>) {
        let last = self.root_messages().next_back();
        let cut_off = matches!(cause, Cause::Input | Cause::Lost(_) | Cause::Deleted(_));
        // A message without a word why is the sign of a stop only once the runtime is idle: before, a full context
        // looks the same.
        let stopped =
            last.is_some_and(|last| last.was_aborted() || (last.stopped_silently() && (self.idle || !cut_off)));
        if self.aborted || self.standing.cancelling || stopped {
            return (TurnStatus::Cancelled, None);
        }
        if let Some(error) = last.and_then(|last| last.error()).or(self.session_error.as_ref()) {
            return (TurnStatus::Failed, Some(error.clone()));
        }
        if last.is_some_and(|last| last.finish() == Some("content-filter")) {
            return (TurnStatus::Failed, Some(content_filtered()));
        }
        if let Some(last) = last
            && last.finish() == Some("tool-calls")
            && self.standing.requests.refused_in(&last.id)
        {
            return (TurnStatus::Blocked, None);
        }
        let none_completed = !self.root_messages().any(Message::is_completed);
        // An idle runtime that completed nothing failed; that the log ends there changes nothing about it.
        let failed_silently = self.begun && self.idle && none_completed;
        if cut_off && !(failed_silently && matches!(cause, Cause::Input)) {
            return (TurnStatus::Interrupted, Some(interrupted(cause)));
        }
        if failed_silently {
            return (TurnStatus::Failed, Some(runtime_error()));
        }
        if last.is_none_or(|last| !last.is_completed()) {
            return (TurnStatus::Interrupted, Some(interrupted(cause)));
        }
        (TurnStatus::Completed, None)
    }

    /// The best word there is for why the turn failed.
    fn failure(&self) -> TurnError {
        let last = self.root_messages().next_back();
        let known = last.and_then(|last| last.error()).or(self.session_error.as_ref());
        known.cloned().unwrap_or_else(runtime_error)
    }
}

fn runtime_error() -> TurnError {
    failure::own("runtime_error", "The agent's runtime stopped without an answer; send the prompt again.", true)
}

fn interrupted(cause: &Cause) -> TurnError {
    match cause {
        Cause::Lost(_) => failure::own("runtime_lost", "The agent's runtime was lost; send the prompt again.", true),
        Cause::Deleted(_) => failure::own("chat_ended", "The chat was ended while the turn ran.", false),
        Cause::Successor => failure::own("interrupted", "The turn broke off before another began.", true),
        _ => failure::own("interrupted", "The log ends before the turn does.", true),
    }
}
