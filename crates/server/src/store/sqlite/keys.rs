//! API keys, stored as hashes, and the secrets that sign stream tokens.

use super::number::unsigned;
use crate::key_info::{KeyInfo, Scope};
use crate::store::{KeyRow, TokenSecret};
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use turnwire::Timestamp;

pub(super) fn find(connection: &Connection, hash: &[u8; 32]) -> rusqlite::Result<Option<KeyRow>> {
    let mut query =
        connection.prepare_cached("SELECT id, owner, scopes FROM keys WHERE hash = ? AND revoked_ms IS NULL")?;
    query.query_row([hash.as_slice()], row_of).optional()
}

pub(super) fn find_by_id(connection: &Connection, id: &str) -> rusqlite::Result<Option<KeyRow>> {
    let mut query =
        connection.prepare_cached("SELECT id, owner, scopes FROM keys WHERE id = ? AND revoked_ms IS NULL")?;
    query.query_row([id], row_of).optional()
}

fn row_of(row: &Row<'_>) -> rusqlite::Result<KeyRow> {
    Ok(KeyRow { id: row.get(0)?, owner: row.get(1)?, scopes: row.get(2)? })
}

pub(crate) fn insert(connection: &Connection, key: &KeyInfo, hash: &[u8; 32]) -> rusqlite::Result<()> {
    let row = params![key.id, hash.as_slice(), key.name, key.owner, Scope::join(&key.scopes), millis(key.created_at)];
    connection
        .execute("INSERT INTO keys (id, hash, name, owner, scopes, created_ms) VALUES (?, ?, ?, ?, ?, ?)", row)
        .map(drop)
}

pub(crate) fn all(connection: &Connection) -> rusqlite::Result<Vec<KeyInfo>> {
    let mut query = connection
        .prepare("SELECT id, name, owner, scopes, created_ms, revoked_ms FROM keys ORDER BY created_ms, id")?;
    let at = |ms: i64| Timestamp::from_millis(u64::try_from(ms).unwrap_or(0));
    let row = |row: &Row<'_>| {
        Ok(KeyInfo {
            id: row.get(0)?,
            name: row.get(1)?,
            owner: row.get(2)?,
            scopes: Scope::split(&row.get::<_, String>(3)?),
            created_at: at(row.get(4)?),
            revoked_at: row.get::<_, Option<i64>>(5)?.map(at),
        })
    };
    query.query_map([], row)?.collect()
}

/// `false` if there is no such key, or it was already revoked.
pub(crate) fn revoke(connection: &Connection, id: &str, at: Timestamp) -> rusqlite::Result<bool> {
    let revoke = "UPDATE keys SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL";
    Ok(connection.execute(revoke, params![id, millis(at)])? > 0)
}

/// Newest first.
pub(super) fn token_secrets(connection: &Connection) -> rusqlite::Result<Vec<TokenSecret>> {
    let mut query = connection.prepare_cached("SELECT kid, secret FROM token_secrets ORDER BY kid DESC")?;
    query.query_map([], |row| Ok(TokenSecret { kid: unsigned(row, 0)?, bytes: row.get(1)? }))?.collect()
}

pub(crate) fn add_token_secret(connection: &Connection, secret: &[u8]) -> rusqlite::Result<()> {
    connection.execute("INSERT INTO token_secrets (secret) VALUES (?)", [secret]).map(drop)
}

/// Lets go of all but the `kept` newest.
pub(crate) fn trim_token_secrets(connection: &Connection, kept: u32) -> rusqlite::Result<()> {
    let trim = "DELETE FROM token_secrets WHERE kid NOT IN (SELECT kid FROM token_secrets ORDER BY kid DESC LIMIT ?)";
    connection.execute(trim, [kept]).map(drop)
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}
