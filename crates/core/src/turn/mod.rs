//! A turn as a value: exactly the fold of its events.

mod accumulator;

pub use accumulator::TurnAccumulator;

use crate::event::{
    FinishReason, InputRequest, MessageKind, MessageUsage, Part, PartState, TurnError, TurnStatus, Usage, UserMessage,
};
use crate::id::{ChatId, MessageId, PartId, TurnId};
use crate::json::nullable;
use crate::time::Timestamp;
use serde::ser::{SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};

/// A turn, whole or so far.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Turn {
    /// The turn's id.
    #[serde(default)]
    pub id: TurnId,
    /// The chat it belongs to.
    #[serde(default)]
    pub chat_id: ChatId,
    /// The last `turn.status` until the end, then how it ended.
    #[serde(default = "running")]
    pub status: TurnStatus,
    /// Whether it has ended.
    #[serde(default, deserialize_with = "nullable")]
    pub ended: bool,
    /// With `merged`: the turn in which it was answered.
    #[serde(default)]
    pub merged_into: Option<TurnId>,
    /// What the user said.
    #[serde(default, deserialize_with = "nullable")]
    pub user_message: UserMessage,
    /// `provider/model`.
    #[serde(default)]
    pub model: Option<String>,
    /// What failed.
    #[serde(default)]
    pub error: Option<TurnError>,
    /// The agent's messages, in the order they began; subagents' too.
    #[serde(default, deserialize_with = "nullable")]
    pub messages: Vec<Message>,
    /// The requests open now.
    #[serde(default, deserialize_with = "nullable")]
    pub requests: Vec<InputRequest>,
    /// What it used.
    #[serde(default, deserialize_with = "nullable")]
    pub usage: Usage,
    /// When the prompt was taken.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default)]
    pub completed_at: Option<Timestamp>,
    /// From start to end, in milliseconds.
    #[serde(default)]
    pub duration_ms: Option<u64>,
}

fn running() -> TurnStatus {
    TurnStatus::Running
}

/// A message of the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// An answer or a summary.
    pub kind: MessageKind,
    /// `provider/model`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent that speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// For a subagent's message: the tool part that runs the subagent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_part_id: Option<PartId>,
    /// Its parts, in the order they began.
    #[serde(default, deserialize_with = "nullable")]
    pub parts: Vec<Part>,
    /// Why it ended; absent while it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// What failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<TurnError>,
    /// What it used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<MessageUsage>,
}

impl Message {
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
            duration_ms: None,
        }
    }
}

impl Turn {
    /// The answer: the text of the last root answer that has any.
    pub fn text(&self) -> String {
        let answers = self.messages.iter().rev().filter(|message| message.is_root_answer());
        answers.map(Message::text).find(|text| !text.is_empty()).unwrap_or_default()
    }

    /// What the whole turn cost, subagents included, in millionths of a dollar; `None`: not told.
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
        optional!("durationMs", self.duration_ms);
        turn.end()
    }
}
