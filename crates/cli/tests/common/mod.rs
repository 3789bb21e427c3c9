//! The program as a user starts it: a process, its output, its exit code.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "each test program uses some of this"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use tempfile::TempDir;

/// The program with nothing of the surroundings: a home of its own, no settings.
pub fn turnwire(home: &Path) -> Command {
    let mut command = program();
    let kept = std::env::vars_os().filter(|(name, _)| {
        let name = name.to_string_lossy();
        !["TURNWIRE_", "CASEDEV_", "XDG_"].iter().any(|prefix| name.starts_with(prefix))
    });
    command.env_clear().envs(kept).env("HOME", home).stdin(Stdio::null());
    command
}

/// What runs the tests may have had signals ignored (`nohup`), which programs inherit.
fn program() -> Command {
    let program = env!("CARGO_BIN_EXE_turnwire");
    if !cfg!(target_os = "linux") {
        return Command::new(program);
    }
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP,INT,TERM", program]);
    command
}

/// Runs it with `input` on its standard input.
pub fn run(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // A program that ended before it read everything is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A file as keys are kept.
pub fn private(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

/// Sends a signal, by its name.
#[cfg(unix)]
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").arg(format!("-{name}")).arg(child.id().to_string()).status().unwrap();
    assert!(sent.success());
}

/// `turnwire serve --runtime practice` with a home of its own; ended with this value.
pub struct Server {
    pub child: Child,
    pub url: String,
    pub home: TempDir,
    stderr: Option<ChildStderr>,
}

impl Server {
    pub fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap())
    }

    pub fn start_in(home: TempDir) -> Self {
        Self::start_with(home, &["--runtime", "practice", "--listen", "127.0.0.1:0"], &[])
    }

    pub fn start_with(home: TempDir, args: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = turnwire(home.path());
        command.arg("serve").args(args).envs(environment.iter().copied());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server said something else").to_owned();
        let stderr = child.stderr.take();
        Self { child, url, home, stderr }
    }

    /// The program as a client of this server; it finds the key by itself.
    pub fn client(&self, args: &[&str]) -> Command {
        let mut command = turnwire(self.home.path());
        command.args(args).env("TURNWIRE_BASE_URL", &self.url);
        command
    }

    /// A new chat in which `text` was said.
    pub fn chat(&self, text: &str) -> String {
        let sent = run(&mut self.client(&["send", "new", text]), "");
        assert!(sent.status.success(), "{}", err(&sent));
        err(&sent).lines().next().unwrap().strip_prefix("chat ").unwrap().to_owned()
    }

    /// Ends it with a signal; gives the exit code and what it wrote to standard error.
    #[cfg(unix)]
    pub fn stop(mut self, name: &str) -> (Option<i32>, String, TempDir) {
        signal(&self.child, name);
        let mut said = String::new();
        self.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, said, std::mem::replace(&mut self.home, tempfile::tempdir().unwrap()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The real `OpenCode`; `None`, and a line that says why, where none was named.
pub fn opencode() -> Option<String> {
    let program = std::env::var("TURNWIRE_OPENCODE").ok().filter(|path| !path.is_empty());
    if program.is_none() {
        skipped("set TURNWIRE_OPENCODE to an opencode program to run this test");
    }
    program
}

/// Says why a test is not run, past the test harness, which keeps what a test that passes prints.
pub fn skipped(why: &str) {
    std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

/// The process of the `OpenCode` that all chats of a server share, as the server notes it.
pub fn opencode_pid(data: &Path) -> Option<u64> {
    let note = std::fs::read(data.join("opencode/process.json")).ok()?;
    serde_json::from_slice::<serde_json::Value>(&note).ok()?["pid"].as_u64()
}
