//! What is known of a key, and what it may do.

use serde::Serialize;
use turnwire::Timestamp;

/// What a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[non_exhaustive]
pub enum Scope {
    /// Everything with its owner's chats, but what the agent is told beside the user's words (`instructions`, `system`).
    #[serde(rename = "chat")]
    Chat,
    /// Read its owner's streams.
    #[serde(rename = "stream:read")]
    StreamRead,
    /// List and download its owner's files.
    #[serde(rename = "files:read")]
    FilesRead,
    /// Everything with its owner's chats.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Chat, Self::StreamRead, Self::FilesRead, Self::Admin];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::StreamRead => "stream:read",
            Self::FilesRead => "files:read",
            Self::Admin => "admin",
        }
    }

    /// `None`: there is no such scope.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == text)
    }

    pub(crate) fn join(scopes: &[Self]) -> String {
        scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// A scope of a newer version gives nothing here.
    pub(crate) fn split(text: &str) -> Vec<Self> {
        text.split(' ').filter_map(Self::parse).collect()
    }

    /// Whether one of `held` allows what `self` is needed for.
    pub(crate) fn in_any(self, held: &[Self]) -> bool {
        let reads = matches!(self, Self::StreamRead | Self::FilesRead);
        held.iter().any(|held| *held == self || *held == Self::Admin || (*held == Self::Chat && reads))
    }
}

/// A key, without what opens the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct KeyInfo {
    /// `key_…`: the name it is revoked by.
    pub id: String,
    /// For people.
    pub name: String,
    /// Whose chats it sees. Keys given on the command line are of the owner `default`.
    pub owner: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked; `None`: it is good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}
