//! Rename a chat (our server).

use super::create::read_chat;
use super::{Chat, Chats};
use crate::http::{Call, Request};
use crate::id::ChatId;
use ::http::Method;
use serde_json::json;

impl Chats {
    /// Gives the chat another title.
    pub fn update(&self, id: impl Into<ChatId>, title: impl Into<String>) -> Call<Chat> {
        let body = json!({ "title": title.into() });
        let request = Request::new("update", Method::PATCH).chat(id);
        Call::new(&self.client, request.and_then(|request| request.json(&body)), read_chat)
    }
}
