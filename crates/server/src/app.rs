//! What every route has at hand.

use crate::auth::{Keys, Signers};
use crate::chats::{Registry, Shared};
use crate::config::Limits;
use crate::error::{ApiError, ApiResult};
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
    pub(crate) signers: Signers,
    /// How it is spoken to, as far as the server itself knows: a proxy may stand before it.
    pub(crate) scheme: &'static str,
    pub(crate) public_url: Option<String>,
    /// Links a request's span to its caller's.
    pub(crate) join_trace: Option<fn(&tracing::Span, &http::HeaderMap)>,
    /// Ends every stream.
    pub(crate) stop: CancellationToken,
    /// The server goes down and should get nothing new.
    pub(crate) draining: AtomicBool,
}

impl App {
    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// What bounds a stream: taken before anything is begun for it, as there may be no place for one more.
    pub(crate) fn bounds(&self, until: Option<Instant>) -> ApiResult<Bounds> {
        let counted = self.shared.metrics.open_stream(self.limits().streams);
        let counted = counted.ok_or_else(ApiError::too_many_streams)?;
        Ok(Bounds { heartbeat: self.limits().heartbeat, stop: self.stop.clone(), until, counted })
    }
}
