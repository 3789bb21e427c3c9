//! A token to read one chat's relay without the key.

use super::Chats;
use crate::error::{Error, Result};
use crate::http::{Call, Request, read_json};
use crate::id::ChatId;
use crate::lax;
use crate::time::Timestamp;
use ::http::Method;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A token for one chat, to read only. Give it to a browser.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let token = client.chat().create_stream_token("chat_1").await?;
/// let reader = turnwire::Client::builder().base_url(client.base_url()).token(token.token).build()?;
/// let relay = reader.chat().stream("chat_1", turnwire::RelayCursor::Live).await?;
/// # let _ = relay;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StreamToken {
    /// The token.
    #[serde(default, deserialize_with = "lax::text_or_empty")]
    pub token: String,
    /// When it ends.
    #[serde(default, alias = "expires_at", deserialize_with = "lax::time", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The relay's address, the token in it.
    #[serde(default, alias = "stream_url", deserialize_with = "lax::text_or_empty")]
    pub stream_url: String,
}

impl fmt::Debug for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StreamToken")
            .field("token", &"[redacted]")
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl Chats {
    /// Makes a stream token.
    pub fn create_stream_token(&self, id: impl Into<ChatId>) -> Call<StreamToken> {
        let request = Request::new("create_stream_token", Method::POST).chat(id);
        Call::new(&self.client, request.map(|request| request.word("stream-token")), read_token)
    }
}

/// Parses the answer. Without a token it is invalid.
fn read_token(body: &[u8]) -> Result<StreamToken> {
    let token: StreamToken = read_json(body)?;
    if token.token.is_empty() {
        return Err(Error::new("invalid_answer", "The service's answer has no stream token in it."));
    }
    Ok(token)
}
