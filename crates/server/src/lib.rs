//! A self-hosted agent chat service: chats, turns and an event log that keeps its promises, on `OpenCode`.
//!
//! ```no_run
//! # async fn run() -> Result<(), turnwire_server::ServerError> {
//! use turnwire_server::{Config, RuntimeConfig, Server};
//!
//! let mut config = Config::new("./data");
//! config.runtime = RuntimeConfig::Practice;
//! config.api_keys.push("a-long-secret".into());
//! let server = Server::start(config).await?;
//! println!("listening on http://{}", server.local_addr());
//! server.shutdown().await;
//! # Ok(())
//! # }
//! ```

mod app;
mod auth;
mod chats;
mod config;
mod data;
mod error;
mod http;
mod ids;
mod key_info;
pub mod keys;
mod metrics;
mod relay;
mod routes;
mod runtime;
mod secret_file;
mod server;
mod store;
mod workspace;

pub use config::{AgentConfig, ApiKey, Config, Delivery, Limits, RuntimeConfig, TlsConfig};
pub use secret_file::read_secret;
pub use server::{Server, ServerError};
