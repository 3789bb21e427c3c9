//! The command line, as clap reads it.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

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
    Serve(Serve),
    Chat(Chat),
    Send(Send),
    Tail(Tail),
    Chats(Chats),
    Files(Files),
    Token(Token),
    Normalize(Normalize),
    Demo(Demo),
}

/// Run a server on this machine.
///
/// Prints `listening on http://…` once it takes requests. Without a key it makes one, keeps it in the data folder (readable by
/// you alone) and prints it once; clients on this machine find it there.
///
/// With the runtime `local` the agent is OpenCode. It uses the models and keys you have set up for it, and it runs shell
/// commands as you.
///
/// With the runtime `practice` it plays what a word in the prompt asks for: /tool, /ask, /think, /long N, /slow N, /fail; anything
/// else it repeats.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Where to listen; port 0 takes any free one
    #[arg(long, env = "TURNWIRE_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:2728")]
    pub(crate) listen: SocketAddr,
    /// The folder everything is kept in [default: ~/.local/share/turnwire]
    #[arg(long, env = "TURNWIRE_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Who does the work
    #[arg(long, env = "TURNWIRE_RUNTIME", value_enum, default_value = "local")]
    pub(crate) runtime: Runtime,
    /// The key clients must show; better given by the environment, where other users do not see it
    #[arg(long, env = "TURNWIRE_API_KEY", hide_env_values = true, value_name = "KEY")]
    pub(crate) api_key: Option<String>,
    /// The OpenCode program [default: `opencode` on PATH]
    #[arg(long, env = "TURNWIRE_OPENCODE", value_name = "PROGRAM")]
    pub(crate) opencode: Option<PathBuf>,
    /// When an event may be told to a reader
    #[arg(long, env = "TURNWIRE_DELIVERY", value_enum, default_value = "durable")]
    pub(crate) delivery: Delivery,
    /// The address clients reach this server at, if a proxy stands before it
    #[arg(long, env = "TURNWIRE_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Run OpenCode on the scripted practice model, with none of your own settings
    #[arg(long)]
    pub(crate) practice_model: bool,
    /// Print the address as JSON: {"listening":"http://…"}
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Runtime {
    /// OpenCode on this machine
    Local,
    /// A scripted agent: no OpenCode, no key, no network
    Practice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Delivery {
    /// Written and synced first: what was told survives a power cut
    Durable,
    /// Written first: what was told survives a crash of the server
    Fast,
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

/// List the files of a chat's workspace, or print one.
#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The chat
    pub(crate) chat: String,
    /// The file to print, relative to the workspace
    pub(crate) path: Option<String>,
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
