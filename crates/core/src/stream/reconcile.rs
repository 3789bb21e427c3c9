//! Finds an interrupted turn again in the relay: events that were already delivered are skipped, the rest is delivered. Pure.
//!
//! The replay delivers the turn from its beginning, in events this library makes itself, which need not be cut or numbered
//! as the service's own were. So not numbers are compared but what the events say: a message is known by its id, a text
//! by its length, a tool by how far it had come, a status by its place among those delivered.

use crate::event::{
    Event, EventKind, InputRequest, Part, PartBody, PartDelta, PartState, TurnStatus, TurnStatusChanged,
};
use crate::id::{MessageId, PartId, TurnId};
use crate::turn::Turn;
use std::collections::{HashMap, HashSet, VecDeque};

/// Statuses that are remembered; a turn seldom has more.
const MAX_STATUSES: usize = 256;

type Told = (TurnStatus, Vec<InputRequest>);

/// The statuses that a stream has delivered, in order.
#[derive(Debug, Default)]
pub(crate) struct StatusLog(VecDeque<Told>);

impl StatusLog {
    pub(crate) fn note(&mut self, event: &Event) {
        if let EventKind::TurnStatusChanged(status) = &event.kind {
            if self.0.len() == MAX_STATUSES {
                self.0.pop_front();
            }
            self.0.push_back((status.status.clone(), status.requests.clone()));
        }
    }
}

/// The replay does not match the delivered events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Differs;

/// Compares a replay with the turn so far.
#[derive(Debug)]
pub(crate) struct Reconcile {
    /// The turn in the replay.
    turn: Option<TurnId>,
    /// The user's message of the turn that is looked for; empty: the first turn of the replay is it.
    user_message: MessageId,
    /// The delivered messages, in order, and how many of them the replay has reached.
    messages: Vec<MessageId>,
    met: usize,
    /// Texts of the replay, in bytes.
    texts: HashMap<PartId, usize>,
    /// Parts that were delivered before the break and have not been found in that state in the replay yet.
    behind: HashSet<PartId>,
    statuses: VecDeque<Told>,
}

impl Reconcile {
    pub(crate) fn new(delivered: &Turn, statuses: &StatusLog) -> Self {
        Self {
            turn: None,
            user_message: delivered.user_message.id.clone(),
            messages: delivered.messages.iter().map(|message| message.id.clone()).collect(),
            met: 0,
            texts: HashMap::new(),
            behind: delivered.messages.iter().flat_map(|message| &message.parts).map(|part| part.id.clone()).collect(),
            statuses: statuses.0.clone(),
        }
    }

    /// Applies an event of the replay, and returns what is new. `delivered` is the turn as it was delivered so far.
    pub(crate) fn accept(&mut self, event: Event, delivered: &Turn) -> Result<Option<EventKind>, Differs> {
        if self.turn.is_none() {
            let EventKind::TurnStarted(started) = &event.kind else { return Ok(None) };
            let looked_for = &self.user_message;
            if !looked_for.as_str().is_empty() && started.user_message.id != *looked_for {
                return Ok(None);
            }
            self.turn = Some(event.turn_id);
            let unnamed = delivered.id.as_str().is_empty();
            return Ok(unnamed.then_some(event.kind));
        }
        if self.turn.as_ref() != Some(&event.turn_id) {
            return Ok(None);
        }
        let new = self.difference(event.kind, delivered)?;
        if new.as_ref().is_some_and(|new| !matches!(new, EventKind::TurnStatusChanged(_))) {
            // Past what was delivered: statuses are still to be met will not come.
            self.statuses.clear();
        }
        Ok(new)
    }

    fn difference(&mut self, kind: EventKind, delivered: &Turn) -> Result<Option<EventKind>, Differs> {
        Ok(match kind {
            EventKind::TurnStatusChanged(status) => self.status(status),
            EventKind::MessageCreated(created) => match self.messages.get(self.met) {
                Some(expected) if *expected == created.message_id => {
                    self.met += 1;
                    None
                }
                Some(_) => return Err(Differs),
                None => Some(EventKind::MessageCreated(created)),
            },
            EventKind::PartDelta(delta) => self.delta(delta, delivered),
            EventKind::PartUpdated(updated) => {
                if let Some(text) = text_of(&updated.part) {
                    self.texts.insert(updated.part_id.clone(), text.len());
                }
                match part_of(delivered, &updated.part_id) {
                    Some(known) if self.is_behind(known, &updated.part) => None,
                    _ => Some(EventKind::PartUpdated(updated)),
                }
            }
            EventKind::MessageCompleted(completed) => {
                let known = delivered.messages.iter().find(|message| message.id == completed.message_id);
                let ended = known.is_some_and(|message| message.finish_reason.is_some());
                (!ended).then_some(EventKind::MessageCompleted(completed))
            }
            EventKind::SessionUsage(usage) => {
                (delivered.usage != usage.usage).then_some(EventKind::SessionUsage(usage))
            }
            // The turn was not over, or nobody would look for it.
            EventKind::TurnCompleted(completed) => Some(EventKind::TurnCompleted(completed)),
            EventKind::TurnStarted(_) | EventKind::Unknown(_) => None,
        })
    }

    fn status(&mut self, status: TurnStatusChanged) -> Option<EventKind> {
        if self.statuses.is_empty() {
            return Some(EventKind::TurnStatusChanged(status));
        }
        let place =
            self.statuses.iter().position(|delivered| delivered.0 == status.status && delivered.1 == status.requests);
        if let Some(place) = place {
            self.statuses.drain(..=place);
        }
        None
    }

    fn delta(&mut self, mut delta: PartDelta, delivered: &Turn) -> Option<EventKind> {
        let before = self.texts.get(&delta.part_id).copied().unwrap_or(0);
        let after = before + delta.delta.len();
        self.texts.insert(delta.part_id.clone(), after);
        let known = part_of(delivered, &delta.part_id).and_then(text_of).map_or(0, str::len);
        if after <= known {
            return None;
        }
        if known > before && delta.delta.is_char_boundary(known - before) {
            delta.delta = delta.delta[known - before..].into();
        }
        self.behind.remove(&delta.part_id);
        Some(EventKind::PartDelta(delta))
    }

    /// Whether this state of a part is not beyond the one that was delivered.
    fn is_behind(&mut self, known: &Part, replayed: &Part) -> bool {
        if known == replayed {
            self.behind.remove(&known.id);
            return true;
        }
        if !self.behind.contains(&known.id) {
            return false;
        }
        if let (Some(known_text), Some(text)) = (text_of(known), text_of(replayed)) {
            let as_far = text.len() == known_text.len() && (replayed.state.is_open() || !known.state.is_open());
            let behind = text.len() < known_text.len() || as_far;
            if !behind {
                self.behind.remove(&known.id);
            }
            return behind;
        }
        let beyond = rank(&replayed.state) > rank(&known.state);
        if beyond {
            self.behind.remove(&known.id);
        }
        !beyond
    }
}

fn rank(state: &PartState) -> u8 {
    match state {
        PartState::Pending => 0,
        PartState::Running | PartState::Streaming => 1,
        _ => 2,
    }
}

fn part_of<'a>(turn: &'a Turn, id: &PartId) -> Option<&'a Part> {
    turn.messages.iter().rev().flat_map(|message| &message.parts).find(|part| part.id == *id)
}

fn text_of(part: &Part) -> Option<&str> {
    match &part.body {
        PartBody::Text(text) | PartBody::Reasoning(text) => Some(&text.text),
        _ => None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::normalize::Normalizer;
    use crate::turn::TurnAccumulator;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn raw(kind: &str, properties: &Value, at: usize) -> String {
        json!({"id": format!("evt_{at}"), "type": kind, "properties": properties}).to_string()
    }

    /// A turn with a tool, its raw events as a runtime sends them.
    fn log() -> Vec<String> {
        let s = "ses_1";
        let assistant = |more: Value| {
            let mut info = json!({"id": "msg_2", "role": "assistant", "sessionID": s, "parentID": "msg_1", "providerID": "p", "modelID": "m",
                "cost": 0.5, "time": {"created": 2}, "tokens": {"input": 1, "output": 2, "reasoning": 0, "cache": {"read": 0, "write": 0}}});
            info.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            json!({"sessionID": s, "info": info})
        };
        let part = |part: Value| json!({"sessionID": s, "part": part});
        let text = |text: &str, end: bool| {
            let time = if end { json!({"start": 3, "end": 4}) } else { json!({"start": 3}) };
            part(
                json!({"id": "prt_1", "messageID": "msg_2", "sessionID": s, "type": "text", "text": text, "time": time}),
            )
        };
        let delta = |delta: &str| json!({"sessionID": s, "messageID": "msg_2", "partID": "prt_1", "field": "text", "delta": delta});
        let tool = |state: Value| {
            part(
                json!({"id": "prt_0", "messageID": "msg_2", "sessionID": s, "type": "tool", "callID": "c", "tool": "bash", "state": state}),
            )
        };
        let events = [
            (
                "message.updated",
                json!({"sessionID": s, "info": {"id": "msg_1", "role": "user", "sessionID": s, "time": {"created": 1}}}),
            ),
            (
                "message.part.updated",
                part(json!({"id": "prt_u", "messageID": "msg_1", "sessionID": s, "type": "text", "text": "do"})),
            ),
            ("session.status", json!({"sessionID": s, "status": {"type": "busy"}})),
            ("message.updated", assistant(json!({}))),
            ("message.part.updated", tool(json!({"status": "pending", "input": {}, "raw": ""}))),
            (
                "message.part.updated",
                tool(json!({"status": "running", "input": {"command": "ls"}, "time": {"start": 2}})),
            ),
            (
                "message.part.updated",
                tool(
                    json!({"status": "running", "input": {"command": "ls"}, "metadata": {"output": "a"}, "time": {"start": 2}}),
                ),
            ),
            (
                "message.part.updated",
                tool(
                    json!({"status": "completed", "input": {"command": "ls"}, "output": "ab", "title": "t", "metadata": {}, "time": {"start": 2, "end": 3}}),
                ),
            ),
            ("message.part.updated", text("", false)),
            ("message.part.delta", delta("ein ")),
            ("message.part.delta", delta("schön")),
            ("message.part.delta", delta("er Tag")),
            ("message.part.updated", text("ein schöner Tag", true)),
            ("message.updated", assistant(json!({"time": {"created": 2, "completed": 5}, "finish": "stop"}))),
            ("session.status", json!({"sessionID": s, "status": {"type": "idle"}})),
            ("session.idle", json!({"sessionID": s})),
        ];
        events.iter().enumerate().map(|(at, (kind, properties))| raw(kind, properties, at)).collect()
    }

    fn events() -> Vec<Event> {
        let mut events = Vec::new();
        let mut normalizer = Normalizer::new();
        for raw in log() {
            normalizer.push(raw.as_bytes(), &mut events);
        }
        events
    }

    fn reconciled(told_events: &[Event]) -> (Vec<EventKind>, Turn) {
        let (mut fold, mut statuses) = (TurnAccumulator::new(), StatusLog::default());
        for event in told_events {
            fold.push(event);
            statuses.note(event);
        }
        let mut reconcile = Reconcile::new(fold.turn(), &statuses);
        let mut new = Vec::new();
        let mut seq = fold.last_seq();
        for event in events() {
            let (chat, turn) = (event.chat_id.clone(), event.turn_id.clone());
            if let Some(kind) = reconcile.accept(event, fold.turn()).unwrap() {
                seq += 1;
                fold.push(&Event::new(seq, chat, turn, kind.clone()));
                new.push(kind);
            }
        }
        (new, fold.into_turn())
    }

    /// PROTOCOL RESUME-9.
    #[test]
    fn wherever_a_turn_breaks_off_the_replay_tells_exactly_the_rest() {
        let all = events();
        let whole = all.iter().fold(TurnAccumulator::new(), |mut fold, event| {
            fold.push(event);
            fold
        });
        assert!(whole.turn().ended, "the log is a whole turn");
        for broken_at in 0..all.len() {
            let (new, turn) = reconciled(&all[..broken_at]);
            let rest: Vec<EventKind> = all[broken_at..].iter().map(|event| event.kind.clone()).collect();
            assert_eq!(new, rest, "broken at {broken_at}");
            assert_eq!(&turn, whole.turn(), "broken at {broken_at}");
        }
    }

    #[test]
    fn a_replay_of_another_turns_messages_is_refused() {
        let all = events();
        let mut fold = TurnAccumulator::new();
        for event in all.iter().take(5) {
            fold.push(event);
        }
        let mut delivered = fold.into_turn();
        delivered.messages[0].id = "msg_other".into();
        let mut reconcile = Reconcile::new(&delivered, &StatusLog::default());
        let refused = events().into_iter().any(|event| reconcile.accept(event, &delivered) == Err(Differs));
        assert!(refused);
    }

    proptest! {
        /// A service that cuts its deltas elsewhere than we would.
        #[test]
        fn text_is_told_once_wherever_its_deltas_were_cut(at in 0_usize..16) {
            let all = events();
            let first = all.iter().position(|event| matches!(event.kind, EventKind::PartDelta(_))).unwrap();
            let EventKind::PartDelta(template) = all[first].kind.clone() else { unreachable!() };
            let whole = "ein schöner Tag";
            prop_assume!(at > 0 && whole.is_char_boundary(at));
            let mut delivered = all[..first].to_vec();
            let kind = EventKind::PartDelta(PartDelta { delta: whole[..at].into(), ..template });
            delivered.push(Event::new(all[first].seq, all[first].chat_id.clone(), all[first].turn_id.clone(), kind));
            let (new, turn) = reconciled(&delivered);
            let rest: String = new.iter().filter_map(|kind| match kind {
                EventKind::PartDelta(delta) => Some(delta.delta.as_str()),
                _ => None,
            }).collect();
            prop_assert_eq!(&rest, &whole[at..]);
            prop_assert_eq!(turn.text(), whole);
        }
    }
}
