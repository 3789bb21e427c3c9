//! Keys with owners and scopes, kept hashed in the data folder: what `turnwire keys` makes, lists and revokes, also while
//! a server runs on the folder (it knows within [`NOTICED_AFTER`]).

use crate::config::ApiKey;
use crate::ids;
pub use crate::key_info::{KeyInfo, Scope};
use crate::store::sqlite::{self, OpenError, keys, schema};
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A running server knows of a revoked key after at most this time; what is open for it, streams too, has ended then.
pub const NOTICED_AFTER: Duration = Duration::from_secs(5);

/// How often it is looked: what was looked up just before a key was revoked, and what was let in with it, then end in time.
pub(crate) const LOOK_AGAIN: Duration = Duration::from_secs(2);

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
            OpenError::Newer => (sqlite::newer(data), None),
            OpenError::Damaged { file, source } => (sqlite::damaged(&file), Some(source)),
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
