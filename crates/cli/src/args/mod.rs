//! The command line, as clap reads it.

mod file;
mod serve;
mod units;

pub(crate) use file::{Refused, parse};
pub(crate) use serve::{Delivery, LogArgs, LogFormat, Runtime, Serve};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use turnwire_server::keys::Scope;

/// Talk to coding agents, and run the server they live behind.
#[derive(Debug, Parser)]
#[command(name = "turnwire", bin_name = "turnwire", version, max_term_width = 100, after_help = ENVIRONMENT)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

// Paragraphs on one line each: clap wraps them to the terminal.
const ENVIRONMENT: &str = "\
The client commands talk to the `turnwire serve` of this machine and find its key by themselves. \
To reach another service, set TURNWIRE_BASE_URL and TURNWIRE_API_KEY.

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (Ctrl-C), 143 terminated.";

#[derive(Debug, Subcommand)]
// What each does is said at its arguments.
pub(crate) enum Command {
    Serve(Box<Serve>),
    Keys(Keys),
    Chat(Chat),
    Send(Send),
    Tail(Tail),
    Chats(Chats),
    Files(Files),
    Token(Token),
    Normalize(Normalize),
    Demo(Demo),
}

/// Make, list and revoke the keys that open a server.
///
/// They live hashed in the server's data folder: run this where the server runs, and as its user. A server that runs takes notice
/// within five seconds.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    pub(crate) command: KeysCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    Create(CreateKey),
    List(ListKeys),
    Revoke(RevokeKey),
    RotateTokens(RotateTokens),
}

/// Make a key and print it. It is shown this once and kept nowhere.
#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// What it is for, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) name: String,
    /// Whose chats it sees; a key sees no other owner's
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) owner: String,
    /// What it may do: chat, stream:read, files:read, admin; several with a comma between
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "chat", value_parser = scope)]
    pub(crate) scope: Vec<Scope>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print the key and what is known of it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// List the keys, revoked ones too, oldest first.
#[derive(Debug, Args)]
pub(crate) struct ListKeys {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print each key as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Revoke a key for good.
#[derive(Debug, Args)]
pub(crate) struct RevokeKey {
    /// Its id (`key_…`), as `turnwire keys list` shows it
    #[arg(value_name = "KEY_ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Sign stream tokens with a new secret. Tokens made before are good until they end, unless --now.
#[derive(Debug, Args)]
pub(crate) struct RotateTokens {
    /// Refuse every token made before
    #[arg(long)]
    pub(crate) now: bool,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DataArgs {
    /// The server's data folder [default: ~/.local/share/turnwire]
    #[arg(long = "data", env = "TURNWIRE_DATA", value_name = "DIR")]
    pub(crate) folder: Option<PathBuf>,
}

fn scope(text: &str) -> Result<Scope, String> {
    let all = || Scope::ALL.map(Scope::as_str).join(", ");
    Scope::parse(text).ok_or_else(|| format!("there are {}", all()))
}

/// Talk with an agent in the terminal.
///
/// Without CHAT a new chat begins. The answer goes to standard output, everything else to standard error, so a conversation can
/// also be piped: one line of input is one prompt, or the answer to a question. Ctrl-C cancels the turn, and where none
/// runs it leaves; so does Ctrl-D.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the argument is called CHAT in every command")]
pub(crate) struct Chat {
    /// The chat to take up again
    pub(crate) chat: Option<String>,
    /// The model of a new chat, as PROVIDER/MODEL
    #[arg(long, value_name = "MODEL", conflicts_with = "chat")]
    pub(crate) model: Option<String>,
    /// The title of a new chat
    #[arg(long, value_name = "TEXT", conflicts_with = "chat")]
    pub(crate) title: Option<String>,
    /// Print the turns' events instead, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Run one turn and print the answer.
///
/// The answer goes to standard output, everything else to standard error. A question of the agent is answered from standard
/// input. Ctrl-C cancels the turn.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The chat, or `new` for a new one
    pub(crate) chat: String,
    /// What to say; `-` reads it from standard input
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// Another model for this turn, as PROVIDER/MODEL
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Print the turn's events instead, one JSON object a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Follow a chat's raw events, live, until Ctrl-C or until the chat ends.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// The chat
    pub(crate) chat: String,
    /// Begin after this event instead of now; 0 begins with the oldest
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<u64>,
    /// Print each event as JSON: {"id":"42","event":{…}}
    #[arg(long)]
    pub(crate) json: bool,
}

/// List the chats, newest first.
#[derive(Debug, Args)]
pub(crate) struct Chats {
    /// Only those `active`, `idle` or `ended`
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// How many at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Print each chat as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
}

/// List the files of a chat's workspace, or print or remove one.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The chat
    pub(crate) chat: String,
    /// The file to print, relative to the workspace
    pub(crate) path: Option<String>,
    /// Remove it instead
    #[arg(long, requires = "path")]
    pub(crate) delete: bool,
    /// Print each file of the list as JSON, one a line
    #[arg(long, conflicts_with = "path")]
    pub(crate) json: bool,
}

/// Make a token that lets others read a chat's events for a few minutes.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The chat
    pub(crate) chat: String,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Turn a recorded OpenCode event stream into turns.
///
/// Reads the body of OpenCode's `GET /event` (or of a chat's `stream`) and prints the turns' events as the server sends them,
/// one JSON object a line. Every root session is a chat of its own. Turns still open at the end of the file end as
/// `interrupted`.
#[derive(Debug, Args)]
pub(crate) struct Normalize {
    /// The file; `-` is standard input
    pub(crate) file: PathBuf,
    /// Only this session and its subagents
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Accepted like everywhere; the output is JSON anyway
    #[arg(long, hide = true)]
    pub(crate) json: bool,
}

/// See one whole turn: starts a server, runs a tool, shows every event.
///
/// Starts a server of its own on a free port and a scripted model, with OpenCode if there is one (else the practice runtime), runs
/// one turn with a tool call, shows every event as it comes, and leaves nothing behind.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The OpenCode program [default: `opencode` on PATH]
    #[arg(long, env = "TURNWIRE_OPENCODE", value_name = "PROGRAM")]
    pub(crate) opencode: Option<PathBuf>,
    /// Who does the work [default: local if OpenCode is found]
    #[arg(long, value_enum)]
    pub(crate) runtime: Option<Runtime>,
    /// What to say
    #[arg(long, value_name = "TEXT", default_value = "/tool Write a file and tell me about it.")]
    pub(crate) prompt: String,
    /// Print the events as JSON, one a line
    #[arg(long)]
    pub(crate) json: bool,
}
