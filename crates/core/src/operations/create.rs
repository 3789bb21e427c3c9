//! Create a chat.

use super::prompt::check_model;
use super::{ChatStatus, Chats, RuntimeState};
use crate::error::{Error, Result};
use crate::http::{Call, Request, read_json};
use crate::id::{ChatId, TurnId};
use crate::lax;
use crate::time::{Timestamp, millis};
use ::http::Method;
use serde::{Deserialize, Serialize};
use std::borrow::Borrow;
use std::time::Duration;

/// The parameters of a new chat. All are optional.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use std::time::Duration;
/// use turnwire::NewChat;
///
/// let new = NewChat::new().title("Review").model("openai/gpt-5").idle_timeout(Duration::from_secs(3600));
/// let chat = client.chat().create(new).await?;
/// # let _ = chat;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct NewChat {
    /// A title for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `provider/model`. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// After this much idleness the runtime is stopped. Default 15 min; 1 min to 24 h. As JSON: milliseconds.
    #[serde(rename = "idleTimeoutMs", with = "millis", skip_serializing_if = "Option::is_none")]
    pub idle_timeout: Option<Duration>,
    /// Vaults the agent may read (hosted service).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vault_ids: Option<Vec<String>>,
    /// Instructions beside the agent's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl NewChat {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// A title for people.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// `provider/model`.
    #[must_use]
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// After this much idleness the runtime is stopped. Sent in milliseconds.
    #[must_use]
    pub fn idle_timeout(mut self, idle: Duration) -> Self {
        self.idle_timeout = Some(idle);
        self
    }

    /// Vaults the agent may read (hosted service).
    #[must_use]
    pub fn vault_ids<I: IntoIterator<Item = S>, S: Into<String>>(mut self, ids: I) -> Self {
        self.vault_ids = Some(ids.into_iter().map(Into::into).collect());
        self
    }

    /// Instructions beside the agent's own.
    #[must_use]
    pub fn instructions(mut self, text: impl Into<String>) -> Self {
        self.instructions = Some(text.into());
        self
    }
}

/// A chat.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::ChatStatus;
///
/// let chat = client.chat().retrieve("chat_1").await?;
/// if chat.status == ChatStatus::Idle {
///     println!("{} sleeps after {:?}", chat.id, chat.idle_timeout);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Chat {
    /// Its id.
    #[serde(deserialize_with = "lax::id")]
    pub id: ChatId,
    /// Its status.
    #[serde(deserialize_with = "lax::id")]
    pub status: ChatStatus,
    /// Who runs it.
    #[serde(deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    /// The state of its runtime.
    #[serde(alias = "runtime_state", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub runtime_state: Option<RuntimeState>,
    /// After this much idleness the runtime is stopped.
    #[serde(
        rename = "idleTimeoutMs",
        alias = "idle_timeout_ms",
        deserialize_with = "lax::millis",
        serialize_with = "millis::serialize",
        skip_serializing_if = "Option::is_none"
    )]
    pub idle_timeout: Option<Duration>,
    /// When it was created.
    #[serde(alias = "created_at", deserialize_with = "lax::time", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// Its title (our server, `retrieve` and `list`).
    #[serde(deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Its model (our server, `retrieve` and `list`).
    #[serde(deserialize_with = "lax::text", skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The turn that runs now (our server, `retrieve`).
    #[serde(alias = "active_turn_id", deserialize_with = "lax::word", skip_serializing_if = "Option::is_none")]
    pub active_turn_id: Option<TurnId>,
    /// The number of the newest event of its relay (our server, `retrieve`).
    #[serde(alias = "last_event_id", deserialize_with = "lax::count", skip_serializing_if = "Option::is_none")]
    pub last_event_id: Option<u64>,
}

impl Chats {
    /// Creates a chat. Sent again only where it cannot have been created: see `docs/reliability.md`.
    pub fn create(&self, chat: impl Borrow<NewChat>) -> Call<Chat> {
        let chat = chat.borrow();
        let request =
            check_model(chat.model.as_deref()).and_then(|()| Request::new("create", Method::POST).creates().json(chat));
        Call::new(&self.client, request, read_chat)
    }
}

/// Reads an answer that is a chat. Without its id nothing can be done with it.
pub(super) fn read_chat(body: &[u8]) -> Result<Chat> {
    let chat: Chat = read_json(body)?;
    if chat.id.as_str().is_empty() {
        return Err(Error::new(
            "invalid_answer",
            "The service's answer has no chat id; check that the base URL is that of a chat service.",
        ));
    }
    Ok(chat)
}
