//! Who does the work of a chat. One trait, so that other places to run an agent can be put behind it.

pub(crate) mod local;
pub(crate) mod practice;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::Value;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;

/// How many events of one chat may wait to be taken in.
pub(crate) const QUEUE: usize = 1024;

/// What a runtime tells of a chat.
#[derive(Debug)]
pub(crate) enum Upstream {
    /// An `OpenCode` event of the chat's folder, its JSON. Whether it belongs to the chat is not yet decided.
    Event(Bytes),
    /// The connection broke and is back: events may be missing.
    Resync,
    /// The runtime is gone, and what it was doing with it.
    Lost(String),
}

/// Where a runtime tells it.
pub(crate) type Sink = mpsc::Sender<Upstream>;

/// Why a runtime did not do it.
#[derive(Clone, Debug)]
pub(crate) struct RuntimeError {
    pub(crate) kind: RuntimeFault,
    /// A sentence for a person.
    pub(crate) message: String,
}

/// The kinds of failure that are answered differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RuntimeFault {
    /// It cannot be started, or does not answer.
    Unavailable,
    /// It took too long.
    Timeout,
    /// It does not know the session any more.
    SessionGone,
    /// It refused what was asked.
    Refused,
    /// A file of the workspace keeps it from starting there.
    Workspace,
}

impl RuntimeError {
    pub(crate) fn new(kind: RuntimeFault, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(RuntimeFault::Unavailable, message)
    }

    /// The code of the one table.
    pub(crate) fn code(&self) -> &'static str {
        match self.kind {
            RuntimeFault::Unavailable | RuntimeFault::SessionGone => "runtime_unavailable",
            RuntimeFault::Timeout => "runtime_timeout",
            RuntimeFault::Refused | RuntimeFault::Workspace => "invalid_request",
        }
    }
}

impl fmt::Display for RuntimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for RuntimeError {}

impl From<RuntimeError> for crate::error::ApiError {
    fn from(error: RuntimeError) -> Self {
        match error.kind {
            RuntimeFault::Unavailable | RuntimeFault::SessionGone => Self::unavailable(error.message),
            _ => Self::new(error.code(), error.message),
        }
    }
}

/// Shorthand for results of runtimes.
pub(crate) type RuntimeResult<T> = Result<T, RuntimeError>;

/// What a session is opened for.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    /// The chat's workspace; it is there.
    pub(crate) directory: PathBuf,
    /// The session to go on with; `None`: a new one.
    pub(crate) session_id: Option<String>,
    pub(crate) title: Option<String>,
    /// Whose chat it is.
    pub(crate) owner: String,
}

/// What the agent is told to do.
#[derive(Clone, Debug)]
pub(crate) struct Prompt {
    pub(crate) message_id: String,
    pub(crate) parts: Vec<Value>,
    /// `provider/model`.
    pub(crate) model: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) system: Option<String>,
    pub(crate) format: Option<Value>,
}

/// A session waits for another to be closed. Over once it has its place, or has given up.
#[derive(Debug)]
pub(crate) struct Crowded(Weak<()>);

impl Crowded {
    /// Held by the one who waits, and told to the one who can help.
    pub(crate) fn new() -> (Arc<()>, Self) {
        let waiting = Arc::new(());
        let crowded = Self(Arc::downgrade(&waiting));
        (waiting, crowded)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.0.strong_count() == 0
    }
}

/// What a person says to a permission.
#[derive(Clone, Debug)]
pub(crate) struct PermissionReply {
    /// `once`, `always` or `reject`.
    pub(crate) reply: String,
    pub(crate) message: Option<String>,
}

/// What an agent can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestKind {
    Question,
    Permission,
}

impl RequestKind {
    /// As `OpenCode`'s routes and events have it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Question => "question",
            Self::Permission => "permission",
        }
    }
}

/// Something the agent waits for now, as the runtime tells it when it is asked.
#[derive(Clone, Debug)]
pub(crate) struct OpenRequest {
    pub(crate) kind: RequestKind,
    pub(crate) request: Value,
}

/// A place where agents run.
pub(crate) trait Runtime: Send + Sync + fmt::Debug + 'static {
    /// Its name, as chats tell it (`provider`).
    fn name(&self) -> &'static str;
    /// Whether it can take a turn, as far as can be told without trying. Quick.
    fn ready(&self) -> RuntimeResult<()>;
    /// Whether it was well when it was last tried; asked by whoever decides where turns are sent. Quick.
    fn well(&self) -> RuntimeResult<()> {
        self.ready()
    }
    /// Opens a chat's session. When this returns, every later event of it reaches `sink`.
    fn open(&self, opening: Opening, sink: Sink) -> BoxFuture<'_, RuntimeResult<Arc<dyn Session>>>;
    /// Forgets for good a session that is not open.
    fn forget(&self, directory: PathBuf, session_id: String) -> BoxFuture<'_, RuntimeResult<()>>;
    /// Waits until a session cannot be opened before another is closed.
    fn crowded(&self) -> BoxFuture<'_, Crowded>;
    /// Stops all that runs.
    fn shutdown(&self) -> BoxFuture<'_, ()>;
}

/// A chat's session while it is awake. Dropping it lets the runtime stop listening to it.
pub(crate) trait Session: Send + Sync + fmt::Debug + 'static {
    /// `ses_…`.
    fn id(&self) -> &str;
    /// Starts a turn; returns once it is taken.
    fn prompt(&self, prompt: Prompt) -> BoxFuture<'_, RuntimeResult<()>>;
    /// Stops what runs, subagents included; returns once it was told so.
    fn abort(&self) -> BoxFuture<'_, RuntimeResult<()>>;
    /// What the agent and its subagents wait for.
    fn open_requests(&self) -> BoxFuture<'_, RuntimeResult<Vec<OpenRequest>>>;
    /// Refuses every open question and permission of the chat: after an abort they would stay for ever.
    fn reject_all(&self) -> BoxFuture<'_, RuntimeResult<()>>;
    /// `false`: it is not open.
    fn reply_to_question(&self, request_id: String, answers: Vec<Vec<String>>) -> BoxFuture<'_, RuntimeResult<bool>>;
    /// `false`: it is not open.
    fn reject_question(&self, request_id: String) -> BoxFuture<'_, RuntimeResult<bool>>;
    /// `false`: it is not open.
    fn reply_to_permission(&self, request_id: String, reply: PermissionReply) -> BoxFuture<'_, RuntimeResult<bool>>;
    /// The newest messages, oldest first: `{info, parts}`.
    fn messages(&self) -> BoxFuture<'_, RuntimeResult<Vec<Value>>>;
    /// Whether the agent is at work, or a subagent of it.
    fn busy(&self) -> BoxFuture<'_, RuntimeResult<bool>>;
    /// Lets go of what the runtime holds for the chat; it can be opened again.
    fn close(&self) -> BoxFuture<'_, ()>;
    /// Forgets the session for good.
    fn delete(&self) -> BoxFuture<'_, RuntimeResult<()>>;
}
