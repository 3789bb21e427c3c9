//! The command line, as clap reads it.

mod file;
mod serve;
mod units;

pub(crate) use file::{Refused, parse};
pub(crate) use serve::{Delivery, LogArgs, LogFormat, Runtime, Serve};

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use turnwire_server::keys::Scope;

/// Talk to coding agents, and run a server for them.
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

/// Create, list and revoke the API keys of a server.
///
/// Keys are stored as hashes in the server's data folder, so run this on the server's machine and as its user. A running server
/// applies changes within five seconds.
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

/// Create a key and print it. The key is shown only this once, and only its hash is stored.
#[derive(Debug, Args)]
pub(crate) struct CreateKey {
    /// A name for the key, for people
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) name: String,
    /// The owner whose chats the key can access
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) owner: String,
    /// What the key allows: chat, stream:read, files:read, admin; separated by commas
    #[arg(long, value_name = "SCOPES", value_delimiter = ',', default_value = "chat", value_parser = scope)]
    pub(crate) scope: Vec<Scope>,
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print the key and its properties as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// List all keys, including revoked ones, oldest first.
#[derive(Debug, Args)]
pub(crate) struct ListKeys {
    #[command(flatten)]
    pub(crate) data: DataArgs,
    /// Print each key as JSON, one per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Revoke a key permanently.
#[derive(Debug, Args)]
pub(crate) struct RevokeKey {
    /// The id of the key (`key_…`), as shown by `turnwire keys list`
    #[arg(value_name = "KEY_ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) data: DataArgs,
}

/// Sign stream tokens with a new secret. Existing tokens stay valid until they expire, unless --now is passed.
#[derive(Debug, Args)]
pub(crate) struct RotateTokens {
    /// Refuse all existing tokens
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

/// Hold a conversation with an agent in the terminal.
///
/// Without CHAT a new chat is created. The answer goes to standard output and everything else to standard error, so a conversation
/// can also be piped: one line of input is one prompt, or the answer to a question. Ctrl-C cancels the running turn, or exits if none
/// runs. Ctrl-D exits.
#[derive(Debug, Args)]
#[expect(clippy::struct_field_names, reason = "the argument is called CHAT in every command")]
pub(crate) struct Chat {
    /// The chat to continue
    pub(crate) chat: Option<String>,
    /// The model of a new chat, as PROVIDER/MODEL
    #[arg(long, value_name = "MODEL", conflicts_with = "chat")]
    pub(crate) model: Option<String>,
    /// The title of a new chat
    #[arg(long, value_name = "TEXT", conflicts_with = "chat")]
    pub(crate) title: Option<String>,
    /// Print the turns' events instead, one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Run one turn and print the answer.
///
/// The answer goes to standard output and everything else to standard error. Questions of the agent are answered from standard
/// input. Ctrl-C cancels the turn.
#[derive(Debug, Args)]
pub(crate) struct Send {
    /// The chat, or `new` for a new one
    pub(crate) chat: String,
    /// The prompt; `-` reads it from standard input
    #[arg(required = true, value_name = "TEXT")]
    pub(crate) text: Vec<String>,
    /// The model for this turn, as PROVIDER/MODEL
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Print the turn's events instead, one JSON object per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// Follow a chat's raw events, live, until Ctrl-C or until the chat ends.
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// The chat
    pub(crate) chat: String,
    /// Start after this event instead of now; 0 starts with the oldest
    #[arg(long, value_name = "ID")]
    pub(crate) after: Option<u64>,
    /// Print each event as JSON: {"id":"42","event":{…}}
    #[arg(long)]
    pub(crate) json: bool,
}

/// List the chats, newest first.
#[derive(Debug, Args)]
pub(crate) struct Chats {
    /// Only chats with this status: `active`, `idle` or `ended`
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// The maximum number of chats
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) limit: usize,
    /// Print each chat as JSON, one per line
    #[arg(long)]
    pub(crate) json: bool,
}

/// List the files of a chat's workspace, or print or delete one.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The chat
    pub(crate) chat: String,
    /// The file to print, relative to the workspace
    pub(crate) path: Option<String>,
    /// Delete the file instead
    #[arg(long, requires = "path")]
    pub(crate) delete: bool,
    /// Print each file of the list as JSON, one per line
    #[arg(long, conflicts_with = "path")]
    pub(crate) json: bool,
}

/// Create a token that lets others read a chat's events for a few minutes.
#[derive(Debug, Args)]
pub(crate) struct Token {
    /// The chat
    pub(crate) chat: String,
    /// Print the token as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Turn a recorded OpenCode event stream into turns.
///
/// Reads the body of OpenCode's `GET /event` (or of a chat's `stream`) and prints the turns' events as the server sends them,
/// one JSON object per line. Every root session counts as a chat. Turns that are still open at the end of the file end as
/// `interrupted`.
#[derive(Debug, Args)]
pub(crate) struct Normalize {
    /// The file; `-` is standard input
    pub(crate) file: PathBuf,
    /// Only the events of this session and its subagents
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Accepted as for other commands; the output is always JSON
    #[arg(long, hide = true)]
    pub(crate) json: bool,
}

/// Show one whole turn with a tool call, on a temporary server.
///
/// Starts a server on a free port and a scripted model, with OpenCode if it is installed (else the practice runtime). It then runs
/// one turn, prints every event as it arrives, and removes all data.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The OpenCode program [default: `opencode` on PATH]
    #[arg(long, env = "TURNWIRE_OPENCODE", value_name = "PROGRAM")]
    pub(crate) opencode: Option<PathBuf>,
    /// The program that runs the agent [default: local if OpenCode is found]
    #[arg(long, value_enum)]
    pub(crate) runtime: Option<Runtime>,
    /// The prompt
    #[arg(long, value_name = "TEXT", default_value = "/tool Write a file and tell me about it.")]
    pub(crate) prompt: String,
    /// Print the events as JSON, one per line
    #[arg(long)]
    pub(crate) json: bool,
}
