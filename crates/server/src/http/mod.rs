//! What all requests and answers have in common.

pub(crate) mod accept;
mod begun;
pub(crate) mod body;
pub(crate) mod drain;
pub(crate) mod outer;
pub(crate) mod tls;
