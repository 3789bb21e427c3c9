//! The operations that answer once, one file each, under the names of the routes: requests and values.

mod cancel;
mod create;
mod delete;
mod files;
mod list;
mod messages;
mod permission;
mod prompt;
mod question;
mod retrieve;
mod stream_token;
mod turns;
mod update;
mod upload;
mod words;

pub use cancel::{Cancel, Cancelled};
pub use create::{Chat, NewChat};
pub use delete::EndedChat;
pub(crate) use files::file_request;
pub use files::{FileEntry, FileList, Files};
pub use list::{ListAll, ListChats, Page};
pub use messages::{ListMessages, Messages, StoredMessage};
pub use permission::PermissionReply;
pub use prompt::{KnownPart, Prompt, PromptPart};
pub use question::Answers;
pub use stream_token::StreamToken;
pub use turns::Turns;
pub use upload::Upload;
pub use words::{ChatStatus, Role, RuntimeState};

use crate::http::Client;

/// The chats of a client.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let chats = client.chat();
/// let chat = chats.create(turnwire::NewChat::new()).await?;
/// let turn = chats.send_message(&chat.id, "Hello").await?;
/// chats.delete(&chat.id).await?;
/// # let _ = turn;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Chats {
    pub(crate) client: Client,
}

impl Chats {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }
}

impl Client {
    /// The chats.
    pub fn chat(&self) -> Chats {
        Chats::new(self.clone())
    }

    /// The same chats as [`Client::chat`], where the hosted service's official clients have them: `client.agent().v2().chat()`.
    pub fn agent(&self) -> Agent {
        Agent::new(self.clone())
    }
}

/// The path to [`Chats`] in the hosted service's official clients: `client.agent().v2().chat()`.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let chat = client.agent().v2().chat().retrieve("chat_1").await?;
/// # let _ = chat;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Agent {
    client: Client,
}

impl Agent {
    pub(crate) fn new(client: Client) -> Self {
        Self { client }
    }

    /// The same once more.
    pub fn v2(&self) -> Self {
        self.clone()
    }

    /// The chats.
    pub fn chat(&self) -> Chats {
        Chats::new(self.client.clone())
    }
}
