//! The operations on chats: those that answer once and those that stream, under the names of the routes.

mod attach;
mod download;
mod message;
mod open;
mod respond;
mod stream;

pub use crate::operations::{
    Agent, Answers, Cancel, Cancelled, Chat, ChatStatus, Chats, EndedChat, FileEntry, FileList, Files, KnownPart,
    ListAll, ListChats, ListMessages, Messages, NewChat, Page, PermissionReply, Prompt, PromptPart, Role, RuntimeState,
    StoredMessage, StreamToken, Turns, Upload,
};
pub use crate::stream::{DownloadStream, Resume};
pub use attach::{Attach, OpenTurn};
pub use download::{Download, DownloadedFile};
pub use message::SendMessage;
pub use respond::{OnConflict, Respond};
pub use stream::OpenRelay;
