//! The items of a relay: the runtime's raw events, and notices about their numbers.

use super::frame::{Payload, is_error, is_keep_alive, stream_error};
use crate::error::{Error, Result};
use crate::json::Json;
use crate::lax::{self, Count, Obj, Text};
use crate::numbers;
use crate::sse::{Frame, write_frame};
use serde::{Deserialize, Serialize};

/// One item of a relay.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::RelayItem;
///
/// let mut relay = client.chat().stream("chat_1", 41_u64).await?;
/// match relay.try_next().await? {
///     Some(RelayItem::Gap { oldest }) => println!("events before {oldest} are no longer kept"),
///     Some(RelayItem::Reset { head }) => println!("another log, which ends at {head}"),
///     Some(item) => println!("{}", item.to_frame()),
///     None => {}
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[non_exhaustive]
pub enum RelayItem {
    /// An event of the runtime.
    Event(RelayEvent),
    /// Events are missing that the service no longer keeps.
    Gap {
        /// The number of the oldest one it keeps; it comes next.
        oldest: u64,
    },
    /// The cursor lay beyond the newest event: the log is another one than that of the cursor.
    Reset {
        /// The number of the newest event; what comes next is live.
        head: u64,
    },
}

impl RelayItem {
    /// Where a relay goes on after this item.
    pub fn cursor(&self) -> Option<u64> {
        match self {
            Self::Event(event) => event.id,
            Self::Gap { oldest } => Some(oldest.saturating_sub(1)),
            Self::Reset { head } => Some(*head),
        }
    }

    /// The item as a frame of an event stream, to be passed on: an event with its number, or a notice.
    pub fn to_frame(&self) -> String {
        let mut text = String::new();
        match self {
            Self::Event(event) => write_frame(&mut text, event.id, None, event.raw.get()),
            Self::Gap { oldest } => write_frame(&mut text, None, Some("gap"), &format!("{{\"oldest\":{oldest}}}")),
            Self::Reset { head } => write_frame(&mut text, None, Some("reset"), &format!("{{\"head\":{head}}}")),
        }
        text
    }
}

/// An event of the runtime, as it came.
///
/// ```
/// use turnwire::{Json, RelayEvent};
///
/// let raw = Json::parse(r#"{"type":"session.idle","properties":{"sessionID":"ses_1"}}"#).ok_or("JSON")?;
/// let event = RelayEvent::new(Some(7), &raw);
/// assert_eq!((&*event.event_type, event.session_id.as_deref()), ("session.idle", Some("ses_1")));
/// # Ok::<(), &str>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RelayEvent {
    /// Its number in the chat; the cursor to continue from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// Its `type`; empty if it has none.
    pub event_type: String,
    /// The session it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// Its JSON.
    pub raw: Json,
}

impl RelayEvent {
    /// Parses the known fields of an event from its JSON.
    pub fn new(id: Option<u64>, raw: &Json) -> Self {
        let text = numbers::readable(raw.get());
        let head = serde_json::from_str(&text).unwrap_or_default();
        Self::read(id, head, raw.clone())
    }

    fn read(id: Option<u64>, head: Head<'_>, raw: Json) -> Self {
        let event_type = head.event_type.or_empty().to_owned();
        Self { id, event_type, session_id: head.properties.0.and_then(Properties::session), raw }
    }
}

/// One frame of a relay, with its number.
pub(super) fn read_frame(frame: Frame<'_>) -> Result<Option<(RelayItem, Option<u64>)>> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Notice {
        oldest: Count,
        head: Count,
    }
    let data = match Payload::of(&frame) {
        Payload::Event(data) => data,
        Payload::Signal => return Ok(None),
        Payload::Error(error) => return Err(error),
    };
    match frame.event_str().as_deref() {
        Some("gap") => {
            if let Ok(Notice { oldest: Count(Some(oldest)), .. }) = serde_json::from_str(&data) {
                return Ok(Some((RelayItem::Gap { oldest }, Some(oldest.saturating_sub(1)))));
            }
        }
        Some("reset") => {
            if let Ok(Notice { head: Count(Some(head)), .. }) = serde_json::from_str(&data) {
                return Ok(Some((RelayItem::Reset { head }, Some(head))));
            }
        }
        _ => {}
    }
    let Some(raw) = Json::parse(&data) else {
        let error = Error::new("invalid_frame", "The relay brought a frame that is no JSON.");
        return Err(error.with_body(data.into_owned()));
    };
    let id = frame.id_str().parse().ok();
    let text = numbers::readable(&data);
    let head: Head<'_> = serde_json::from_str(&text).unwrap_or_default();
    let event_type = head.event_type.or_empty();
    // The runtime's own events have properties.
    let bare = head.properties.0.is_none();
    if bare && (event_type == "error" || event_type.is_empty() && is_error(&data)) {
        return Err(stream_error(&data));
    }
    if bare && is_keep_alive(event_type) {
        return Ok(None);
    }
    let event = RelayEvent::read(id, head, raw);
    Ok(Some((RelayItem::Event(event), id)))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Head<'a> {
    #[serde(rename = "type", borrow)]
    event_type: Text<'a>,
    properties: Obj<Properties>,
}

/// Where a session's id stands in the events of the runtime.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Properties {
    #[serde(rename = "sessionID", alias = "sessionId", alias = "session_id", deserialize_with = "lax::text")]
    session_id: Option<String>,
    info: Obj<Info>,
    part: Obj<Info>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Info {
    #[serde(rename = "sessionID", alias = "sessionId", alias = "session_id", deserialize_with = "lax::text")]
    session_id: Option<String>,
    #[serde(deserialize_with = "lax::text")]
    id: Option<String>,
}

impl Properties {
    fn session(self) -> Option<String> {
        let own =
            |info: Obj<Info>| info.0.and_then(|info| info.session_id.or(info.id.filter(|id| id.starts_with("ses_"))));
        self.session_id.or_else(|| own(self.info)).or_else(|| own(self.part))
    }
}
