//! `kill -9`, at every stage of a turn: of the server, of `OpenCode`, of a client. What was told stays told, under its number; the turn ran
//! once, and has ended; the chat goes on.
#![allow(clippy::unwrap_used, clippy::expect_used)]
#![cfg(unix)]

mod common;

use common::{opencode, opencode_pid, signal, turnwire};
use std::collections::HashSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use turnwire::Client;
use turnwire::chat::{NewChat, Resume};
use turnwire::stream::{RelayCursor, RelayEvent, RelayItem, RelayStream};

const KEY: &str = "key-of-a-test";
/// Longer than anything here takes; a test that needs it has failed.
const LONG: Duration = Duration::from_secs(90);

/// Who is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    /// `turnwire serve`, which is started again on its folder.
    Server,
    /// The `OpenCode` of a server that lives on.
    OpenCode,
    /// `turnwire send`, which nobody starts again.
    Send,
    /// A program that asked under an idempotency key, and asks again.
    Keyed,
}

/// Who is killed, what was said in the chat, and how many of its events a reader had seen by then: one cell for each of these.
///
/// 1 the session is there · 2 the prompt is accepted · 4 the runtime has it · 7 it begins · 8 the answer is there · 13 its first step · 15 its
/// first word · then, by prompt, its words, its tool (20-28) and the second step (31 on), its question (20), its error (13) · at last
/// it is idle, and what comes after that.
const MATRIX: &[(Victim, &str, &[usize])] = &[
    (Victim::Server, "/long 300", &[1, 2, 3, 5, 8, 12, 16, 25, 60, 200, 316, 319]),
    (Victim::Server, "/tool", &[2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 31, 36, 46]),
    (Victim::Server, "/ask", &[4, 10, 14, 16, 20]),
    (Victim::Server, "/think", &[3, 14, 20, 28, 34, 41]),
    (Victim::Server, "/fail", &[2, 7, 12, 13]),
    (Victim::OpenCode, "/long 300", &[3, 8, 13, 16, 60, 200]),
    (Victim::OpenCode, "/tool", &[4, 14, 20, 25, 34]),
    (Victim::OpenCode, "/ask", &[7, 14, 20]),
    (Victim::OpenCode, "/think", &[14, 22]),
    (Victim::Send, "/long 300", &[2, 4, 8, 15, 60, 200]),
    (Victim::Send, "/tool", &[3, 14, 21, 28, 36]),
    (Victim::Send, "/ask", &[5, 15, 20]),
    (Victim::Send, "/fail", &[4, 12]),
    (Victim::Keyed, "/long 300", &[2, 13, 100]),
    (Victim::Keyed, "/tool", &[8, 24]),
    (Victim::Keyed, "/ask", &[2, 20]),
];

struct Killable {
    child: Child,
    url: String,
    client: Client,
}

impl Drop for Killable {
    /// In order, so that its `OpenCode` goes with it.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            signal(&self.child, "TERM");
        }
        let _ = self.child.wait();
    }
}

impl Killable {
    fn start(home: &Path, runtime: &[&str]) -> Self {
        let mut command = turnwire(home);
        command.args(["serve", "--listen", "127.0.0.1:0", "--api-key", KEY]).args(runtime);
        command.arg("--data").arg(home.join("data")).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ").expect("the server said something else").to_owned();
        let client = Client::builder().base_url(&url).api_key(KEY).build().unwrap();
        Self { child, url, client }
    }

    fn practice(home: &Path) -> Self {
        Self::start(home, &["--runtime", "practice"])
    }

    /// `SIGKILL`: nothing of it runs any more when this returns.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    async fn chat(&self) -> String {
        self.client.chat().create(NewChat::new()).await.unwrap().id.to_string()
    }

    /// Says something under a key, and reads what comes until it breaks; what matters is what the log says.
    fn say(&self, chat: &str, prompt: &str) -> tokio::task::JoinHandle<()> {
        let (client, chat, prompt) = (self.client.clone(), chat.to_owned(), prompt.to_owned());
        tokio::spawn(async move {
            let said = client.chat().respond(&chat, prompt.as_str()).idempotency_key("once").resume(Resume::Off);
            if let Ok(mut stream) = said.await {
                while let Ok(Some(_)) = stream.try_next().await {}
            }
        })
    }
}

async fn next(relay: &mut RelayStream) -> RelayEvent {
    match tokio::time::timeout(LONG, relay.try_next()).await.expect("the relay is silent").unwrap() {
        Some(RelayItem::Event(event)) => event,
        other => panic!("neither gap nor reset, and no end: {other:?}"),
    }
}

/// Events from the first on, until `enough` of them are there.
async fn read(client: &Client, chat: &str, enough: impl Fn(&[RelayEvent]) -> bool) -> Vec<RelayEvent> {
    let mut relay = client.chat().stream(chat, RelayCursor::START).await.unwrap();
    let mut events: Vec<RelayEvent> = Vec::new();
    while !enough(&events) {
        events.push(next(&mut relay).await);
    }
    events
}

/// Numbered from 1 without a hole, and nothing twice.
fn whole(events: &[RelayEvent], cell: &str) {
    for (event, number) in events.iter().zip(1..) {
        assert_eq!(event.id, Some(number), "{cell}: numbered from 1 without a hole");
    }
    let ids: HashSet<_> = events.iter().map(|event| event.raw.to_value()["id"].to_string()).collect();
    assert_eq!(ids.len(), events.len(), "{cell}: no event twice");
}

fn accepted(events: &[RelayEvent]) -> usize {
    events.iter().filter(|event| event.event_type == "turnwire.turn.accepted").count()
}

/// Whether that many turns were accepted and the last of them has ended. Its status ends it; `session.idle` after that may have been lost,
/// and then nothing is to be closed.
fn ended(events: &[RelayEvent], turns: usize) -> bool {
    let last = events.iter().rposition(|event| event.event_type == "turnwire.turn.accepted");
    let over = |event: &RelayEvent| {
        event.event_type == "turnwire.turn.closed" || event.raw.to_value()["properties"]["status"]["type"] == "idle"
    };
    accepted(events) == turns && events[last.map_or(0, |at| at + 1)..].last().is_some_and(over)
}

/// What must hold after every kill: what was told is there as it was told, of one turn, and another one can follow.
async fn holds(server: &Killable, chat: &str, seen: &[RelayEvent], statuses: &[&str], cell: &str) {
    let log = read(&server.client, chat, |log| ended(log, 1)).await;
    whole(&log, cell);
    // What comes after its end may have been seen too.
    let both = seen.len().min(log.len());
    assert_eq!(log[..both], seen[..both], "{cell}: what was told is there, as it was told");

    let turn = log.iter().find(|event| event.event_type == "turnwire.turn.accepted").unwrap().raw.to_value();
    let turn = turn["properties"]["messageId"].as_str().unwrap().replacen("msg_", "turn_", 1);
    let turn = server.client.chat().turns().retrieve(chat, &turn).await.unwrap();
    assert!(turn.ended && statuses.contains(&turn.status.as_str()), "{cell}: {}", turn.status);
    let next = server.client.chat().send_message(chat, "Still there?").await.unwrap();
    assert_eq!((next.status.as_str(), next.text().as_str()), ("completed", "Still there?"), "{cell}: the chat goes on");
    let all = read(&server.client, chat, |log| ended(log, 2)).await;
    whole(&all, cell);
    assert_eq!(all[..log.len()], log[..], "{cell}: nothing was renumbered");
}

/// All cells of a victim, one after the other.
fn cells(victim: Victim) -> impl Iterator<Item = (&'static str, usize, String)> {
    let rows = MATRIX.iter().filter(move |(killed, ..)| *killed == victim);
    rows.flat_map(move |(_, prompt, stages)| {
        stages.iter().map(move |stage| (*prompt, *stage, format!("{victim:?} killed at {stage} of {prompt}")))
    })
}

#[test]
fn the_matrix_has_no_less_than_sixty_cells_and_each_victim_its_own() {
    assert!(MATRIX.iter().map(|(.., stages)| stages.len()).sum::<usize>() >= 60);
    for victim in [Victim::Server, Victim::OpenCode, Victim::Send, Victim::Keyed] {
        assert!(cells(victim).count() >= 6, "{victim:?}");
    }
}

/// PROTOCOL RELAY-2, SEND-8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_that_was_told_and_runs_no_turn_twice() {
    for (prompt, stage, cell) in cells(Victim::Server) {
        let folder = tempfile::tempdir().unwrap();
        let server = Killable::practice(folder.path());
        let chat = server.chat().await;
        let saying = server.say(&chat, prompt);
        let seen = read(&server.client, &chat, |log| log.len() == stage).await;
        server.kill();
        saying.abort();

        let server = Killable::practice(folder.path());
        let mut statuses = vec!["interrupted", "completed", "failed"];
        if accepted(&seen) == 0 {
            // It may have been accepted and not yet told, or not at all: asking again under the same key settles it.
            statuses.push("completed");
            let again = server.client.chat().respond(&chat, prompt).idempotency_key("once").await;
            let mut stream = again.unwrap();
            while stream.try_next().await.unwrap().is_some() {}
        } else {
            let mut same = server.client.chat().respond(&chat, prompt).idempotency_key("once").await.unwrap();
            while same.try_next().await.unwrap().is_some() {}
            assert!(same.snapshot().ended, "{cell}: the same key finds the same turn, ended");
        }
        holds(&server, &chat, &seen, &statuses, &cell).await;
    }
}

/// Needs `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_opencode_interrupts_its_turn_and_another_takes_its_place() {
    let Some(program) = opencode() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Killable::start(folder.path(), &["--practice-model", "--opencode", &program]);
    for (prompt, stage, cell) in cells(Victim::OpenCode) {
        let chat = server.chat().await;
        let saying = server.say(&chat, prompt);
        let seen = read(&server.client, &chat, |log| log.len() == stage).await;
        let pid = opencode_pid(&folder.path().join("data")).expect("an OpenCode is noted");
        assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success(), "{cell}");
        // The server lives: whoever reads the turn is told of its end.
        tokio::time::timeout(LONG, saying).await.expect("the turn's stream does not end").unwrap();
        holds(&server, &chat, &seen, &["interrupted", "completed"], &cell).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_goes_on_without_the_client_that_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let server = Killable::practice(folder.path());
    for (prompt, stage, cell) in cells(Victim::Send) {
        let chat = server.chat().await;
        let mut command = turnwire(folder.path());
        command.args(["send", &chat, prompt]).env("TURNWIRE_BASE_URL", &server.url).env("TURNWIRE_API_KEY", KEY);
        // Its input stays open: it waits for an answer as a person would give it.
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut send = command.spawn().unwrap();
        let seen = read(&server.client, &chat, |log| log.len() == stage).await;
        send.kill().unwrap();
        send.wait().unwrap();
        answer(&server, &chat, prompt).await;
        let status = if prompt == "/fail" { "failed" } else { "completed" };
        holds(&server, &chat, &seen, &[status], &cell).await;
    }
}

/// Whoever comes next finds the question, and answers it.
async fn answer(server: &Killable, chat: &str, prompt: &str) {
    if prompt != "/ask" {
        return;
    }
    let mut turn = server.client.chat().attach(chat).await.unwrap().expect("it runs");
    while let Some(event) = turn.try_next().await.unwrap() {
        if let Some(question) = event.question() {
            turn.answer(question, [["yes"]]).await.unwrap();
        }
    }
}

/// Asks under a key and prints what it is told, as it comes.
const ASK: &str = r#"
import http.client, json, sys
address, key, chat, text = sys.argv[1:]
service = http.client.HTTPConnection(address)
body = json.dumps({"parts": [{"type": "text", "text": text}]})
headers = {"Authorization": "Bearer " + key, "Idempotency-Key": "once"}
service.request("POST", "/agent/v2/chat/" + chat + "/respond", body, headers)
for line in service.getresponse():
    sys.stdout.write(line.decode())
    sys.stdout.flush()
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_was_killed_finds_its_turn_again_by_its_key() {
    let folder = tempfile::tempdir().unwrap();
    let server = Killable::practice(folder.path());
    for (prompt, stage, cell) in cells(Victim::Keyed) {
        let chat = server.chat().await;
        let ask = || {
            let mut command = Command::new("python3");
            command.args(["-c", ASK, server.url.trim_start_matches("http://"), KEY, &chat, prompt]);
            command.stdin(Stdio::null());
            command
        };
        let mut first = ask().stdout(Stdio::null()).spawn().unwrap();
        let seen = read(&server.client, &chat, |log| log.len() == stage).await;
        first.kill().unwrap();
        first.wait().unwrap();
        let again = ask().stdout(Stdio::piped()).spawn().unwrap();
        answer(&server, &chat, prompt).await;
        let told = tokio::task::spawn_blocking(move || again.wait_with_output().unwrap()).await.unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let seqs: Vec<usize> = told.lines().filter_map(|line| line.strip_prefix("id: ")?.parse().ok()).collect();
        assert_eq!(seqs, (1..=seqs.len()).collect::<Vec<_>>(), "{cell}: from its first event on");
        let types: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
        assert_eq!((types[0], *types.last().unwrap()), ("turn.started", "turn.completed"), "{cell}");
        holds(&server, &chat, &seen, &["completed"], &cell).await;
    }
}
