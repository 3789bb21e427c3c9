//! End a chat.

use super::{ChatStatus, Chats};
use crate::http::{Call, Request};
use crate::id::ChatId;
use crate::lax;
use crate::time::millis;
use ::http::Method;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A chat that has ended, with its bill.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let ended = client.chat().delete("chat_1").await?;
/// println!("ran for {:?}, cost {:?} $", ended.runtime_duration, ended.cost);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct EndedChat {
    /// Its id.
    #[serde(deserialize_with = "lax::id")]
    pub id: ChatId,
    /// `ended`.
    #[serde(deserialize_with = "lax::id")]
    pub status: ChatStatus,
    /// Who ran it.
    #[serde(deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The provider's id of the runtime.
    #[serde(alias = "runtime_id", deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub runtime_id: Option<String>,
    /// How long the runtime ran.
    #[serde(
        rename = "runtimeMs",
        alias = "runtime_ms",
        deserialize_with = "lax::millis",
        serialize_with = "millis::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub runtime_duration: Option<Duration>,
    /// The cost, in dollars.
    #[serde(deserialize_with = "lax::amount", skip_serializing_if = "Option::is_none")]
    pub cost: Option<f64>,
    /// The cost, in millionths of a dollar.
    #[serde(alias = "cost_micros", deserialize_with = "lax::count", skip_serializing_if = "Option::is_none")]
    pub cost_micros: Option<u64>,
}

impl Chats {
    /// Ends a chat; its runtime is destroyed. Deleting it again returns the same figures.
    pub fn delete(&self, id: impl Into<ChatId>) -> Call<EndedChat> {
        Call::json(&self.client, Request::new("delete", Method::DELETE).chat(id))
    }
}
