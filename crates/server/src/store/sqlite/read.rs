//! The queries.

use super::number::{signed, unsigned};
use super::pack;
use crate::store::{ChatKey, ChatPage, ChatRow, DueTurn, IdempotencyRow, TurnRow};
use bytes::Bytes;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, params};
use std::path::Path;
use std::time::Duration;

const CHAT: &str =
    "SELECT key, id, owner, provider, title, model, instructions, session_id, idle_timeout_ms, created_ms,
                    ended_ms, runtime_ms, cost_micros FROM chats";

/// A connection that only reads.
pub(super) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(connection)
}

fn chat_row(row: &Row<'_>) -> rusqlite::Result<ChatRow> {
    Ok(ChatRow {
        key: row.get(0)?,
        id: row.get(1)?,
        owner: row.get(2)?,
        provider: row.get(3)?,
        title: row.get(4)?,
        model: row.get(5)?,
        instructions: row.get(6)?,
        session_id: row.get(7)?,
        idle_timeout_ms: unsigned(row, 8)?,
        created_ms: unsigned(row, 9)?,
        ended_ms: row.get::<_, Option<i64>>(10)?.map(|at| u64::try_from(at).unwrap_or(0)),
        runtime_ms: unsigned(row, 11)?,
        cost_micros: unsigned(row, 12)?,
    })
}

fn turn_row(row: &Row<'_>) -> rusqlite::Result<TurnRow> {
    let end_seq = row.get::<_, Option<i64>>(2)?.map(|seq| u64::try_from(seq).unwrap_or(0));
    Ok(TurnRow { turn_id: row.get(0)?, cursor: unsigned(row, 1)?, end_seq, thinned: row.get(3)? })
}

pub(super) fn chat(connection: &Connection, id: &str) -> rusqlite::Result<Option<ChatRow>> {
    connection.prepare_cached(&format!("{CHAT} WHERE id = ?"))?.query_row([id], chat_row).optional()
}

pub(super) fn chats(connection: &Connection, page: &ChatPage) -> rusqlite::Result<Vec<ChatRow>> {
    let sql = format!(
        "{CHAT} WHERE owner = ?1 AND key < ?2 AND (?3 IS NULL OR (ended_ms IS NOT NULL) = ?3) ORDER BY key DESC LIMIT ?4"
    );
    let mut query = connection.prepare_cached(&sql)?;
    let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
    let before = page.before.unwrap_or(i64::MAX);
    query.query_map(params![page.owner, before, page.ended, limit], chat_row)?.collect()
}

pub(super) fn children(connection: &Connection, chat: ChatKey) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare_cached("SELECT session_id FROM children WHERE chat = ?")?;
    query.query_map([chat], |row| row.get(0))?.collect()
}

pub(super) fn bounds(connection: &Connection, chat: ChatKey) -> rusqlite::Result<(u64, u64)> {
    let end = |sql| -> rusqlite::Result<Option<u64>> {
        connection.prepare_cached(sql)?.query_row([chat], |row| unsigned(row, 0)).optional()
    };
    let whole_from = end("SELECT whole_from FROM chats WHERE key = ?")?;
    let newest = end("SELECT last FROM events WHERE chat = ? ORDER BY last DESC LIMIT 1")?;
    Ok((whole_from.unwrap_or(1), newest.unwrap_or(0)))
}

pub(super) fn events(
    connection: &Connection,
    chat: ChatKey,
    after: u64,
    max_events: usize,
    max_bytes: usize,
) -> rusqlite::Result<Vec<(u64, Bytes)>> {
    let mut query =
        connection.prepare_cached("SELECT first, data FROM events WHERE chat = ?1 AND last > ?2 ORDER BY last")?;
    let mut rows = query.query(params![chat, signed(after)])?;
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next()? {
        let first = unsigned(row, 0)?;
        for (seq, event) in (first..).zip(pack::unpack(row.get(1)?)) {
            // Empty: the event was deleted.
            if seq <= after || event.is_empty() {
                continue;
            }
            if events.len() >= max_events || (bytes > 0 && bytes + event.len() > max_bytes) {
                return Ok(events);
            }
            bytes += event.len();
            events.push((seq, event));
        }
        if events.len() >= max_events || bytes >= max_bytes {
            break;
        }
    }
    Ok(events)
}

pub(super) fn due(
    connection: &Connection,
    before_ms: u64,
    thinned: bool,
    limit: usize,
) -> rusqlite::Result<Vec<DueTurn>> {
    let mut query = connection.prepare_cached(
        "SELECT chat, turn_id, cursor, end_seq FROM turns
         WHERE ended_ms < ?1 AND end_seq IS NOT NULL AND (?2 OR thinned = 0) ORDER BY ended_ms LIMIT ?3",
    )?;
    let row = |row: &Row<'_>| {
        Ok(DueTurn { chat: row.get(0)?, turn_id: row.get(1)?, cursor: unsigned(row, 2)?, end_seq: unsigned(row, 3)? })
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.query_map(params![signed(before_ms), thinned, limit], row)?.collect()
}

pub(super) fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |sql| connection.query_row(sql, [], |row| unsigned(row, 0));
    let pages = number("PRAGMA page_count")?.saturating_sub(number("PRAGMA freelist_count")?);
    Ok(pages * number("PRAGMA page_size")?)
}

const TURN: &str = "SELECT turn_id, cursor, end_seq, thinned > 1 FROM turns WHERE chat = ?1";

pub(super) fn turn(connection: &Connection, chat: ChatKey, turn_id: &str) -> rusqlite::Result<Option<TurnRow>> {
    let mut query = connection.prepare_cached(&format!("{TURN} AND turn_id = ?2"))?;
    query.query_row(params![chat, turn_id], turn_row).optional()
}

pub(super) fn turns(connection: &Connection, chat: ChatKey, from: u64, limit: usize) -> rusqlite::Result<Vec<TurnRow>> {
    let mut query = connection.prepare_cached(&format!("{TURN} AND cursor >= ?2 ORDER BY cursor LIMIT ?3"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    query.query_map(params![chat, signed(from), limit], turn_row)?.collect()
}

pub(super) fn turn_at(connection: &Connection, chat: ChatKey, at: u64) -> rusqlite::Result<Option<TurnRow>> {
    let mut query = connection.prepare_cached(&format!("{TURN} AND cursor <= ?2 ORDER BY cursor DESC LIMIT 1"))?;
    query.query_row(params![chat, signed(at)], turn_row).optional()
}

pub(super) fn open_turns(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare_cached(
        "SELECT DISTINCT chats.id FROM turns JOIN chats ON chats.key = turns.chat WHERE end_seq IS NULL",
    )?;
    query.query_map([], |row| row.get(0))?.collect()
}

pub(super) fn idempotent(connection: &Connection, scope: &str, key: &str) -> rusqlite::Result<Option<IdempotencyRow>> {
    let mut query = connection
        .prepare_cached("SELECT scope, key, body_hash, outcome, at_ms FROM idempotency WHERE scope = ? AND key = ?")?;
    let row = |row: &Row<'_>| {
        Ok(IdempotencyRow {
            scope: row.get(0)?,
            key: row.get(1)?,
            body_hash: row.get(2)?,
            outcome: row.get(3)?,
            at_ms: unsigned(row, 4)?,
        })
    };
    query.query_row([scope, key], row).optional()
}
