//! The settings of `turnwire serve`: each an option, a variable of the environment and a line of a TOML file, of one name.

use super::units::{Size, Span};
use clap::{ArgAction, Args, ValueEnum};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use turnwire_server::Limits;

/// Run a server on this machine.
///
/// Prints `listening on http://…` once it accepts requests. If no key is configured, the server creates one, stores it in the data
/// folder (readable by you alone) and prints it once. Clients on this machine find it there.
///
/// With the runtime `local` the agent is OpenCode. It uses the models and keys that you have set up for it, and it runs shell
/// commands as you.
///
/// With the runtime `practice` the agent is scripted. A word in the prompt selects what it does: /tool, /ask, /think, /long N,
/// /slow N, /fail. It echoes any other prompt.
///
/// Options override the environment, which overrides the file named with --config.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// A TOML file with any of these settings, under the names of the options
    #[arg(long, env = "TURNWIRE_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The address to listen on; port 0 selects any free port
    #[arg(long, env = "TURNWIRE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:2728")]
    pub(crate) listen: SocketAddr,
    /// The folder for all data [default: ~/.local/share/turnwire]
    #[arg(long, env = "TURNWIRE_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The API key that clients must send; better set by the environment, where other users cannot see it
    #[arg(long, env = "TURNWIRE_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// A file that contains this key and that only its owner can read
    #[arg(long, env = "TURNWIRE_API_KEY_FILE", value_name = "FILE", conflicts_with = "api_key")]
    pub(crate) api_key_file: Option<PathBuf>,
    /// The address under which clients reach this server, if it is behind a proxy
    #[arg(long, env = "TURNWIRE_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// The certificate chain, as PEM; with it and --tls-key the server uses TLS
    #[arg(long, env = "TURNWIRE_TLS_CERT", value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key of the certificate, as PEM
    #[arg(long, env = "TURNWIRE_TLS_KEY", value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// When an event may be sent to readers
    #[arg(long, env = "TURNWIRE_DELIVERY", value_enum, default_value = "durable")]
    pub(crate) delivery: Delivery,

    #[command(flatten)]
    pub(crate) agent: AgentArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
    #[command(flatten)]
    pub(crate) log: LogArgs,

    /// Print the address as JSON: {"listening":"http://…"}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "The agent")]
pub(crate) struct AgentArgs {
    /// The program that runs the agent
    #[arg(long, env = "TURNWIRE_RUNTIME", value_enum, default_value = "local")]
    pub(crate) runtime: Runtime,
    /// The OpenCode program [default: `opencode` on PATH]
    #[arg(long, env = "TURNWIRE_OPENCODE", value_name = "PROGRAM")]
    pub(crate) opencode: Option<PathBuf>,
    /// OpenCode's configuration, as JSON; with it OpenCode ignores your own configuration
    #[arg(long, env = "TURNWIRE_OPENCODE_CONFIG", value_name = "FILE", conflicts_with = "practice_model")]
    pub(crate) opencode_config: Option<PathBuf>,
    /// Let the files of a workspace configure its agent: opencode.json, .opencode/, AGENTS.md, skills
    #[arg(long, env = "TURNWIRE_PROJECT_CONFIG", value_name = "YES", num_args = 0..=1, require_equals = true)]
    #[arg(default_value = "false", default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) project_config: bool,
    /// Further environment variables to pass to the agent and its shells, separated by commas [default: only the necessary ones]
    #[arg(long, env = "TURNWIRE_PASS_ENV", value_name = "NAMES", value_delimiter = ',')]
    pub(crate) pass_env: Vec<String>,
    /// Give each new chat its own OpenCode process and folders [default: if keys have more than one owner]
    #[arg(long, env = "TURNWIRE_ISOLATE", value_name = "YES", num_args = 0..=1, require_equals = true)]
    #[arg(default_missing_value = "true", action = ArgAction::Set)]
    pub(crate) isolate: Option<bool>,
    /// The maximum number of such processes; the least recently used chat is put to sleep to make room
    #[arg(long, env = "TURNWIRE_PROCESSES", value_name = "N", default_value = "8")]
    pub(crate) processes: NonZeroU32,
    /// Run OpenCode with the scripted practice model and without your own settings
    #[arg(long)]
    pub(crate) practice_model: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub(crate) struct LimitArgs {
    /// The maximum duration of a turn, including the time it waits for answers
    #[arg(long, env = "TURNWIRE_TURN_TIME", value_name = "TIME", default_value = "1h")]
    turn_time: Span,
    /// The maximum number of the agent's messages in one turn
    #[arg(long, env = "TURNWIRE_TURN_STEPS", value_name = "N", default_value = "200")]
    turn_steps: NonZeroU32,
    /// The maximum number of consecutive retries of a provider in one turn
    #[arg(long, env = "TURNWIRE_TURN_RETRIES", value_name = "N", default_value = "10")]
    turn_retries: u32,
    /// How long a chat stays awake without a turn, unless it has an idleTimeoutMs of its own
    #[arg(long, env = "TURNWIRE_IDLE_TIMEOUT", value_name = "TIME", default_value = "15m")]
    idle_timeout: Span,
    /// The maximum size of a request body, except for uploads
    #[arg(long, env = "TURNWIRE_BODY_BYTES", value_name = "SIZE", default_value = "4MiB")]
    body_bytes: Size,
    /// The maximum size of an upload
    #[arg(long, env = "TURNWIRE_UPLOAD_BYTES", value_name = "SIZE", default_value = "256MiB")]
    upload_bytes: Size,
    /// How long a client may take to send the headers of a request
    #[arg(long, env = "TURNWIRE_HEADER_TIME", value_name = "TIME", default_value = "10s")]
    header_time: Span,
    /// How long a connection may stay open without activity
    #[arg(long, env = "TURNWIRE_QUIET_TIME", value_name = "TIME", default_value = "5m")]
    quiet_time: Span,
    /// The maximum number of open connections
    #[arg(long, env = "TURNWIRE_CONNECTIONS", value_name = "N", default_value = "8192")]
    connections: NonZeroU32,
    /// The maximum number of open streams
    #[arg(long, env = "TURNWIRE_STREAMS", value_name = "N", default_value = "8192")]
    streams: NonZeroU32,
    /// The maximum number of requests per minute and key [default: unlimited]
    #[arg(long, env = "TURNWIRE_REQUESTS_PER_MINUTE", value_name = "N")]
    requests_per_minute: Option<NonZeroU32>,
    /// The interval between comments on a stream without events
    #[arg(long, env = "TURNWIRE_HEARTBEAT", value_name = "TIME", default_value = "10s")]
    heartbeat: Span,
    /// How long a stream token is valid
    #[arg(long, env = "TURNWIRE_TOKEN_TIME", value_name = "TIME", default_value = "5m")]
    token_time: Span,
    /// How long requests and streams may take to end when the server stops
    #[arg(long, env = "TURNWIRE_DRAIN", value_name = "TIME", default_value = "10s")]
    drain: Span,
    /// How long the deltas of ended turns are kept; the whole texts are kept longer [default: forever]
    #[arg(long, env = "TURNWIRE_KEEP_DELTAS", value_name = "TIME")]
    keep_deltas: Option<Span>,
    /// How long ended turns are kept [default: forever]
    #[arg(long, env = "TURNWIRE_KEEP_TURNS", value_name = "TIME")]
    keep_turns: Option<Span>,
    /// The maximum size of the log on disk; the oldest turns are deleted to make room [default: unlimited]
    #[arg(long, env = "TURNWIRE_LOG_BYTES", value_name = "SIZE")]
    log_bytes: Option<Size>,
}

impl LimitArgs {
    /// Converts the limits to the server's type.
    pub(crate) fn limits(&self) -> Limits {
        let count = |number: NonZeroU32| usize::try_from(number.get()).unwrap_or(usize::MAX);
        let mut limits = Limits::default();
        limits.turn_time = self.turn_time.0;
        limits.turn_steps = self.turn_steps.get();
        limits.turn_retries = self.turn_retries;
        limits.idle_timeout = self.idle_timeout.0;
        limits.body_bytes = usize::try_from(self.body_bytes.0).unwrap_or(usize::MAX);
        limits.upload_bytes = self.upload_bytes.0;
        limits.header_time = self.header_time.0;
        limits.quiet_time = self.quiet_time.0;
        limits.connections = count(self.connections);
        limits.streams = count(self.streams);
        limits.requests_per_minute = self.requests_per_minute.map(NonZeroU32::get);
        limits.heartbeat = self.heartbeat.0;
        limits.token_time = self.token_time.0;
        limits.drain = self.drain.0;
        limits.keep_deltas = self.keep_deltas.map(|time| time.0);
        limits.keep_turns = self.keep_turns.map(|time| time.0);
        limits.log_bytes = self.log_bytes.map(|size| size.0);
        limits
    }
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
pub(crate) struct LogArgs {
    /// What is logged: error, warn, info, debug, or a filter by module
    #[arg(long = "log", env = "TURNWIRE_LOG", value_name = "FILTER", default_value = "warn")]
    pub(crate) filter: String,
    /// The format of the log
    #[arg(long = "log-format", env = "TURNWIRE_LOG_FORMAT", value_enum, default_value = "pretty")]
    pub(crate) format: LogFormat,
    /// The address of an OpenTelemetry collector, to which spans are exported over HTTP
    #[arg(long = "otlp", env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub(crate) otlp: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// OpenCode on this machine
    Local,
    /// A scripted agent, which needs no OpenCode, key or network
    Practice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Delivery {
    /// After the event was written and synced: every event that was sent survives a power cut
    Durable,
    /// After the event was written: every event that was sent survives a crash of the server
    Fast,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// Human-readable, with colours on a terminal
    Pretty,
    /// One JSON object per line
    Json,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{Cli, Command};
    use clap::{Arg, CommandFactory as _, Parser as _};
    use std::fmt::Write as _;
    use std::path::Path;
    use turnwire_server::Limits;

    #[test]
    fn the_defaults_are_the_librarys() {
        let Command::Serve(serve) = Cli::parse_from(["turnwire", "serve"]).command else { panic!("another command") };
        assert_eq!(format!("{:?}", serve.limits.limits()), format!("{:?}", Limits::default()));
    }

    /// One row of the reference.
    fn row(option: &Arg) -> String {
        let name = option.get_long().expect("every setting has a long name");
        let help = option.get_help().expect("every setting has a help text").to_string().replace('|', "\\|");
        let (help, stated) = help.split_once(" [default: ").map_or((help.as_str(), None), |(help, default)| {
            (help, Some(default.trim_end_matches(']').replace('`', "")))
        });
        let default = option.get_default_values().first().map(|value| value.to_string_lossy().into_owned()).or(stated);
        let choices: Vec<_> = option.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        let value = match option.get_value_names() {
            // What is yes or no needs no value.
            Some([name]) if choices.is_empty() && name != "YES" => format!(" {name}"),
            _ if choices.len() > 1 && choices[0] != "true" => format!(" {}", choices.join("\\|")),
            _ => String::new(),
        };
        let variable = option.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        let default = default.filter(|default| default != "false").unwrap_or_default();
        format!("| `--{name}{value}` | {variable} | {default} | {help} |\n")
    }

    #[test]
    fn the_page_of_settings_is_the_one_the_program_makes() {
        let command = Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        let mut page = String::new();
        let mut heading = None;
        for option in serve.get_arguments().filter(|option| !["help", "json"].contains(&option.get_id().as_str())) {
            let group = option.get_help_heading().unwrap_or("The server");
            if heading != Some(group) {
                heading = Some(group);
                let _ = write!(
                    page,
                    "\n## {group}\n\n| option | environment | default | what it sets |\n|---|---|---|---|\n"
                );
            }
            page.push_str(&row(option));
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
        let found = std::fs::read_to_string(&file).unwrap();
        let (begin, end) = ("<!-- settings: begin -->\n", "<!-- settings: end -->");
        let from = found.find(begin).expect("the beginning is marked") + begin.len();
        let to = found.find(end).expect("the end is marked");
        if std::env::var_os("TURNWIRE_WRITE_DOCS").is_some() {
            std::fs::write(&file, format!("{}{page}\n{}", &found[..from], &found[to..])).unwrap();
            return;
        }
        assert_eq!(
            &found[from..to],
            format!("{page}\n"),
            "run this test with TURNWIRE_WRITE_DOCS=1 to write the page anew"
        );
    }
}
