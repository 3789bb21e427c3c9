//! The settings of a client.

use super::{RequestOptions, Secret, Timeout};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The routes of the hosted service and of our server.
const PREFIX: &str = "/agent/v2/chat";

type TraceParent = Arc<dyn Fn() -> Option<String> + Send + Sync>;
type OnWarning = Arc<dyn Fn(&str) + Send + Sync>;

/// Settings of a [`Client`](super::Client). Everything has a default; see [`Client::from_env`](super::Client::from_env) for where
/// key and address come from.
///
/// ```
/// use std::time::Duration;
/// use turnwire::{Client, Timeout};
///
/// let client = Client::builder()
///     .base_url("http://127.0.0.1:2728")
///     .api_key("sk_example")
///     .timeout(Timeout::new().connect(Duration::from_secs(2)))
///     .max_retries(5)
///     .build()?;
/// assert_eq!(client.base_url(), "http://127.0.0.1:2728/");
/// # Ok::<(), turnwire::Error>(())
/// ```
#[derive(Clone)]
pub struct ClientBuilder {
    pub(super) base_url: Option<String>,
    pub(super) api_key: Option<Secret>,
    pub(super) token: Option<Secret>,
    pub(super) prefix: String,
    pub(super) options: RequestOptions,
    pub(super) proxy: Option<String>,
    pub(super) no_proxy: bool,
    pub(super) ca_bundle: Option<PathBuf>,
    pub(super) ca_variables: &'static [&'static str],
    pub(super) http_client: Option<reqwest::Client>,
    pub(super) user_agent: Option<String>,
    pub(super) http2_only: bool,
    pub(super) tcp_keepalive: Duration,
    pub(super) backoff_scale: f64,
    pub(super) max_event_bytes: Option<usize>,
    pub(super) traceparent: Option<TraceParent>,
    pub(super) on_warning: Option<OnWarning>,
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            base_url: None,
            api_key: None,
            token: None,
            prefix: PREFIX.to_owned(),
            options: RequestOptions::default(),
            proxy: None,
            no_proxy: false,
            ca_bundle: None,
            ca_variables: &[],
            http_client: None,
            user_agent: None,
            http2_only: false,
            tcp_keepalive: Duration::from_secs(60),
            backoff_scale: 1.0,
            max_event_bytes: None,
            traceparent: None,
            on_warning: None,
        }
    }
}

impl ClientBuilder {
    /// All defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// The service's address, with or without a path before the prefix. Default: from the environment. A key of the
    /// environment is not used for an address given here.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The API key.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.api_key = Some(key.into());
        self
    }

    /// A stream token ([`Chats::create_stream_token`](crate::chat::Chats::create_stream_token)): enough, without a
    /// key, to read one chat's relay. Not together with a key, which would be sent in its place.
    #[must_use]
    pub fn token(mut self, token: impl Into<Secret>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// What the routes begin with. Default `/agent/v2/chat`; where it is empty, they begin at the base URL.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// The clocks of all calls; one [`Duration`] is the answer and the idle clock.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Timeout>) -> Self {
        self.options = self.options.timeout(timeout);
        self
    }

    /// How often a request is sent again at most. Default 2.
    #[must_use]
    pub fn max_retries(mut self, retries: u32) -> Self {
        self.options = self.options.max_retries(retries);
        self
    }

    /// A header of all requests.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.options = self.options.header(name, value);
        self
    }

    /// A query parameter of all requests.
    #[must_use]
    pub fn query(mut self, name: impl Into<String>, value: impl Into<serde_json::Value>) -> Self {
        self.options = self.options.query(name, value);
        self
    }

    /// Options of all calls, over those set so far.
    #[must_use]
    pub fn options(mut self, options: RequestOptions) -> Self {
        self.options = options.over(&self.options);
        self
    }

    /// The proxy of all requests: `http://`, `https://`, `socks5h://`, `socks5://`, `socks4a://` or `socks4://`, a name and a
    /// password in it where it wants them. Default: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, which never
    /// concern a service of this very machine.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// No proxy, whatever the environment contains.
    #[must_use]
    pub fn no_proxy(mut self) -> Self {
        self.no_proxy = true;
        self
    }

    /// A PEM file of certificate authorities to trust beside the system's. Default: `SSL_CERT_FILE`.
    #[must_use]
    pub fn ca_bundle(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_bundle = Some(file.into());
        self
    }

    /// More variables of the environment that name a CA bundle, beside `SSL_CERT_FILE`: those the users of a language set
    /// already. They count where [`ClientBuilder::ca_bundle`] is not given.
    #[must_use]
    pub fn ca_variables(mut self, names: &'static [&'static str]) -> Self {
        self.ca_variables = names;
        self
    }

    /// A `reqwest` client of your own, which then determines proxy, certificates, keep-alive and the connect clock.
    /// Not together with those. Switch its redirects off: this library follows those that are safe itself.
    ///
    /// With the feature `reqwest`. The version of `reqwest` is not part of what this library's versions promise; use
    /// [`turnwire::http::reqwest`](crate::http::reqwest), which is always the right one.
    #[cfg(feature = "reqwest")]
    #[must_use]
    pub fn http_client(mut self, client: reqwest::Client) -> Self {
        self.http_client = Some(client);
        self
    }

    /// The `User-Agent`. Default `turnwire/VERSION`.
    #[must_use]
    pub fn user_agent(mut self, agent: impl Into<String>) -> Self {
        self.user_agent = Some(agent.into());
        self
    }

    /// Speak HTTP/2 from the first byte, also without TLS. Default: as TLS negotiates, else HTTP/1.1.
    #[must_use]
    pub fn http2_prior_knowledge(mut self) -> Self {
        self.http2_only = true;
        self
    }

    /// How long a connection is silent before TCP probes it, from 1 s to 9 h. Default 60 s.
    #[must_use]
    pub fn tcp_keepalive(mut self, idle: Duration) -> Self {
        self.tcp_keepalive = idle;
        self
    }

    /// Multiplies every wait between two attempts, of a request and of a stream's resume, those a service asks for by
    /// `Retry-After` or `retry:` included. From 0 to 1,000, else the client is not built; default 1; tests set it to 0. Against a
    /// service that others use too, leave it.
    #[must_use]
    pub fn backoff_scale(mut self, scale: f64) -> Self {
        self.backoff_scale = scale;
        self
    }

    /// The largest event a stream may bring. Default 16 MiB, for the relay 32 MiB.
    #[must_use]
    pub fn max_event_bytes(mut self, bytes: usize) -> Self {
        self.max_event_bytes = Some(bytes);
        self
    }

    /// Where the `traceparent` of each request comes from: called before one is sent, it gives the current W3C trace
    /// context, if there is one.
    #[must_use]
    pub fn traceparent(mut self, current: impl Fn() -> Option<String> + Send + Sync + 'static) -> Self {
        self.traceparent = Some(Arc::new(current));
        self
    }

    /// Called while the client is built with what is allowed and yet unwise, in a sentence: a key over plain http to
    /// another machine (once a process), certificates that are not used. The same is a `tracing` event.
    #[must_use]
    pub fn on_warning(mut self, callback: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.on_warning = Some(Arc::new(callback));
        self
    }

    pub(super) fn warn(&self, sentence: &str) {
        tracing::warn!("{sentence}");
        if let Some(callback) = &self.on_warning {
            callback(sentence);
        }
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("prefix", &self.prefix)
            .field("api_key", &self.api_key)
            .field("token", &self.token)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
