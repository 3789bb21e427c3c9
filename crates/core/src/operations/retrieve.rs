//! Look at a chat (our server).

use super::create::read_chat;
use super::{Chat, Chats};
use crate::http::{Call, Request};
use crate::id::ChatId;
use ::http::Method;

impl Chats {
    /// Retrieves the chat, with its title, its model, and the running turn.
    pub fn retrieve(&self, id: impl Into<ChatId>) -> Call<Chat> {
        Call::new(&self.client, Request::new("retrieve", Method::GET).chat(id), read_chat)
    }
}
