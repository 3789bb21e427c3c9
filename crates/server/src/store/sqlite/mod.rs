//! The store in one `SQLite` file: write-ahead log, one writer thread, a few readers.

mod file;
pub(crate) mod keys;
mod number;
mod pack;
mod read;
mod retention;
pub(crate) mod schema;
mod writer;

use super::{
    ChatKey, ChatPage, ChatRow, Done, DueTurn, IdempotencyRow, KeyRow, Store, StoreError, StoreResult, TokenSecret,
    TurnRow, Write,
};
use crate::config::Delivery;
use bytes::Bytes;
pub(crate) use file::{FILE, LOCK, OpenError, damaged, newer, open};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rusqlite::Connection;
use std::fmt;
use std::path::Path;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use writer::{Job, Trouble, convert};

/// The maximum number of read connections; further readers wait for one, without blocking a thread.
const READERS: usize = 4;

/// When the store is closed, reads that run get so long to end.
const LAST_READS: Duration = Duration::from_secs(5);

/// The store in one file.
pub(crate) struct Sqlite {
    jobs: Mutex<Sender<Job>>,
    readers: Arc<Readers>,
    trouble: Trouble,
    /// Held while the server runs, so that no second one opens the folder; the system releases it with the process.
    lock: Mutex<Option<Connection>>,
}

struct Readers {
    idle: Mutex<Vec<Connection>>,
    /// One permit per idle connection.
    places: Arc<tokio::sync::Semaphore>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite")
    }
}

impl Sqlite {
    /// Opens or makes the store in `folder`. Blocks.
    pub(crate) fn open(folder: &Path, delivery: Delivery, most_bytes: Option<u64>) -> Result<Self, OpenError> {
        let lock = file::lock(folder)?;
        let path = folder.join(FILE);
        let mut connection = open(&path)?;
        // Before anything is written: a newer version may use other tables.
        schema::migrate(&mut connection, &path)?;
        file::look_through(&connection, &path)?;
        let failed = |error| OpenError::of(&path, error);
        set_up(&connection, delivery, most_bytes).map_err(failed)?;
        let mut idle = Vec::new();
        for _ in 0..READERS {
            idle.push(read::open(&path).map_err(failed)?);
        }
        let (jobs, queue) = channel();
        let trouble = Trouble::default();
        let noted = trouble.clone();
        std::thread::Builder::new()
            .name("turnwire-log".to_owned())
            .spawn(move || writer::run(connection, &queue, &noted))
            .map_err(|error| OpenError::Failed(error.into()))?;
        let readers =
            Arc::new(Readers { idle: Mutex::new(idle), places: Arc::new(tokio::sync::Semaphore::new(READERS)) });
        Ok(Self { jobs: Mutex::new(jobs), readers, trouble, lock: Mutex::new(Some(lock)) })
    }

    fn send(&self, job: Job) {
        let refused = self.jobs.lock().unwrap_or_else(PoisonError::into_inner).send(job);
        if let Err(std::sync::mpsc::SendError(Job::Write(_, done) | Job::Close(done))) = refused {
            // Never call back on the caller's thread, which may hold a lock that the callback needs.
            std::thread::spawn(move || done(Err(StoreError::Failed("the store is closed".to_owned()))));
        }
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'_, StoreResult<T>> {
        let readers = self.readers.clone();
        async move {
            let place = readers.places.clone().acquire_owned().await;
            let place = place.map_err(|_| StoreError::Failed("the store is closed".to_owned()))?;
            let pool = readers.clone();
            let read = tokio::task::spawn_blocking(move || {
                let connection = pool.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
                let connection = connection.ok_or_else(|| StoreError::Failed("the store is closed".to_owned()))?;
                let result = query(&connection).map_err(|error| convert(&error));
                pool.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
                // Only now, even if nobody waits for the result any more, because the next reader needs the connection.
                drop(place);
                result
            });
            read.await.unwrap_or_else(|error| Err(StoreError::Failed(error.to_string())))
        }
        .boxed()
    }
}

/// How the writer's connection works.
fn set_up(connection: &Connection, delivery: Delivery, most_bytes: Option<u64>) -> rusqlite::Result<()> {
    let synchronous = match delivery {
        Delivery::Durable => "FULL",
        Delivery::Fast => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -16_000)?;
    if let Some(bytes) = most_bytes {
        let page: i64 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        connection.query_row(&format!("PRAGMA max_page_count = {}", pages.max(1)), [], |_| Ok(()))?;
    }
    Ok(())
}

impl Store for Sqlite {
    fn submit(&self, writes: Vec<Write>, done: Done) {
        self.send(Job::Write(writes, done));
    }

    fn chat(&self, id: String) -> BoxFuture<'_, StoreResult<Option<ChatRow>>> {
        self.read(move |connection| read::chat(connection, &id))
    }

    fn chats(&self, page: ChatPage) -> BoxFuture<'_, StoreResult<Vec<ChatRow>>> {
        self.read(move |connection| read::chats(connection, &page))
    }

    fn children(&self, chat: ChatKey) -> BoxFuture<'_, StoreResult<Vec<String>>> {
        self.read(move |connection| read::children(connection, chat))
    }

    fn bounds(&self, chat: ChatKey) -> BoxFuture<'_, StoreResult<(u64, u64)>> {
        self.read(move |connection| read::bounds(connection, chat))
    }

    fn events(
        &self,
        chat: ChatKey,
        after: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> BoxFuture<'_, StoreResult<Vec<(u64, Bytes)>>> {
        self.read(move |connection| read::events(connection, chat, after, max_events, max_bytes))
    }

    fn turn(&self, chat: ChatKey, turn_id: String) -> BoxFuture<'_, StoreResult<Option<TurnRow>>> {
        self.read(move |connection| read::turn(connection, chat, &turn_id))
    }

    fn turns(&self, chat: ChatKey, from: u64, limit: usize) -> BoxFuture<'_, StoreResult<Vec<TurnRow>>> {
        self.read(move |connection| read::turns(connection, chat, from, limit))
    }

    fn open_turns(&self) -> BoxFuture<'_, StoreResult<Vec<String>>> {
        self.read(read::open_turns)
    }

    fn turn_at(&self, chat: ChatKey, at: u64) -> BoxFuture<'_, StoreResult<Option<TurnRow>>> {
        self.read(move |connection| read::turn_at(connection, chat, at))
    }

    fn due(&self, before_ms: u64, thinned: bool, limit: usize) -> BoxFuture<'_, StoreResult<Vec<DueTurn>>> {
        self.read(move |connection| read::due(connection, before_ms, thinned, limit))
    }

    fn used_bytes(&self) -> BoxFuture<'_, StoreResult<u64>> {
        self.read(read::used_bytes)
    }

    fn idempotent(&self, scope: String, key: String) -> BoxFuture<'_, StoreResult<Option<IdempotencyRow>>> {
        self.read(move |connection| read::idempotent(connection, &scope, &key))
    }

    fn key(&self, hash: [u8; 32]) -> BoxFuture<'_, StoreResult<Option<KeyRow>>> {
        self.read(move |connection| keys::find(connection, &hash))
    }

    fn key_by_id(&self, id: String) -> BoxFuture<'_, StoreResult<Option<KeyRow>>> {
        self.read(move |connection| keys::find_by_id(connection, &id))
    }

    fn token_secrets(&self) -> BoxFuture<'_, StoreResult<Vec<TokenSecret>>> {
        self.read(keys::token_secrets)
    }

    fn trouble(&self) -> Option<StoreError> {
        self.trouble.get()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            // Close the readers first, because only the last connection to close checkpoints into the one file.
            let readers = u32::try_from(READERS).unwrap_or(u32::MAX);
            if tokio::time::timeout(LAST_READS, self.readers.places.acquire_many(readers)).await.is_err() {
                tracing::warn!("the log is still being read while it is closed");
            }
            self.readers.places.close();
            self.readers.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
            let (told, closed) = tokio::sync::oneshot::channel();
            self.send(Job::Close(Box::new(move |result| drop(told.send(result)))));
            if let Ok(Err(error)) = closed.await {
                tracing::error!(%error, "the log did not close cleanly");
            }
            self.lock.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Delivery, READERS, Sqlite, Store as _};
    use std::sync::{Arc, Barrier};

    #[tokio::test]
    async fn a_read_that_is_given_up_keeps_its_place_until_its_connection_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path(), Delivery::Fast, None).ok().unwrap());
        let (told, mut begun) = tokio::sync::mpsc::unbounded_channel();
        let gate = Arc::new(Barrier::new(READERS + 1));
        let mut given_up = Vec::new();
        for _ in 0..READERS {
            let (store, told, gate) = (store.clone(), told.clone(), gate.clone());
            given_up.push(tokio::spawn(async move {
                let query = move |_: &rusqlite::Connection| {
                    told.send(()).unwrap();
                    gate.wait();
                    Ok(())
                };
                store.read(query).await
            }));
        }
        for _ in 0..READERS {
            begun.recv().await.unwrap();
        }
        for read in given_up {
            read.abort();
            assert!(read.await.unwrap_err().is_cancelled());
        }
        let free = store.readers.places.available_permits();
        let next = store.chat("chat_none".to_owned());
        let (next, _) = tokio::join!(next, tokio::task::spawn_blocking(move || gate.wait()));
        assert_eq!(free, 0, "their connections were not back");
        assert!(next.unwrap().is_none());
        store.close().await;
    }
}
