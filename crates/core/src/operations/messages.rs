//! The messages of a chat (our server).

use super::{Chats, ListAll, Page, Role};
use crate::event::{FinishReason, MessageKind, MessageUsage, TurnError};
use crate::http::{Call, Client, Request};
use crate::id::{ChatId, MessageId, PartId};
use crate::json::Json;
use crate::lax;
use ::http::Method;
use serde::{Deserialize, Serialize};

/// A message of a chat, the user's or the agent's.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::{ListMessages, Role};
///
/// let page = client.chat().messages().list("chat_1", ListMessages::new().limit(50)).await?;
/// let own = page.data.iter().filter(|message| message.role == Some(Role::User)).count();
/// println!("{own} of {} are the user's", page.data.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StoredMessage {
    /// Its id.
    #[serde(default, deserialize_with = "lax::id")]
    pub id: MessageId,
    /// Its author, where it is reported.
    #[serde(default, deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// An answer or a summary; of the agent's messages.
    #[serde(default, deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub kind: Option<MessageKind>,
    /// `provider/model`.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The agent that speaks.
    #[serde(default, deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// For a subagent's message: the tool part that runs the subagent.
    #[serde(default, deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub parent_part_id: Option<PartId>,
    /// Its parts; the user's as they were sent, the agent's as in a turn.
    #[serde(default, deserialize_with = "lax::list")]
    pub parts: Vec<Json>,
    /// Why it ended.
    #[serde(default, deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<FinishReason>,
    /// The failure.
    #[serde(default, deserialize_with = "lax::error", skip_serializing_if = "Option::is_none")]
    pub error: Option<TurnError>,
    /// The usage.
    #[serde(default, deserialize_with = "lax::object", skip_serializing_if = "Option::is_none")]
    pub usage: Option<MessageUsage>,
}

/// Which messages.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::ListMessages;
///
/// let page = client.chat().messages().list("chat_1", ListMessages::new().limit(10)).await?;
/// println!("{} messages, then {:?}", page.data.len(), page.next_cursor);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ListMessages {
    /// At most so many on a page.
    pub limit: Option<u32>,
    /// Where the page begins: the former page's `next_cursor`.
    pub cursor: Option<String>,
}

impl ListMessages {
    /// All, the service's page size.
    pub fn new() -> Self {
        Self::default()
    }

    /// At most so many on a page.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Where the page begins.
    #[must_use]
    pub fn cursor(mut self, cursor: impl Into<String>) -> Self {
        self.cursor = Some(cursor.into());
        self
    }
}

/// The messages of chats.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use futures_util::TryStreamExt as _;
/// use turnwire::chat::ListMessages;
///
/// let all: Vec<_> = client.chat().messages().list_all("chat_1", ListMessages::new()).try_collect().await?;
/// println!("{} messages", all.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Messages {
    client: Client,
}

impl Chats {
    /// The messages.
    pub fn messages(&self) -> Messages {
        Messages { client: self.client.clone() }
    }
}

impl Messages {
    /// All messages of a chat, over all pages.
    pub fn list_all(&self, id: impl Into<ChatId>, which: ListMessages) -> ListAll<StoredMessage> {
        let (messages, id) = (self.clone(), id.into());
        ListAll::new(which.cursor.clone(), move |cursor| messages.list(&id, ListMessages { cursor, ..which.clone() }))
    }

    /// A page of a chat's messages.
    pub fn list(&self, id: impl Into<ChatId>, which: ListMessages) -> Call<Page<StoredMessage>> {
        let request = Request::new("messages.list", Method::GET).chat(id);
        let request =
            request.map(|request| request.word("messages").query("limit", which.limit).query("cursor", which.cursor));
        Call::json(&self.client, request)
    }
}
