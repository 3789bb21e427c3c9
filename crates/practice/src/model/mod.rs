//! The scripted model.
pub(crate) const PROVIDER: &str = "practice";
pub(crate) const MODEL: &str = "practice-1";
