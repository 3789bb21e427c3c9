//! What every route has at hand.

use crate::auth::Keys;
use crate::auth::token::Signer;
use crate::chats::{Registry, Shared};
use crate::config::Limits;
use crate::relay::sse::Bounds;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What every route has at hand.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) shared: Arc<Shared>,
    pub(crate) chats: Arc<Registry>,
    pub(crate) keys: Keys,
    pub(crate) signer: Signer,
    pub(crate) public_url: Option<String>,
    /// Ends every stream.
    pub(crate) stop: CancellationToken,
    /// The server goes down and should get nothing new.
    pub(crate) draining: AtomicBool,
}

impl App {
    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// What ends a stream from outside.
    pub(crate) fn bounds(&self, until: Option<Instant>) -> Bounds {
        Bounds {
            heartbeat: self.limits().heartbeat,
            stop: self.stop.clone(),
            until,
            counted: self.shared.metrics.open_stream(),
        }
    }
}
