//! The server is killed with `kill -9` at every stage of a turn, started again, and its log read from the first event on.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

mod common;

use common::turnwire;
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;
use turnwire::Client;
use turnwire::chat::NewChat;
use turnwire::stream::{Cursor, RelayEvent, RelayItem, RelayStream};

const KEY: &str = "key-of-a-test";
/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(60);

struct Killable {
    child: Child,
    client: Client,
}

impl Drop for Killable {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Killable {
    fn start(home: &Path) -> Self {
        let mut command = turnwire(home);
        command.args(["serve", "--runtime", "practice", "--listen", "127.0.0.1:0", "--api-key", KEY, "--data"]);
        command.arg(home.join("data")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server said something else");
        let client = Client::builder().base_url(url).api_key(KEY).build().unwrap();
        Self { child, client }
    }

    /// `SIGKILL`: nothing of it runs any more when this returns.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

async fn next(relay: &mut RelayStream) -> RelayEvent {
    match tokio::time::timeout(LONG, relay.try_next()).await.expect("the relay is silent").unwrap() {
        Some(RelayItem::Event(event)) => event,
        other => panic!("neither gap nor reset, and no end: {other:?}"),
    }
}

/// Events from the first on, until `last` is seen or `most` are.
async fn read(client: &Client, chat: &str, most: usize, last: impl Fn(&RelayEvent) -> bool) -> Vec<RelayEvent> {
    let mut relay = client.chat().stream(chat, Cursor::START).await.unwrap();
    let mut events: Vec<RelayEvent> = Vec::new();
    while events.len() < most && !events.last().is_some_and(&last) {
        events.push(next(&mut relay).await);
    }
    events
}

fn whole(events: &[RelayEvent]) {
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event.id, Some(number), "numbered from 1 without a hole");
    }
    let ids: HashSet<_> = events.iter().map(|event| event.raw.to_value()["id"].to_string()).collect();
    assert_eq!(ids.len(), events.len(), "no event twice");
}

/// Kills the server once a reader has seen `stage` events of a chat in which `prompt` is said.
async fn killed_at(prompt: &str, stage: usize) {
    let folder = tempfile::tempdir().unwrap();
    let server = Killable::start(folder.path());
    let chat = server.client.chat().create(NewChat::new()).await.unwrap().id.to_string();
    let prompting = {
        let (client, chat, prompt) = (server.client.clone(), chat.clone(), prompt.to_owned());
        // It breaks with the server; what matters is what the log says.
        tokio::spawn(async move {
            let stream = client
                .chat()
                .respond(&chat, prompt.as_str())
                .idempotency_key("once")
                .resume(turnwire::chat::Resume::Off);
            if let Ok(mut stream) = stream.await {
                while let Ok(Some(_)) = stream.try_next().await {}
            }
        })
    };
    let seen = read(&server.client, &chat, stage, |_| false).await;
    server.kill();
    prompting.abort();

    let server = Killable::start(folder.path());
    let accepted = seen.iter().any(|event| event.event_type == "turnwire.turn.accepted");
    if !accepted {
        // It may have been accepted and not yet told, or not at all: asking again under the same key settles it.
        let again = server.client.chat().respond(&chat, "Something else").idempotency_key("once").await;
        if let Ok(mut stream) = again {
            while stream.try_next().await.unwrap().is_some() {}
        }
    }
    // The status ends a turn; `session.idle` after it may have been lost with the server, and then nothing is to be closed.
    let idle = |event: &RelayEvent| event.raw.to_value()["properties"]["status"]["type"] == "idle";
    let closed = |event: &RelayEvent| event.event_type == "turnwire.turn.closed" || idle(event);
    let log = read(&server.client, &chat, usize::MAX, closed).await;
    whole(&log);
    assert_eq!(log[..seen.len()], seen[..], "{prompt} killed at {stage}: what was told is there, as it was told");
    let turns = |log: &[RelayEvent]| log.iter().filter(|event| event.event_type == "turnwire.turn.accepted").count();
    assert_eq!(turns(&log), 1, "{prompt} killed at {stage}: one turn");

    if accepted {
        let mut same = server.client.chat().respond(&chat, prompt).idempotency_key("once").await.unwrap();
        while same.try_next().await.unwrap().is_some() {}
        let turn = same.snapshot();
        assert!(turn.ended, "{prompt} killed at {stage}: the turn has ended");
        assert!(
            ["interrupted", "completed"].contains(&turn.status.as_str()),
            "{prompt} killed at {stage}: {}",
            turn.status
        );
    }
    let next = server.client.chat().send_message(&chat, "Still there?").await.unwrap();
    assert_eq!(next.status.as_str(), "completed", "{prompt} killed at {stage}: the chat goes on");
    let all = read(&server.client, &chat, usize::MAX, |event| idle(event) && event.id > log.last().unwrap().id).await;
    whole(&all);
    assert_eq!(turns(&all), 2, "{prompt} killed at {stage}: no turn is doubled");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_text_streams() {
    for stage in [1, 2, 3, 5, 8, 12, 16, 25, 60, 200] {
        killed_at("/long 300", stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_tool_works() {
    for stage in (2..30).step_by(2) {
        killed_at("/tool", stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_a_question_waits() {
    for stage in [4, 10, 14, 16] {
        killed_at("/ask", stage).await;
    }
}

/// Needs `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#[test]
fn an_opencode_that_a_killed_server_left_behind_is_ended() {
    let Some(program) = std::env::var_os("TURNWIRE_OPENCODE").filter(|path| !path.is_empty()) else {
        // Past the test harness, which keeps what a test that passes prints.
        let why = b"SKIPPED: set TURNWIRE_OPENCODE to an opencode program to run this test\n";
        std::io::stderr().write_all(why).unwrap();
        return;
    };
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
    let note = folder.path().join("data/opencode/process.json");
    let noted = || {
        let note = std::fs::read(&note).ok()?;
        serde_json::from_slice::<serde_json::Value>(&note).ok()?["pid"].as_u64()
    };
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
