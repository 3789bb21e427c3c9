//! Events to JSON and back.

use super::fields::{Fields, Ids};
use super::{
    Event, EventKind, FinishReason, InputRequest, MessageCompleted, MessageCreated, MessageKind, Part, PartDelta,
    PartType, PartUpdated, SessionUsage, TurnCompleted, TurnError, TurnStarted, TurnStatus, TurnStatusChanged,
    UnknownEvent, Usage,
};
use crate::id::{ChatId, TurnId};
use crate::json::Json;
use crate::lax::{Failure, Obj, note_odd, noticing};
use crate::numbers;
use crate::repair::{self, Edges};
use crate::sse::write_frame;
use crate::text::{Text, place};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

fn read<T: DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    let raw = raw?.get();
    serde_json::from_str(raw).ok().or_else(|| {
        note_odd();
        serde_json::from_str(&numbers::readable(raw)).ok()
    })
}

/// The items of a list, unread.
fn read_list(raw: Option<&RawValue>) -> Vec<&RawValue> {
    let list = raw.map(|raw| serde_json::from_str(raw.get()));
    list.and_then(|list| list.inspect_err(|_| note_odd()).ok()).unwrap_or_default()
}

/// An error, unless it is empty.
fn read_error(raw: Option<&RawValue>) -> Option<TurnError> {
    let failure = read::<Failure>(raw)?;
    if failure.is_empty() {
        // A reader of the JSON is to see none either.
        note_odd();
        return None;
    }
    Some(failure.into())
}

/// An object that is read field by field, or its default.
fn read_object<T: DeserializeOwned + Default>(raw: Option<&RawValue>) -> Option<T> {
    read::<Obj<T>>(raw).and_then(|object| object.0)
}

impl Event {
    /// Reads one event. `name` is the `event:` line it came under, used where the body has no `type`.
    ///
    /// # Errors
    /// The text is no JSON object. Anything else is read: what is not known becomes [`EventKind::Unknown`].
    pub fn parse(json: &str, name: Option<&str>) -> Result<Self, serde_json::Error> {
        Self::parse_among(&mut Ids::default(), json, name)
    }

    /// As [`Event::parse`], sharing the ids of the events that were read before: for whoever reads a stream by hand.
    ///
    /// # Errors
    /// The text is no JSON object.
    // For the testkit, which reads events as the client does.
    #[doc(hidden)]
    pub fn parse_among(ids: &mut Ids, json: &str, name: Option<&str>) -> Result<Self, serde_json::Error> {
        if let Some(event) = ids.repeated(json) {
            return Ok(event);
        }
        match Self::read(ids, json, name, None) {
            Ok(event) => {
                ids.learn(json, &event);
                Ok(event)
            }
            // Half a surrogate pair, which no text can hold, or a number beyond what a float holds.
            Err(_) if repair::suspicious(json.as_bytes()) => {
                let repaired = repair::repair(json.as_bytes());
                Self::read(ids, &numbers::readable(&repaired), name, Some(halves(json)))
            }
            Err(_) => Self::read(ids, &numbers::readable(json), name, None),
        }
    }

    /// `halves`: those at the edges of the delta, where the JSON had to be repaired.
    fn read(ids: &mut Ids, json: &str, name: Option<&str>, halves: Option<Edges>) -> Result<Self, serde_json::Error> {
        let raw: Arc<str> = Arc::from(json);
        let (event, odd) = noticing(|| {
            let fields = serde_json::from_str::<Fields<'_>>(&raw)?;
            Ok(Self::from_fields(fields, ids, name, &raw, halves.unwrap_or_default()))
        });
        let event: Self = event?;
        Ok(Self { respelled: event.respelled || odd, ..event })
    }

    fn from_fields(mut fields: Fields<'_>, ids: &mut Ids, name: Option<&str>, raw: &Arc<str>, halves: Edges) -> Self {
        let seq = fields.seq.unwrap_or(0);
        let chat_id = ids.chat(fields.chat_id.as_ref());
        let turn_id = ids.turn(fields.turn_id.as_ref());
        let both = fields.part.is_some() && fields.delta.is_some();
        let mut repaired = false;
        let respelled = fields.respelled || fields.event_type.is_none() || both;
        if let Some(part_id) = &fields.part_id {
            if fields.part.is_some() {
                ids.close(part_id);
            } else if let Some(delta) = fields.delta.take() {
                let whole;
                (whole, repaired) = ids.whole(part_id, delta, halves);
                fields.delta = Some(whole);
            }
        }
        let event_type = fields.event_type.take().or_else(|| name.map(Cow::Borrowed)).unwrap_or_default();
        let kind = known(&event_type, fields, ids, raw).unwrap_or_else(|| {
            let raw = Json::parse(raw).unwrap_or_else(Json::empty_object);
            EventKind::Unknown(UnknownEvent { event_type: event_type.clone().into_owned(), raw })
        });
        // The delta it was read from lacks what the former one held back.
        let raw = (!repaired).then(|| Text::from(raw.clone()));
        Self { raw, respelled, ..Self::new(seq, chat_id, turn_id, kind) }
    }

    /// The event as it travels: what it was read from, or, for one made here, one line of JSON.
    pub fn to_json(&self) -> String {
        self.raw.as_deref().map_or_else(|| serde_json::to_string(self).unwrap_or_default(), str::to_owned)
    }

    /// The event as a frame of an event stream, to be passed on: `id:` where it has a number, `event:`, `data:`.
    pub fn to_frame(&self) -> String {
        let written = if self.respelled { serde_json::to_string(self).ok() } else { None };
        let json = written.unwrap_or_else(|| self.to_json());
        let mut text = String::with_capacity(json.len() + 64);
        write_frame(&mut text, (self.seq > 0).then_some(self.seq), Some(self.event_type()), &json);
        text
    }

    /// Whether its JSON is as the contract writes it: no other spelling, and not both a delta and a part. Where it is not,
    /// serialize the event instead of passing on [`Event::raw`].
    pub fn is_plain(&self) -> bool {
        !self.respelled
    }

    /// The JSON it was read from, if it was read.
    pub fn raw(&self) -> Option<&str> {
        self.raw.as_deref()
    }
}

/// The halves of characters at the edges of an event's delta.
fn halves(json: &str) -> Edges {
    #[derive(Deserialize)]
    struct Delta<'a> {
        #[serde(borrow)]
        delta: Option<&'a RawValue>,
    }
    // The member is not looked into here.
    let delta = serde_json::from_str::<Delta<'_>>(json).ok().and_then(|event| event.delta);
    delta.map_or_else(Edges::default, |delta| repair::edges(delta.get()))
}

/// `None`: an event we do not know, or one without what it must have.
fn known(event_type: &str, wire: Fields<'_>, ids: &mut Ids, raw: &Arc<str>) -> Option<EventKind> {
    Some(match event_type {
        "message.part.updated" => return part_updated(wire, ids, raw),
        "turn.started" => EventKind::TurnStarted(TurnStarted {
            user_message: read_object(wire.user_message).unwrap_or_default(),
            model: wire.model,
            started_at: wire.started_at,
        }),
        "turn.status" => {
            // A request of a kind we do not know hides none of the others.
            let requests = read_list(wire.requests);
            let requests: Vec<InputRequest> = requests.into_iter().filter_map(|request| read(Some(request))).collect();
            let unsaid = if requests.is_empty() { TurnStatus::Running } else { TurnStatus::Waiting };
            EventKind::TurnStatusChanged(TurnStatusChanged {
                status: wire.status.unwrap_or(unsaid),
                message: wire.message,
                attempt: wire.attempt,
                next_attempt_at: wire.next_attempt_at,
                requests,
            })
        }
        "message.created" => EventKind::MessageCreated(MessageCreated {
            message_id: ids.message(wire.message_id.as_ref())?,
            kind: wire.kind.unwrap_or(MessageKind::Answer),
            model: wire.model,
            agent: wire.agent,
            parent_part_id: wire.parent_part_id,
            created_at: wire.created_at,
        }),
        "message.completed" => EventKind::MessageCompleted(Box::new(MessageCompleted {
            message_id: ids.message(wire.message_id.as_ref())?,
            kind: wire.kind,
            parent_part_id: wire.parent_part_id,
            finish_reason: wire.finish_reason.unwrap_or(FinishReason::Unknown),
            usage: read_object(wire.usage),
            error: read_error(wire.error),
            completed_at: wire.completed_at,
        })),
        "session.usage" => EventKind::SessionUsage(Box::new(SessionUsage {
            usage: read_object::<Usage>(wire.usage).unwrap_or_default(),
        })),
        "turn.completed" => {
            let error = read_error(wire.error);
            let unsaid = if error.is_some() { TurnStatus::Failed } else { TurnStatus::Completed };
            EventKind::TurnCompleted(Box::new(TurnCompleted {
                status: wire.status.unwrap_or(unsaid),
                merged_into: wire.merged_into,
                error,
                completed_at: wire.completed_at,
                duration: wire.duration_ms.map(Duration::from_millis),
            }))
        }
        _ => return None,
    })
}

/// A whole `part` wins over a `delta` beside it: the reader finds out what is new in it.
fn part_updated(wire: Fields<'_>, ids: &mut Ids, raw: &Arc<str>) -> Option<EventKind> {
    let kind = wire.kind.filter(|kind| *kind != MessageKind::Answer);
    if let Some(mut part) = read::<Part>(wire.part) {
        let part_id = ids.part(wire.part_id.as_ref()).unwrap_or_else(|| part.id.clone());
        if part.id.as_str().is_empty() {
            part.id = part_id.clone();
        }
        return Some(EventKind::PartUpdated(Box::new(PartUpdated {
            message_id: ids.message(wire.message_id.as_ref())?,
            part_id,
            part_type: part.part_type().clone(),
            kind,
            parent_part_id: wire.parent_part_id,
            part,
        })));
    }
    Some(EventKind::PartDelta(PartDelta {
        message_id: ids.message(wire.message_id.as_ref())?,
        part_id: ids.part(wire.part_id.as_ref())?,
        part_type: wire.part_type.unwrap_or(PartType::Text),
        kind,
        parent_part_id: wire.parent_part_id,
        delta: text(raw, wire.delta?),
    }))
}

/// A text of an event: where it needed no unescaping it stays where it is.
fn text(raw: &Arc<str>, text: Cow<'_, str>) -> Text {
    match text {
        Cow::Borrowed(text) => place(raw, text).map_or_else(|| text.into(), |range| Text::of(raw, range)),
        Cow::Owned(text) => text.into(),
    }
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
            EventKind::PartUpdated(body) => enveloped!(&**body),
            EventKind::MessageCompleted(body) => enveloped!(&**body),
            EventKind::SessionUsage(body) => enveloped!(&**body),
            EventKind::TurnCompleted(body) => enveloped!(&**body),
            EventKind::Unknown(unknown) => unknown.raw.serialize(serializer),
        }
    }
}
