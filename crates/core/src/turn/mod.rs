//! A turn as a value: exactly the fold of its events.

mod accumulator;

pub use accumulator::TurnAccumulator;

use crate::event::{
    FinishReason, InputRequest, MessageKind, MessageUsage, Part, PartState, TurnError, TurnStatus, Usage, UserMessage,
    answer, kind,
};
use crate::id::{ChatId, MessageId, PartId, TurnId};
use crate::lax;
use crate::time::{Timestamp, millis};
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Deserializer, Serialize};
use std::time::Duration;

/// A turn, whole or so far.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let turn = client.chat().turns().retrieve("chat_1", "turn_1").await?;
/// println!("{}: {} ({:?})", turn.status, turn.text(), turn.duration);
/// for message in &turn.messages {
///     println!("{} has {} parts", message.id, message.parts.len());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Turn {
    /// The turn's id.
    #[serde(default, deserialize_with = "lax::id")]
    pub id: TurnId,
    /// The chat it belongs to.
    #[serde(default, alias = "chat_id", deserialize_with = "lax::id")]
    pub chat_id: ChatId,
    /// The last `turn.status` until the end, then how it ended.
    #[serde(default = "running", deserialize_with = "status")]
    pub status: TurnStatus,
    /// Whether it has ended.
    #[serde(default, deserialize_with = "lax::flag")]
    pub ended: bool,
    /// With `merged`: the turn in which it was answered.
    #[serde(default, alias = "merged_into", deserialize_with = "lax::word")]
    pub merged_into: Option<TurnId>,
    /// The user's message.
    #[serde(default, alias = "user_message", deserialize_with = "lax::object_or_default")]
    pub user_message: UserMessage,
    /// `provider/model`.
    #[serde(default, deserialize_with = "lax::text")]
    pub model: Option<String>,
    /// The failure.
    #[serde(default, deserialize_with = "lax::error")]
    pub error: Option<TurnError>,
    /// The agent's messages, in the order they began; subagents' too.
    #[serde(default, deserialize_with = "lax::list")]
    pub messages: Vec<Message>,
    /// The requests open now.
    #[serde(default, deserialize_with = "lax::list")]
    pub requests: Vec<InputRequest>,
    /// The usage.
    #[serde(default, deserialize_with = "lax::object_or_default")]
    pub usage: Usage,
    /// When the prompt was taken.
    #[serde(default, alias = "started_at", deserialize_with = "lax::time")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, alias = "completed_at", deserialize_with = "lax::time")]
    pub completed_at: Option<Timestamp>,
    /// From start to end.
    #[serde(default, rename = "durationMs", alias = "duration_ms", deserialize_with = "lax::millis")]
    pub duration: Option<Duration>,
}

fn running() -> TurnStatus {
    TurnStatus::Running
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TurnStatus, D::Error> {
    lax::word(deserializer).map(|status| status.unwrap_or_else(running))
}

/// A message of the agent.
///
/// ```
/// use turnwire::Message;
/// use turnwire::event::MessageKind;
///
/// assert_eq!(Message::new("msg_2", MessageKind::Answer).text(), "");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Message {
    /// Its id.
    #[serde(default, deserialize_with = "lax::id")]
    pub id: MessageId,
    /// An answer or a summary.
    #[serde(default = "answer", deserialize_with = "kind")]
    pub kind: MessageKind,
    /// `provider/model`.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent that speaks.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// For a subagent's message: the tool part that runs the subagent.
    #[serde(
        default,
        alias = "parent_part_id",
        deserialize_with = "lax::word",
        skip_serializing_if = "Option::is_none"
    )]
    pub parent_part_id: Option<PartId>,
    /// Its parts, in the order they began.
    #[serde(default, deserialize_with = "lax::list")]
    pub parts: Vec<Part>,
    /// Why it ended; absent while it has not.
    #[serde(default, alias = "finish_reason", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// The failure.
    #[serde(default, deserialize_with = "lax::error", skip_serializing_if = "Option::is_none")]
    pub error: Option<TurnError>,
    /// The usage.
    #[serde(default, deserialize_with = "lax::object", skip_serializing_if = "Option::is_none")]
    pub usage: Option<MessageUsage>,
}

impl Message {
    /// One without parts, which has not ended.
    pub fn new(id: impl Into<MessageId>, kind: MessageKind) -> Self {
        Self {
            id: id.into(),
            kind,
            model: None,
            agent: None,
            parent_part_id: None,
            parts: Vec::new(),
            finish_reason: None,
            error: None,
            usage: None,
        }
    }

    /// The text of its text parts, without those discarded, an empty line between two.
    pub fn text(&self) -> String {
        let texts = self.parts.iter().filter(|part| part.state != PartState::Discarded).filter_map(Part::text);
        texts.filter(|text| !text.is_empty()).collect::<Vec<_>>().join("\n\n")
    }

    /// Whether this is an answer to the user, not a summary and not a subagent's.
    pub fn is_root_answer(&self) -> bool {
        self.kind != MessageKind::Summary && self.parent_part_id.is_none()
    }
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            id: TurnId::default(),
            chat_id: ChatId::default(),
            status: running(),
            ended: false,
            merged_into: None,
            user_message: UserMessage::default(),
            model: None,
            error: None,
            messages: Vec::new(),
            requests: Vec::new(),
            usage: Usage::default(),
            started_at: None,
            completed_at: None,
            duration: None,
        }
    }
}

impl Turn {
    /// A running turn without events yet.
    pub fn new(id: impl Into<TurnId>, chat_id: impl Into<ChatId>) -> Self {
        Self { id: id.into(), chat_id: chat_id.into(), ..Self::default() }
    }

    /// The answer: the text of the last root answer that has any.
    pub fn text(&self) -> String {
        let answers = self.messages.iter().rev().filter(|message| message.is_root_answer());
        answers.map(Message::text).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// Whether the turn has ended without what was asked for: as `failed` or `interrupted`, or with an `error` under any
    /// status but `cancelled`, `blocked` and `merged`, where somebody wanted the end.
    pub fn has_failed(&self) -> bool {
        match self.status {
            TurnStatus::Failed | TurnStatus::Interrupted => self.ended,
            TurnStatus::Cancelled | TurnStatus::Blocked | TurnStatus::Merged => false,
            _ => self.ended && self.error.is_some(),
        }
    }

    /// What the whole turn cost, subagents included, in millionths of a dollar; `None`: not reported.
    pub fn cost_micros(&self) -> Option<u64> {
        self.usage.summary.cost_micros
    }
}

impl Serialize for Turn {
    // By hand, as `text` is made from the messages and stands in the contract's place among the fields.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut turn = serializer.serialize_struct("Turn", 15)?;
        macro_rules! optional {
            ($name:literal, $value:expr) => {
                match &$value {
                    Some(value) => turn.serialize_field($name, value)?,
                    None => turn.skip_field($name)?,
                }
            };
        }
        turn.serialize_field("id", &self.id)?;
        turn.serialize_field("chatId", &self.chat_id)?;
        turn.serialize_field("status", &self.status)?;
        turn.serialize_field("ended", &self.ended)?;
        optional!("mergedInto", self.merged_into);
        turn.serialize_field("userMessage", &self.user_message)?;
        optional!("model", self.model);
        optional!("error", self.error);
        turn.serialize_field("messages", &self.messages)?;
        turn.serialize_field("requests", &self.requests)?;
        turn.serialize_field("text", &self.text())?;
        turn.serialize_field("usage", &self.usage)?;
        optional!("startedAt", self.started_at);
        optional!("completedAt", self.completed_at);
        optional!("durationMs", millis::of(self.duration));
        turn.end()
    }
}
