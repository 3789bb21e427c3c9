//! The seven events of a turn, as `spec/events.schema.json` writes them.
//!
//! [`Event::parse`] reads one, [`Event::to_json`] writes it. Reading never fails on what it does not know: an unknown
//! event, or a known one with fields of the wrong type, is [`EventKind::Unknown`] with its JSON kept.

mod construct;
mod error;
mod fields;
mod part;
mod repeat;
mod request;
mod status;
mod usage;
mod wire;

pub use error::TurnError;
// For callers of `Event::parse_among`.
#[doc(hidden)]
pub use fields::Ids;
pub use part::{FilePart, OtherPart, Part, PartBody, PatchPart, TextPart, TodoItem, TodoPart, ToolError, ToolPart};
pub use request::{Choice, InputRequest, Permission, Prompt, Question};
pub use status::{FinishReason, MessageKind, PartState, PartType, TodoPriority, TodoStatus, TurnStatus};
pub(crate) use status::{answer, kind};
pub use usage::{MessageUsage, TokenCounts, Usage, UsageEntry};

use crate::id::{ChatId, MessageId, PartId, TurnId};
use crate::json::Json;
use crate::lax;
use crate::text::Text;
use crate::time::{Timestamp, millis};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// One event of a turn.
///
/// ```
/// use turnwire::Event;
///
/// let json = r#"{"type":"message.part.updated","seq":3,"chatId":"chat_1","turnId":"turn_1","messageId":"msg_2","partId":"prt_1","partType":"text","delta":"Hel"}"#;
/// let event = Event::parse(json, None)?;
/// assert_eq!((event.seq, event.text_delta()), (3, Some("Hel")));
/// assert_eq!(event.to_json(), json);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// 1, 2, 3 … in the turn; 0 where a service does not number its events.
    pub seq: u64,
    /// The chat.
    pub chat_id: ChatId,
    /// The turn.
    pub turn_id: TurnId,
    /// What happened.
    pub kind: EventKind,
    /// Which open request this event was the first to report, as an index into `requests`. Not on the wire: the reader
    /// of a stream knows it, see [`Event::question`].
    asked: Option<usize>,
    /// The JSON it was read from.
    raw: Option<Text>,
    /// Whether that JSON spells a field in another service's way.
    respelled: bool,
}

/// What happened. The large ones that come seldom are boxed, so that the small ones that come often are cheap to pass on.
///
/// ```
/// use turnwire::{Event, EventKind};
///
/// fn show(event: &Event) {
///     match &event.kind {
///         EventKind::TurnStatusChanged(changed) => println!("{}", changed.status),
///         EventKind::PartUpdated(updated) => println!("{} is {}", updated.part_type, updated.part.state),
///         EventKind::TurnCompleted(completed) => println!("{} after {:?}", completed.status, completed.duration),
///         _ => {}
///     }
/// }
/// # let _ = show;
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// `turn.started`: always first.
    TurnStarted(TurnStarted),
    /// `turn.status`: the turn's status or its open requests changed.
    TurnStatusChanged(TurnStatusChanged),
    /// `message.created`: the agent begins a message.
    MessageCreated(MessageCreated),
    /// `message.part.updated` with `delta`: text to append.
    PartDelta(PartDelta),
    /// `message.part.updated` with `part`: the part as it now stands.
    PartUpdated(Box<PartUpdated>),
    /// `message.completed`: the message and all its parts have ended.
    MessageCompleted(Box<MessageCompleted>),
    /// `session.usage`: once, right before the end.
    SessionUsage(Box<SessionUsage>),
    /// `turn.completed`: always last.
    TurnCompleted(Box<TurnCompleted>),
    /// An event newer than this library, or one it could not read.
    Unknown(UnknownEvent),
}

/// The turn has begun.
///
/// ```
/// use turnwire::event::{TurnStarted, UserMessage};
///
/// let started = TurnStarted::new(UserMessage::new("msg_1", []));
/// assert!(started.model.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TurnStarted {
    /// The user's message.
    pub user_message: UserMessage,
    /// `provider/model`, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// When the prompt was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
}

/// The user's message.
///
/// ```
/// use turnwire::Json;
/// use turnwire::event::UserMessage;
///
/// let said = UserMessage::new("msg_1", Vec::from_iter(Json::parse(r#"{"type":"text","text":"Hello"}"#)));
/// assert_eq!(said.parts.len(), 1);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UserMessage {
    /// Its id; the turn's id is made of it.
    #[serde(default, deserialize_with = "lax::id")]
    pub id: MessageId,
    /// Its parts: `{type:"text",text}` and `{type:"file",mime,filename?,url}`, as they were sent.
    #[serde(default, deserialize_with = "lax::list")]
    pub parts: Vec<Json>,
}

/// The turn's status or its open requests changed.
///
/// ```
/// use turnwire::event::{TurnStatus, TurnStatusChanged};
///
/// assert_eq!(TurnStatusChanged::new("waiting").status, TurnStatus::Waiting);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TurnStatusChanged {
    /// The status now.
    pub status: TurnStatus,
    /// A word for people, such as the provider's complaint while `retrying`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// While `retrying`: the number of the attempt, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// While `retrying`: when the next attempt is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<Timestamp>,
    /// All open requests; the set replaces the previous one. Empty if none is open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub requests: Vec<InputRequest>,
}

/// The agent begins a message.
///
/// ```
/// use turnwire::event::{MessageCreated, MessageKind};
///
/// assert_eq!(MessageCreated::new("msg_2", MessageKind::Answer).message_id, "msg_2");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MessageCreated {
    /// The message.
    pub message_id: MessageId,
    /// An answer or a summary.
    pub kind: MessageKind,
    /// `provider/model`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent that speaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// For a subagent's message: the tool part that runs the subagent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_part_id: Option<PartId>,
    /// When it began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

/// Text to append to a text or reasoning part.
///
/// ```
/// use turnwire::event::{PartDelta, PartType};
///
/// let delta = PartDelta::new("msg_2", "prt_1", PartType::Text, "Hel");
/// assert_eq!(delta.delta.as_str(), "Hel");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PartDelta {
    /// The message.
    pub message_id: MessageId,
    /// The part.
    pub part_id: PartId,
    /// `text` or `reasoning`.
    pub part_type: PartType,
    /// `summary` for a part of a summary, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// For a subagent's part: the tool part that runs the subagent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_part_id: Option<PartId>,
    /// What to append.
    pub delta: Text,
}

/// The current state of a part, which replaces the previous one.
///
/// ```
/// use turnwire::event::{Part, PartBody, PartState, PartUpdated, TextPart};
///
/// let part = Part::new("prt_1", PartBody::Text(TextPart::new("Hello")), PartState::Done);
/// assert_eq!(PartUpdated::new("msg_2", part).part_type, "text");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PartUpdated {
    /// The message.
    pub message_id: MessageId,
    /// The part.
    pub part_id: PartId,
    /// Always the `type` of `part`.
    pub part_type: PartType,
    /// `summary` for a part of a summary, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// For a subagent's part: the tool part that runs the subagent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_part_id: Option<PartId>,
    /// The part.
    pub part: Part,
}

/// The message and all its parts have ended.
///
/// ```
/// use turnwire::event::{FinishReason, MessageCompleted};
///
/// assert_eq!(MessageCompleted::new("msg_2", "stop").finish_reason, FinishReason::Stop);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MessageCompleted {
    /// The message.
    pub message_id: MessageId,
    /// `summary` for a summary, else absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// For a subagent's message: the tool part that runs the subagent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent_part_id: Option<PartId>,
    /// Why it ended.
    pub finish_reason: FinishReason,
    /// The usage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<MessageUsage>,
    /// The failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TurnError>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
}

/// What the turn used, all zero where nothing was reported.
///
/// ```
/// use turnwire::event::{SessionUsage, Usage};
///
/// assert!(SessionUsage::new(Usage::default()).usage.entries.is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionUsage {
    /// The counts.
    pub usage: Usage,
}

/// The turn has ended.
///
/// ```
/// use std::time::Duration;
/// use turnwire::event::{TurnCompleted, TurnStatus};
///
/// let mut completed = TurnCompleted::new(TurnStatus::Completed);
/// completed.duration = Some(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TurnCompleted {
    /// How: one of the ended statuses.
    pub status: TurnStatus,
    /// With `merged`: the turn in which it was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merged_into: Option<TurnId>,
    /// The failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<TurnError>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_at: Option<Timestamp>,
    /// From start to end, where both are known.
    #[serde(rename = "durationMs", serialize_with = "millis::serialize", skip_serializing_if = "Option::is_none")]
    pub duration: Option<Duration>,
}

/// An event this library does not know, or could not read.
///
/// ```
/// use turnwire::{Event, EventKind};
///
/// let event = Event::parse(r#"{"type":"turn.sung","chatId":"chat_1","turnId":"turn_1"}"#, None)?;
/// assert!(matches!(&event.kind, EventKind::Unknown(unknown) if unknown.event_type == "turn.sung"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownEvent {
    /// Its `type`; empty if it has none.
    pub event_type: String,
    /// Its JSON.
    pub raw: Json,
}

impl PartialEq for Event {
    // The value counts, not the text that it was read from.
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq
            && self.chat_id == other.chat_id
            && self.turn_id == other.turn_id
            && self.kind == other.kind
    }
}

impl Eq for Event {}

impl Event {
    /// An event as the normalizer makes it.
    pub fn new(seq: u64, chat_id: ChatId, turn_id: TurnId, kind: EventKind) -> Self {
        Self { seq, chat_id, turn_id, kind, asked: None, raw: None, respelled: false }
    }

    /// The event's type as it travels.
    pub fn event_type(&self) -> &str {
        match &self.kind {
            EventKind::TurnStarted(_) => "turn.started",
            EventKind::TurnStatusChanged(_) => "turn.status",
            EventKind::MessageCreated(_) => "message.created",
            EventKind::PartDelta(_) | EventKind::PartUpdated(_) => "message.part.updated",
            EventKind::MessageCompleted(_) => "message.completed",
            EventKind::SessionUsage(_) => "session.usage",
            EventKind::TurnCompleted(_) => "turn.completed",
            EventKind::Unknown(unknown) => &unknown.event_type,
        }
    }

    /// The new text of the agent's answer: the delta of a text part, not of a summary, reasoning or a subagent.
    pub fn text_delta(&self) -> Option<&str> {
        match &self.kind {
            EventKind::PartDelta(delta)
                if delta.part_type == PartType::Text
                    && delta.parent_part_id.is_none()
                    && !matches!(delta.kind, Some(MessageKind::Summary)) =>
            {
                Some(&delta.delta)
            }
            _ => None,
        }
    }

    /// The question that this event was the first to report.
    pub fn question(&self) -> Option<&Question> {
        match self.asked_request()? {
            InputRequest::Question(question) => Some(question),
            InputRequest::Permission(_) => None,
        }
    }

    /// The permission this event was the first to ask for.
    pub fn permission(&self) -> Option<&Permission> {
        match self.asked_request()? {
            InputRequest::Permission(permission) => Some(permission),
            InputRequest::Question(_) => None,
        }
    }

    fn asked_request(&self) -> Option<&InputRequest> {
        match &self.kind {
            EventKind::TurnStatusChanged(status) => status.requests.get(self.asked?),
            _ => None,
        }
    }

    #[cfg(feature = "client")]
    /// Marks the request at `index` of this event's `requests` as new.
    pub(crate) fn set_asked(&mut self, index: Option<usize>) {
        self.asked = index;
    }

    /// Whether this is `turn.completed`, the last event of its turn.
    pub fn is_last(&self) -> bool {
        matches!(self.kind, EventKind::TurnCompleted(_))
    }
}
