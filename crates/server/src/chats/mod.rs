//! The chats: found, loaded from the log, accepted for, driven, woken, put to sleep, ended.

mod about;
mod chat;
mod creating;
mod decide;
mod drive;
mod end;
mod feed;
mod follow;
mod heard;
mod live;
mod missed_turns;
mod prompt;
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

/// What all chats share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) write_budget: WriteBudget,
    pub(crate) limits: Limits,
    pub(crate) delivery: Delivery,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) data: DataFolder,
    /// The server goes down: nothing is waited for that takes long.
    pub(crate) stopping: CancellationToken,
}

impl Shared {
    /// The folder of a chat's agent.
    pub(crate) fn workspace(&self, chat_id: &str) -> PathBuf {
        self.data.workspace(chat_id)
    }
}

/// What is told of anything that would take long while the server goes down.
fn going_down() -> RuntimeError {
    RuntimeError::unavailable("The server is going down; try again in a moment.")
}

/// What the one who drives a turn has to know of it.
#[derive(Clone, Debug, Default)]
pub(super) struct News {
    /// The turn that runs.
    open: Option<TurnId>,
    /// Messages begun in it.
    steps: usize,
    /// The attempt the provider is being tried in; 0 while all is well.
    attempt: u32,
    /// It waits for a person.
    waiting: bool,
    /// The runtime said that it has nothing to do.
    idle: bool,
    /// It does something.
    busy: bool,
    /// Grows with everything that is heard of it.
    heard: u64,
    /// A cancel was asked for.
    cancel: bool,
}
