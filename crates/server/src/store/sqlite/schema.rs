//! The tables, and their migrations.

use super::file::OpenError;
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// The migrations from one version of the file to the next; `user_version` counts those applied. Only append to this list.
const STEPS: &[&str] = &[
    "
    CREATE TABLE chats (
        key INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        provider TEXT NOT NULL,
        title TEXT,
        model TEXT,
        instructions TEXT,
        session_id TEXT NOT NULL,
        idle_timeout_ms INTEGER NOT NULL,
        created_ms INTEGER NOT NULL,
        ended_ms INTEGER,
        runtime_ms INTEGER NOT NULL DEFAULT 0,
        cost_micros INTEGER NOT NULL DEFAULT 0
    ) STRICT;
    CREATE INDEX chats_of_owner ON chats (owner, key);

    -- A row has the events that one commit wrote for a chat: each a length of four bytes (little endian) and the event.
    CREATE TABLE events (
        chat INTEGER NOT NULL,
        last INTEGER NOT NULL,
        first INTEGER NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (chat, last)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE turns (
        chat INTEGER NOT NULL,
        turn_id TEXT NOT NULL,
        cursor INTEGER NOT NULL,
        end_seq INTEGER,
        PRIMARY KEY (chat, cursor)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX turns_by_id ON turns (turn_id);
    CREATE INDEX turns_open ON turns (chat) WHERE end_seq IS NULL;

    CREATE TABLE children (chat INTEGER NOT NULL, session_id TEXT NOT NULL, PRIMARY KEY (chat, session_id))
        STRICT, WITHOUT ROWID;

    CREATE TABLE idempotency (
        scope TEXT NOT NULL,
        key TEXT NOT NULL,
        body_hash BLOB NOT NULL,
        outcome TEXT NOT NULL,
        at_ms INTEGER NOT NULL,
        PRIMARY KEY (scope, key)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX idempotency_by_age ON idempotency (at_ms);

    CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
",
    "
    -- Retention: when a turn ended, whether its deltas were let go of, and from which number on a log is whole.
    ALTER TABLE turns ADD COLUMN ended_ms INTEGER;
    ALTER TABLE turns ADD COLUMN thinned INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE chats ADD COLUMN whole_from INTEGER NOT NULL DEFAULT 1;
    CREATE INDEX turns_by_end ON turns (ended_ms, thinned);
",
    "
    CREATE TABLE keys (
        id TEXT PRIMARY KEY,
        hash BLOB NOT NULL UNIQUE,
        name TEXT NOT NULL,
        owner TEXT NOT NULL,
        scopes TEXT NOT NULL,
        created_ms INTEGER NOT NULL,
        revoked_ms INTEGER
    ) STRICT, WITHOUT ROWID;
",
    "
    -- The newest signs stream tokens. Their numbers are never given twice.
    CREATE TABLE token_secrets (kid INTEGER PRIMARY KEY AUTOINCREMENT, secret BLOB NOT NULL) STRICT;
    INSERT INTO token_secrets (secret) SELECT value FROM secrets;
    DROP TABLE secrets;
",
];

/// Migrates the file to the newest version. A newer file is left unchanged.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), OpenError> {
    let failed = |error| OpenError::of(path, error);
    if version(connection).map_err(failed)? > STEPS.len() {
        return Err(OpenError::Newer);
    }
    while step(connection).map_err(failed)? {}
    Ok(())
}

/// Does the next step. `false`: none is left.
fn step(connection: &mut Connection) -> rusqlite::Result<bool> {
    if version(connection)? >= STEPS.len() {
        return Ok(false);
    }
    // Looked at again under the lock of a writer: another program (`turnwire keys`) may be at it too.
    let step = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let done = version(&step)?;
    let Some(sql) = STEPS.get(done) else { return Ok(false) };
    step.execute_batch(sql)?;
    step.pragma_update(None, "user_version", i64::try_from(done + 1).unwrap_or(i64::MAX))?;
    step.commit().map(|()| true)
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    let version = connection.query_row("PRAGMA user_version", [], |row| row.get::<_, i64>(0))?;
    // Nothing of ours has a number below 0.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
