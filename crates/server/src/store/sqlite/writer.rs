//! The writer thread, which commits all waiting writes in one transaction (group commit).

use super::number::signed;
use super::{keys, pack, retention};
use crate::data::room;
use crate::store::{ChatKey, Done, StoreError, StoreResult, Write};
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, TransactionBehavior, params};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};

/// The maximum number of events in one commit, so that the first does not wait long.
const MAX_EVENTS: usize = 256;

/// An entry of the writer's queue.
pub(super) enum Job {
    Write(Vec<Write>, Done),
    /// Commit the earlier entries, call this, and stop.
    Close(Done),
}

/// The error of the last write; nothing if it succeeded.
#[derive(Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<StoreError>>>);

impl Trouble {
    pub(super) fn get(&self) -> Option<StoreError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, result: &StoreResult<()>) {
        let trouble = match result {
            Ok(()) => None,
            // Something about the write, not about the disk.
            Err(StoreError::Failed(_)) => return,
            Err(error) => Some(error.clone()),
        };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Runs until it is closed or its last sender is dropped.
pub(super) fn run(mut connection: Connection, jobs: &Receiver<Job>, trouble: &Trouble) {
    while let Ok(first) = jobs.recv() {
        let mut group = Vec::new();
        let mut closed = None;
        let mut events = 0;
        let mut next = Some(first);
        while let Some(job) = next {
            match job {
                Job::Write(writes, done) => {
                    events += writes.iter().map(count).sum::<usize>();
                    group.push((writes, done));
                }
                Job::Close(done) => {
                    closed = Some(done);
                    break;
                }
            }
            next = if events < MAX_EVENTS { jobs.try_recv().ok() } else { None };
        }
        commit_all(&mut connection, group, trouble);
        if let Some(done) = closed {
            return done(close(connection));
        }
    }
}

/// Checkpoints the write-ahead log into the one file, so that a copy of that file is complete.
fn close(connection: Connection) -> StoreResult<()> {
    let gathered = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let closed = connection.close().map_err(|(_, error)| error);
    gathered.and(closed).map_err(|error| convert(&error))
}

fn count(write: &Write) -> usize {
    match write {
        Write::Append { events, .. } => events.len(),
        _ => 1,
    }
}

/// One commit for all writes. If that fails, each is committed separately, so that one bad write does not affect the others.
fn commit_all(connection: &mut Connection, group: Vec<(Vec<Write>, Done)>, trouble: &Trouble) {
    if group.is_empty() {
        return;
    }
    let mut commit = |writes: &mut dyn Iterator<Item = &Vec<Write>>| {
        let result = commit(connection, writes);
        trouble.note(&result);
        result
    };
    let together = commit(&mut group.iter().map(|(writes, _)| writes));
    if together.is_ok() || group.len() == 1 {
        return group.into_iter().for_each(|(_, done)| done(together.clone()));
    }
    for (writes, done) in group {
        done(commit(&mut std::iter::once(&writes)));
    }
}

fn commit<'a>(connection: &mut Connection, group: impl Iterator<Item = &'a Vec<Write>>) -> StoreResult<()> {
    try_commit(connection, group).map_err(|error| {
        tracing::error!(%error, "the log could not be written");
        match convert(&error) {
            // A write of SQLite itself (for example the shared-memory file) reports a full disk as another error.
            StoreError::Unusable(_) if connection.path().is_some_and(|path| !room::is_left(path.as_ref())) => {
                StoreError::Full
            }
            error => error,
        }
    })
}

fn try_commit<'a>(connection: &mut Connection, group: impl Iterator<Item = &'a Vec<Write>>) -> rusqlite::Result<()> {
    // Begin as a write transaction: upgrading a read would fail if another process (`turnwire keys`) wrote in between.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut rows = BTreeMap::<ChatKey, Row>::new();
    for write in group.flatten() {
        if let Write::Append { chat, first, events } = write {
            let row = match rows.entry(*chat) {
                Entry::Occupied(row) => row.into_mut(),
                Entry::Vacant(row) => {
                    let next = head(&transaction, *chat)? + 1;
                    row.insert(Row { first: next, next, data: Vec::new() })
                }
            };
            // After a write that failed (a full disk), those of the same chat that were already in the queue would
            // leave a hole: they fail too.
            if row.next != *first {
                return Err(rusqlite::Error::IntegralValueOutOfRange(0, signed(*first)));
            }
            for event in events {
                pack::push(&mut row.data, event);
            }
            row.next += events.len() as u64;
        } else {
            apply(&transaction, write)?;
        }
    }
    let mut insert = transaction.prepare_cached("INSERT INTO events (chat, last, first, data) VALUES (?, ?, ?, ?)")?;
    for (chat, row) in &rows {
        if row.next > row.first {
            insert.execute(params![chat, signed(row.next - 1), signed(row.first), row.data])?;
        }
    }
    drop(insert);
    transaction.commit()
}

/// The number of the newest written event; 0 if there is none.
fn head(connection: &Connection, chat: ChatKey) -> rusqlite::Result<u64> {
    let mut query = connection.prepare_cached("SELECT last FROM events WHERE chat = ? ORDER BY last DESC LIMIT 1")?;
    let head = query.query_row([chat], |row| row.get::<_, i64>(0)).optional()?;
    Ok(head.map_or(0, |head| u64::try_from(head).unwrap_or(0)))
}

struct Row {
    first: u64,
    next: u64,
    data: Vec<u8>,
}

fn apply(connection: &Connection, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::Append { .. } => Ok(()),
        Write::CreateChat(chat) => run_sql(
            connection,
            "INSERT INTO chats (id, owner, provider, title, model, instructions, session_id, idle_timeout_ms, created_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                chat.id,
                chat.owner,
                chat.provider,
                chat.title,
                chat.model,
                chat.instructions,
                chat.session_id,
                signed(chat.idle_timeout_ms),
                signed(chat.created_ms)
            ],
        ),
        Write::SetTitle { chat, title } => {
            run_sql(connection, "UPDATE chats SET title = ?2 WHERE key = ?1", params![chat, title])
        }
        Write::Accrue { chat, runtime_ms, cost_micros } => run_sql(
            connection,
            "UPDATE chats SET runtime_ms = runtime_ms + ?2, cost_micros = cost_micros + ?3 WHERE key = ?1",
            params![chat, signed(*runtime_ms), signed(*cost_micros)],
        ),
        Write::EndChat { chat, at_ms } => run_sql(
            connection,
            "UPDATE chats SET ended_ms = ?2 WHERE key = ?1 AND ended_ms IS NULL",
            params![chat, signed(*at_ms)],
        ),
        Write::AcceptTurn { chat, turn } => run_sql(
            connection,
            "INSERT INTO turns (chat, turn_id, cursor) VALUES (?, ?, ?)",
            params![chat, turn.turn_id, signed(turn.cursor)],
        ),
        Write::FindTurn { chat, turn } => run_sql(
            connection,
            "INSERT OR IGNORE INTO turns (chat, turn_id, cursor) VALUES (?, ?, ?)",
            params![chat, turn.turn_id, signed(turn.cursor)],
        ),
        Write::EndTurn { turn_id, end_seq, at_ms } => run_sql(
            connection,
            "UPDATE turns SET end_seq = ?2, ended_ms = ?3 WHERE turn_id = ?1 AND end_seq IS NULL",
            params![turn_id, signed(*end_seq), signed(*at_ms)],
        ),
        Write::Thin { chat, turn_id, end_seq, drop } => retention::thin(connection, *chat, turn_id, *end_seq, drop),
        Write::Trim { chat, end_seq } => retention::trim(connection, *chat, *end_seq),
        Write::AddChild { chat, session_id } => run_sql(
            connection,
            "INSERT OR IGNORE INTO children (chat, session_id) VALUES (?, ?)",
            params![chat, session_id],
        ),
        Write::Remember(row) => run_sql(
            connection,
            "INSERT OR REPLACE INTO idempotency (scope, key, body_hash, outcome, at_ms) VALUES (?, ?, ?, ?, ?)",
            params![row.scope, row.key, row.body_hash, row.outcome, signed(row.at_ms)],
        ),
        Write::AddTokenSecret(secret) => keys::add_token_secret(connection, secret),
        Write::Probe => {
            // Write and delete a row of some size, because a disk that has no space for it counts as full.
            run_sql(
                connection,
                "INSERT INTO idempotency (scope, key, body_hash, outcome, at_ms) VALUES ('probe', '', zeroblob(65536), '', 0)",
                [],
            )?;
            run_sql(connection, "DELETE FROM idempotency WHERE scope = 'probe'", [])
        }
        Write::ForgetBefore { at_ms } => {
            run_sql(connection, "DELETE FROM idempotency WHERE at_ms < ?", params![signed(*at_ms)])
        }
    }
}

fn run_sql(connection: &Connection, sql: &str, params: impl rusqlite::Params) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(params).map(drop)
}

pub(super) fn convert(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged,
        Some(ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::CannotOpen) => {
            StoreError::Unusable(error.to_string())
        }
        _ => StoreError::Failed(error.to_string()),
    }
}
