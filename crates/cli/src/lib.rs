//! The `turnwire` program as a library, so that the Python and Node packages bring it along.
//!
//! [`run`] never ends the process, never touches signal handlers, and takes a closed pipe for a wish to stop.

mod args;
mod ask;
mod commands;
mod conversation;
mod input;
mod interrupts;
mod key;
mod log;
mod opencode;
mod output;
mod screen;

pub use interrupts::{Interrupt, Interrupts};

use args::{Command, Refused};
use conversation::unless_interrupted;
use output::Output;
use std::error::Error as StdError;
use std::ffi::OsString;
use std::future::Future;
use turnwire::{Client, Error, ErrorKind};

/// Why a command ends before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    /// With this code, and nothing to say.
    Code(i32),
    /// Something went wrong: a sentence, and the causes behind it.
    Failed(String, Vec<String>),
}

impl Stop {
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self::Failed(message.into(), Vec::new())
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let mut causes = error.causes();
        if error.kind() == ErrorKind::Authentication {
            let advice = "set TURNWIRE_API_KEY to the key that `turnwire serve` printed at its first start";
            return Self::Failed(format!("the service at {} wants another key; {advice}", place()), causes);
        }
        if !error.is_connect() {
            return Self::Failed(error.to_string(), causes);
        }
        // Of a chain of libraries only the last word helps: refused, no such host, no route.
        causes.drain(..causes.len().saturating_sub(1));
        if error.code() == "certificate_refused" {
            let advice = "name the authority that signed it in SSL_CERT_FILE";
            return Self::Failed(format!("the certificate of {} is not trusted; {advice}", place()), causes);
        }
        let advice = "start a server with `turnwire serve`, or set TURNWIRE_BASE_URL";
        Self::Failed(format!("nothing answers at {}; {advice}", place()), causes)
    }
}

/// The service that the environment names.
fn place() -> String {
    let url = Client::from_env().map(|client| client.base_url().trim_end_matches('/').to_owned());
    url.unwrap_or_else(|_| "the base URL".to_owned())
}

impl From<Interrupt> for Stop {
    fn from(interrupt: Interrupt) -> Self {
        Self::Code(interrupt.code())
    }
}

/// Runs the program and gives its exit code: 0, 1 (failed), 2 (usage), 130 (interrupted). `args` begins with the program's
/// name. Once `cancel` is done the command ends soon, a running turn cancelled. Needs a multi-threaded tokio runtime.
pub async fn run<I, A>(args: I, cancel: impl Future<Output = ()> + Send + 'static) -> i32
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    run_with(args, Interrupts::once(cancel)).await
}

/// As [`run`], with interrupts that can come more than once: in a conversation the first cancels the turn, the next leaves.
pub async fn run_with<I, A>(args: I, mut interrupts: Interrupts) -> i32
where
    I: IntoIterator<Item = A>,
    A: Into<OsString> + Clone,
{
    let mut output = Output::new();
    let args: Vec<OsString> = args.into_iter().map(Into::into).collect();
    let cli = match args::parse(&args) {
        Ok(cli) => cli,
        Err(Refused::Usage(error)) => return usage(&error, &mut output).await,
        Err(Refused::File(why)) => {
            output.say_failure(&format!("turnwire: {why}"), &[]).await;
            return 2;
        }
    };
    match Box::pin(dispatch(cli.command, &mut output, &mut interrupts)).await {
        Ok(()) => 0,
        Err(Stop::Code(code)) => code,
        Err(Stop::Failed(message, causes)) => {
            output.say_failure(&format!("turnwire: {message}"), &causes).await;
            1
        }
    }
}

/// The program: as [`run_with`], with the signals of this process.
pub async fn run_here() -> i32 {
    run_with(std::env::args_os(), interrupts::of_this_process()).await
}

async fn dispatch(command: Command, output: &mut Output, interrupts: &mut Interrupts) -> Result<(), Stop> {
    match command {
        Command::Serve(args) => Box::pin(commands::serve::run(*args, output, interrupts)).await,
        Command::Keys(args) => unless_interrupted(interrupts, commands::keys::run(args, output)).await,
        Command::Chat(args) => commands::chat::run(args, output, interrupts).await,
        Command::Send(args) => commands::send::run(args, output, interrupts).await,
        Command::Tail(args) => unless_interrupted(interrupts, commands::tail::run(args, output)).await,
        Command::Chats(args) => unless_interrupted(interrupts, commands::chats::run(args, output)).await,
        Command::Files(args) => unless_interrupted(interrupts, commands::files::run(args, output)).await,
        Command::Token(args) => unless_interrupted(interrupts, commands::token::run(args, output)).await,
        Command::Normalize(args) => unless_interrupted(interrupts, commands::normalize::run(args, output)).await,
        Command::Demo(args) => commands::demo::run(args, output, interrupts).await,
    }
}

/// Help and usage errors, with colours only where they can be seen.
async fn usage(error: &clap::Error, output: &mut Output) -> i32 {
    let text = error.render();
    if error.use_stderr() {
        let text = if output.lively { text.ansi().to_string() } else { text.to_string() };
        output.say(&text).await;
        return 2;
    }
    let text = if output.out_is_terminal && output.lively { text.ansi().to_string() } else { text.to_string() };
    match output.print(&text).await {
        Ok(()) | Err(Stop::Code(0)) => 0,
        Err(_) => 1,
    }
}

/// All causes of an error that is not ours.
pub(crate) fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    let mut causes = Vec::new();
    let mut cause = error.source();
    while let Some(error) = cause {
        causes.push(error.to_string());
        cause = error.source();
    }
    causes
}
