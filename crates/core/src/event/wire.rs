//! Events to JSON and back.

use super::{
    Event, EventKind, FinishReason, MessageCompleted, MessageCreated, MessageKind, Part, PartDelta, PartUpdated,
    SessionUsage, TurnCompleted, TurnError, TurnStarted, TurnStatus, TurnStatusChanged, UnknownEvent, Usage,
    UserMessage,
};
use crate::id::{ChatId, MessageId, PartId, TurnId};
use crate::json::Json;
use crate::time::Timestamp;
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::sync::Arc;

/// Every field of every event, read in one pass. Spellings of other services are taken too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a> {
    #[serde(rename = "type")]
    event_type: Option<String>,
    seq: Option<u64>,
    #[serde(alias = "chat_id", alias = "chatID", alias = "sessionID", alias = "sessionId")]
    chat_id: Option<ChatId>,
    #[serde(alias = "turn_id", alias = "turnID")]
    turn_id: Option<TurnId>,
    #[serde(alias = "message_id", alias = "messageID")]
    message_id: Option<MessageId>,
    #[serde(alias = "part_id", alias = "partID")]
    part_id: Option<PartId>,
    #[serde(alias = "part_type")]
    part_type: Option<String>,
    kind: Option<MessageKind>,
    #[serde(alias = "parent_part_id", alias = "parentPartID")]
    parent_part_id: Option<PartId>,
    delta: Option<String>,
    #[serde(borrow)]
    part: Option<&'a RawValue>,
    status: Option<TurnStatus>,
    message: Option<String>,
    attempt: Option<u32>,
    #[serde(alias = "next_attempt_at")]
    next_attempt_at: Option<Timestamp>,
    #[serde(borrow)]
    requests: Option<&'a RawValue>,
    #[serde(borrow, alias = "user_message")]
    user_message: Option<&'a RawValue>,
    model: Option<String>,
    agent: Option<String>,
    #[serde(alias = "started_at")]
    started_at: Option<Timestamp>,
    #[serde(alias = "created_at")]
    created_at: Option<Timestamp>,
    #[serde(alias = "finish_reason")]
    finish_reason: Option<FinishReason>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(alias = "completed_at")]
    completed_at: Option<Timestamp>,
    #[serde(alias = "duration_ms")]
    duration_ms: Option<u64>,
    #[serde(alias = "merged_into")]
    merged_into: Option<TurnId>,
}

fn read<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}

impl Event {
    /// Reads one event. `name` is the `event:` line it came under, used where the body has no `type`.
    ///
    /// # Errors
    /// The text is no JSON object. Anything else is read: what is not known becomes [`EventKind::Unknown`].
    pub fn parse(json: &str, name: Option<&str>) -> Result<Self, serde_json::Error> {
        let raw: Arc<str> = Arc::from(json);
        match serde_json::from_str::<Wire<'_>>(&raw) {
            Ok(wire) => Ok(Self::from_wire(wire, name, &raw)),
            Err(error) => Self::unreadable(&raw, name, error),
        }
    }

    /// An event whose fields have types we do not know: kept whole, if it is an object at all.
    fn unreadable(raw: &Arc<str>, name: Option<&str>, error: serde_json::Error) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow, rename = "type")]
            event_type: Option<&'a RawValue>,
        }
        // The members are not looked into: a lone surrogate in one of them does not matter here.
        let Ok(head) = serde_json::from_str::<Head<'_>>(raw) else { return Err(error) };
        let event_type = read::<String>(head.event_type).or_else(|| name.map(str::to_owned)).unwrap_or_default();
        let kind = EventKind::Unknown(UnknownEvent { event_type, raw: Json::parse(raw).ok_or(error)? });
        Ok(Self { raw: Some(raw.clone()), ..Self::new(0, ChatId::default(), TurnId::default(), kind) })
    }

    fn from_wire(wire: Wire<'_>, name: Option<&str>, raw: &Arc<str>) -> Self {
        let seq = wire.seq.unwrap_or(0);
        let chat_id = wire.chat_id.clone().unwrap_or_default();
        let turn_id = wire.turn_id.clone().unwrap_or_default();
        let event_type = wire.event_type.clone().or_else(|| name.map(str::to_owned)).unwrap_or_default();
        let kind = known(&event_type, wire).unwrap_or_else(|| {
            let raw = Json::parse(raw).unwrap_or_else(Json::empty_object);
            EventKind::Unknown(UnknownEvent { event_type, raw })
        });
        Self { raw: Some(raw.clone()), ..Self::new(seq, chat_id, turn_id, kind) }
    }

    /// The event as it travels: what it was read from, or, for one made here, one line of JSON.
    pub fn to_json(&self) -> String {
        self.raw.as_deref().map_or_else(|| serde_json::to_string(self).unwrap_or_default(), str::to_owned)
    }

    /// Whether its JSON spells everything as the contract does, as far as a glance tells: a service that spells one of
    /// the ids in its own way does so with all names.
    #[cfg(feature = "client")]
    pub(crate) fn is_plain(&self) -> bool {
        let Some(raw) = self.raw.as_deref() else { return false };
        let has = |text: &str| memchr::memmem::find(raw.as_bytes(), text.as_bytes()).is_some();
        let of_message = self.event_type().starts_with("message.");
        self.seq > 0
            && has(r#""type":""#)
            && has(self.event_type())
            && has(r#""turnId":"#)
            && (!of_message || has(r#""messageId":"#))
    }

    /// The JSON it was read from, if it was read.
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }
}

/// `None`: an event we do not know, or one without what it must have.
fn known(event_type: &str, wire: Wire<'_>) -> Option<EventKind> {
    Some(match event_type {
        "message.part.updated" => return part_updated(wire),
        "turn.started" => EventKind::TurnStarted(TurnStarted {
            user_message: read::<UserMessage>(wire.user_message).unwrap_or_default(),
            model: wire.model,
            started_at: wire.started_at,
        }),
        "turn.status" => EventKind::TurnStatusChanged(TurnStatusChanged {
            status: wire.status?,
            message: wire.message,
            attempt: wire.attempt,
            next_attempt_at: wire.next_attempt_at,
            // A request of a kind we do not know hides none of the others.
            requests: read::<Vec<&RawValue>>(wire.requests)
                .unwrap_or_default()
                .into_iter()
                .filter_map(|request| read(Some(request)))
                .collect(),
        }),
        "message.created" => EventKind::MessageCreated(MessageCreated {
            message_id: wire.message_id?,
            kind: wire.kind.unwrap_or(MessageKind::Answer),
            model: wire.model,
            agent: wire.agent,
            parent_part_id: wire.parent_part_id,
            created_at: wire.created_at,
        }),
        "message.completed" => EventKind::MessageCompleted(MessageCompleted {
            message_id: wire.message_id?,
            kind: wire.kind,
            parent_part_id: wire.parent_part_id,
            finish_reason: wire.finish_reason.unwrap_or(FinishReason::Unknown),
            usage: read(wire.usage),
            error: read(wire.error),
            completed_at: wire.completed_at,
        }),
        "session.usage" => {
            EventKind::SessionUsage(SessionUsage { usage: read::<Usage>(wire.usage).unwrap_or_default() })
        }
        "turn.completed" => EventKind::TurnCompleted(TurnCompleted {
            status: wire.status.unwrap_or(TurnStatus::Completed),
            merged_into: wire.merged_into,
            error: read::<TurnError>(wire.error),
            completed_at: wire.completed_at,
            duration_ms: wire.duration_ms,
        }),
        _ => return None,
    })
}

/// A whole `part` wins over a `delta` beside it: the reader finds out what is new in it.
fn part_updated(wire: Wire<'_>) -> Option<EventKind> {
    let kind = wire.kind.filter(|kind| *kind != MessageKind::Answer);
    if wire.part.is_some() {
        let part: Part = read(wire.part)?;
        return Some(EventKind::PartUpdated(PartUpdated {
            message_id: wire.message_id?,
            part_id: wire.part_id.unwrap_or_else(|| part.id.clone()),
            part_type: part.part_type().to_owned(),
            kind,
            parent_part_id: wire.parent_part_id,
            part,
        }));
    }
    Some(EventKind::PartDelta(PartDelta {
        message_id: wire.message_id?,
        part_id: wire.part_id?,
        part_type: wire.part_type.unwrap_or_else(|| "text".to_owned()),
        kind,
        parent_part_id: wire.parent_part_id,
        delta: wire.delta?,
    }))
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Enveloped<'a, B: Serialize> {
            #[serde(rename = "type")]
            event_type: &'a str,
            seq: u64,
            chat_id: &'a ChatId,
            turn_id: &'a TurnId,
            #[serde(flatten)]
            body: B,
        }
        macro_rules! enveloped {
            ($body:expr) => {
                Enveloped {
                    event_type: self.event_type(),
                    seq: self.seq,
                    chat_id: &self.chat_id,
                    turn_id: &self.turn_id,
                    body: $body,
                }
                .serialize(serializer)
            };
        }
        match &self.kind {
            EventKind::TurnStarted(body) => enveloped!(body),
            EventKind::TurnStatusChanged(body) => enveloped!(body),
            EventKind::MessageCreated(body) => enveloped!(body),
            EventKind::PartDelta(body) => enveloped!(body),
            EventKind::PartUpdated(body) => enveloped!(body),
            EventKind::MessageCompleted(body) => enveloped!(body),
            EventKind::SessionUsage(body) => enveloped!(body),
            EventKind::TurnCompleted(body) => enveloped!(body),
            EventKind::Unknown(unknown) => match serde_json::from_str::<&RawValue>(unknown.raw.get()) {
                Ok(raw) => raw.serialize(serializer),
                Err(_) => serializer.serialize_map(Some(0))?.end(),
            },
        }
    }
}
