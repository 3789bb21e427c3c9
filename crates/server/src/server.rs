//! A running server.

use crate::app::App;
use crate::auth::{Keys, OWNER, Signers};
use crate::chats::{REMEMBER_MS, Registry, Shared};
use crate::config::{Config, PROCESSES, RuntimeConfig};
use crate::data::{self, DataFolder};
use crate::http::accept;
use crate::http::room::raise_limit;
use crate::http::tls::Tls;
use crate::relay::WriteBudget;
use crate::runtime::Runtime;
use crate::runtime::local::{Isolation, Local, Rule, Settings};
use crate::runtime::practice::Practice;
use crate::store::sqlite::{OpenError, Sqlite, damaged, newer};
use crate::store::{Store, Write};
use crate::{ids, keys, routes};
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How often chats are looked after.
const TIDY: Duration = Duration::from_secs(5);
/// How soon it is looked again for a chat that could make room for another.
const ROOM: Duration = Duration::from_millis(100);

/// A running server. Dropping it without [`Server::shutdown`] leaves it running until its tokio runtime goes.
#[derive(Debug)]
pub struct Server {
    local_addr: SocketAddr,
    app: Arc<App>,
    /// Stops taking connections.
    close: CancellationToken,
    accepting: JoinHandle<()>,
    tidying: [JoinHandle<()>; 3],
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
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The certificate or its key cannot be used.
    #[error("no TLS can be spoken with the certificate and the key that were given; check both files")]
    Tls(
        /// Which of them, and why.
        #[source]
        Box<dyn std::error::Error + Send + Sync>,
    ),
    /// The disk has no room.
    #[error("the disk that holds the data folder {} is full; make room on it", path.display())]
    DataFull {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data folder was last used by a newer version; nothing in it was changed.
    #[error("{}", newer(path))]
    DataNewer {
        /// The folder.
        path: PathBuf,
    },
    /// A file of the data folder holds something else than was written into it; it is left as it is.
    #[error("{}", damaged(file))]
    DataDamaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// No `OpenCode` can run in a data folder of this name.
    #[error("OpenCode cannot run in the data folder {path:?}, whose name {what}; use another --data")]
    DataName {
        /// The folder.
        path: PathBuf,
        /// What of its name it does not take.
        what: &'static str,
    },
    /// Another server uses the same data folder.
    #[error("another server is using the data folder {}; stop it or use another --data", path.display())]
    DataInUse {
        /// The folder.
        path: PathBuf,
    },
}

impl Server {
    /// Starts a server and returns once it takes requests. Runs on the calling tokio runtime. The process may then have as many
    /// files and connections open as the system allows it: its soft limit is raised to the hard one.
    ///
    /// # Errors
    /// The address or the data folder cannot be used.
    pub async fn start(config: Config) -> Result<Self, ServerError> {
        raise_limit();
        let tls = match config.tls.clone() {
            Some(files) => {
                let loaded = tokio::task::spawn_blocking(move || Tls::load(files)).await;
                let loaded = loaded.map_err(|error| ServerError::Tls(error.into()))?;
                Some(Arc::new(loaded.map_err(|error| ServerError::Tls(error.into()))?))
            }
            None => None,
        };
        let listen = |source| ServerError::Listen { address: config.listen, source };
        let listener = TcpListener::bind(config.listen).await.map_err(listen)?;
        let local_addr = listener.local_addr().map_err(listen)?;
        let (store, data) = open(&config).await?;
        let path = config.data.clone();
        let prepared = async {
            let signers = Signers::load(&*store).await.map_err(|error| unusable(&path, error))?;
            if matches!(config.runtime, RuntimeConfig::Local { .. }) {
                takes_opencode(data.path())?;
            }
            let runtime = runtime(&config, data.path()).map_err(|error| unusable(&path, error))?;
            Ok((signers, runtime))
        };
        let (signers, runtime) = match prepared.await {
            Ok(prepared) => prepared,
            Err(error) => {
                store.close().await;
                return Err(error);
            }
        };
        let shared = Arc::new(Shared {
            store,
            runtime,
            write_budget: WriteBudget::new(),
            limits: config.limits.clone(),
            delivery: config.delivery,
            metrics: Arc::default(),
            data,
            stopping: CancellationToken::new(),
        });
        let chats = Arc::new(Registry::new(shared.clone()));
        // What cannot be ended now (a full disk) is ended when its chat is next used.
        if let Err(error) = chats.recover().await {
            tracing::error!(error = error.message(), "turns of a former run could not be ended");
        }
        let app = Arc::new(App {
            shared,
            chats,
            keys: Keys::new(&config.api_keys),
            signers,
            scheme: if tls.is_some() { "https" } else { "http" },
            public_url: config.public_url.map(|url| url.trim_end_matches('/').to_owned()),
            join_trace: config.join_trace,
            stop: CancellationToken::new(),
            draining: AtomicBool::new(false),
        });
        let close = CancellationToken::new();
        let router = routes::router(app.clone());
        let accepting = tokio::spawn(accept::run(listener, tls.clone(), router, config.limits, close.clone()));
        let tidying = [
            tokio::spawn(tidy(app.clone(), tls, close.clone())),
            tokio::spawn(make_room(app.clone(), close.clone())),
            tokio::spawn(end_revoked(app.clone(), close.clone())),
        ];
        Ok(Self { local_addr, app, close, accepting, tidying })
    }

    /// Where it listens; the real port where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Ends the runtime's processes at once, whatever they are at: for whoever cannot wait for [`Self::shutdown`].
    pub fn end_runtime(&self) -> impl Future<Output = ()> + Send + 'static {
        let app = self.app.clone();
        async move { app.shared.runtime.shutdown().await }
    }

    /// Stops taking requests, lets those that run end within [`Limits::drain`](crate::Limits::drain), ends turns as interrupted and
    /// streams so that their readers can resume elsewhere, stops the runtime, and returns when all is written down.
    pub async fn shutdown(self) {
        self.app.draining.store(true, Ordering::Relaxed);
        self.close.cancel();
        // First the turns, so that their readers are told; then the readers.
        self.app.chats.shutdown().await;
        self.app.stop.cancel();
        self.app.shared.runtime.shutdown().await;
        for task in std::iter::once(self.accepting).chain(self.tidying) {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the server panicked");
            }
        }
        self.app.shared.store.close().await;
    }
}

fn unusable(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> ServerError {
    ServerError::Data { path: path.to_owned(), source: source.into() }
}

/// The store and the folder it is in, which is this server's from here on.
async fn open(config: &Config) -> Result<(Arc<dyn Store>, DataFolder), ServerError> {
    let (path, delivery, most) = (config.data.clone(), config.delivery, config.limits.log_bytes);
    let opened = tokio::task::spawn_blocking(move || {
        let path = data::make(&path).map_err(|error| OpenError::Failed(error.into()))?;
        let store = Sqlite::open(&path, delivery, most)?;
        data::sweep(&path).map_err(|error| OpenError::Failed(error.into()))?;
        let folder = DataFolder::of(path).map_err(|error| OpenError::Failed(error.into()))?;
        Ok((store, folder))
    });
    let path = config.data.clone();
    match opened.await.unwrap_or_else(|error| Err(OpenError::Failed(error.into()))) {
        Ok((store, folder)) => Ok((Arc::new(store), folder)),
        Err(OpenError::InUse) => Err(ServerError::DataInUse { path }),
        Err(OpenError::Newer) => Err(ServerError::DataNewer { path }),
        Err(OpenError::Damaged { file, source }) => Err(ServerError::DataDamaged { file, source }),
        Err(OpenError::Failed(source)) if !data::room::is_left(&path) => Err(ServerError::DataFull { path, source }),
        Err(OpenError::Failed(source)) => Err(unusable(&path, source)),
    }
}

fn runtime(config: &Config, data: &Path) -> Result<Arc<dyn Runtime>, Box<dyn std::error::Error + Send + Sync>> {
    let RuntimeConfig::Local { opencode, opencode_config, isolate } = &config.runtime else {
        return Ok(Arc::new(Practice::new()));
    };
    let (most, rule) = match (isolate, config.agent.isolate_owners) {
        (Some(most), _) => (*most, Rule::All),
        (None, Some(most)) => (most, Rule::ManyOwners),
        // Chats that were made with a process of their own still have one.
        (None, None) => (PROCESSES, Rule::None),
    };
    let mut owners = keys::owners(data)?;
    if !config.api_keys.is_empty() {
        owners.insert(OWNER.to_owned());
    }
    let settings = Settings {
        config: opencode_config.clone(),
        workspaces: data.join("workspaces"),
        project_config: config.agent.project_config,
        pass_env: config.agent.pass_env.clone(),
        provider_env: config.agent.provider_env,
    };
    Ok(Arc::new(Local::new(opencode.clone(), settings, Isolation { most, rule }, owners, data)?))
}

/// The runtime `OpenCode` is built on loads nothing from under such a path, ours first of all; and what keeps modules of workspaces from
/// being loaded is told as text where those are.
#[cfg(unix)]
fn takes_opencode(data: &Path) -> Result<(), ServerError> {
    let what = match data.to_str() {
        None => "is no UTF-8",
        Some(path) if path.contains('\\') => "holds a \\",
        Some(path) if path.contains('#') => "holds a #",
        Some(path) if path.contains('?') => "holds a ?",
        Some(_) => return Ok(()),
    };
    Err(ServerError::DataName { path: data.to_owned(), what })
}

#[cfg(not(unix))]
fn takes_opencode(_: &Path) -> Result<(), ServerError> {
    Ok(())
}

/// Makes room where a chat waits for another's process, as long as there is one that does nothing.
async fn make_room(app: Arc<App>, stop: CancellationToken) {
    let room = async {
        loop {
            let crowded = app.shared.runtime.crowded().await;
            // One place for each who waits. While all are at work it is looked again, until that one gives up.
            while !crowded.is_over() && !app.chats.make_room().await {
                tokio::time::sleep(ROOM).await;
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = room => {}
    }
}

async fn end_revoked(app: Arc<App>, stop: CancellationToken) {
    app.keys.keep_ending_revoked(&*app.shared.store, &stop).await;
}

/// Looks after chats that are not used and after the certificate, and forgets old idempotency keys.
async fn tidy(app: Arc<App>, tls: Option<Arc<Tls>>, stop: CancellationToken) {
    let pace = (app.limits().idle_timeout / 4).clamp(Duration::from_millis(50), TIDY);
    let mut ticks = tokio::time::interval(pace);
    let mut forget = 0_u32;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Some(tls) = tls.clone() {
            // It says itself what is wrong.
            let _ = tokio::task::spawn_blocking(move || tls.renew()).await;
        }
        let tidied = async {
            app.chats.tidy().await;
            app.chats.retain().await
        };
        // Putting a chat to sleep may take as long as the runtime likes.
        let tidied = tokio::select! {
            () = stop.cancelled() => return,
            tidied = tidied => tidied,
        };
        if let Err(error) = tidied {
            tracing::warn!(%error, "old turns could not be let go of");
        }
        if forget.is_multiple_of(720) {
            let at_ms = ids::now_ms().saturating_sub(REMEMBER_MS);
            app.shared.store.submit(vec![Write::ForgetBefore { at_ms }], Box::new(drop));
        }
        forget = forget.wrapping_add(1);
    }
}
