//! The `bash` tool: a shell command in the session's folder.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// The scripts' commands take milliseconds; a disk that hangs must not hang a turn for ever.
const LIMIT: Duration = Duration::from_secs(30);

/// What a command left behind.
pub(super) struct Ran {
    /// Both outputs, as `OpenCode` gives them to the model.
    pub(super) output: String,
    /// `None`: it was killed, or could not be started.
    pub(super) exit: Option<i32>,
}

/// Runs `command`. Dropping the future kills it.
pub(super) async fn run(command: &str, directory: &Path) -> Ran {
    let mut shell = Command::new(if cfg!(windows) { "cmd" } else { "sh" });
    shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(command);
    shell.current_dir(directory).stdin(Stdio::null()).kill_on_drop(true);
    let failed = |output: String| Ran { output, exit: None };
    match tokio::time::timeout(LIMIT, shell.output()).await {
        Ok(Ok(ran)) => {
            let mut output = String::from_utf8_lossy(&ran.stdout).into_owned();
            output.push_str(&String::from_utf8_lossy(&ran.stderr));
            Ran { output, exit: ran.status.code() }
        }
        Ok(Err(error)) => failed(format!("the command could not be started: {error}\n")),
        Err(_) => failed(format!("the command was stopped after {} s\n", LIMIT.as_secs())),
    }
}
