//! Who has a key.

use crate::error::{ApiError, ApiResult};
use crate::keys::Scope;

/// The owner of what is made with keys of the command line.
pub(crate) const OWNER: &str = "default";

/// Who asks, known by a key.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// The key's name for itself; never the key.
    pub(super) id: String,
    /// Of a key of the command line, which the store does not know: its hash.
    pub(super) given: Option<[u8; 32]>,
    /// Whose chats these are.
    pub(crate) owner: String,
    pub(super) scopes: Vec<Scope>,
}

impl Known {
    /// Refuses what the key may not do.
    pub(super) fn must(&self, scope: Scope) -> ApiResult<()> {
        if scope.in_any(&self.scopes) {
            return Ok(());
        }
        let scope = scope.as_str();
        Err(ApiError::new("forbidden", format!("This API key may not do that; it needs the scope `{scope}`.")))
    }
}
