//! Grants or refuses a permission that the agent requests (our server).

use super::Chats;
use crate::error::{Error, Result};
use crate::http::{Call, Request};
use crate::id::{ChatId, RequestId};
use ::http::Method;
use serde_json::json;

/// The answer to a permission.
///
/// ```
/// use turnwire::chat::PermissionReply;
///
/// assert_eq!(PermissionReply::from_word("once", None)?, PermissionReply::Once);
/// # Ok::<(), turnwire::Error>(())
/// ```
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
    ///
    /// # Errors
    /// Another word; a message beside a reply that does not take it to the agent, which would be lost.
    pub fn from_word(word: &str, message: Option<String>) -> Result<Self> {
        let reply = match word {
            "once" => Self::Once,
            "always" => Self::Always,
            "reject" => return Ok(Self::Reject(message)),
            _ => {
                let message = format!("A permission is replied to with once, always or reject, not {word:?}.");
                return Err(Error::new("invalid_argument", message));
            }
        };
        if message.is_some_and(|message| !message.is_empty()) {
            let message = format!("The agent gets a message with the reply reject only; send {word} without one.");
            return Err(Error::new("invalid_argument", message));
        }
        Ok(reply)
    }
}

impl Chats {
    /// Answers a permission. One that is unknown or closed is a `permission_not_found`.
    pub fn reply_to_permission(
        &self,
        id: impl Into<ChatId>,
        request_id: impl Into<RequestId>,
        reply: PermissionReply,
    ) -> Call<()> {
        let body = match reply {
            PermissionReply::Once => json!({ "reply": "once" }),
            PermissionReply::Always => json!({ "reply": "always" }),
            PermissionReply::Reject(None) => json!({ "reply": "reject" }),
            PermissionReply::Reject(Some(message)) => json!({ "reply": "reject", "message": message }),
        };
        let request = Request::new("reply_to_permission", Method::POST)
            .chat(id)
            .and_then(|request| request.word("permission").request(request_id))
            .and_then(|request| request.word("reply").json(&body));
        Call::nothing(&self.client, request)
    }
}
