#![cfg_attr(feature = "client", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "client"), doc = "Talk to coding agents: the pure part.")]
//!
//! # The way of the data
//!
//! Bytes → [`sse`] → raw OpenCode events → [`normalize`] → [`Event`] → [`TurnAccumulator`] → [`Turn`]. All of that is pure:
//! bytes and values in, values out; no clock, no socket, no async, no global. The feature `client` adds the HTTP client.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
pub mod chat;
mod cursor;
pub mod error;
pub mod event;
#[cfg(feature = "client")]
pub mod http;
mod id;
mod json;
mod lax;
pub mod normalize;
mod numbers;
mod open_enum;
mod opencode;
#[cfg(feature = "client")]
mod operations;
mod plain;
// For the bindings, which answer requests by the same policy, and for the server's tests of what a client does.
#[doc(hidden)]
pub mod policy;
mod repair;
pub mod sse;
#[cfg(feature = "client")]
pub mod stream;
mod text;
mod time;
pub mod turn;

#[cfg(feature = "client")]
pub use chat::{Chat, ListChats, NewChat, Prompt};
pub use cursor::{RelayCursor, TurnCursor};
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, EventKind};
#[cfg(feature = "client")]
pub use http::{Client, ClientBuilder, RequestOptions, Timeout, local_key_file};
pub use id::{ChatId, MessageId, PartId, RequestId, TurnId};
pub use json::Json;
pub use normalize::Normalizer;
pub use plain::plain;
#[cfg(feature = "client")]
pub use stream::{RelayEvent, RelayItem, RelayStream, TurnStream};
pub use text::Text;
pub use time::Timestamp;
pub use turn::{Message, Turn, TurnAccumulator};
