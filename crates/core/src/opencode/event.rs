//! One raw event: its envelope, and every property the normalizer reads, whatever the event's type.

use super::delta::Delta;
use super::info::{CallRef, Info, PartInfo, QuestionInfo, TodoInfo};
use super::kind::RawKind;
use crate::lax::{List, Obj, Raw, Text};
use crate::repair::{self, Edges};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A raw event as it was read. Borrows from the JSON it was read from.
#[derive(Debug)]
pub(crate) struct RawEvent<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) event_type: Text<'a>,
    /// `None`: the normalizer does not read events of this type.
    pub(crate) kind: Option<RawKind>,
    pub(crate) properties: Properties<'a>,
    /// The halves of surrogate pairs at the edges of `properties.delta`.
    pub(crate) delta_edges: Edges,
    /// The same of `properties.part.text`.
    pub(crate) text_edges: Edges,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    event_type: Text<'a>,
    #[serde(borrow)]
    properties: Obj<Properties<'a>>,
    /// `/global/event` wraps every event in one of these.
    #[serde(borrow)]
    payload: Raw<'a>,
}

/// `properties`, of every type of event at once: a field that its event does not have is absent.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Properties<'a> {
    #[serde(borrow, rename = "sessionID")]
    pub(crate) session_id: Text<'a>,
    #[serde(borrow, rename = "messageID")]
    pub(crate) message_id: Text<'a>,
    #[serde(borrow, rename = "partID")]
    pub(crate) part_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) field: Text<'a>,
    #[serde(borrow)]
    pub(crate) delta: Text<'a>,
    #[serde(borrow)]
    pub(crate) part: Obj<Box<PartInfo<'a>>>,
    #[serde(borrow)]
    pub(crate) info: Obj<Box<Info<'a>>>,
    /// An object in `session.status`, a word in `turnwire.turn.closed`.
    #[serde(borrow)]
    pub(crate) status: Raw<'a>,
    #[serde(borrow)]
    pub(crate) error: Raw<'a>,
    /// Of a request, of a session in `session.deleted` of old.
    #[serde(borrow)]
    pub(crate) id: Text<'a>,
    #[serde(borrow, rename = "requestID")]
    pub(crate) request_id: Text<'a>,
    /// `requestID` of old.
    #[serde(borrow, rename = "permissionID")]
    pub(crate) permission_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) reply: Text<'a>,
    /// `reply` of old.
    #[serde(borrow)]
    pub(crate) response: Text<'a>,
    #[serde(borrow)]
    pub(crate) questions: List<Obj<QuestionInfo<'a>>>,
    #[serde(borrow)]
    pub(crate) tool: Obj<CallRef<'a>>,
    /// `tool.callID` of old.
    #[serde(borrow, rename = "callID")]
    pub(crate) call_id: Text<'a>,
    #[serde(borrow)]
    pub(crate) permission: Text<'a>,
    /// `permission` of old.
    #[serde(borrow, rename = "type")]
    pub(crate) kind: Text<'a>,
    #[serde(borrow)]
    pub(crate) patterns: Raw<'a>,
    /// `patterns` of old: a text or a list.
    #[serde(borrow)]
    pub(crate) pattern: Raw<'a>,
    #[serde(borrow)]
    pub(crate) metadata: Raw<'a>,
    #[serde(borrow)]
    pub(crate) todos: List<Obj<TodoInfo<'a>>>,
    // What the server decides itself (`turnwire.*`).
    /// The user's message of the turn.
    #[serde(borrow, rename = "messageId")]
    pub(crate) own_message_id: Text<'a>,
    #[serde(borrow, rename = "userParts")]
    pub(crate) user_parts: List<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) model: Raw<'a>,
    #[serde(borrow)]
    pub(crate) state: Text<'a>,
    #[serde(borrow)]
    pub(crate) messages: List<Raw<'a>>,
    #[serde(borrow)]
    pub(crate) time: Raw<'a>,
}

impl<'a> RawEvent<'a> {
    /// Reads an event as strict JSON; `None`: it has to be [`repair`]ed first, or is no event.
    pub(crate) fn parse(json: &'a [u8]) -> Option<Self> {
        let mut envelope: Envelope<'a> = serde_json::from_slice(json).ok()?;
        if envelope.event_type.0.is_none()
            && let Some(payload) = envelope.payload
        {
            envelope = serde_json::from_str(payload.get()).ok()?;
        }
        Some(Self {
            id: envelope.id,
            kind: RawKind::of(envelope.event_type.or_empty()),
            event_type: envelope.event_type,
            properties: envelope.properties.0.unwrap_or_default(),
            delta_edges: Edges::default(),
            text_edges: Edges::default(),
        })
    }

    /// Reads an event from what [`repair`](repair::repair) made of `raw`.
    pub(crate) fn parse_repaired(repaired: &'a str, raw: &[u8]) -> Option<Self> {
        let mut event = Self::parse(repaired.as_bytes())?;
        // The halves are gone from the repaired text; they are looked up in the original.
        let original = String::from_utf8_lossy(raw);
        if let Some(texts) = original_texts(&original) {
            event.delta_edges = texts.delta.map(|delta| repair::edges(delta.get())).unwrap_or_default();
            event.text_edges =
                texts.part.0.and_then(|part| part.text).map(|text| repair::edges(text.get())).unwrap_or_default();
        }
        Some(event)
    }

    /// Its properties, as those of a delta.
    pub(crate) fn delta(&self) -> Delta<'_> {
        fn borrowed<'b>(text: &'b Text<'_>) -> Text<'b> {
            Text(text.get().map(Cow::Borrowed))
        }
        let properties = &self.properties;
        Delta {
            event_id: borrowed(&self.id),
            session_id: borrowed(&properties.session_id),
            message_id: borrowed(&properties.message_id),
            part_id: borrowed(&properties.part_id),
            field: borrowed(&properties.field),
            text: borrowed(&properties.delta),
            edges: self.delta_edges,
        }
    }

    /// The session it is about, wherever this version of `OpenCode` says so.
    pub(crate) fn session_id(&self) -> Option<&str> {
        let properties = &self.properties;
        let info = properties.info.0.as_ref();
        let of_info = info
            .and_then(|info| info.session_id.filled().or_else(|| info.id.filled().filter(|id| id.starts_with("ses"))));
        properties.session_id.filled().or(of_info).or_else(|| properties.part.0.as_ref()?.session_id.filled())
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Texts<'a> {
    #[serde(borrow)]
    delta: Raw<'a>,
    #[serde(borrow)]
    part: Obj<TextsOfPart<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TextsOfPart<'a> {
    #[serde(borrow)]
    text: Raw<'a>,
}

fn original_texts(json: &str) -> Option<Texts<'_>> {
    #[derive(Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default)]
        properties: Option<&'a RawValue>,
        #[serde(borrow, default)]
        payload: Option<&'a RawValue>,
    }
    let mut outer: Outer<'_> = serde_json::from_str(json).ok()?;
    if outer.properties.is_none() {
        outer = serde_json::from_str(outer.payload?.get()).ok()?;
    }
    serde_json::from_str(outer.properties?.get()).ok()
}
