//! The holder of a key.

use crate::error::{ApiError, ApiResult};
use crate::keys::Scope;

/// The owner of chats that are created with a key of the command line.
pub(crate) const OWNER: &str = "default";

/// A caller who has shown a key.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The id of the key, never the key itself.
    pub(super) id: String,
    /// The hash of a key of the command line, which is not in the store.
    pub(super) given: Option<[u8; 32]>,
    /// The owner of the chats.
    pub(crate) owner: String,
    pub(super) scopes: Vec<Scope>,
}

impl Known {
    /// Refuses a request that the key does not allow.
    pub(super) fn must(&self, scope: Scope) -> ApiResult<()> {
        if scope.in_any(&self.scopes) {
            return Ok(());
        }
        let scope = scope.as_str();
        Err(ApiError::new("forbidden", format!("This API key may not do that; it needs the scope `{scope}`.")))
    }
}
