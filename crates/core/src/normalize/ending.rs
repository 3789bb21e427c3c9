//! How a turn ends: what is still open in it, its status, its usage.

use super::failure;
use super::message::{Abrupt, Message, content_filtered};
use super::turn::{Phase, Turn};
use crate::event::{Event, EventKind, SessionUsage, TurnCompleted, TurnError, TurnStatus};
use crate::id::TurnId;
use crate::time::Timestamp;
use std::time::Duration;

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
    /// The server decided it.
    Decided(TurnStatus, Option<TurnError>, Option<Timestamp>),
}

impl Turn {
    /// Whether everything has ended, so that an idle runtime ends the turn.
    pub(super) fn is_settled(&self) -> bool {
        let stopping = self.status.is_stopping();
        // Without an answer and a reason for its absence, the idle may be a late one of the turn before.
        let is_explained = self.is_answered() || self.session_error.is_some() || stopping;
        // A subagent in the background outlives the answer of whoever began it.
        let works = self.has_busy_child() && !stopping;
        self.phase == Phase::Idle && is_explained && !works && self.root_messages().all(Message::is_closed)
    }

    /// Ends the turn: closes what is open, emits usage and end.
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
                message.close_now(how, session_error, &mut self.emitter, out);
            }
        }
        self.finish(status, None, error, completed_at, out);
    }

    /// Ends a turn that never ran, as its prompt was answered together with a later one.
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
        self.emitter.emit(EventKind::SessionUsage(Box::new(SessionUsage { usage })), out);
        let duration = match (self.started_at, completed_at) {
            (Some(start), Some(end)) => end.as_millis().checked_sub(start.as_millis()).map(Duration::from_millis),
            _ => None,
        };
        let completed = TurnCompleted { status, merged_into, error, completed_at, duration };
        self.emitter.emit(EventKind::TurnCompleted(Box::new(completed)), out);
    }

    /// Status, error and time of the end: the first rule of PROTOCOL STATUS-1 that fits.
    fn verdict(&self, cause: Cause) -> (TurnStatus, Option<TurnError>, Option<Timestamp>) {
        let last_at = self.root_messages().filter_map(|message| message.completed_at).max();
        if let Cause::Decided(status, error, at) = cause {
            let unnamed = status == TurnStatus::Failed && error.is_none();
            let error = if unnamed { Some(self.error().unwrap_or_else(runtime_error)) } else { error };
            return (status, error, at.or(last_at));
        }
        let (status, error) = match &cause {
            _ if self.was_cancelled(&cause) => (TurnStatus::Cancelled, None),
            _ if self.error().is_some() => (TurnStatus::Failed, self.error()),
            _ if self.is_blocked() => (TurnStatus::Blocked, None),
            // An idle runtime that completed nothing failed; that the log ends there changes nothing about it.
            Cause::Settled | Cause::Successor | Cause::Input if self.is_idle_without_answer() => {
                (TurnStatus::Failed, Some(runtime_error()))
            }
            Cause::Input | Cause::Lost(_) | Cause::Deleted(_) => (TurnStatus::Interrupted, Some(interrupted(&cause))),
            _ if !self.is_last_completed() => (TurnStatus::Interrupted, Some(interrupted(&cause))),
            _ => (TurnStatus::Completed, None),
        };
        let completed_at = match cause {
            Cause::Lost(at) | Cause::Deleted(at) => at,
            // A turn that was cut off ended nobody knows when.
            _ if status == TurnStatus::Interrupted => None,
            _ => last_at,
        };
        (status, error, completed_at)
    }

    fn last_message(&self) -> Option<&Message> {
        self.root_messages().next_back()
    }

    fn is_last_completed(&self) -> bool {
        self.last_message().is_some_and(Message::is_completed)
    }

    /// Whether it was stopped: by a cancel, or by an abort at the runtime.
    fn was_cancelled(&self, cause: &Cause) -> bool {
        // A message completed without finish and error shows a stop only once the runtime is idle: before, a message
        // that filled the context looks the same.
        let is_cut_off = matches!(cause, Cause::Input | Cause::Lost(_) | Cause::Deleted(_));
        let stops = |last: &Message| {
            last.was_aborted() || (last.stopped_silently() && (self.phase == Phase::Idle || !is_cut_off))
        };
        self.status.is_stopping() || self.last_message().is_some_and(stops)
    }

    /// The error of the last message, or of the session, or of the content filter that ended the last message.
    fn error(&self) -> Option<TurnError> {
        let last = self.last_message();
        let reported = last.and_then(Message::error).or(self.session_error.as_ref()).cloned();
        let filtered = || last.filter(|last| last.finish() == Some("content-filter")).map(|_| content_filtered());
        reported.or_else(filtered)
    }

    /// Whether the last message ends with tool calls, and a request of it was refused.
    fn is_blocked(&self) -> bool {
        let calls_tools = |last: &&Message| last.finish() == Some("tool-calls");
        self.last_message().filter(calls_tools).is_some_and(|last| self.status.requests.refused_in(&last.id))
    }

    /// Whether the runtime is idle and completed no message.
    fn is_idle_without_answer(&self) -> bool {
        self.phase == Phase::Idle && !self.root_messages().any(Message::is_completed)
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
