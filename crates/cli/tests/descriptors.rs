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

fn open_files(child: &Child) -> u64 {
    std::fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap().count().try_into().unwrap()
}

/// Ends it; gives what it wrote to standard error.
fn stop(child: &mut Child) -> String {
    common::signal(child, "TERM");
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    child.wait().unwrap();
    said
}

#[test]
fn a_server_that_may_have_few_descriptors_takes_fewer_connections_and_says_so_once() {
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
    let said = stop(&mut child);
    assert_eq!(said.matches("connections are taken at once").count(), 1, "{said}");
}

#[test]
fn a_server_with_no_descriptors_left_says_so_once_and_still_answers() {
    let home = tempfile::tempdir().unwrap();
    let (mut child, address) = serve(home.path(), "ulimit -n 1024");
    ask(&address, "GET /agent/v2/chat?limit=1 HTTP/1.1\r\nconnection: close");
    // Only now: it has planned with more than it gets, as where an agent or a library takes what it counted on.
    let few = open_files(&child) + 8;
    let pid = rustix::process::Pid::from_raw(child.id().try_into().unwrap());
    let limit = rustix::process::Rlimit { current: Some(few), maximum: Some(1024) };
    rustix::process::prlimit(pid, rustix::process::Resource::Nofile, limit).unwrap();
    let held: Vec<_> = (0..few + 4).map(|_| ask(&address, "GET /agent/v2/chat?limit=1 HTTP/1.1")).collect();
    for _ in 0..5 {
        let (_, line) = ask(&address, "GET /healthz HTTP/1.1\r\nconnection: close");
        assert!(line.starts_with("HTTP/1.1 200"), "{line:?}");
    }
    assert!(open_files(&child) >= few - 1, "none is left but the reserve");
    drop(held);
    let said = stop(&mut child);
    assert_eq!(said.matches("no descriptor is left").count(), 1, "{said}");
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
    stop(&mut child);
}
