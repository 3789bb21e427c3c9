//! What a server is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The port `turnwire serve` listens on unless told otherwise, and clients look for.
pub(crate) const DEFAULT_PORT: u16 = 2728;

/// How many `OpenCode` processes of single chats may run at once, unless told otherwise.
pub(crate) const PROCESSES: usize = 8;

/// What a server is started with. Make one with [`Config::new`], then set what differs.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// Where to listen; port 0 takes any free one. Default `127.0.0.1:2728`.
    pub listen: SocketAddr,
    /// The folder everything lives in: the log, the workspaces, the runtime's own files. Made if it is not there.
    pub data: PathBuf,
    /// Who does the work. Default: `OpenCode` as found on `PATH`.
    pub runtime: RuntimeConfig,
    /// What its agents may see and do. Says nothing about the practice runtime.
    pub agent: AgentConfig,
    /// The keys that open this server. With none, nobody gets in.
    pub api_keys: Vec<ApiKey>,
    /// When an event may be told. Default [`Delivery::Durable`].
    pub delivery: Delivery,
    /// The base of `streamUrl`, without a slash at its end. Default: the `Host` the request came with.
    pub public_url: Option<String>,
    /// With it the server speaks TLS, and nothing else. Default: plain HTTP.
    pub tls: Option<TlsConfig>,
    /// Makes a request's span one of the trace its headers tell of; called with every request. Default: each is its own.
    pub join_trace: Option<fn(&tracing::Span, &http::HeaderMap)>,
    /// Clocks and sizes.
    pub limits: Limits,
}

/// What the server shows of itself over TLS. Both files are read at the start, and again when they have changed.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// The certificate, followed by those that vouch for it, as PEM.
    pub cert: PathBuf,
    /// Its private key, as PEM.
    pub key: PathBuf,
}

/// Clocks and sizes, each with a default that fits one machine and a small team.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Largest body of a request other than an upload, in bytes. Default 4 MiB.
    pub body_bytes: usize,
    /// Largest upload, in bytes. Default 256 MiB.
    pub upload_bytes: u64,
    /// How long a turn may take, waiting for answers included. Default 1 h.
    pub turn_time: Duration,
    /// How many messages the agent may write in one turn, its subagents' included. Default 200.
    pub turn_steps: u32,
    /// How often in a row a provider may be tried again in one turn. Default 10.
    pub turn_retries: u32,
    /// How long a chat stays awake without a turn, unless its own `idleTimeoutMs` says otherwise. Default 15 min.
    pub idle_timeout: Duration,
    /// How long a stream token is good for. Default 5 min.
    pub token_time: Duration,
    /// The time between two comments on a quiet stream. Default 10 s.
    pub heartbeat: Duration,
    /// How long open requests and streams have to end when the server is shut down. Default 10 s.
    pub drain: Duration,
    /// How long the deltas of ended turns are kept; the whole texts that follow them stay. Default: for ever.
    pub keep_deltas: Option<Duration>,
    /// How long ended turns are kept at all. Default: for ever.
    pub keep_turns: Option<Duration>,
    /// The most the log may take on disk, in bytes; beyond it nothing new is accepted. From four fifths of it on
    /// deltas of ended turns are let go of, oldest first, then ended turns. Default: as much as the disk holds.
    pub log_bytes: Option<u64>,
    /// How many requests a key may make a minute; it may save up one minute's. Default: as many as it likes.
    pub requests_per_minute: Option<u32>,
    /// How long a connection may take to say what it wants: to its first byte, and from there to the end of a request's
    /// headers. Default 10 s.
    pub header_time: Duration,
    /// How long a connection stays open on which nothing goes on: no request is under way, or nothing is taken of what is
    /// sent. Default 5 min. One on which no key was shown is ended after six times `header_time`, whatever goes on.
    pub quiet_time: Duration,
    /// How many connections may be open at once, as far as the system lets this process have so many; where all are taken,
    /// the one makes room that was open for longest with no key shown on it. Default 8,192.
    pub connections: usize,
    /// How many streams may be open at once; the next is answered 429. Default 8,192.
    pub streams: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: 4 << 20,
            upload_bytes: 256 << 20,
            turn_time: Duration::from_secs(3600),
            turn_steps: 200,
            turn_retries: 10,
            idle_timeout: Duration::from_secs(15 * 60),
            token_time: Duration::from_secs(300),
            heartbeat: Duration::from_secs(10),
            drain: Duration::from_secs(10),
            keep_deltas: None,
            keep_turns: None,
            log_bytes: None,
            requests_per_minute: None,
            header_time: Duration::from_secs(10),
            quiet_time: Duration::from_secs(300),
            connections: 8192,
            streams: 8192,
        }
    }
}

/// Who does the work of a chat.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RuntimeConfig {
    /// `OpenCode` on this machine. Its agents run shell commands as the user this server runs as.
    Local {
        /// The program. Default: `opencode` on `PATH`.
        opencode: Option<PathBuf>,
        /// `OpenCode` configuration (providers, models) put over the user's own; with it, `OpenCode` runs in folders of its
        /// own under `data` and reads nothing of the user's.
        opencode_config: Option<serde_json::Value>,
        /// Each chat gets a process and folders of its own, and so many processes may run at once; the chat that was not
        /// used for longest makes room. Default: one process for all chats, unless [`AgentConfig::isolate_owners`] says otherwise.
        isolate: Option<usize>,
    },
    /// Scripted turns with no model and no key; see `turnwire-practice`.
    Practice,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self::Local { opencode: None, opencode_config: None, isolate: None }
    }
}

/// What agents on this machine may see and do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct AgentConfig {
    /// Whether files of a workspace (`opencode.json`, `.opencode/`, `AGENTS.md`, skills) configure the agent that works in it. Who
    /// uploads them, or has the agent write them, then decides what it may do. Default: no.
    pub project_config: bool,
    /// Variables of the server's environment that `OpenCode` and its shells get beside those of the list in
    /// `docs/self-hosting.md`. Default: none.
    pub pass_env: Vec<String>,
    /// Whether `OpenCode` gets the keys of model providers from the server's environment. Default: yes.
    pub provider_env: bool,
    /// Where keys have more than one owner, new chats get a process each, and so many processes may run at once. Without it, and
    /// without `isolate`, one process serves all owners. Default: 8.
    pub isolate_owners: Option<usize>,
}

impl Default for AgentConfig {
    fn default() -> Self {
        Self { project_config: false, pass_env: Vec::new(), provider_env: true, isolate_owners: Some(PROCESSES) }
    }
}

/// When an event may be told to a reader.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// Once it is written and synced: an id a client has seen survives a power cut.
    #[default]
    Durable,
    /// Once it is written: it survives a killed server, not a power cut.
    Fast,
}

/// A key that opens the server. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// The key itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for ApiKey {
    fn from(key: &str) -> Self {
        Self(key.to_owned())
    }
}

impl From<String> for ApiKey {
    fn from(key: String) -> Self {
        Self(key)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}

impl Config {
    /// The defaults, with everything kept under `data`.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            data: data.into(),
            runtime: RuntimeConfig::default(),
            agent: AgentConfig::default(),
            api_keys: Vec::new(),
            delivery: Delivery::default(),
            public_url: None,
            tls: None,
            join_trace: None,
            limits: Limits::default(),
        }
    }
}
