//! Turns through the program, against a practice server.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Server, err, out, run};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

#[test]
fn a_conversation_through_a_pipe() {
    let server = Server::start();
    let talked = run(&mut server.client(&["chat"]), "Hello there.\n\n/tool\n/ask\n3\n2\n/think\n");
    assert_eq!(talked.status.code(), Some(0), "{}", err(&talked));
    assert_eq!(
        out(&talked),
        "Hello there.\n\
         I will write a file. \n\
         I wrote hello.txt. It says: Hello from Turnwire.\n\
         I must ask first. \n\
         You answered: no.\n\
         I have thought about it, and this is the answer.\n"
    );
    let beside = err(&talked);
    assert!(beside.contains("✓ bash  Write hello.txt"), "{beside}");
    assert!(beside.contains("? Shall I go on?") && beside.contains("There is no option 3"), "{beside}");
    assert!(!beside.contains('\u{1b}'), "no colours in a pipe: {beside:?}");
}

#[test]
fn a_turn_as_json_is_the_turns_events() {
    let server = Server::start();
    let sent = run(&mut server.client(&["send", "new", "--json", "/tool"]), "");
    let events: Vec<Value> = out(&sent).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.first().unwrap()["type"], "turn.started");
    assert_eq!(events.last().unwrap()["status"], "completed");
}

#[test]
fn the_text_can_come_from_standard_input() {
    let server = Server::start();
    let sent = run(&mut server.client(&["send", "new", "-"]), "One line,\nand another.\n");
    assert_eq!(out(&sent), "One line,\nand another.\n");
}

#[test]
fn a_turn_that_fails_is_code_1_and_says_why() {
    let server = Server::start();
    let sent = run(&mut server.client(&["send", "new", "/fail"]), "");
    assert_eq!(sent.status.code(), Some(1));
    assert!(err(&sent).contains("✗ failed: The practice model refuses"), "{}", err(&sent));
    let talked = run(&mut server.client(&["chat"]), "/fail\nHello.\n");
    assert_eq!((talked.status.code(), out(&talked)), (Some(1), "Hello.\n".to_owned()));
}

#[test]
fn a_question_nobody_answers_is_not_waited_for() {
    let server = Server::start();
    let sent = run(&mut server.client(&["send", "new", "/ask"]), "");
    assert_eq!(sent.status.code(), Some(1));
    assert!(err(&sent).contains("no more input"), "{}", err(&sent));
    let refused = run(&mut server.client(&["send", "new", "/ask"]), "\n");
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("✗ blocked"), "{}", err(&refused));
}

#[test]
fn what_a_chat_left_behind_can_be_looked_at() {
    let server = Server::start();
    let chat = server.chat("/tool");
    let listed = run(&mut server.client(&["chats", "--json"]), "");
    let listed: Value = serde_json::from_str(&out(&listed)).unwrap();
    assert_eq!((&listed["id"], &listed["title"]), (&chat.as_str().into(), &"/tool".into()));
    assert!(out(&run(&mut server.client(&["chats"]), "")).starts_with(&chat));

    assert_eq!(out(&run(&mut server.client(&["files", &chat]), "")), "        21  hello.txt\n");
    assert_eq!(out(&run(&mut server.client(&["files", &chat, "hello.txt"]), "")), "Hello from Turnwire.\n");
    let missing = run(&mut server.client(&["files", &chat, "nothing.txt"]), "");
    assert_eq!((missing.status.code(), out(&missing)), (Some(1), String::new()));

    let token = run(&mut server.client(&["token", &chat, "--json"]), "");
    let token: Value = serde_json::from_str(&out(&token)).unwrap();
    assert!(token["streamUrl"].as_str().unwrap().contains(token["token"].as_str().unwrap()));
}

#[test]
fn tail_tells_the_raw_events_from_the_beginning() {
    let server = Server::start();
    let chat = server.chat("Hello.");
    let mut command = server.client(&["tail", &chat, "--after", "0", "--json"]);
    let mut tail = command.stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    for (expected, line) in (1..).zip(lines) {
        let event: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let expected: u64 = expected;
        assert_eq!(event["id"], expected.to_string());
        if event["event"]["type"] == "session.idle" {
            break;
        }
    }
    // The reader has seen enough: closing the pipe is no failure. One more event makes the program notice.
    let sent = run(&mut server.client(&["send", &chat, "Again."]), "");
    assert!(sent.status.success());
    assert_eq!(tail.wait().unwrap().code(), Some(0));
}

#[test]
fn a_closed_pipe_ends_the_program_quietly() {
    let server = Server::start();
    let mut command = server.client(&["send", "new", "/long 50000"]);
    let mut sent = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 5];
    sent.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"word1");
    let output = sent.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(!err(&output).contains("turnwire:"), "{}", err(&output));
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_the_turn_and_is_code_130() {
    let server = Server::start();
    let mut command = server.client(&["send", "new", "/slow 1000", "--json"]);
    let mut sent = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(sent.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("\"delta\":\"word2 \"")));
    common::signal(&sent, "INT");
    let last: Value = serde_json::from_str(&lines.last().unwrap().unwrap()).unwrap();
    assert_eq!((&last["type"], &last["status"]), (&"turn.completed".into(), &"cancelled".into()));
    assert_eq!(sent.wait().unwrap().code(), Some(130));
}

#[cfg(unix)]
#[test]
fn output_that_nobody_reads_does_not_hold_an_interrupted_program() {
    let server = Server::start();
    for name in ["INT", "TERM"] {
        let mut command = server.client(&["send", "new", "/long 50000", "--json"]);
        let mut sent = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut first = String::new();
        let mut unread = BufReader::new(sent.stdout.take().unwrap());
        unread.read_line(&mut first).unwrap();
        common::signal(&sent, name);
        assert_eq!(sent.wait().unwrap().code(), Some(if name == "INT" { 130 } else { 143 }));
    }
}

#[cfg(unix)]
#[test]
fn a_program_that_only_waits_is_interrupted_at_once() {
    let server = Server::start();
    let chat = server.chat("Hello.");
    let mut tail = server.client(&["tail", &chat, "--after", "0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut output = BufReader::new(tail.stdout.take().unwrap());
    output.read_line(&mut first).unwrap();
    common::signal(&tail, "INT");
    assert_eq!(tail.wait().unwrap().code(), Some(130));

    let mut talk = server.client(&["chat"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    // Both are kept open to the end: waiting for a child closes its input, which ends a conversation too.
    let mut input = talk.stdin.take().unwrap();
    let mut output = BufReader::new(talk.stdout.take().unwrap());
    input.write_all(b"Hello.\n").unwrap();
    let mut said = String::new();
    output.read_line(&mut said).unwrap();
    common::signal(&talk, "INT");
    assert_eq!((said.as_str(), talk.wait().unwrap().code()), ("Hello.\n", Some(130)));
}
