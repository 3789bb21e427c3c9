//! Requests: what is sent, how often, for how long, and what the answer becomes.

mod answer;
mod body;
mod builder;
mod call;
mod client;
mod compose;
mod env;
mod options;
mod read;
mod request;
mod secret;
mod send;

pub use answer::RawResponse;
pub use builder::ClientBuilder;
pub use call::Call;
pub use client::Client;
pub use env::local_key_file;
pub use options::{RequestOptions, Timeout};
pub use reqwest::header::HeaderMap;
pub use secret::Secret;

pub(crate) use answer::{Answer, connection_error, content_type, read_json, status_error};
pub(crate) use body::{Body, BodyStream};
pub(crate) use call::{call_options, check_own};
pub(crate) use client::{Clocks, Service, check_secret, client_closed};
pub(crate) use request::{Request, Safety};
pub(crate) use send::total_timeout;
