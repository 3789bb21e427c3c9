//! A chat's runtime while it is awake.

use crate::runtime::Session;
use std::sync::Arc;

/// A chat's runtime while it is awake. Dropped: the runtime stops listening to it.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) session: Arc<dyn Session>,
}
