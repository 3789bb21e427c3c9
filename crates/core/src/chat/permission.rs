//! Grant or refuse a permission the agent asks for (our server).

use super::Chats;
use crate::http::{Call, Request};
use reqwest::Method;
use serde_json::json;

/// The answer to a permission.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PermissionReply {
    /// This once.
    Once,
    /// From now on.
    Always,
    /// No, with a word to the agent.
    Reject(Option<String>),
}

impl PermissionReply {
    /// From the word that travels: `once`, `always` or `reject`.
    pub fn from_word(word: &str, message: Option<String>) -> Option<Self> {
        match word {
            "once" => Some(Self::Once),
            "always" => Some(Self::Always),
            "reject" => Some(Self::Reject(message)),
            _ => None,
        }
    }
}

impl Chats {
    /// Answers a permission. One that is unknown or closed is a `permission_not_found`.
    pub fn reply_to_permission(
        &self,
        id: impl AsRef<str>,
        request_id: impl AsRef<str>,
        reply: PermissionReply,
    ) -> Call<()> {
        let body = match reply {
            PermissionReply::Once => json!({ "reply": "once" }),
            PermissionReply::Always => json!({ "reply": "always" }),
            PermissionReply::Reject(None) => json!({ "reply": "reject" }),
            PermissionReply::Reject(Some(message)) => json!({ "reply": "reject", "message": message }),
        };
        let request = Request::new("reply_to_permission", Method::POST)
            .id("chat id", id.as_ref())
            .and_then(|request| request.word("permission").id("request id", request_id.as_ref()))
            .and_then(|request| request.word("reply").json(&body));
        Call::nothing(&self.client, request)
    }
}
