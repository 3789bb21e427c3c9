//! Signals that end a server: it ends its turns and its agent before it goes.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

mod common;

use common::{Server, opencode, opencode_pid, out, run, signal, turnwire};
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(60);

#[test]
fn a_server_whose_terminal_is_closed_ends_its_turns_and_leaves() {
    for (name, code) in [("HUP", 129), ("TERM", 143), ("INT", 130)] {
        let server = Server::start();
        let chat = server.chat("Hello.");
        let mut turn = server.client(&["send", &chat, "/slow 600", "--json"]);
        let mut turn = turn.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut told = BufReader::new(turn.stdout.take().unwrap());
        told.read_line(&mut String::new()).unwrap();
        let (ended, said, _) = server.stop(name);
        assert_eq!(ended, Some(code), "{name}: {said}");
        assert!(said.contains("stopping"), "{name}: {said}");
        let mut events = String::new();
        told.read_to_string(&mut events).unwrap();
        assert!(events.contains(r#""status":"interrupted""#), "{name}: its turn was not ended: {events}");
        turn.wait().unwrap();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_server_that_is_to_outlive_its_terminal_does() {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" serve --runtime practice --listen 127.0.0.1:0"]);
    command.arg(env!("CARGO_BIN_EXE_turnwire")).env("HOME", home.path()).env_remove("TURNWIRE_DATA");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    signal(&child, "HUP");
    let url = line.trim().strip_prefix("listening on ").unwrap();
    let listed = run(turnwire(home.path()).arg("chats").env("TURNWIRE_BASE_URL", url), "");
    assert!(listed.status.success(), "{}", out(&listed));
    signal(&child, "TERM");
    assert_eq!(child.wait().unwrap().code(), Some(143), "it ended by another signal");
}

/// Needs `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#[test]
fn no_agent_is_left_behind_whatever_signal_ends_the_server() {
    let Some(program) = opencode() else { return };
    for names in [&["HUP"][..], &["TERM", "TERM"]] {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join(".local/share/turnwire");
        let args = ["--practice-model", "--listen", "127.0.0.1:0", "--opencode", &program];
        let server = Server::start_with(home, &args, &[]);
        let began = Instant::now();
        let agent = loop {
            if let Some(pid) = opencode_pid(&data) {
                break pid;
            }
            assert!(began.elapsed() < LONG, "OpenCode is not started");
            std::thread::yield_now();
        };
        for name in &names[1..] {
            signal(&server.child, name);
        }
        let (_, said, _) = server.stop(names[0]);
        let gone = || {
            let state = std::fs::read_to_string(format!("/proc/{agent}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        };
        while !gone() {
            assert!(began.elapsed() < LONG, "{names:?}: the agent lives on: {said}");
            std::thread::yield_now();
        }
    }
}
