//! What a session as a whole tells: busy, idle, retry, errors, compaction, its deletion.

use super::chat::{Chat, Scene};
use super::ending::Cause;
use super::failure::{self, Failure};
use super::message::Message;
use super::standing::{Compaction, Retry, Stop};
use super::tool::at;
use super::turn::Phase;
use crate::opencode::{ErrorInfo, RawEvent, StatusInfo, read};

impl Chat {
    pub(super) fn session_status(&mut self, event: &RawEvent<'_>, scene: &mut Scene<'_>) {
        let status: StatusInfo<'_> = read(event.properties.status).unwrap_or_default();
        if scene.child
            && let Some(turn) = &mut self.turn
            && matches!(status.kind.or_empty(), "busy" | "retry")
        {
            turn.busy_children.insert(Box::from(scene.session));
        }
        match status.kind.or_empty() {
            "busy" => self.busy(scene),
            "retry" => self.retry(&status, scene),
            "idle" => self.session_idle(scene),
            _ => {}
        }
    }

    fn busy(&mut self, scene: &mut Scene<'_>) {
        if scene.child {
            return;
        }
        if self.turn.is_none() {
            let Some(newest) = self.prompts.newest().cloned() else { return };
            self.open_prompt(newest.as_str(), scene);
        }
        let Some(turn) = &mut self.turn else { return };
        turn.run();
        turn.standing.retry = None;
        turn.tell_status(scene.out);
    }

    fn retry(&mut self, status: &StatusInfo<'_>, scene: &mut Scene<'_>) {
        let Some(turn) = &mut self.turn else { return };
        for message in turn.messages.iter_mut().filter(|message| &*message.session == scene.session) {
            message.retry();
        }
        // A subagent's retry is its own matter: the turn runs on.
        if scene.child {
            return;
        }
        turn.run();
        turn.standing.retry = Some(Retry {
            attempt: status.attempt.count().map(|attempt| u32::try_from(attempt).unwrap_or(u32::MAX)),
            message: status.message.filled().map(failure::sentence),
            next_attempt_at: at(status.next),
        });
        turn.tell_status(scene.out);
    }

    pub(super) fn session_idle(&mut self, scene: &mut Scene<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let of_session = |message: &Message| &*message.session == scene.session;
        for at in 0..turn.messages.len() {
            if of_session(&turn.messages[at]) {
                turn.messages[at].stop_waiting_for_parts();
                turn.close_if_done(at, scene.out);
            }
        }
        // A child's end is not the turn's, but the turn may have waited for it. Nor is an idle from before the turn began.
        if scene.child {
            turn.busy_children.remove(scene.session);
            self.end_if_settled(scene);
        } else if turn.phase != Phase::Waiting {
            turn.phase = Phase::Idle;
            self.end_if_settled(scene);
        }
    }

    pub(super) fn session_error(&mut self, event: &RawEvent<'_>, scene: &mut Scene<'_>) {
        let Some(turn) = &mut self.turn else { return };
        match Failure::read(&read::<ErrorInfo<'_>>(event.properties.error).unwrap_or_default()) {
            Failure::Aborted if scene.child => {
                turn.stopped_tools.extend(turn.children.get(scene.session).cloned());
            }
            // Before the runtime has begun with this turn it can only mean the one before.
            Failure::Aborted if turn.phase == Phase::Waiting => {}
            Failure::Aborted => turn.standing.stop(Stop::Aborted),
            Failure::Failed(error) if !scene.child => turn.session_error = Some(error),
            Failure::Failed(_) => {}
        }
    }

    pub(super) fn session_compacted(&mut self, scene: &mut Scene<'_>) {
        let Some(turn) = self.turn.as_mut().filter(|_| !scene.child) else { return };
        turn.standing.compaction = Compaction::None;
        turn.tell_status(scene.out);
    }

    pub(super) fn session_deleted(&mut self, scene: &mut Scene<'_>) {
        if scene.child {
            if let Some(turn) = &mut self.turn {
                turn.busy_children.remove(scene.session);
            }
            return self.end_if_settled(scene);
        }
        self.prompts = super::prompts::Prompts::default();
        self.end(Cause::Deleted(None), scene.ended, scene.out);
    }
}
