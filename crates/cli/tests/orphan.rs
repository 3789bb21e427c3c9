//! What a killed server leaves behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

mod common;

use common::{opencode, opencode_pid, turnwire};
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;
use std::time::Duration;

const KEY: &str = "key-of-a-test";
/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(60);

/// Needs `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#[test]
fn an_opencode_that_a_killed_server_left_behind_is_ended() {
    let Some(program) = opencode() else { return };
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let mut command = turnwire(folder.path());
        command.args(["serve", "--practice-model", "--listen", "127.0.0.1:0", "--api-key", KEY, "--data"]);
        command.arg(folder.path().join("data")).arg("--opencode").arg(&program);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on "));
        child
    };
    let noted = || opencode_pid(&folder.path().join("data"));
    let wait_for = |wanted: &dyn Fn() -> bool, what: &str| {
        let began = std::time::Instant::now();
        while !wanted() {
            assert!(began.elapsed() < LONG, "{what}");
            std::thread::yield_now();
        }
    };
    let runs = |pid: u64| {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // Nobody waits for it here, so it may be left as a zombie.
        !state.is_empty() && !state.contains(") Z ")
    };
    let mut server = start();
    wait_for(&|| noted().is_some(), "OpenCode is not started");
    let orphan = noted().unwrap();
    server.kill().unwrap();
    server.wait().unwrap();
    assert!(runs(orphan), "it outlives its server");

    let server = start();
    wait_for(&|| !runs(orphan), "the orphan lives on");
    wait_for(&|| noted().is_some_and(|pid| pid != orphan), "no other is started");
    let next = noted().unwrap();
    let stopped = std::process::Command::new("kill").arg(server.id().to_string()).status().unwrap();
    assert!(stopped.success());
    let mut server = server;
    server.wait().unwrap();
    wait_for(&|| !runs(next), "a server that is stopped takes its OpenCode with it");
}
