//! Look at a chat (our server).

use super::create::read_chat;
use super::{Chat, Chats};
use crate::http::{Call, Request};
use reqwest::Method;

impl Chats {
    /// The chat as it stands, with its title, its model, and the turn that runs.
    pub fn retrieve(&self, id: impl AsRef<str>) -> Call<Chat> {
        Call::new(&self.client, Request::new("retrieve", Method::GET).id("chat id", id.as_ref()), read_chat)
    }
}
