//! One raw event: its envelope, and every property the normalizer reads, whatever the event's type.

use super::info::{CallRef, ErrorInfo, Info, ModelRef, PartInfo, QuestionInfo, StatusInfo, TodoInfo};
use super::lax::{List, Number, Obj, Raw, Text};
use super::mend::{self, Edges};
use serde::Deserialize;
use serde_json::value::RawValue;

/// A raw event as it was read. Borrows from the JSON it was read from.
#[derive(Debug)]
pub(crate) struct RawEvent<'a> {
    pub(crate) id: Text<'a>,
    pub(crate) event_type: Text<'a>,
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
    #[serde(borrow)]
    pub(crate) request: Request<'a>,
    #[serde(borrow)]
    pub(crate) own: Own<'a>,
}
