//! Cancel the turn that runs.

use super::Chats;
use crate::error::Error;
use crate::http::{Call, Request};
use crate::id::{ChatId, TurnId};
use crate::lax;
use ::http::Method;
use serde::{Deserialize, Serialize};

/// The turn to cancel.
///
/// ```
/// let body = serde_json::to_string(&turnwire::chat::Cancel::default())?;
/// assert_eq!(body, "{}");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Cancel {
    /// Only this turn (our server): nothing happens if another one runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub turn_id: Option<TurnId>,
}

/// The answer to a cancel.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// assert!(client.chat().cancel_turn("chat_1", "turn_1").await?.ok);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Cancelled {
    /// The chat.
    #[serde(deserialize_with = "lax::id")]
    pub id: ChatId,
    /// Also where nothing ran.
    #[serde(deserialize_with = "lax::flag")]
    pub ok: bool,
}

impl Chats {
    /// Cancels whatever turn runs in the chat. Nothing running is no error.
    pub fn cancel(&self, id: impl Into<ChatId>) -> Call<Cancelled> {
        self.cancel_with(id, &Cancel::default())
    }

    /// Cancels this turn; if another one runs, nothing happens (our server; others cancel whatever runs).
    pub fn cancel_turn(&self, id: impl Into<ChatId>, turn_id: impl Into<TurnId>) -> Call<Cancelled> {
        self.cancel_with(id, &Cancel { turn_id: Some(turn_id.into()) })
    }

    fn cancel_with(&self, id: impl Into<ChatId>, cancel: &Cancel) -> Call<Cancelled> {
        let request = Request::new("cancel", Method::POST).chat(id).and_then(|request| {
            // An id that got lost must not cancel whatever runs.
            if cancel.turn_id.as_ref().is_some_and(|turn_id| turn_id.as_str().trim().is_empty()) {
                return Err(Error::new(
                    "invalid_argument",
                    "The turn id is empty; leave it out to cancel whatever runs.",
                ));
            }
            request.word("cancel").json(cancel)
        });
        Call::json(&self.client, request)
    }
}
