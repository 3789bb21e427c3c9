//! A turn as a value (our server).

use super::Chats;
use crate::http::{Call, Client, Request};
use crate::id::{ChatId, TurnId};
use crate::turn::Turn;
use ::http::Method;

/// The turns of chats.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let turn = client.chat().turns().retrieve("chat_1", "turn_1").await?;
/// println!("{}", turn.text());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Turns {
    client: Client,
}

impl Chats {
    /// The turns.
    pub fn turns(&self) -> Turns {
        Turns { client: self.client.clone() }
    }
}

impl Turns {
    /// The turn so far, or whole.
    ///
    /// A text becomes the id that is needed; an id of another kind does not.
    /// ```
    /// # fn example(client: turnwire::Client, chat: turnwire::ChatId, turn: turnwire::TurnId) {
    /// let by_id = client.chat().turns().retrieve(&chat, &turn);
    /// let by_text = client.chat().turns().retrieve("chat_1", "turn_1");
    /// # }
    /// ```
    /// ```compile_fail,E0277
    /// # fn example(client: turnwire::Client, chat: turnwire::ChatId, turn: turnwire::TurnId) {
    /// let swapped = client.chat().turns().retrieve(&turn, &chat);
    /// # }
    /// ```
    pub fn retrieve(&self, id: impl Into<ChatId>, turn_id: impl Into<TurnId>) -> Call<Turn> {
        let request = Request::new("turns.retrieve", Method::GET)
            .chat(id)
            .and_then(|request| request.word("turns").turn(turn_id));
        Call::json(&self.client, request)
    }
}
