//! The store: chats, their event logs, turns, idempotency keys. It is a trait, so that another database can be used.
//!
//! Writes are submitted in order and report when they are committed. The writes of one submission are atomic.

pub(crate) mod sqlite;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use std::fmt;

/// A chat's number inside the store.
pub(crate) type ChatKey = i64;

/// Shorthand for results of the store.
pub(crate) type StoreResult<T> = Result<T, StoreError>;

/// Told once a write is safe, or why it is not. Called on the writer's thread, where it must not block; never on the
/// submitter's.
pub(crate) type Done = Box<dyn FnOnce(StoreResult<()>) + Send>;

/// Why the store did not do it.
#[derive(Clone, Debug)]
pub(crate) enum StoreError {
    /// The disk is full.
    Full,
    /// The file holds something else than was written into it.
    Damaged,
    /// The disk does not take or give it.
    Unusable(String),
    /// Anything else.
    Failed(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.write_str("the disk that holds the data folder is full"),
            Self::Damaged => f.write_str("the database is damaged"),
            Self::Unusable(cause) | Self::Failed(cause) => f.write_str(cause),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<StoreError> for crate::error::ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Full => Self::storage_full(),
            StoreError::Damaged => Self::storage_unavailable(
                "The server's database is damaged; stop the server and put a backup of it back.",
            ),
            StoreError::Unusable(cause) => {
                tracing::error!(cause, "the data folder cannot be used");
                Self::storage_unavailable("The server's data folder cannot be used; look into its log for the reason.")
            }
            StoreError::Failed(cause) => Self::internal(&cause),
        }
    }
}

/// A chat as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct ChatRow {
    /// 0 until it is stored.
    pub(crate) key: ChatKey,
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) provider: String,
    pub(crate) title: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) instructions: Option<String>,
    pub(crate) session_id: String,
    pub(crate) idle_timeout_ms: u64,
    pub(crate) created_ms: u64,
    /// When it ended, in milliseconds since 1970.
    pub(crate) ended_ms: Option<u64>,
    /// How long its runtime was up in all, in milliseconds.
    pub(crate) runtime_ms: u64,
    /// The total cost of its turns, in millionths of a dollar.
    pub(crate) cost_micros: u64,
}

/// A stored turn: its position in the log.
#[derive(Clone, Debug)]
pub(crate) struct TurnRow {
    pub(crate) turn_id: String,
    /// The chat's number just before the turn.
    pub(crate) cursor: u64,
    /// The number of the event that ended it.
    pub(crate) end_seq: Option<u64>,
    /// Some of its events were deleted, so the rest is renumbered when it is read again.
    pub(crate) thinned: bool,
}

/// The request and the outcome of an idempotency key.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyRow {
    /// Owner, route and chat.
    pub(crate) scope: String,
    pub(crate) key: String,
    /// SHA-256 of the request's body.
    pub(crate) body_hash: Vec<u8>,
    /// The turn's or the chat's id.
    pub(crate) outcome: String,
    pub(crate) at_ms: u64,
}

/// One thing to write.
#[derive(Debug)]
pub(crate) enum Write {
    CreateChat(Box<ChatRow>),
    /// Title and such; the log is not touched.
    SetTitle {
        chat: ChatKey,
        title: Option<String>,
    },
    /// Adds to the figures of a chat.
    Accrue {
        chat: ChatKey,
        runtime_ms: u64,
        cost_micros: u64,
    },
    EndChat {
        chat: ChatKey,
        at_ms: u64,
    },
    /// Events of one chat, numbered without a hole from `first`.
    Append {
        chat: ChatKey,
        first: u64,
        events: Vec<Bytes>,
    },
    AcceptTurn {
        chat: ChatKey,
        turn: TurnRow,
    },
    /// A turn that began by itself. An existing row stays unchanged.
    FindTurn {
        chat: ChatKey,
        turn: TurnRow,
    },
    EndTurn {
        turn_id: String,
        end_seq: u64,
        at_ms: u64,
    },
    /// Lets go of single events of a turn that has ended. Their numbers stay theirs.
    Thin {
        chat: ChatKey,
        turn_id: String,
        end_seq: u64,
        drop: Vec<u64>,
    },
    /// Lets go of a turn that has ended, and of all before it.
    Trim {
        chat: ChatKey,
        end_seq: u64,
    },
    /// A session the agent opened under the chat's own.
    AddChild {
        chat: ChatKey,
        session_id: String,
    },
    Remember(IdempotencyRow),
    /// From now on this secret signs stream tokens.
    AddTokenSecret(Vec<u8>),
    /// Writes and deletes a test row, to check whether the disk accepts writes.
    Probe,
    /// Throws away idempotency keys older than this.
    ForgetBefore {
        at_ms: u64,
    },
}

/// A key that was made with `turnwire keys`, as far as a request needs it.
#[derive(Clone, Debug)]
pub(crate) struct KeyRow {
    pub(crate) id: String,
    pub(crate) owner: String,
    /// With a space between two.
    pub(crate) scopes: String,
}

/// A secret that signs stream tokens.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TokenSecret {
    /// Its number, which is in the tokens that it signed.
    pub(crate) kid: u64,
    pub(crate) bytes: Vec<u8>,
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenSecret({})", self.kid)
    }
}

/// A turn that may be deleted.
#[derive(Clone, Debug)]
pub(crate) struct DueTurn {
    pub(crate) chat: ChatKey,
    pub(crate) turn_id: String,
    pub(crate) cursor: u64,
    pub(crate) end_seq: u64,
}

/// The query for a list of chats.
#[derive(Clone, Debug)]
pub(crate) struct ChatPage {
    pub(crate) owner: String,
    pub(crate) limit: usize,
    /// Only chats stored before this one.
    pub(crate) before: Option<ChatKey>,
    /// `Some(true)`: only ended ones; `Some(false)`: only others.
    pub(crate) ended: Option<bool>,
}

/// The store.
pub(crate) trait Store: Send + Sync + fmt::Debug + 'static {
    /// Puts `writes` in the queue; `done` is called once all of them are safe, or none is. In the order of the calls.
    fn submit(&self, writes: Vec<Write>, done: Done);

    fn chat(&self, id: String) -> BoxFuture<'_, StoreResult<Option<ChatRow>>>;
    fn chats(&self, page: ChatPage) -> BoxFuture<'_, StoreResult<Vec<ChatRow>>>;
    /// Child sessions of a chat.
    fn children(&self, chat: ChatKey) -> BoxFuture<'_, StoreResult<Vec<String>>>;
    /// The number from which the log is complete, and that of the newest event; `(1, 0)` if it is empty.
    fn bounds(&self, chat: ChatKey) -> BoxFuture<'_, StoreResult<(u64, u64)>>;
    /// Events after `after`, in order: at least one if there is one, then at most `max_events` and about `max_bytes`.
    fn events(
        &self,
        chat: ChatKey,
        after: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> BoxFuture<'_, StoreResult<Vec<(u64, Bytes)>>>;
    fn turn(&self, chat: ChatKey, turn_id: String) -> BoxFuture<'_, StoreResult<Option<TurnRow>>>;
    /// Turns of a chat whose cursor is at least `from`, oldest first.
    fn turns(&self, chat: ChatKey, from: u64, limit: usize) -> BoxFuture<'_, StoreResult<Vec<TurnRow>>>;
    /// The turn that began last at or before event number `at`.
    fn turn_at(&self, chat: ChatKey, at: u64) -> BoxFuture<'_, StoreResult<Option<TurnRow>>>;
    /// Chats with a turn that has not ended, after a crash.
    fn open_turns(&self) -> BoxFuture<'_, StoreResult<Vec<String>>>;
    /// Turns that ended before `before_ms`, oldest first; `thinned`: also those whose deltas are already deleted.
    fn due(&self, before_ms: u64, thinned: bool, limit: usize) -> BoxFuture<'_, StoreResult<Vec<DueTurn>>>;
    /// The size of the log in bytes, without free pages.
    fn used_bytes(&self) -> BoxFuture<'_, StoreResult<u64>>;
    fn idempotent(&self, scope: String, key: String) -> BoxFuture<'_, StoreResult<Option<IdempotencyRow>>>;
    /// The key with this hash, unless it was revoked.
    /// The key of this id, if it is good.
    fn key_by_id(&self, id: String) -> BoxFuture<'_, StoreResult<Option<KeyRow>>>;
    fn key(&self, hash: [u8; 32]) -> BoxFuture<'_, StoreResult<Option<KeyRow>>>;
    /// The secrets of stream tokens, newest first.
    fn token_secrets(&self) -> BoxFuture<'_, StoreResult<Vec<TokenSecret>>>;
    /// The error of the last write; `None` if it succeeded.
    fn trouble(&self) -> Option<StoreError>;
    /// Commits all submitted writes, checkpoints them into the one file, and closes the files.
    fn close(&self) -> BoxFuture<'_, ()>;
}

/// Writes and waits until it is safe.
pub(crate) async fn write(store: &dyn Store, writes: Vec<Write>) -> StoreResult<()> {
    let (told, safe) = tokio::sync::oneshot::channel();
    store.submit(
        writes,
        Box::new(move |result| {
            // Nobody waits for the result any more.
            let _ = told.send(result);
        }),
    );
    safe.await.unwrap_or_else(|_| Err(StoreError::Failed("the store is closed".to_owned())))
}
