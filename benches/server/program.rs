//! The `turnwire` program in a process of its own, and what the system says of it.

use crate::client::{self, KEY};
use rustix::process::{Pid, Resource, Signal};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Built as the benches are, unless `TURNWIRE_BIN` names another.
pub(crate) fn build() {
    if std::env::var_os("TURNWIRE_BIN").is_none() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--profile", "bench", "--package", "turnwire-cli"]);
        assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success(), "the program was not built");
    }
}

fn path() -> PathBuf {
    // A bench stands in `deps`, beside which the programs are.
    let beside = || std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("turnwire");
    std::env::var_os("TURNWIRE_BIN").map_or_else(beside, PathBuf::from)
}

/// A folder on the disk the project is on: the system's own folder for such things may be memory.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A running server; it is ended when it is dropped.
pub(crate) struct Program {
    child: Child,
    /// `127.0.0.1:2728`.
    pub(crate) address: String,
    pub(crate) data: tempfile::TempDir,
}

impl Program {
    /// With the practice runtime.
    pub(crate) fn practice() -> Self {
        Self::start(&["--runtime", "practice"])
    }

    /// With the stand-in for OpenCode, ready for the first chat.
    pub(crate) fn with_stand_in(more: &[&str]) -> Self {
        let stand_in = std::env::current_exe().unwrap();
        let mut arguments = vec!["--opencode", stand_in.to_str().unwrap()];
        arguments.extend(more);
        Self::start(&arguments)
    }

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let data = folder();
        let mut child = command(data.path(), arguments).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on http://").expect("the server did not start").to_owned();
        Self { child, address, data }
    }

    /// Where the stand-in listens.
    pub(crate) fn stand_in(&self) -> String {
        std::fs::read_to_string(self.data.path().join("opencode/address")).unwrap()
    }

    /// A new chat's id and its folder.
    pub(crate) fn chat(&self) -> (String, PathBuf) {
        let made = client::call(&self.address, "POST", client::PREFIX, "{}");
        let id = made["id"].as_str().expect("no chat was made").to_owned();
        let folder = self.data.path().canonicalize().unwrap().join("workspaces").join(&id);
        (id, folder)
    }

    /// Resident memory in MB.
    pub(crate) fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
    }

    /// Time spent on processors so far, in seconds: its own and the system's for it.
    pub(crate) fn cpu(&self) -> f64 {
        // Of every thread to the nanosecond; the process's own `stat` counts in hundredths of a second.
        let tasks = std::fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let spent = tasks.map(|task| {
            let text = std::fs::read_to_string(task.unwrap().path().join("schedstat")).unwrap_or_default();
            text.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0)
        });
        spent.sum::<f64>() / 1e9
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

/// `turnwire serve` on a free port.
pub(crate) fn command(data: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(path());
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(arguments);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TURNWIRE_")) {
        command.env_remove(name);
    }
    command.env("TURNWIRE_API_KEY", KEY).env("TURNWIRE_LOG", "error");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

/// Lets this process, and what it starts, hold `count` sockets; `false`: the system forbids it.
pub(crate) fn allow_files(count: u64) -> bool {
    let mut limit = rustix::process::getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|most| most < count) {
        println!("  skipped: `ulimit -Hn` is {}, and {count} files are needed", limit.maximum.unwrap_or(0));
        return false;
    }
    limit.current = Some(limit.current.unwrap_or(count).max(count));
    rustix::process::setrlimit(Resource::Nofile, limit).unwrap();
    true
}
