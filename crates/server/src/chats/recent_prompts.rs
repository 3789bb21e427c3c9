//! The latest user messages, from this server or elsewhere, and their positions in the log.

use std::collections::VecDeque;
use std::time::{Duration, Instant};
use turnwire::TurnId;

/// The maximum number of remembered messages; the normalizer keeps no more unanswered prompts either.
const REMEMBERED: usize = 256;

/// If the runtime does not start a turn for a prompt in this time, the prompt may request no answer.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// The latest user messages and their positions in the log.
#[derive(Debug, Default)]
pub(super) struct RecentPrompts(VecDeque<Prompt>);

#[derive(Debug)]
struct Prompt {
    message_id: String,
    seq: u64,
    /// When it was seen, while it may still begin a turn.
    waiting: Option<Instant>,
}

impl RecentPrompts {
    /// Records a user message that was seen in event number `seq`.
    pub(super) fn record(&mut self, message_id: &str, seq: u64) {
        // The runtime repeats a message at every change.
        if !self.contains(message_id) {
            self.push(Prompt { message_id: message_id.to_owned(), seq, waiting: Some(Instant::now()) });
        }
    }

    /// Whether this user message was seen.
    pub(super) fn contains(&self, message_id: &str) -> bool {
        self.0.iter().any(|prompt| prompt.message_id == message_id)
    }

    /// A turn begins with event number `seq`. Returns the number of the event just before its prompt.
    pub(super) fn begin(&mut self, turn: &TurnId, seq: u64) -> u64 {
        let message_id = turn.message_id();
        if let Some(prompt) = self.0.iter_mut().find(|prompt| prompt.message_id == message_id.as_str()) {
            prompt.waiting = None;
            return prompt.seq.saturating_sub(1);
        }
        self.push(Prompt { message_id: message_id.as_str().to_owned(), seq, waiting: None });
        seq.saturating_sub(1)
    }

    /// A turn has ended: earlier prompts were answered in it, or never will be.
    pub(super) fn settle(&mut self) {
        self.0.iter_mut().for_each(|prompt| prompt.waiting = None);
    }

    /// Whether a turn is about to begin by itself.
    pub(super) fn awaits_turn(&self) -> bool {
        self.0.iter().any(|prompt| prompt.waiting.is_some_and(|at| at.elapsed() < SOON))
    }

    fn push(&mut self, prompt: Prompt) {
        if self.0.len() == REMEMBERED {
            self.0.pop_front();
        }
        self.0.push_back(prompt);
    }
}

#[cfg(test)]
mod tests {
    use super::{REMEMBERED, RecentPrompts};
    use turnwire::TurnId;

    #[test]
    fn a_turn_begins_just_before_its_prompt() {
        let mut prompts = RecentPrompts::default();
        let turn = TurnId::of_message("msg_a");
        prompts.record("msg_a", 5);
        assert!(prompts.awaits_turn());
        assert_eq!(prompts.begin(&turn, 7), 4);
        // Repeated, as the runtime does at every change.
        prompts.record("msg_a", 9);
        assert!(!prompts.awaits_turn());
        assert_eq!(prompts.begin(&TurnId::of_message("msg_b"), 12), 11, "one that was accepted here");
        prompts.record("msg_b", 13);
        prompts.record("msg_c", 14);
        prompts.settle();
        assert!(!prompts.awaits_turn(), "a prompt during a turn belongs to that turn");
        assert_eq!(prompts.begin(&TurnId::of_message("msg_c"), 20), 13);
        (0..2 * REMEMBERED as u64).for_each(|at| prompts.record(&format!("msg_{at}"), at));
        assert_eq!(prompts.0.len(), REMEMBERED);
    }
}
