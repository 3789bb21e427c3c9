//! `message.part.delta` read on its own: nine of ten events are one, and it has five fields.

use crate::lax::Text;
use crate::repair::Edges;
use serde::Deserialize;

/// New text of a part.
#[derive(Debug)]
pub(crate) struct Delta<'a> {
    pub(crate) event_id: Text<'a>,
    pub(crate) session_id: Text<'a>,
    pub(crate) message_id: Text<'a>,
    pub(crate) part_id: Text<'a>,
    pub(crate) field: Text<'a>,
    /// What to append.
    pub(crate) text: Text<'a>,
    pub(crate) edges: Edges,
}

/// How far into an event its type is looked for.
const HEAD: usize = 96;

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, rename = "type")]
    event_type: &'a str,
    #[serde(borrow)]
    properties: Fields<'a>,
}

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, default, rename = "sessionID")]
    session_id: Text<'a>,
    #[serde(borrow, default, rename = "messageID")]
    message_id: Text<'a>,
    #[serde(borrow, default, rename = "partID")]
    part_id: Text<'a>,
    #[serde(borrow, default)]
    field: Text<'a>,
    #[serde(borrow, default)]
    delta: Text<'a>,
}

impl<'a> Delta<'a> {
    /// Reads a delta that looks like one at a glance. `None`: another event, or one for the slow way.
    pub(crate) fn read(json: &'a [u8]) -> Option<Self> {
        let head = json.get(..HEAD)?;
        memchr::memmem::find(head, b"\"message.part.delta\"")?;
        let envelope: Envelope<'a> = serde_json::from_slice(json).ok()?;
        if envelope.event_type != "message.part.delta" {
            return None;
        }
        let Fields { session_id, message_id, part_id, field, delta } = envelope.properties;
        Some(Self {
            event_id: envelope.id,
            session_id,
            message_id,
            part_id,
            field,
            text: delta,
            edges: Edges::default(),
        })
    }
}
