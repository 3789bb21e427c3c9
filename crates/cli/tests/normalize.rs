//! Recorded events in, turns out.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{err, out, run, turnwire};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Output;
use turnwire_practice::{Agent, Prompt};

/// What an `OpenCode` would send in two sessions, one turn each, as it is recorded.
async fn recorded(folder: &Path) -> (String, [String; 2]) {
    let (agent, mut events) = Agent::new();
    let mut sse = String::new();
    let mut sessions = [String::new(), String::new()];
    for (session, text) in sessions.iter_mut().zip(["/tool", "Hello there."]) {
        *session = agent.create_session(folder, Some("Test")).await;
        let parts = vec![json!({ "type": "text", "text": text })];
        agent.prompt(Prompt { session_id: session.clone(), parts, ..Prompt::default() }).unwrap();
        loop {
            let event = String::from_utf8(events.recv().await.unwrap().to_vec()).unwrap();
            let idle = event.contains("\"session.idle\"");
            sse += &["data: ", &event, "\n\n"].concat();
            if idle {
                break;
            }
        }
    }
    (sse, sessions)
}

fn normalize(args: &[&str], input: &str) -> Output {
    let home = tempfile::tempdir().unwrap();
    run(turnwire(home.path()).arg("normalize").args(args), input)
}

fn events(output: &Output) -> Vec<Value> {
    out(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_recording_becomes_turns_each_session_a_chat() {
    let folder = tempfile::tempdir().unwrap();
    let (sse, sessions) = recorded(folder.path()).await;
    let file = folder.path().join("events.sse");
    std::fs::write(&file, &sse).unwrap();

    let normalized = normalize(&[file.to_str().unwrap()], "");
    assert_eq!(normalized.status.code(), Some(0), "{}", err(&normalized));
    let told = events(&normalized);
    for session in &sessions {
        let turn: Vec<_> = told.iter().filter(|event| event["chatId"] == **session).collect();
        assert_eq!(turn.first().unwrap()["type"], "turn.started");
        assert_eq!(turn.last().unwrap()["type"], "turn.completed");
        assert_eq!(turn.last().unwrap()["status"], "completed");
        assert!(turn.iter().enumerate().all(|(at, event)| event["seq"] == at + 1));
    }
    let from_standard_input = normalize(&["-"], &sse);
    assert_eq!(out(&from_standard_input), out(&normalized));

    let one = normalize(&["--session", &sessions[1], "-"], &sse);
    assert!(!events(&one).is_empty() && events(&one).iter().all(|event| event["chatId"] == *sessions[1]));
    assert!(out(&normalize(&["--session", "ses_other", "-"], &sse)).is_empty());
}

#[test]
fn every_recorded_stream_gives_its_committed_events() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/normalize");
    let home = tempfile::tempdir().unwrap();
    let mut compared = 0;
    let versions = std::fs::read_dir(cases).unwrap().map(|version| version.unwrap().path());
    for version in versions.filter(|version| version.is_dir()) {
        for file in std::fs::read_dir(version).unwrap().map(|file| file.unwrap().path()) {
            let Ok(expected) = std::fs::read_to_string(file.with_extension("events.jsonl")) else { continue };
            if file.extension().is_some_and(|extension| extension == "sse") {
                let normalized = run(turnwire(home.path()).arg("normalize").arg(&file), "");
                assert!(out(&normalized) == expected, "{}: {}", file.display(), err(&normalized));
                compared += 1;
            }
        }
    }
    assert!(compared > 110, "{compared}");
}

#[tokio::test]
async fn a_recording_that_was_cut_ends_its_turn_as_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let (sse, _) = recorded(folder.path()).await;
    let cut = sse.find("\"delta\"").unwrap();
    let normalized = normalize(&["-"], &sse[..cut]);
    assert_eq!(normalized.status.code(), Some(0));
    assert_eq!(events(&normalized).last().unwrap()["status"], "interrupted");
}

#[tokio::test]
async fn a_recording_that_begins_within_a_turn_says_that_the_turn_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let (sse, sessions) = recorded(folder.path()).await;
    let late = &sse[sse.find("step-start").unwrap()..];
    let late = &late[late.find("\n\n").unwrap()..];
    let normalized = normalize(&["-"], late);
    assert_eq!(normalized.status.code(), Some(0));
    assert!(events(&normalized).iter().all(|event| event["chatId"] == *sessions[1]), "only whole turns are told");
    assert!(err(&normalized).contains("begins in the middle of a turn"), "{}", err(&normalized));
    // Of a session that is asked for it is said, of another it is not.
    let other = normalize(&["--session", &sessions[1], "-"], late);
    assert_eq!(err(&other), "");
    let none = normalize(&["--session", &sessions[0], "-"], late);
    assert!(err(&none).contains("begins in the middle of a turn") && out(&none).is_empty());
    assert_eq!(err(&normalize(&["-"], &sse)), "", "a whole recording needs no word");
}

#[test]
fn nothing_in_is_nothing_out() {
    for nothing in ["", "\n\n", ": comment\n\n", "data: {\"type\":\"server.connected\",\"properties\":{}}\n\n"] {
        let normalized = normalize(&["-"], nothing);
        assert_eq!((normalized.status.code(), out(&normalized)), (Some(0), String::new()));
        assert!(err(&normalized).contains("there is no turn in the recording"), "{}", err(&normalized));
    }
}

#[test]
fn what_cannot_be_read_is_a_failure() {
    let missing = normalize(&["/nowhere/at/all.sse"], "");
    assert_eq!(missing.status.code(), Some(1));
    assert!(err(&missing).contains("/nowhere/at/all.sse cannot be read"));
    let folder = normalize(&["."], "");
    assert_eq!(folder.status.code(), Some(1));
    let other = "data: {\"id\":\"evt_1\",\"type\":\"server.connected\",\"data\":{}}\n\n";
    let other = normalize(&["-"], other);
    assert_eq!(other.status.code(), Some(1));
    assert!(err(&other).contains("/api/event"), "{}", err(&other));
}
