//! Deletes events and turns. Numbers stay: a deleted event leaves an empty entry, and no event is renumbered.

use super::number::signed;
use super::pack;
use crate::store::ChatKey;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;

/// Empties the places of single events of a turn that has ended.
pub(super) fn thin(
    connection: &Connection,
    chat: ChatKey,
    turn_id: &str,
    end_seq: u64,
    drop: &[u64],
) -> rusqlite::Result<()> {
    let mut find = connection
        .prepare_cached("SELECT last, first, data FROM events WHERE chat = ?1 AND last >= ?2 ORDER BY last LIMIT 1")?;
    let mut put = connection.prepare_cached("UPDATE events SET data = ?3 WHERE chat = ?1 AND last = ?2")?;
    let mut left: BTreeSet<u64> = drop.iter().copied().collect();
    while let Some(&next) = left.first() {
        let row =
            |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?));
        let (last, first, data) = match find.query_row(params![chat, signed(next)], row) {
            Err(rusqlite::Error::QueryReturnedNoRows) => break,
            found => found?,
        };
        let first = u64::try_from(first).unwrap_or(0);
        let mut thinned = Vec::with_capacity(data.len());
        for (seq, event) in (first..).zip(pack::unpack(data)) {
            let dropped = left.remove(&seq);
            pack::push(&mut thinned, if dropped { b"" } else { &event });
        }
        put.execute(params![chat, last, thinned])?;
        // An event before the row is already deleted.
        left = left.split_off(&u64::try_from(last + 1).unwrap_or(u64::MAX));
    }
    // 1: the turn was examined; 2: events were deleted.
    let thinned = if drop.is_empty() { 1 } else { 2 };
    connection
        .prepare_cached("UPDATE turns SET thinned = ?2 WHERE turn_id = ?1")?
        .execute(params![turn_id, thinned])?;
    if drop.is_empty() { Ok(()) } else { whole_from(connection, chat, end_seq + 1) }
}

/// Deletes an ended turn and everything before it. The newest row stays, because it has the highest number.
pub(super) fn trim(connection: &Connection, chat: ChatKey, end_seq: u64) -> rusqlite::Result<()> {
    let end = signed(end_seq);
    connection
        .prepare_cached(
            "DELETE FROM events WHERE chat = ?1 AND last <= ?2 AND last < (SELECT max(last) FROM events WHERE chat = ?1)",
        )?
        .execute(params![chat, end])?;
    connection.prepare_cached("DELETE FROM turns WHERE chat = ?1 AND end_seq <= ?2")?.execute(params![chat, end])?;
    whole_from(connection, chat, end_seq + 1)
}

fn whole_from(connection: &Connection, chat: ChatKey, seq: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE chats SET whole_from = max(whole_from, ?2) WHERE key = ?1")?
        .execute(params![chat, signed(seq)])
        .map(drop)
}
