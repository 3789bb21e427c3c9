//! Keys, hashed: what opens the server is nowhere on its disk.

use crate::keys::{KeyInfo, Scope};
use crate::store::KeyRow;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use turnwire::Timestamp;

pub(super) fn find(connection: &Connection, hash: &[u8; 32]) -> rusqlite::Result<Option<KeyRow>> {
    let mut query =
        connection.prepare_cached("SELECT id, owner, scopes FROM keys WHERE hash = ? AND revoked_ms IS NULL")?;
    let row = |row: &Row<'_>| Ok(KeyRow { id: row.get(0)?, owner: row.get(1)?, scopes: row.get(2)? });
    query.query_row([hash.as_slice()], row).optional()
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

/// `false`: there is no such key, or it was revoked before.
pub(crate) fn revoke(connection: &Connection, id: &str, at: Timestamp) -> rusqlite::Result<bool> {
    let revoke = "UPDATE keys SET revoked_ms = ?2 WHERE id = ?1 AND revoked_ms IS NULL";
    Ok(connection.execute(revoke, params![id, millis(at)])? > 0)
}

fn millis(at: Timestamp) -> i64 {
    i64::try_from(at.as_millis()).unwrap_or(i64::MAX)
}
