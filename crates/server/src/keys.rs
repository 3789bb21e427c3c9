//! Keys with owners and scopes, kept hashed in the data folder: what `turnwire keys` makes, lists and revokes, also while
//! a server runs on the folder (it knows within [`NOTICED_AFTER`]).

use crate::config::ApiKey;
use crate::store::sqlite::{self, OpenError, keys, schema};
use crate::{ids, server};
use rusqlite::Connection;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};
use turnwire::Timestamp;

/// A running server knows of a revoked key after at most this time; what is open for it, streams too, has ended then.
pub const NOTICED_AFTER: Duration = Duration::from_secs(5);

/// How often it is looked: what was looked up just before a key was revoked, and what was let in with it, then end in time.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(2);

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

/// The data folder's keys cannot be read or written: one sentence that says what to do, with the cause behind it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct KeysError {
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

fn open<T>(data: &Path, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, KeysError> {
    let path = data.join(sqlite::FILE);
    let worked = sqlite::open(&path).and_then(|mut connection| {
        schema::migrate(&mut connection, &path)?;
        work(&connection).map_err(|error| OpenError::of(&path, error))
    });
    worked.map_err(|source| {
        let path = path.display();
        let unusable =
            || format!("the keys in {path} cannot be read or written; is it a server's data folder, and this user's?");
        let (message, source) = match source {
            OpenError::Newer => (server::newer(data), None),
            OpenError::Damaged { file, source } => (server::damaged(&file), Some(source)),
            OpenError::Failed(source) => (unusable(), Some(source)),
            OpenError::InUse => (unusable(), None),
        };
        KeysError { message, source }
    })
}

/// Makes a key. The key itself is given once, here, and is nowhere kept.
///
/// # Errors
/// The data folder is not there or not this user's.
pub fn create(data: &Path, name: &str, owner: &str, scopes: &[Scope]) -> Result<(KeyInfo, ApiKey), KeysError> {
    let key = format!("tw_{}", ids::random_text::<40>());
    let info = KeyInfo {
        id: format!("key_{}", ids::random_text::<12>()),
        name: name.to_owned(),
        owner: owner.to_owned(),
        scopes: scopes.to_vec(),
        created_at: SystemTime::now().into(),
        revoked_at: None,
    };
    open(data, |connection| keys::insert(connection, &info, &hash(&key)))?;
    Ok((info, key.into()))
}

/// All keys, revoked ones too, oldest first.
///
/// # Errors
/// The data folder is not there or not this user's.
pub fn list(data: &Path) -> Result<Vec<KeyInfo>, KeysError> {
    open(data, keys::all)
}

/// Whose the keys are that are good.
pub(crate) fn owners(data: &Path) -> Result<BTreeSet<String>, KeysError> {
    let keys = list(data)?;
    Ok(keys.into_iter().filter(|key| key.revoked_at.is_none()).map(|key| key.owner).collect())
}

/// Revokes a key by its id (`key_…`). `false`: there is none of this id that is good.
///
/// # Errors
/// The data folder is not there or not this user's.
pub fn revoke(data: &Path, id: &str) -> Result<bool, KeysError> {
    open(data, |connection| keys::revoke(connection, id, SystemTime::now().into()))
}

/// From now on stream tokens are signed with a new secret. Those signed with the one before are good until they end, or, with
/// `revoke_former`, no longer; those signed with an older one are refused.
///
/// # Errors
/// The data folder is not there or not this user's.
pub fn rotate_tokens(data: &Path, revoke_former: bool) -> Result<(), KeysError> {
    open(data, |connection| {
        keys::add_token_secret(connection, &ids::random::<32>())?;
        keys::trim_token_secrets(connection, if revoke_former { 1 } else { 2 })
    })
}

/// Whether a server has used the folder.
pub fn is_data_folder(data: &Path) -> bool {
    data.join(sqlite::FILE).is_file()
}

pub(crate) fn hash(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
