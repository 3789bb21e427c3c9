//! Tokens and cost.

use super::MessageKind;
use super::status::{answer, kind};
use crate::id::{MessageId, PartId};
use crate::lax;
use serde::{Deserialize, Serialize};
use std::ops::AddAssign;

/// Token counts. `input` excludes the cache, `output` excludes reasoning; `total` is the sum of all five.
///
/// ```
/// use turnwire::event::TokenCounts;
///
/// let (mut sum, mut more) = (TokenCounts::new(), TokenCounts::new());
/// more.output_tokens = 5;
/// sum += more;
/// assert_eq!((sum.output_tokens, sum.cost_micros), (5, None));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenCounts {
    /// Tokens sent to the model, without those read from or written to the cache.
    #[serde(default, alias = "input_tokens", deserialize_with = "lax::count_or_zero")]
    pub input_tokens: u64,
    /// Tokens of the answer, without reasoning.
    #[serde(default, alias = "output_tokens", deserialize_with = "lax::count_or_zero")]
    pub output_tokens: u64,
    /// Tokens of reasoning.
    #[serde(default, alias = "reasoning_tokens", deserialize_with = "lax::count_or_zero")]
    pub reasoning_tokens: u64,
    /// Tokens read from the provider's cache.
    #[serde(default, alias = "cache_read_tokens", deserialize_with = "lax::count_or_zero")]
    pub cache_read_tokens: u64,
    /// Tokens written to the provider's cache.
    #[serde(default, alias = "cache_write_tokens", deserialize_with = "lax::count_or_zero")]
    pub cache_write_tokens: u64,
    /// The sum of the five.
    #[serde(default, alias = "total_tokens", deserialize_with = "lax::count_or_zero")]
    pub total_tokens: u64,
    /// The cost in millionths of a dollar; absent if it was not reported.
    #[serde(default, alias = "cost_micros", deserialize_with = "lax::count", skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
}

impl AddAssign for TokenCounts {
    fn add_assign(&mut self, other: Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
        self.cache_read_tokens = self.cache_read_tokens.saturating_add(other.cache_read_tokens);
        self.cache_write_tokens = self.cache_write_tokens.saturating_add(other.cache_write_tokens);
        self.total_tokens = self.total_tokens.saturating_add(other.total_tokens);
        self.cost_micros = match (self.cost_micros, other.cost_micros) {
            (None, None) => None,
            (a, b) => Some(a.unwrap_or(0).saturating_add(b.unwrap_or(0))),
        };
    }
}

/// The usage of one message.
///
/// ```
/// use turnwire::event::{MessageUsage, TokenCounts};
///
/// assert!(MessageUsage::new(TokenCounts::new()).model.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageUsage {
    /// `provider/model`.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The counts.
    #[serde(flatten)]
    pub counts: TokenCounts,
}

/// What a turn used. The counts at the top are the root session's messages (summaries too); `summary` is the sum of
/// all entries, subagents included.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let turn = client.chat().send_message("chat_1", "What changed?").await?;
/// println!("{} tokens, {:?} millionths of a dollar", turn.usage.summary.total_tokens, turn.cost_micros());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Usage {
    /// `provider/model` of the last root message.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Counts of the root session.
    #[serde(flatten)]
    pub counts: TokenCounts,
    /// The sum of all entries.
    #[serde(default, deserialize_with = "lax::object_or_default")]
    pub summary: TokenCounts,
    /// One entry a message, in the order the messages came.
    #[serde(default, deserialize_with = "lax::objects")]
    pub entries: Vec<UsageEntry>,
}

/// The usage of one message of the turn.
///
/// ```
/// use turnwire::event::{MessageKind, TokenCounts, UsageEntry};
///
/// let entry = UsageEntry::new("msg_2", MessageKind::Answer, TokenCounts::new());
/// assert!(entry.parent_part_id.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsageEntry {
    /// The message.
    #[serde(default, alias = "message_id", deserialize_with = "lax::id")]
    pub message_id: MessageId,
    /// An answer or a summary.
    #[serde(default = "answer", deserialize_with = "kind")]
    pub kind: MessageKind,
    /// For a subagent's message: the tool part that runs the subagent.
    #[serde(
        default,
        alias = "parent_part_id",
        deserialize_with = "lax::word",
        skip_serializing_if = "Option::is_none"
    )]
    pub parent_part_id: Option<PartId>,
    /// `provider/model`.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The counts.
    #[serde(flatten)]
    pub counts: TokenCounts,
}
