//! Talk to coding agents: chats that last, turns that stream, events with types.
//!
//! The way of the data: bytes → [`sse`] → raw OpenCode events ([`opencode`]) → [`normalize`] → [`Event`] →
//! [`TurnAccumulator`] → [`Turn`]. All of that is pure: bytes and values in, values out; no clock, no socket, no async,
//! no global. The feature `client` (on by default) adds the HTTP client.

pub mod error;
pub mod event;
mod id;
mod json;
pub mod normalize;
mod opencode;
pub mod sse;
mod time;
pub mod turn;

pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventKind};
pub use id::{ChatId, MessageId, PartId, RequestId, TurnId};
pub use json::Json;
pub use normalize::Normalizer;
pub use time::Timestamp;
pub use turn::{Message, Turn, TurnAccumulator};
