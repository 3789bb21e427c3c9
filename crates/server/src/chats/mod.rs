//! The chats: found, loaded from the log, accepted for, driven, woken, put to sleep, ended.

mod about;
mod chat;
mod creating;
mod decide;
mod drive;
mod end;
mod feed;
mod follow;
mod live;
mod missed_turns;
mod prompt;
mod recent_prompts;
mod registry;
mod relayed;
mod resync;
mod retain;
mod tree;
mod unasked;
mod wake;

pub(crate) use chat::Chat;
pub(crate) use follow::{TurnFrames, TurnPlace, turn_now, whole_turn};
pub(crate) use prompt::{Accepted, Idempotency, NewTurn, REMEMBER_MS};
pub(crate) use registry::{NewChat, Registry};
pub(crate) use relayed::{Begin, RelayFrames};

use crate::config::{Delivery, Limits};
use crate::data::DataFolder;
use crate::metrics::Metrics;
use crate::relay::WriteBudget;
use crate::runtime::{Runtime, RuntimeError};
use crate::store::Store;
use std::path::PathBuf;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use turnwire::TurnId;

/// The state that all chats share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) write_budget: WriteBudget,
    pub(crate) limits: Limits,
    pub(crate) delivery: Delivery,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) data: DataFolder,
    /// Cancelled when the server shuts down, so that nothing waits for long.
    pub(crate) stopping: CancellationToken,
}

impl Shared {
    /// The workspace of a chat.
    pub(crate) fn workspace(&self, chat_id: &str) -> PathBuf {
        self.data.workspace(chat_id)
    }
}

/// The error of everything that would take long while the server shuts down.
fn going_down() -> RuntimeError {
    RuntimeError::unavailable("The server is going down; try again in a moment.")
}

/// The progress of the open turn, for its driver.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// The running turn.
    open: Option<TurnId>,
    /// The number of its messages.
    steps: usize,
    /// The attempt of the provider's current retry; 0 without one.
    attempt: u32,
    /// It waits for an answer of the user.
    waiting: bool,
    /// The runtime reported that it is idle.
    idle: bool,
    /// The runtime is working.
    busy: bool,
    /// Counts the batches of events, so that silence can be detected.
    batches: u64,
    /// A cancel was requested.
    cancel: bool,
}
