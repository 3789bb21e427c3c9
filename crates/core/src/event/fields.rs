//! The fields of an event as they lie in its JSON: read in one pass, borrowed where that is possible.
//!
//! By hand, for speed: every event of every stream comes through here.

use super::repeat::Repeats;
use super::{Event, FinishReason, MessageKind, PartType, TurnStatus};
use crate::id::{ChatId, MessageId, PartId, TurnId};
use crate::lax::{Count, Text, Time};
use crate::repair::{Edges, joined};
use crate::time::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// Every field of every event. Spellings of other services are accepted too.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) event_type: Option<Cow<'a, str>>,
    pub(super) seq: Option<u64>,
    pub(super) chat_id: Option<Cow<'a, str>>,
    pub(super) turn_id: Option<Cow<'a, str>>,
    pub(super) message_id: Option<Cow<'a, str>>,
    pub(super) part_id: Option<Cow<'a, str>>,
    pub(super) part_type: Option<PartType>,
    pub(super) kind: Option<MessageKind>,
    pub(super) parent_part_id: Option<PartId>,
    pub(super) delta: Option<Cow<'a, str>>,
    pub(super) part: Option<&'a RawValue>,
    pub(super) status: Option<TurnStatus>,
    pub(super) message: Option<String>,
    pub(super) attempt: Option<u32>,
    pub(super) next_attempt_at: Option<Timestamp>,
    pub(super) requests: Option<&'a RawValue>,
    pub(super) user_message: Option<&'a RawValue>,
    pub(super) model: Option<String>,
    pub(super) agent: Option<String>,
    pub(super) started_at: Option<Timestamp>,
    pub(super) created_at: Option<Timestamp>,
    pub(super) finish_reason: Option<FinishReason>,
    pub(super) usage: Option<&'a RawValue>,
    pub(super) error: Option<&'a RawValue>,
    pub(super) completed_at: Option<Timestamp>,
    pub(super) duration_ms: Option<u64>,
    pub(super) merged_into: Option<TurnId>,
    /// Whether a field was spelled in another service's way.
    pub(super) respelled: bool,
}

#[derive(Clone, Copy)]
enum Key {
    Type,
    Seq,
    ChatId,
    TurnId,
    MessageId,
    PartId,
    PartType,
    Kind,
    ParentPartId,
    Delta,
    Part,
    Status,
    Message,
    Attempt,
    NextAttemptAt,
    Requests,
    UserMessage,
    Model,
    Agent,
    StartedAt,
    CreatedAt,
    FinishReason,
    Usage,
    Error,
    CompletedAt,
    DurationMs,
    MergedInto,
    Other,
}

impl Key {
    /// The contract's own names, those of the frequent events first.
    fn of(name: &str) -> Self {
        match name {
            "type" => Self::Type,
            "seq" => Self::Seq,
            "chatId" => Self::ChatId,
            "turnId" => Self::TurnId,
            "messageId" => Self::MessageId,
            "partId" => Self::PartId,
            "partType" => Self::PartType,
            "delta" => Self::Delta,
            "part" => Self::Part,
            "kind" => Self::Kind,
            "parentPartId" => Self::ParentPartId,
            "status" => Self::Status,
            "message" => Self::Message,
            "attempt" => Self::Attempt,
            "nextAttemptAt" => Self::NextAttemptAt,
            "requests" => Self::Requests,
            "userMessage" => Self::UserMessage,
            "model" => Self::Model,
            "agent" => Self::Agent,
            "startedAt" => Self::StartedAt,
            "createdAt" => Self::CreatedAt,
            "finishReason" => Self::FinishReason,
            "usage" => Self::Usage,
            "error" => Self::Error,
            "completedAt" => Self::CompletedAt,
            "durationMs" => Self::DurationMs,
            "mergedInto" => Self::MergedInto,
            _ => Self::Other,
        }
    }

    /// The names other services use.
    fn of_others(name: &str) -> Self {
        match name {
            "chat_id" | "chatID" | "sessionID" | "sessionId" => Self::ChatId,
            "turn_id" | "turnID" => Self::TurnId,
            "message_id" | "messageID" => Self::MessageId,
            "part_id" | "partID" => Self::PartId,
            "part_type" => Self::PartType,
            "parent_part_id" | "parentPartID" => Self::ParentPartId,
            "next_attempt_at" => Self::NextAttemptAt,
            "user_message" => Self::UserMessage,
            "started_at" => Self::StartedAt,
            "created_at" => Self::CreatedAt,
            "finish_reason" => Self::FinishReason,
            "completed_at" => Self::CompletedAt,
            "duration_ms" => Self::DurationMs,
            "merged_into" => Self::MergedInto,
            _ => Self::Other,
        }
    }
}

/// A key, and whether it is another service's.
struct Spelled(Key, bool);

impl<'de> Deserialize<'de> for Spelled {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Spelled;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }

            fn visit_str<E>(self, name: &str) -> Result<Spelled, E> {
                Ok(match Key::of(name) {
                    Key::Other => match Key::of_others(name) {
                        Key::Other => Spelled(Key::Other, false),
                        key => Spelled(key, true),
                    },
                    key => Spelled(key, false),
                })
            }
        }
        deserializer.deserialize_identifier(Name)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an event")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some(Spelled(key, respelled)) = map.next_key()? {
                    fields.respelled |= respelled;
                    fields.read(key, &mut map)?;
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Read)
    }
}

impl<'de> Fields<'de> {
    fn read<A: MapAccess<'de>>(&mut self, key: Key, map: &mut A) -> Result<(), A::Error> {
        // A field of a wrong type is absent, and costs none of the others.
        macro_rules! text {
            () => {
                map.next_value::<Text<'de>>()?.0
            };
        }
        macro_rules! word {
            () => {
                map.next_value::<Text<'de>>()?.get().map(Into::into)
            };
        }
        match key {
            Key::Type => self.event_type = text!(),
            Key::Seq => self.seq = map.next_value::<Count>()?.0,
            Key::ChatId => self.chat_id = text!(),
            Key::TurnId => self.turn_id = text!(),
            Key::MessageId => self.message_id = text!(),
            Key::PartId => self.part_id = text!(),
            Key::PartType => self.part_type = word!(),
            Key::Kind => self.kind = word!(),
            Key::ParentPartId => self.parent_part_id = word!(),
            Key::Delta => self.delta = text!(),
            Key::Part => self.part = map.next_value()?,
            Key::Status => self.status = word!(),
            Key::Message => self.message = text!().map(Cow::into_owned),
            Key::Attempt => self.attempt = map.next_value::<Count>()?.0.and_then(|attempt| attempt.try_into().ok()),
            Key::NextAttemptAt => self.next_attempt_at = map.next_value::<Time>()?.0,
            Key::Requests => self.requests = map.next_value()?,
            Key::UserMessage => self.user_message = map.next_value()?,
            Key::Model => self.model = text!().map(Cow::into_owned),
            Key::Agent => self.agent = text!().map(Cow::into_owned),
            Key::StartedAt => self.started_at = map.next_value::<Time>()?.0,
            Key::CreatedAt => self.created_at = map.next_value::<Time>()?.0,
            Key::FinishReason => self.finish_reason = word!(),
            Key::Usage => self.usage = map.next_value()?,
            Key::Error => self.error = map.next_value()?,
            Key::CompletedAt => self.completed_at = map.next_value::<Time>()?.0,
            Key::DurationMs => self.duration_ms = map.next_value::<Count>()?.0,
            Key::MergedInto => self.merged_into = word!(),
            Key::Other => {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The ids of the events read before: a stream repeats the same few, which are then shared instead of copied. See
/// [`Event::parse_among`](super::Event::parse_among).
#[derive(Debug, Default)]
pub struct Ids {
    chat: ChatId,
    turn: TurnId,
    message: MessageId,
    part: PartId,
    /// The part whose last delta ended with half a character, and that half.
    half: Option<(String, u16)>,
    repeats: Repeats,
}

fn shared<I: AsRef<str> + Clone + for<'t> From<&'t str>>(known: &mut I, text: &str) -> I {
    if known.as_ref() != text {
        *known = I::from(text);
    }
    known.clone()
}

impl Ids {
    /// The event, if it is a delta like one that was read before.
    pub(super) fn repeated(&mut self, json: &str) -> Option<Event> {
        // Half a character that waits may be of this very part.
        if self.half.is_some() { None } else { self.repeats.read(json) }
    }

    /// Remembers how a delta was written.
    pub(super) fn learn(&mut self, json: &str, event: &Event) {
        if self.half.is_none() {
            self.repeats.learn(json, event);
        }
    }

    /// Reads the next event without the fast way.
    #[cfg(test)]
    pub(super) fn forget_repeats(&mut self) {
        self.repeats = Repeats::default();
    }

    #[cfg(test)]
    pub(super) fn patterns(&self) -> usize {
        self.repeats.patterns()
    }

    /// A delta of whole characters: half of one waits for the delta with the other half. `halves`: those this one has at
    /// its edges.
    pub(super) fn whole<'a>(&mut self, part_id: &str, delta: Cow<'a, str>, halves: Edges) -> (Cow<'a, str>, bool) {
        let waiting = self.half.take_if(|(part, _)| part == part_id);
        if waiting.is_none() && halves == Edges::default() {
            return (delta, false);
        }
        let mut half = waiting.map(|(_, half)| half);
        let joined = joined(&mut half, &delta, halves);
        if let Some(half) = half {
            self.half = Some((part_id.to_owned(), half));
        }
        (Cow::Owned(joined), true)
    }

    /// A whole part makes the half that waited for its other half void.
    pub(super) fn close(&mut self, part_id: &str) {
        self.half.take_if(|(part, _)| part == part_id);
    }

    pub(super) fn chat(&mut self, text: Option<&Cow<'_, str>>) -> ChatId {
        shared(&mut self.chat, text.map_or("", |text| text))
    }

    pub(super) fn turn(&mut self, text: Option<&Cow<'_, str>>) -> TurnId {
        shared(&mut self.turn, text.map_or("", |text| text))
    }

    pub(super) fn message(&mut self, text: Option<&Cow<'_, str>>) -> Option<MessageId> {
        text.map(|text| shared(&mut self.message, text))
    }

    pub(super) fn part(&mut self, text: Option<&Cow<'_, str>>) -> Option<PartId> {
        text.map(|text| shared(&mut self.part, text))
    }
}
