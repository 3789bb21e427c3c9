//! What all connections of the service share: what it was told to do, what it remembers, and what it counts.

use crate::Fault;
use crate::chaos::Chaos;
use crate::tls::Tls;
use crate::turns::{Gate, Turn};
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// What reached the service.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Turns that were started.
    pub turns: usize,
    /// Chats that were created.
    pub chats: usize,
    /// Requests by operation.
    pub requests: BTreeMap<String, usize>,
    /// Requests at the other origin.
    pub elsewhere: usize,
    /// Whether one of those brought a key, a cookie or a header of the caller's.
    pub secrets_elsewhere: bool,
    /// Requests that came through us as a proxy.
    pub proxied: usize,
    /// Connections that are open now.
    pub open_connections: usize,
    /// The headers of the last request, names in lower case.
    pub last_headers: BTreeMap<String, String>,
    /// The query of the last request.
    pub last_query: String,
    /// The body of the last request.
    pub last_body: String,
}

pub(crate) struct Shared {
    pub(crate) ours: bool,
    pub(crate) faults: Vec<Fault>,
    pub(crate) chaos: Option<Chaos>,
    pub(crate) elsewhere: String,
    pub(crate) tls: Option<Tls>,
    pub(crate) state: Mutex<State>,
    /// Rings at every change of the state.
    pub(crate) changed: watch::Sender<u64>,
    pub(crate) stop: CancellationToken,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) counts: Counts,
    pub(crate) turns: Vec<Turn>,
    /// Idempotency keys and the turns they started.
    pub(crate) keys: HashMap<String, usize>,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn ring(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    /// The status with which the proxy that this is too refuses to connect: a fault of the operation `connect`.
    pub(crate) fn refuses_connections(&self) -> Option<u16> {
        self.faults.iter().find(|fault| fault.on == "connect")?.status
    }

    /// The place of a turn that runs.
    pub(crate) fn running(&self) -> Option<usize> {
        self.state().turns.iter().position(|turn| turn.gate != Gate::Open)
    }
}
