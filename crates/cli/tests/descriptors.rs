//! A server that is short of descriptors.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(target_os = "linux")]

mod common;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const KEY: &str = "key-of-a-test";
/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(60);

/// A server under these limits of open files, as the shell sets them.
fn serve(home: &std::path::Path, limits: &str) -> (Child, String) {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("{limits}; exec \"$0\" serve --runtime practice --listen 127.0.0.1:0 --api-key {KEY}")]);
    command.arg(env!("CARGO_BIN_EXE_turnwire")).env("HOME", home).env_remove("TURNWIRE_DATA");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://").expect("it does not start").to_owned();
    (child, address)
}

/// The first line of the answer; empty where the connection was closed.
fn ask(address: &str, request: &str) -> (TcpStream, String) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(LONG)).unwrap();
    // A server that closes at once may do so before all is sent.
    let _ = socket.write_all(format!("{request}\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\r\n").as_bytes());
    let mut line = String::new();
    let _ = BufReader::new(socket.try_clone().unwrap()).read_line(&mut line);
    (socket, line)
}

#[test]
fn a_server_with_no_descriptors_left_says_so_once_and_still_answers() {
    let home = tempfile::tempdir().unwrap();
    let (mut child, address) = serve(home.path(), "ulimit -n 44");
    // Each holds a connection that makes no room, as a key was shown on it.
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(ask(&address, "GET /agent/v2/chat?limit=1 HTTP/1.1"));
    }
    for _ in 0..5 {
        let (_, line) = ask(&address, "GET /healthz HTTP/1.1\r\nconnection: close");
        assert!(line.starts_with("HTTP/1.1 200"), "{line:?}");
    }
    drop(held);
    common::signal(&child, "TERM");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    assert_eq!(said.matches("connections are taken at once").count(), 1, "{said}");
    assert!(said.matches("no descriptor is left").count() <= 1, "{said}");
}

#[test]
fn a_server_takes_what_the_system_allows_it_not_what_it_was_started_with() {
    let home = tempfile::tempdir().unwrap();
    let (mut child, _) = serve(home.path(), "ulimit -S -n 64");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let mut numbers = files.split_whitespace().skip(3);
    let (soft, hard) = (numbers.next().unwrap(), numbers.next().unwrap());
    assert_eq!(soft, hard, "{files}");
    common::signal(&child, "TERM");
    child.wait().unwrap();
}
