//! The files of a chat's workspace.

use super::Chats;
use crate::error::Result;
use crate::http::{Call, Client, Request};
use crate::id::ChatId;
use crate::lax;
use ::http::Method;
use serde::{Deserialize, Serialize};

/// The files of a workspace.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let list = client.chat().files().list("chat_1").await?;
/// println!("{} files", list.files.len());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct FileList {
    /// The chat.
    #[serde(alias = "chat_id", deserialize_with = "lax::id")]
    pub chat_id: ChatId,
    /// The files.
    #[serde(deserialize_with = "lax::objects")]
    pub files: Vec<FileEntry>,
}

/// A file of a workspace.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// for file in client.chat().files().list("chat_1").await?.files {
///     println!("{:>9} {}", file.size_bytes, file.path);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct FileEntry {
    /// Its name.
    #[serde(deserialize_with = "lax::text_or_empty")]
    pub name: String,
    /// Its path in the workspace.
    #[serde(deserialize_with = "lax::text_or_empty")]
    pub path: String,
    /// Its size.
    #[serde(alias = "size_bytes", deserialize_with = "lax::count_or_zero")]
    pub size_bytes: u64,
}

/// The files of chats.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let files = client.chat().files();
/// files.upload("chat_1", "notes.md", "Read me.").await?;
/// files.delete("chat_1", "notes.md").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Files {
    pub(crate) client: Client,
}

impl Chats {
    /// The files.
    pub fn files(&self) -> Files {
        Files { client: self.client.clone() }
    }
}

impl Files {
    /// All files of the workspace.
    pub fn list(&self, id: impl Into<ChatId>) -> Call<FileList> {
        let request = Request::new("files.list", Method::GET).chat(id);
        Call::json(&self.client, request.map(|request| request.word("files")))
    }

    /// Removes a file from the workspace (our server).
    pub fn delete(&self, id: impl Into<ChatId>, path: impl AsRef<str>) -> Call<()> {
        Call::nothing(&self.client, file_request("files.delete", Method::DELETE, id, path.as_ref()))
    }
}

/// A request for one file.
pub(crate) fn file_request(
    operation: &'static str,
    method: Method,
    id: impl Into<ChatId>,
    path: &str,
) -> Result<Request> {
    Request::new(operation, method).chat(id)?.word("files").id("file path", path)
}
