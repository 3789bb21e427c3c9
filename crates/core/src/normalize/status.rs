//! The status of a turn that runs: one out of all that holds at once, emitted when it changes.

use super::emitter::Emitter;
use super::requests::Requests;
use crate::event::{Event, EventKind, TurnStatus, TurnStatusChanged};
use crate::time::Timestamp;

/// A retry of the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Retry {
    pub(super) attempt: Option<u32>,
    pub(super) message: Option<String>,
    pub(super) next_attempt_at: Option<Timestamp>,
}

/// Whether the context is being summarized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Compaction {
    None,
    Summarizing,
    /// The summary is complete. Until `session.compacted`, a message of the user is a replay.
    Replaying,
}

/// Who stops the turn; of several the last of this list counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stop {
    None,
    /// The runtime reports an abort.
    Aborted,
    /// A cancel was requested.
    Requested,
}

/// All that holds at once.
#[derive(Clone, Debug)]
pub(super) struct CurrentStatus {
    /// `queued`, `starting`, `resuming` or `running`.
    pub(super) base: TurnStatus,
    pub(super) retry: Option<Retry>,
    pub(super) compaction: Compaction,
    stop: Stop,
    pub(super) requests: Requests,
    emitted: Option<TurnStatusChanged>,
}

impl CurrentStatus {
    pub(super) fn new(base: TurnStatus) -> Self {
        Self {
            base,
            retry: None,
            compaction: Compaction::None,
            stop: Stop::None,
            requests: Requests::default(),
            emitted: None,
        }
    }

    /// Emits the status, if it has changed.
    pub(super) fn emit(&mut self, emitter: &mut Emitter, out: &mut Vec<Event>) {
        let now = self.now();
        if self.emitted.as_ref() != Some(&now) {
            self.emitted = Some(now.clone());
            emitter.emit(EventKind::TurnStatusChanged(now), out);
        }
    }

    pub(super) fn stop(&mut self, stop: Stop) {
        self.stop = self.stop.max(stop);
    }

    /// Whether the turn will end as cancelled.
    pub(super) fn is_stopping(&self) -> bool {
        self.stop != Stop::None
    }

    fn now(&self) -> TurnStatusChanged {
        let mut now = TurnStatusChanged {
            status: self.base.clone(),
            message: None,
            attempt: None,
            next_attempt_at: None,
            requests: Vec::new(),
        };
        if self.stop == Stop::Requested {
            now.status = TurnStatus::Cancelling;
        } else if !self.requests.is_empty() {
            now.status = TurnStatus::Waiting;
            now.requests = self.requests.open();
        } else if let Some(retry) = &self.retry {
            now.status = TurnStatus::Retrying;
            now.message.clone_from(&retry.message);
            now.attempt = retry.attempt;
            now.next_attempt_at = retry.next_attempt_at;
        } else if self.compaction != Compaction::None {
            now.status = TurnStatus::Compacting;
        }
        now
    }
}
