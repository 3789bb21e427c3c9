//! A token to read one chat's relay without the key.

use super::Chats;
use crate::http::{Call, Request};
use crate::time::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A token for one chat, to read only. Give it to a browser.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct StreamToken {
    /// The token.
    pub token: String,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The relay's address, the token in it.
    #[serde(default, alias = "stream_url")]
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
    pub fn create_stream_token(&self, id: impl AsRef<str>) -> Call<StreamToken> {
        let request = Request::new("create_stream_token", Method::POST).id("chat id", id.as_ref());
        Call::json(&self.client, request.map(|request| request.word("stream-token")))
    }
}
