//! What the user said last, here and elsewhere, and where it stands in the log.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use turnwire::TurnId;

/// So many of the user's messages are remembered; the normalizer keeps no more that wait.
const REMEMBERED: usize = 256;

/// A prompt that the runtime has and does not take up in this time may be one that wants no answer.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// The user's messages that were heard last, and where they stand in the log.
#[derive(Debug, Default)]
pub(super) struct Heard(VecDeque<Said>);

#[derive(Debug)]
struct Said {
    message_id: String,
    seq: u64,
    /// When, while it may still begin a turn.
    waiting: Option<Instant>,
}

impl Heard {
    /// A user's message was heard in event number `seq`.
    pub(super) fn note(&mut self, message_id: &str, seq: u64) {
        // It is told again whenever it is looked at.
        if !self.knows(message_id) {
            self.push(Said { message_id: message_id.to_owned(), seq, waiting: Some(Instant::now()) });
        }
    }

    /// Whether this message of the user was heard.
    pub(super) fn knows(&self, message_id: &str) -> bool {
        self.0.iter().any(|said| said.message_id == message_id)
    }

    /// A turn begins with event number `seq`: the number of the event just before its prompt.
    pub(super) fn begin(&mut self, turn: &TurnId, seq: u64) -> u64 {
        let message_id = turn.message_id();
        if let Some(said) = self.0.iter_mut().find(|said| said.message_id == message_id.as_str()) {
            said.waiting = None;
            return said.seq.saturating_sub(1);
        }
        self.push(Said { message_id: message_id.as_str().to_owned(), seq, waiting: None });
        seq.saturating_sub(1)
    }

    /// A turn has ended: what was said before was answered in it, or never will be.
    pub(super) fn settle(&mut self) {
        self.0.iter_mut().for_each(|said| said.waiting = None);
    }

    /// Whether a turn is about to begin by itself.
    pub(super) fn awaits_turn(&self) -> bool {
        self.0.iter().any(|said| said.waiting.is_some_and(|at| at.elapsed() < SOON))
    }

    fn push(&mut self, said: Said) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(said);
    }
}

#[cfg(test)]
mod tests {
    use super::{Heard, REMEMBERED};
    use turnwire::TurnId;

    #[test]
    fn a_turn_begins_just_before_its_prompt() {
        let mut heard = Heard::default();
        let turn = TurnId::of_message("msg_a");
        heard.note("msg_a", 5);
        assert!(heard.awaits_turn());
        assert_eq!(heard.begin(&turn, 7), 4);
        // Told again, as it is when it is looked at.
        heard.note("msg_a", 9);
        assert!(!heard.awaits_turn());
        assert_eq!(heard.begin(&TurnId::of_message("msg_b"), 12), 11, "one that was accepted here");
        heard.note("msg_b", 13);
        heard.note("msg_c", 14);
        heard.settle();
        assert!(!heard.awaits_turn(), "what was said during a turn is of that turn");
        assert_eq!(heard.begin(&TurnId::of_message("msg_c"), 20), 13);
        (0..2 * REMEMBERED as u64).for_each(|at| heard.note(&format!("msg_{at}"), at));
        assert_eq!(heard.0.len(), REMEMBERED);
    }
}
