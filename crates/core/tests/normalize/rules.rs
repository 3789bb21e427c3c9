//! What always holds of the events of a log, whatever the log: PROTOCOL STREAM-1, STREAM-2, STREAM-4, STREAM-5, STREAM-6, STREAM-9, STREAM-10.

use std::collections::{HashMap, HashSet};
use turnwire::event::{Event, EventKind, PartBody, PartState, TokenCounts};

#[derive(Clone, Default)]
struct Seen {
    seq: u64,
    started: bool,
    ended: bool,
    usage: bool,
    messages: HashMap<String, bool>,
    parts: HashMap<String, (String, String, bool)>,
    texts: HashMap<String, String>,
}

/// Follows events and says which rule the first wrong one breaks.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    turns: HashMap<String, Seen>,
    open_in_chat: HashMap<String, String>,
}

impl Rules {
    pub(crate) fn follow(&mut self, event: &Event) -> Result<(), String> {
        let turn_id = format!("{} of {}", event.turn_id, event.chat_id);
        let chat = event.chat_id.as_str().to_owned();
        let seen = self.turns.entry(turn_id.clone()).or_default();
        one(event, seen).map_err(|rule| format!("{rule}: {}", event.to_json()))?;
        match event.kind {
            EventKind::TurnStarted(_) => {
                if let Some(other) = self.open_in_chat.insert(chat, turn_id) {
                    return Err(format!("two turns are open in one chat, {other} too: {}", event.to_json()));
                }
            }
            EventKind::TurnCompleted(_) => {
                self.open_in_chat.remove(&chat);
            }
            _ => {}
        }
        Ok(())
    }

    /// After the last event: every turn has ended.
    pub(crate) fn end(&self) -> Result<(), String> {
        match self.turns.iter().find(|(_, seen)| !seen.ended) {
            Some((id, _)) => Err(format!("{id} has no end")),
            None => Ok(()),
        }
    }
}

/// Checks every rule; the first that is broken, in words.
pub(crate) fn check(events: &[Event]) -> Result<(), String> {
    let mut rules = Rules::default();
    events.iter().try_for_each(|event| rules.follow(event))?;
    rules.end()
}

fn one(event: &Event, seen: &mut Seen) -> Result<(), &'static str> {
    rule(!seen.ended, "nothing comes after the end of a turn")?;
    rule(event.seq == seen.seq + 1, "seq counts 1, 2, 3 …")?;
    seen.seq = event.seq;
    rule(seen.started == (event.seq > 1), "turn.started is first, and once")?;
    rule(seen.started != matches!(event.kind, EventKind::TurnStarted(_)), "turn.started is first, and once")?;
    rule(!seen.usage || event.is_last(), "session.usage comes right before the end")?;
    match &event.kind {
        EventKind::TurnStarted(_) => {
            seen.started = true;
        }
        EventKind::MessageCreated(created) => {
            let new = seen.messages.insert(created.message_id.as_str().to_owned(), true).is_none();
            rule(new, "a message is created once")?;
        }
        EventKind::PartDelta(delta) => {
            rule(!delta.delta.is_empty(), "a delta holds text")?;
            rule(matches!(delta.part_type.as_str(), "text" | "reasoning"), "only texts grow by deltas")?;
            part(seen, delta.message_id.as_str(), delta.part_id.as_str(), delta.part_type.as_str(), true)?;
            seen.texts.entry(delta.part_id.as_str().to_owned()).or_default().push_str(&delta.delta);
        }
        EventKind::PartUpdated(updated) => {
            rule(&updated.part_type == updated.part.part_type(), "partType is the type of part")?;
            rule(updated.part_id == updated.part.id, "partId is the id of part")?;
            let open = updated.part.state.is_open();
            // A text that was told whole and ended may still be corrected.
            let corrects = seen.parts.get(updated.part_id.as_str()).is_some_and(|(_, _, open)| !open);
            part(seen, updated.message_id.as_str(), updated.part_id.as_str(), updated.part_type.as_str(), open)?;
            if let PartBody::Text(text) | PartBody::Reasoning(text) = &updated.part.body {
                let known = seen.texts.insert(updated.part_id.as_str().to_owned(), text.text.clone());
                let fresh = text.text.strip_prefix(known.as_deref().unwrap_or_default()).unwrap_or_default();
                rule(fresh.is_empty() || corrects, "every character comes as a delta first")?;
                let ok = matches!(updated.part.state, PartState::Streaming | PartState::Done | PartState::Discarded);
                rule(ok, "a text is streaming, done or discarded")?;
            }
        }
        EventKind::MessageCompleted(completed) => {
            let open = seen.messages.insert(completed.message_id.as_str().to_owned(), false);
            rule(open == Some(true), "a message is completed once, after it was created")?;
            let open = seen.parts.values().any(|(message, _, open)| *message == completed.message_id.as_str() && *open);
            rule(!open, "a message is completed after all its parts have ended")?;
            if let Some(usage) = &completed.usage {
                let sum = [
                    usage.counts.input_tokens,
                    usage.counts.output_tokens,
                    usage.counts.reasoning_tokens,
                    usage.counts.cache_read_tokens,
                    usage.counts.cache_write_tokens,
                ];
                let sum = sum.into_iter().fold(0, u64::saturating_add);
                rule(usage.counts.total_tokens == sum, "the total is the sum")?;
            }
        }
        EventKind::SessionUsage(session) => {
            seen.usage = true;
            let mut ids = HashSet::new();
            let mut summary = TokenCounts::default();
            let mut root = TokenCounts::default();
            for entry in &session.usage.entries {
                rule(ids.insert(&entry.message_id), "a message's usage counts once")?;
                rule(seen.messages.contains_key(entry.message_id.as_str()), "usage is of the turn's messages")?;
                summary += entry.counts;
                if entry.parent_part_id.is_none() {
                    root += entry.counts;
                }
            }
            rule(summary == session.usage.summary, "summary is the sum of the entries")?;
            rule(root == session.usage.counts, "the top level is the root session's")?;
        }
        EventKind::TurnCompleted(completed) => {
            seen.ended = true;
            rule(seen.usage, "session.usage comes right before the end")?;
            rule(completed.status.is_ended(), "a turn ends in an ended status")?;
            rule(seen.messages.values().all(|open| !open), "every message is completed")?;
            rule(seen.parts.values().all(|(_, _, open)| !open), "every part has ended")?;
        }
        EventKind::TurnStatusChanged(status) => {
            rule(!status.status.is_ended(), "turn.status tells no end")?;
            let waiting = status.status == turnwire::event::TurnStatus::Waiting;
            rule(waiting != status.requests.is_empty(), "requests are open while waiting")?;
        }
        _ => return Err("an event no normalizer tells"),
    }
    Ok(())
}

fn part(seen: &mut Seen, message: &str, part: &str, part_type: &str, open: bool) -> Result<(), &'static str> {
    rule(seen.messages.get(message) == Some(&true), "a part is of a message that is open")?;
    let known = seen.parts.insert(part.to_owned(), (message.to_owned(), part_type.to_owned(), open));
    let Some((known_message, known_type, was_open)) = known else { return Ok(()) };
    rule(known_message == message, "a part stays in its message")?;
    rule(known_type == part_type, "a part keeps its type")?;
    rule(was_open || !open, "an ended part does not open again")
}

fn rule(holds: bool, rule: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(rule) }
}
