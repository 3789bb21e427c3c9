//! Every scenario of `tests/conformance/http`, and the table of `docs/reliability.md` they make.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::difference;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use turnwire::chat::{OnConflict, Resume};
use turnwire::stream::RelayItem;
use turnwire::{Client, Error, EventKind, ListChats, NewChat, RelayCursor, RequestOptions, TurnAccumulator};
use turnwire_testkit::{Call, Scenario, Testkit, scenarios};

const CHAT: &str = "chat_testkit";
const KEY: &str = "sk_testkit_secret";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What a call came to.
#[derive(Default)]
struct Outcome {
    status: Option<String>,
    text: Option<String>,
    seqs: Vec<u64>,
    ended: bool,
    deltas: String,
    error: Option<Error>,
    relayed: usize,
    notices: Vec<String>,
    bytes: Option<usize>,
    answer: serde_json::Value,
}

impl Outcome {
    /// Takes down what an operation that answers once gave.
    fn answered<T: serde::Serialize>(&mut self, answer: turnwire::Result<T>) -> Option<Error> {
        let answer = answer.map(|answer| self.answer = serde_json::to_value(answer).unwrap());
        answer.err()
    }

    fn fail(mut self, error: Error) -> Self {
        if let Some(turn) = error.turn() {
            self.status = Some(turn.status.to_string());
            self.text = Some(turn.text());
        }
        self.error = Some(error);
        self
    }
}

fn client(kit: &Testkit, call: &Call, folder: &Path) -> Client {
    let url = match (call.proxy, kit.tls_url()) {
        (true, _) => kit.proxied_url(),
        (false, Some(url)) => url,
        (false, None) => kit.url().to_owned(),
    };
    let mut builder = Client::builder().base_url(url).api_key(KEY).backoff_scale(0.0);
    if call.proxy {
        builder = builder.proxy(if call.socks { kit.url().replace("http:", "socks5h:") } else { kit.url().to_owned() });
    }
    if call.ca_bundle {
        let file = folder.join("ca.pem");
        std::fs::write(&file, kit.ca().unwrap()).unwrap();
        builder = builder.ca_bundle(file);
    }
    if let Some(bytes) = call.max_event_bytes {
        builder = builder.max_event_bytes(bytes);
    }
    builder.build().unwrap()
}

async fn respond(client: &Client, call: &Call, options: RequestOptions) -> Outcome {
    let mut outcome = Outcome::default();
    let resume = match call.resume.as_deref() {
        Some("relay") => Resume::Relay,
        Some("off") => Resume::Off,
        _ => Resume::Auto,
    };
    let on_conflict = match call.on_conflict.as_deref() {
        Some("wait") => OnConflict::Wait,
        Some("cancel") => OnConflict::Cancel,
        _ => OnConflict::Error,
    };
    let turn = client.chat().respond(CHAT, call.prompt.as_str()).options(options);
    let mut stream = match turn.resume(resume).on_conflict(on_conflict).await {
        Ok(stream) => stream,
        Err(error) => return outcome.fail(error),
    };
    let mut fold = TurnAccumulator::new();
    loop {
        match stream.try_next().await {
            Ok(Some(event)) => {
                if event.seq > 0 {
                    outcome.seqs.push(event.seq);
                }
                outcome.deltas.push_str(event.text_delta().unwrap_or_default());
                outcome.ended |= matches!(event.kind, EventKind::TurnCompleted(_));
                fold.push(&event);
            }
            Ok(None) => break,
            Err(error) => {
                // PROTOCOL ERR-4.
                assert_eq!(error.turn(), Some(fold.turn()), "the error holds the turn so far");
                assert_eq!(error.cursor(), stream.cursor().as_ref(), "and where it can be taken up");
                assert!(stream.try_next().await.unwrap().is_none(), "an error ends the stream");
                return outcome.fail(error);
            }
        }
    }
    assert_eq!(stream.snapshot(), fold.turn(), "the snapshot is the fold of what was told");
    outcome.status = Some(stream.snapshot().status.to_string());
    outcome.text = Some(stream.snapshot().text());
    match stream.result().await {
        Ok(_) => outcome,
        Err(error) => outcome.fail(error),
    }
}

async fn run(kit: &Testkit, scenario: &Scenario) -> Outcome {
    let call = &scenario.call;
    let folder = tempfile::tempdir().unwrap();
    let client = client(kit, call, folder.path());
    if call.acquainted {
        client.chat().retrieve(CHAT).await.unwrap();
    }
    if let Some(prompt) = &call.while_running {
        kit.start_turn(prompt);
    }
    let options: RequestOptions = serde_json::from_value(serde_json::Value::Object(call.options.clone())).unwrap();
    let mut outcome = Outcome::default();
    let chats = client.chat();
    let failed = match call.operation.as_str() {
        "respond" => return respond(&client, call, options).await,
        "sendMessage" => match chats.send_message(CHAT, call.prompt.as_str()).options(options).await {
            Ok(turn) => {
                outcome.status = Some(turn.status.to_string());
                outcome.text = Some(turn.text());
                None
            }
            Err(error) => Some(error),
        },
        "create" => outcome.answered(chats.create(NewChat::new()).options(options).await),
        "retrieve" => outcome.answered(chats.retrieve(CHAT).options(options).await),
        "delete" => outcome.answered(chats.delete(CHAT).options(options).await),
        "cancel" => outcome.answered(chats.cancel(CHAT).options(options).await),
        "list" => outcome.answered(chats.list(ListChats::new()).options(options).await),
        "files" => outcome.answered(chats.files().list(CHAT).options(options).await),
        "download" => match chats.files().download(CHAT, "a/file.txt").options(options).await {
            Ok(file) => {
                outcome.bytes = Some(file.content.len());
                None
            }
            Err(error) => Some(error),
        },
        "relay" | "relayLive" => {
            let live = call.operation == "relayLive";
            let cursor = if live { RelayCursor::Live } else { RelayCursor::START };
            let mut relay = chats.stream(CHAT, cursor).options(options).await.unwrap();
            if live {
                chats.send_message(CHAT, call.prompt.as_str()).await.unwrap();
            }
            let mut last = 0;
            while last < 15 {
                match relay.try_next().await.unwrap().unwrap() {
                    RelayItem::Event(event) => {
                        outcome.relayed += 1;
                        assert_eq!(event.id, Some(last + 1), "no event twice, none missing");
                        last = event.id.unwrap();
                    }
                    RelayItem::Gap { oldest } => outcome.notices.push(format!("gap {oldest}")),
                    RelayItem::Reset { head } => outcome.notices.push(format!("reset {head}")),
                    other => panic!("{other:?}"),
                }
            }
            assert_eq!(relay.last_event_id(), Some(15));
            None
        }
        other => panic!("no operation {other}"),
    };
    match failed {
        Some(error) => outcome.fail(error),
        None => outcome,
    }
}

/// Every way an error can be printed.
fn printed(error: &Error) -> String {
    format!("{error} {error:?} {error:#?} {:?} {:?}", error.causes(), error.body())
}

async fn check(name: &str, scenario: &Scenario) -> Vec<String> {
    let kit = Testkit::start(scenario.clone()).await.unwrap();
    let mut wrong = Vec::new();
    let Ok(outcome) = tokio::time::timeout(Duration::from_secs(30), run(&kit, scenario)).await else {
        return vec![format!("{name}: hangs")];
    };
    let expect = &scenario.expect;
    macro_rules! same {
        ($what:literal, $expected:expr, $found:expr) => {
            if let Some(expected) = &$expected {
                let found = $found;
                if found.as_ref() != Some(expected) {
                    wrong.push(format!("{name}: {} should be {expected:?}, is {found:?}", $what));
                }
            }
        };
    }
    let error = outcome.error.as_ref();
    same!("the status", expect.status, outcome.status.clone());
    same!("the text", expect.text, outcome.text.clone());
    same!("the code", expect.code, error.map(|error| error.code().to_owned()));
    same!("the HTTP status", expect.http_status, error.and_then(Error::status));
    same!("the bytes", expect.bytes, outcome.bytes);
    same!("the relayed events", expect.relayed, Some(outcome.relayed));
    same!("the notices", expect.notices, Some(outcome.notices.clone()));
    if let Some(difference) =
        expect.answer.as_ref().and_then(|answer| difference(answer, &outcome.answer, "the answer"))
    {
        wrong.push(format!("{name}: {difference}"));
    }
    if let Some(part) =
        expect.message.as_ref().filter(|part| !error.is_some_and(|error| error.message().contains(*part)))
    {
        wrong.push(format!("{name}: the message should hold {part:?}: {:?}", error.map(Error::message)));
    }
    let class = error.map(|error| error.kind().class().to_owned());
    if class != expect.error {
        wrong.push(format!("{name}: the error should be {:?}, is {:?}", expect.error, error.map(printed)));
    }
    if error.is_some_and(|error| printed(error).contains(KEY)) {
        wrong.push(format!("{name}: the key is printed"));
    }
    if expect.every_event_once {
        let all: Vec<u64> = (1..=outcome.seqs.len() as u64).collect();
        if outcome.seqs != all || !outcome.ended {
            wrong.push(format!("{name}: events lost, doubled or out of order: {:?}", outcome.seqs));
        }
    }
    if outcome.ended && outcome.text.as_ref().is_some_and(|text| *text != outcome.deltas) {
        wrong.push(format!("{name}: the deltas give {:?}, the turn {:?}", outcome.deltas, outcome.text));
    }
    if expect.closed {
        let all_closed = kit.until(|counts| counts.open_connections == 0);
        if tokio::time::timeout(Duration::from_secs(10), all_closed).await.is_err() {
            wrong.push(format!("{name}: a connection stays open"));
        }
    }
    let counts = kit.counts();
    same!("the turns", expect.turns, Some(counts.turns));
    same!("requests elsewhere", expect.elsewhere, Some(counts.elsewhere));
    same!("requests through the proxy", expect.proxied, Some(counts.proxied));
    for (operation, expected) in &expect.requests {
        let found = counts.requests.get(operation).copied().unwrap_or(0);
        if found != *expected {
            wrong.push(format!("{name}: {operation} should be sent {expected} times, is {found}"));
        }
    }
    if counts.secrets_elsewhere {
        wrong.push(format!("{name}: another origin was told a secret"));
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_scenario_comes_to_what_it_must() {
    let all = scenarios(&root().join("tests/conformance/http")).unwrap();
    assert!(all.len() >= 70, "only {} scenarios were found", all.len());
    let mut running = tokio::task::JoinSet::new();
    // Few at once: some clocks of the scenarios are short.
    let room = std::sync::Arc::new(tokio::sync::Semaphore::new(6));
    for (name, scenario) in all {
        let room = room.clone();
        running.spawn(async move {
            let _place = room.acquire().await.unwrap();
            check(&name, &scenario).await
        });
    }
    let wrong: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What ours does, from what the tests demand of it.
fn ours(scenario: &Scenario) -> String {
    let expect = &scenario.expect;
    let mut does = match (&expect.error, &expect.status) {
        (Some(error), _) => match &expect.text {
            Some(_) => format!("`{error}` with the turn so far"),
            None => format!("`{error}`"),
        },
        (None, Some(status)) if expect.every_event_once => format!("`{status}`, every event once"),
        (None, Some(status)) => format!("`{status}`"),
        (None, None) => "goes on".to_owned(),
    };
    if let Some(turns) = expect.turns.filter(|turns| *turns != 1) {
        let _ = write!(does, ", {turns} turns");
    } else if expect.turns == Some(1) {
        does.push_str(", one turn");
    }
    does
}

#[test]
fn the_table_of_the_docs_is_the_one_the_tests_make() {
    let mut table = String::from(
        "| What goes wrong | Official Python | Official TypeScript | Turnwire |\n| --- | --- | --- | --- |\n",
    );
    for (_, scenario) in scenarios(&root().join("tests/conformance/http")).unwrap() {
        let (python, typescript) =
            scenario.official.as_ref().map_or(("", ""), |they| (they.python.as_str(), they.typescript.as_str()));
        let _ = writeln!(table, "| {} | {python} | {typescript} | {} |", scenario.says, ours(&scenario));
    }
    let file = root().join("docs/reliability.md");
    let page = std::fs::read_to_string(&file).unwrap();
    let (begin, end) = ("<!-- table: begin -->\n", "<!-- table: end -->");
    let from = page.find(begin).expect("the table's beginning is marked") + begin.len();
    let to = page.find(end).expect("the table's end is marked");
    if std::env::var_os("TURNWIRE_WRITE_DOCS").is_some() {
        std::fs::write(&file, format!("{}{table}{}", &page[..from], &page[to..])).unwrap();
        return;
    }
    assert_eq!(&page[from..to], table, "run this test with TURNWIRE_WRITE_DOCS=1 to write the table anew");
}
