//! The client: an address, a key, options, and the connections.

use super::builder::ClientBuilder;
use super::clocks::{CONNECT, until};
use super::connect::build_http;
use super::proxy::Proxies;
use super::secret::check_secret;
use super::{RequestOptions, Secret};
use crate::error::{Error, Result};
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

/// A client of a chat service. Cheap to clone; clones share their connections.
///
/// ```no_run
/// # async fn example() -> turnwire::Result<()> {
/// let client = turnwire::Client::from_env()?;
/// let chat = client.chat().create(turnwire::NewChat::new().title("Review")).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) transport: Arc<Transport>,
    pub(crate) options: Arc<RequestOptions>,
}

/// The state that all clones of a client share.
pub(crate) struct Transport {
    /// `None` once the client is closed.
    http: Mutex<Option<reqwest::Client>>,
    /// Clients for other connect clocks than the default, which `reqwest` keeps per client. The newest few.
    by_connect: Mutex<Vec<(Duration, reqwest::Client)>>,
    settings: ClientBuilder,
    proxies: Proxies,
    base: Url,
    key: Mutex<Option<Secret>>,
    service: AtomicU8,
    closed: CancellationToken,
}

/// Whether the service is known to support our extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Unknown,
    Ours,
    Other,
}

/// More than this many connect clocks at once are not remembered.
const MAX_CONNECT_CLOCKS: usize = 8;

impl Client {
    /// A client with the same connections and other options; what `options` does not say stays.
    pub fn with_options(&self, options: RequestOptions) -> Self {
        Self { transport: self.transport.clone(), options: Arc::new(options.over(&self.options)) }
    }

    /// The service's address.
    pub fn base_url(&self) -> &str {
        self.transport.base.as_str()
    }

    /// Uses another key from now on: in every later request of this client, of its clones and of those made by
    /// [`Client::with_options`], the resumes of open streams included.
    ///
    /// # Errors
    /// A key that no request can carry.
    pub fn set_api_key(&self, key: impl Into<Secret>) -> Result<()> {
        let key = key.into();
        check_secret("API key", &key)?;
        *lock(&self.transport.key) = Some(key);
        Ok(())
    }

    /// Closes all connections of this client, of its clones and of those made by [`Client::with_options`]. Calls and
    /// streams under way end with the code `client_closed`, and so does every later call. A client that is dropped
    /// closes what is idle by itself, and leaves open streams be.
    pub fn close(&self) {
        self.transport.closed.cancel();
        // The idle connections live in these.
        drop(lock(&self.transport.http).take());
        lock(&self.transport.by_connect).clear();
    }

    /// Whether the client was closed.
    pub fn is_closed(&self) -> bool {
        self.transport.closed.is_cancelled()
    }

    /// A client on the same connections that still works after this one is closed, for the cancel of a stream.
    pub(crate) fn outliving(&self) -> Self {
        let transport = &self.transport;
        let outliving = Transport {
            http: Mutex::new(lock(&transport.http).clone()),
            by_connect: Mutex::default(),
            settings: transport.settings.clone(),
            proxies: transport.proxies.clone(),
            base: transport.base.clone(),
            key: Mutex::new(transport.key()),
            service: AtomicU8::new(transport.service.load(Ordering::Relaxed)),
            closed: CancellationToken::new(),
        };
        Self { transport: Arc::new(outliving), options: self.options.clone() }
    }

    /// Runs `work` until the total clock runs out or the client is closed.
    pub(crate) fn within<T>(
        &self,
        deadline: Option<Instant>,
        work: impl Future<Output = Result<T>>,
    ) -> impl Future<Output = Result<T>> {
        // Boxed, as each layer around it would hold it twice.
        let work = Box::pin(work);
        async move {
            tokio::select! {
                biased;
                () = self.transport.closed.cancelled() => Err(client_closed()),
                done = until(deadline, work) => done,
            }
        }
    }

    /// Ends when the client is closed.
    pub(crate) fn closed(&self) -> CancellationToken {
        self.transport.closed.clone()
    }

    pub(super) fn assemble(transport: Transport, options: RequestOptions) -> Self {
        Self { transport: Arc::new(transport), options: Arc::new(options) }
    }

    pub(crate) fn backoff_scale(&self) -> f64 {
        self.transport.settings.backoff_scale
    }

    pub(crate) fn max_event_bytes(&self, default: usize) -> usize {
        self.transport.settings.max_event_bytes.unwrap_or(default)
    }

    pub(crate) fn service(&self) -> Service {
        match self.transport.service.load(Ordering::Relaxed) {
            1 => Service::Ours,
            2 => Service::Other,
            _ => Service::Unknown,
        }
    }

    /// Learns whose service it is from an answer. What a proxy before it or another origin answers says nothing, and
    /// one that was once seen to be ours stays so.
    pub(crate) fn learn_service(&self, response: &reqwest::Response) {
        if response.url().origin() != self.transport.base.origin() || response.status().as_u16() == 407 {
            return;
        }
        let service = &self.transport.service;
        if response.headers().contains_key("turnwire-contract") {
            service.store(1, Ordering::Relaxed);
        } else if !response.status().is_server_error() {
            // Where it is known already, it stays known.
            let _ = service.compare_exchange(0, 2, Ordering::Relaxed, Ordering::Relaxed);
        }
    }
}

impl Transport {
    pub(super) fn new(settings: &ClientBuilder, base: Url, key: Option<Secret>) -> Result<Self> {
        let connect = settings.options.timeout.and_then(|timeout| timeout.connect).unwrap_or(CONNECT);
        let proxies = match (&settings.proxy, &settings.http_client) {
            (Some(proxy), _) => Proxies::named(proxy)?,
            (None, Some(_)) => Proxies::None,
            (None, None) if settings.no_proxy => Proxies::None,
            (None, None) => Proxies::from_env(&base)?,
        };
        let http = match &settings.http_client {
            Some(client) => client.clone(),
            None => build_http(settings, &proxies, connect)?,
        };
        Ok(Self {
            http: Mutex::new(Some(http)),
            by_connect: Mutex::default(),
            settings: settings.clone(),
            proxies,
            base,
            key: Mutex::new(key),
            service: AtomicU8::new(0),
            closed: CancellationToken::new(),
        })
    }

    /// The `reqwest` client for a connect clock.
    pub(super) fn http(&self, connect: Option<Duration>) -> Result<reqwest::Client> {
        let usual = self.settings.options.timeout.and_then(|timeout| timeout.connect).unwrap_or(CONNECT);
        let connect = connect.unwrap_or(Duration::ZERO);
        let http = lock(&self.http).clone().ok_or_else(client_closed)?;
        if connect == usual || self.settings.http_client.is_some() {
            return Ok(http);
        }
        let mut known = lock(&self.by_connect);
        if let Some((_, client)) = known.iter().find(|(clock, _)| *clock == connect) {
            return Ok(client.clone());
        }
        let client = build_http(&self.settings, &self.proxies, connect)?;
        if known.len() == MAX_CONNECT_CLOCKS {
            known.remove(0);
        }
        known.push((connect, client.clone()));
        Ok(client)
    }

    pub(super) fn key(&self) -> Option<Secret> {
        lock(&self.key).clone()
    }

    pub(super) fn token(&self) -> Option<&Secret> {
        self.settings.token.as_ref()
    }

    /// The proxy a request to this address goes through.
    pub(super) fn proxy_of(&self, url: &Url) -> Option<&Url> {
        self.proxies.of(url)
    }

    pub(super) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.base.port_or_known_default()
    }

    pub(super) fn traceparent(&self) -> Option<String> {
        self.settings.traceparent.as_ref().and_then(|current| current())
    }

    pub(super) fn user_agent(&self) -> &str {
        self.settings.user_agent.as_deref().unwrap_or(concat!("turnwire/", env!("CARGO_PKG_VERSION")))
    }

    /// The address of a route. `path` is percent-encoded.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        let base = self.base.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{}{path}", self.settings.prefix))
            .map_err(|error| Error::new("invalid_argument", "The prefix makes no valid URL.").with_source(error))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The error of every call once the client is closed.
pub(crate) fn client_closed() -> Error {
    Error::new("client_closed", "The client is closed; make a new one.")
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.transport.base.as_str())
            .field("prefix", &self.transport.settings.prefix)
            .field("api_key", &self.transport.key())
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
