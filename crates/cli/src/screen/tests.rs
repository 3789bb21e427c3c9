//! What a person sees, on a terminal that keeps what is written to it.
#![allow(clippy::unwrap_used)]

use super::Screen;
use crate::output::Output;
use serde_json::{Value, json};
use std::io::Result;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::AsyncWrite;
use turnwire::{Event, TurnAccumulator};

#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Terminal {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl Terminal {
    fn output(&self) -> Output {
        Output::terminal(Box::new(self.clone()), Box::new(self.clone()))
    }

    /// What stands on the screen: lines that were taken back are gone, colours are left out.
    fn seen(&self) -> String {
        let mut text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        for code in ["\x1b[2m", "\x1b[0m", "\x1b[?7l", "\x1b[?7h"] {
            text = text.replace(code, "");
        }
        let lines = text.split('\n').map(|line| line.rsplit("\r\x1b[K").next().unwrap());
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn event(mut event: Value) -> Event {
    event["chatId"] = json!("chat_1");
    event["turnId"] = json!("turn_1");
    Event::parse(&event.to_string(), None).unwrap()
}

fn delta(kind: &str, text: &str) -> Event {
    let id = format!("prt_{kind}");
    event(
        json!({ "type": "message.part.updated", "messageId": "msg_1", "partId": id, "partType": kind, "delta": text }),
    )
}

fn part(kind: &str, state: &str, fields: &Value) -> Event {
    let id = format!("prt_{kind}");
    let mut part = json!({ "id": id, "type": kind, "state": state });
    part.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    event(json!({ "type": "message.part.updated", "messageId": "msg_1", "partId": id, "partType": kind, "part": part }))
}

fn bash(state: &str) -> Event {
    let input = json!({ "command": "ls", "description": "List the\u{1b}[2J files" });
    let times = ["2026-01-01T00:00:00.000Z", "2026-01-01T00:00:01.250Z"];
    part(
        "tool",
        state,
        &json!({ "callId": "c", "tool": "bash", "input": input, "startedAt": times[0], "completedAt": times[1] }),
    )
}

#[tokio::test]
async fn a_turn_reads_as_a_conversation() {
    let terminal = Terminal::default();
    let mut output = terminal.output();
    let mut screen = Screen::new(&mut output);
    screen.tick().await;
    assert!(terminal.seen().ends_with(" thinking"), "{:?}", terminal.seen());
    for event in [delta("reasoning", "Let me see."), part("reasoning", "done", &json!({ "text": "Let me see." }))] {
        screen.event(&event).await.unwrap();
    }
    screen.event(&delta("text", "I look. ")).await.unwrap();
    screen.event(&bash("running")).await.unwrap();
    screen.tick().await;
    assert!(terminal.seen().ends_with("\n⠹ bash  List the files"), "{:?}", terminal.seen());
    screen.event(&part("text", "done", &json!({ "text": "I look. " }))).await.unwrap();
    screen.event(&bash("done")).await.unwrap();
    screen.event(&delta("text", "Two \u{1b}[31mfiles.")).await.unwrap();
    assert!(!screen.spins(), "a spinner would write into the text");
    let completed = event(json!({ "type": "turn.completed", "status": "failed", "error": { "message": "No more." } }));
    let mut turn = TurnAccumulator::new();
    turn.push(&completed);
    screen.end(turn.turn()).await.unwrap();
    assert_eq!(
        terminal.seen(),
        "Let me see.\nI look. \n✓ bash  List the files  1.2 s\nTwo files.\n✗ failed: No more.\n"
    );
}

#[tokio::test]
async fn a_question_stands_on_lines_of_its_own_until_it_is_answered() {
    let terminal = Terminal::default();
    let mut output = terminal.output();
    let mut screen = Screen::new(&mut output);
    screen.event(&delta("text", "I must ask. ")).await.unwrap();
    screen.ask("? Which?\n").await.unwrap();
    screen.event(&part("text", "done", &json!({ "text": "I must ask. " }))).await.unwrap();
    screen.tick().await;
    assert_eq!(terminal.seen(), "I must ask. \n? Which?\n> ", "nothing moves while somebody types");
    screen.note("answered elsewhere").await.unwrap();
    assert_eq!(terminal.seen(), "I must ask. \n? Which?\n> \nanswered elsewhere\n");
}
