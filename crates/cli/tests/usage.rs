//! Wrong usage is told with code 2, help with 0.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{err, out, run, turnwire};
use std::process::Output;

fn call(args: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    run(turnwire(home.path()).args(args), "")
}

#[test]
fn wrong_usage_is_code_2_and_told_on_standard_error() {
    for args in [
        &[][..],
        &["nonsense"],
        &["send"],
        &["send", "chat_1"],
        &["tail", "chat_1", "--after", "soon"],
        &["chat", "chat_1", "--title", "New"],
        &["serve", "--listen", "nowhere"],
        &["serve", "--runtime", "cloud"],
        &["files", "chat_1", "a.txt", "--json"],
        &["normalize"],
    ] {
        let called = call(args);
        assert_eq!(called.status.code(), Some(2), "{args:?}: {}", err(&called));
        assert!(out(&called).is_empty() && err(&called).contains("--help"), "{args:?}: {}", err(&called));
    }
}

#[test]
fn help_and_version_are_answers() {
    let help = call(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in ["serve", "chat", "send", "tail", "chats", "files", "token", "normalize", "demo"] {
        assert!(out(&help).contains(&format!("\n  {command} ")), "{command} is missing");
        assert_eq!(call(&[command, "--help"]).status.code(), Some(0));
    }
    assert_eq!(out(&call(&["--version"])), format!("turnwire {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_service_that_is_not_there_is_a_failure_with_a_sentence() {
    let home = tempfile::tempdir().unwrap();
    // A port nobody listens on: it was free a moment ago, and is given back at once.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = turnwire(home.path());
    command.args(["chats"]).env("TURNWIRE_BASE_URL", format!("http://{free}")).env("TURNWIRE_API_KEY", "k");
    let called = run(&mut command, "");
    assert_eq!(called.status.code(), Some(1));
    assert!(err(&called).starts_with("turnwire: "), "{}", err(&called));
}

#[test]
fn an_empty_prompt_is_not_sent() {
    let called = call(&["send", "chat_1", " "]);
    assert_eq!(called.status.code(), Some(1));
    assert!(err(&called).contains("nothing to say"));
}
