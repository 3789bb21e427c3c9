//! The README's Rust program is the example `hello` to the letter, and it and its neighbours run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod common;

use common::Server;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The lines of the README's block of this language.
fn readme_block(language: &str) -> String {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let (_, after) = readme.split_once(&format!("```{language}\n")).expect("the README shows the program");
    after.split_once("```").unwrap().0.to_owned()
}

/// Runs an example against the server and gives its output.
fn run(example: &str, server: &Server) -> String {
    let program = Path::new(env!("CARGO_BIN_EXE_turnwire")).with_file_name("examples").join(example);
    // No key is given: clients on the server's machine find it.
    let mut command = Command::new(program);
    command.env("TURNWIRE_BASE_URL", &server.url).env("HOME", server.home.path()).env_remove("XDG_DATA_HOME");
    let output = command.env_remove("TURNWIRE_API_KEY").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{example}: {text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

#[test]
fn the_readme_shows_the_example_to_the_letter() {
    let example = std::fs::read_to_string(root().join("examples/rust/hello.rs")).unwrap();
    let (_, body) = example.split_once("async fn main() -> Result<(), turnwire::Error> {\n").unwrap();
    let (body, _) = body.split_once("    Ok(())\n").unwrap();
    let dedented: String = body.lines().flat_map(|line| [line.strip_prefix("    ").unwrap_or(line), "\n"]).collect();
    assert_eq!(dedented, readme_block("rust"));
}

#[test]
fn every_example_runs_and_says_what_it_promises() {
    let server = Server::start();
    let hello = run("hello", &server);
    assert!(hello.starts_with("List the open points.\ncompleted, "), "{hello}");
    let questions = run("questions", &server);
    assert!(questions.contains("answering"), "{questions}");
    let relay = run("relay", &server);
    assert!(relay.contains(" turnwire.turn.accepted\n") && relay.contains("read up to Some("), "{relay}");
    let errors = run("errors", &server);
    for code in ["NotFound chat_not_found", "TurnFailed", "ChatEnded chat_ended"] {
        assert!(errors.contains(code), "{errors}");
    }
    let demo = run("demo", &server);
    assert!(demo.lines().last().unwrap().starts_with("rust    turn.completed  completed, "), "{demo}");
}
