//! Why a turn or a message failed.

use crate::lax::Failure;
use serde::{Deserialize, Serialize};

/// Why a turn or a message failed. Free of the provider's headers, bodies and addresses.
///
/// ```
/// let error = turnwire::event::TurnError::new("provider_error", "The provider is overloaded.");
/// assert!(!error.retryable);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Failure")]
#[non_exhaustive]
pub struct TurnError {
    /// For programs.
    pub code: String,
    /// For people.
    pub message: String,
    /// Whether the same prompt may succeed later.
    pub retryable: bool,
}

impl From<Failure> for TurnError {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code, message: failure.message, retryable: failure.retryable }
    }
}
