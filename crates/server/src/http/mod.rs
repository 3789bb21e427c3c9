//! HTTP below the routes: connections, bodies, middleware.

pub(crate) mod accept;
mod begun;
pub(crate) mod body;
pub(crate) mod drain;
mod lasting;
pub(crate) mod line;
pub(crate) mod outer;
pub(crate) mod room;
pub(crate) mod tls;
