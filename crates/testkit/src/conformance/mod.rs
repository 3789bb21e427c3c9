//! Judges any client by the cases of `tests/conformance`, and any server; `docs/conformance.md` explains it to their authors.

mod about;
pub mod adapter;
mod case;
mod judge;
mod line;
mod report;
mod server;
mod subject;

pub use about::About;
pub use case::{Case, FEATURES, cases};
pub use judge::difference;
pub use line::{Cursor, Failure, Hello, Line, Request};
pub use report::{Report, Verdict};
pub use server::{Check, SERVER_FEATURES, checks, run_server};
pub use subject::Client;

use crate::{Scenario, Testkit};
use case::Test;
use judge::{Outcome, judge};
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use subject::{Program, Subject};
use tokio::sync::Mutex;

const CHAT: &str = "chat_testkit";
const KEY: &str = "sk_testkit_secret";
/// The id of the first turn of a service.
const FIRST_TURN: &str = "turn_0000a";
/// The relay of the cases that read it ends with this number.
const LAST_OF_RELAY: u64 = 15;
/// How long a program may take to start, and to end.
const START: Duration = Duration::from_secs(60);

/// How clients are judged.
#[derive(Clone, Debug)]
pub struct Options {
    /// How many cases run at once, each in a process of its own. Few: some clocks of the cases are short.
    pub jobs: usize,
    /// How long a case may take.
    pub time: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { jobs: 4, time: Duration::from_secs(60) }
    }
}

/// Judges a client by these cases.
///
/// # Errors
/// The client does not start, or does not say its features.
pub async fn run(client: &Client, cases: Vec<Case>, options: &Options) -> Result<Report, String> {
    let queue = Arc::new(Mutex::new(cases.into_iter()));
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..options.jobs.max(1) {
        workers.spawn(worker(client.clone(), queue.clone(), options.time));
    }
    let mut report = Report::default();
    for verdicts in workers.join_all().await {
        report.add(verdicts?);
    }
    Ok(report)
}

/// Takes one case after another. A client that left the kit's protocol is started anew for the next.
async fn worker(
    client: Client,
    queue: Arc<Mutex<std::vec::IntoIter<Case>>>,
    time: Duration,
) -> Result<Vec<(About, Verdict)>, String> {
    let mut verdicts = Vec::new();
    let mut subject = None;
    loop {
        let Some(case) = queue.lock().await.next() else { break };
        let current = match subject.take() {
            Some(current) => current,
            None => start(&client).await?,
        };
        let current = subject.insert(current);
        let missing = missing(current, &case.about);
        let verdict = if missing.is_empty() {
            match judged(current, &case, time).await {
                Ok(wrong) if wrong.is_empty() => Verdict::Passed,
                Ok(wrong) => Verdict::Failed(wrong),
                Err(left) => {
                    subject = None;
                    Verdict::Failed(vec![left])
                }
            }
        } else {
            Verdict::Skipped(missing)
        };
        verdicts.push((case.about, verdict));
    }
    if let Some(Subject::Program(program)) = subject {
        program.end(START).await?;
    }
    Ok(verdicts)
}

async fn start(client: &Client) -> Result<Subject, String> {
    let Client::Command(command) = client else { return Ok(Subject::Ours) };
    let program = Program::start(command, START).await?;
    let known: BTreeSet<&str> = FEATURES.iter().map(|(name, _)| *name).collect();
    match program.hello.features.iter().find(|name| !known.contains(name.as_str())) {
        Some(unknown) => Err(format!("there is no feature {unknown:?}")),
        None => Ok(Subject::Program(Box::new(program))),
    }
}

/// The features that a case needs and the client does not have.
fn missing(subject: &Subject, about: &About) -> Vec<&'static str> {
    let Subject::Program(program) = subject else { return Vec::new() };
    about.missing(&program.hello.features)
}

/// What is wrong; an `Err`: the client left the kit's protocol.
async fn judged(subject: &mut Subject, case: &Case, time: Duration) -> Result<Vec<String>, String> {
    let request = Request { case: case.about.name.clone(), ..Request::default() };
    let single = |difference: Option<String>| Ok(difference.into_iter().collect());
    match &case.test {
        Test::Call(scenario) => called(subject, scenario, request, time).await,
        Test::Fold(events, turn) => {
            let request = Request { operation: "fold".to_owned(), events: events.clone(), ..request };
            let outcome = Outcome::of(subject.ask(&request, time).await?);
            single(outcome.unexpected().or_else(|| difference(turn, &outcome.result, "the turn")))
        }
        Test::Parse(bytes, expected) => {
            for chunks in [vec![bytes.clone()], bytes.iter().map(|byte| vec![*byte]).collect()] {
                let request = Request { operation: "parse".to_owned(), chunks, ..request.clone() };
                let outcome = Outcome::of(subject.ask(&request, time).await?);
                let wrong = outcome.unexpected().or_else(|| read_wrong(expected, &outcome.result));
                if wrong.is_some() {
                    return single(wrong);
                }
            }
            Ok(vec![])
        }
        Test::Normalize(files, expected) => {
            let request = Request { operation: "normalize".to_owned(), files: files.clone(), ..request };
            let outcome = Outcome::of(subject.ask(&request, time).await?);
            let text = std::fs::read_to_string(expected).map_err(|error| error.to_string())?;
            let expected: Result<Vec<Value>, _> = text.lines().map(serde_json::from_str).collect();
            let expected = expected.map_err(|error| error.to_string())?;
            let count = || {
                let differs = expected.len() != outcome.events.len();
                differs.then(|| format!("there should be {} events, are {}", expected.len(), outcome.events.len()))
            };
            let mut both = expected.iter().zip(&outcome.events).enumerate();
            let differs = both.find_map(|(at, (expected, found))| {
                (expected != found).then(|| format!("event {} should be {expected}, is {found}", at + 1))
            });
            single(outcome.unexpected().or(differs).or_else(count))
        }
    }
}

/// What is wrong with what was read from an event stream. The events must be there; the counts only where a client has them.
fn read_wrong(expected: &Value, found: &Value) -> Option<String> {
    ["events", "retryMs", "comments"].iter().find_map(|name| {
        let (expected, found) = (expected.get(name)?, &found[name]);
        let optional = *name != "events" && found.is_null();
        if optional { None } else { difference(expected, found, name) }
    })
}

async fn called(
    subject: &mut Subject,
    scenario: &Scenario,
    request: Request,
    time: Duration,
) -> Result<Vec<String>, String> {
    let kit = Testkit::start(scenario.clone()).await.map_err(|error| error.to_string())?;
    let call = &scenario.call;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    if let Some(prompt) = &call.while_running {
        kit.start_turn(prompt);
    }
    let base_url = match (call.proxy, kit.tls_url()) {
        (true, _) => kit.proxied_url(),
        (false, Some(url)) => url,
        (false, None) => kit.url().to_owned(),
    };
    let proxy = if call.socks { kit.url().replace("http:", "socks5h:") } else { kit.url().to_owned() };
    let cursor = Cursor { chat_id: CHAT.to_owned(), turn_id: FIRST_TURN.to_owned(), seq: call.after };
    let request = Request {
        operation: call.operation.clone(),
        base_url,
        api_key: KEY.to_owned(),
        chat_id: CHAT.to_owned(),
        prompt: call.prompt.clone(),
        backoff_scale: Some(0.0),
        acquainted: call.acquainted,
        resume: call.resume.clone(),
        on_conflict: call.on_conflict.clone(),
        ca_bundle: call.ca_bundle.then(|| authority(&kit, folder.path())).transpose()?,
        proxy: call.proxy.then_some(proxy),
        max_event_bytes: call.max_event_bytes,
        options: call.options.clone(),
        answer: call.answer,
        cancel_after: call.cancel_after,
        leave_after: call.leave_after,
        cursor: (call.operation == "resume").then_some(cursor),
        until: call.operation.starts_with("relay").then_some(LAST_OF_RELAY),
        ..request
    };
    let outcome = Outcome::of(subject.ask(&request, time).await?);
    let mut expect = scenario.expect.clone();
    // What a client says of its own is compared only with clients that use these words.
    let wording = match subject {
        Subject::Ours => true,
        Subject::Program(program) => program.hello.features.iter().any(|name| name == "wording"),
    };
    if !wording && !scenario.rules.iter().any(|rule| rule.starts_with("ERR-")) {
        expect.message = None;
    }
    Ok(judge(&expect, &outcome, call, &kit).await)
}

/// The file of the CA of a service.
fn authority(kit: &Testkit, folder: &Path) -> Result<std::path::PathBuf, String> {
    let file = folder.join("ca.pem");
    std::fs::write(&file, kit.ca().unwrap_or_default()).map_err(|error| error.to_string())?;
    Ok(file)
}
