//! Requests: what is sent, how often, for how long, and what the answer becomes.

mod answer;
mod base;
mod body;
mod build;
mod builder;
mod call;
mod client;
mod clocks;
mod compose;
mod connect;
mod connection_error;
mod encoding;
mod env;
mod error_body;
mod header;
mod incoming;
mod no_proxy;
mod options;
mod proxy;
mod read;
mod redirect;
mod request;
mod secret;
mod send;
mod tls;
mod trust;

pub use ::http::HeaderMap;
pub use answer::RawResponse;
pub use builder::ClientBuilder;
pub use call::Call;
pub use client::Client;
#[doc(hidden)]
pub use connection_error::no_file_left;
pub use env::local_key_file;
pub use options::{RequestOptions, Timeout};
#[cfg(feature = "reqwest")]
pub use reqwest;
pub use secret::Secret;

pub(crate) use answer::{Answer, Head, content_type, read_json, status_error};
pub(crate) use body::{Body, BodyStream};
pub(crate) use call::call_options;
pub(crate) use client::{Service, client_closed};
pub(crate) use clocks::{Clocks, total_timeout};
pub(crate) use incoming::Incoming;
pub(crate) use read::read_some;
pub(crate) use request::{Request, Safety};
pub(crate) use secret::check_secret;
pub(crate) use send::random_key;
