//! What a call came to, beside what it must come to.

use super::line::{Failure, Line};
use crate::{Call, Expect, Testkit};
use serde_json::Value;
use std::time::Duration;
use turnwire::error::CODES;
use turnwire::event::Ids;
use turnwire::{Error, Event, TurnAccumulator};

/// The first difference between what is expected and what is there; `null` expects absence.
pub fn difference(expected: &Value, found: &Value, at: &str) -> Option<String> {
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected.iter().find_map(|(name, expected)| {
            difference(expected, found.get(name).unwrap_or(&Value::Null), &format!("{at}.{name}"))
        }),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut both = expected.iter().zip(found).enumerate();
            both.find_map(|(index, (expected, found))| difference(expected, found, &format!("{at}[{index}]")))
        }
        (Value::Number(expected), Value::Number(found)) if expected.as_f64() == found.as_f64() => None,
        _ => (expected != found).then(|| format!("{at} should be {expected}, is {found}")),
    }
}

/// The answer of a client, read.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) events: Vec<Value>,
    relayed: Vec<u64>,
    notices: Vec<String>,
    pub(crate) result: Value,
    error: Option<Failure>,
}

impl Outcome {
    pub(crate) fn of(lines: Vec<Line>) -> Self {
        let mut outcome = Self::default();
        for line in lines {
            match line {
                Line::Event(event) => outcome.events.push(event),
                Line::RelayEvent(number) => outcome.relayed.push(number),
                Line::Notice(notice) => outcome.notices.push(notice),
                Line::Result(result) => outcome.result = result,
                Line::Error(failure) => outcome.error = Some(failure),
            }
        }
        outcome
    }

    /// What failed where nothing may.
    pub(crate) fn unexpected(&self) -> Option<String> {
        self.error.as_ref().map(|error| format!("it fails with {}: {}", error.code, error.message))
    }

    /// The turn that the call gave, whole or not.
    fn turn(&self) -> &Value {
        match &self.error {
            Some(error) => error.turn.as_ref().unwrap_or(&Value::Null),
            None => &self.result,
        }
    }
}

/// The class of an error: the client's own word, or what the code and the status make it.
fn class(failure: &Failure) -> String {
    if let Some(class) = &failure.class {
        return class.clone();
    }
    if let Some(status) = failure.status.filter(|status| *status >= 300) {
        return Error::from_status(status, Some(failure.code.clone()), "").kind().class().to_owned();
    }
    let own = CODES.iter().find(|row| row.status == 0 && row.code == failure.code);
    let ended = || failure.turn.as_ref().is_some_and(|turn| turn["ended"] == true);
    match own {
        Some(row) => row.kind.class().to_owned(),
        // The turn's own error ends no stream but the turn.
        None if ended() => "TurnFailedError".to_owned(),
        None => format!("an error with the unknown code {:?}", failure.code),
    }
}

/// The difference, if something is expected.
fn same<T: PartialEq + std::fmt::Debug>(what: &str, expected: Option<&T>, found: Option<&T>) -> Option<String> {
    let differs = expected.is_some() && expected != found;
    differs.then(|| format!("{what} should be {expected:?}, is {found:?}"))
}

/// What is wrong with the outcome of a call.
pub(crate) async fn judge(expect: &Expect, outcome: &Outcome, call: &Call, kit: &Testkit) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut demand = |holds: bool, what: &dyn Fn() -> String| {
        if !holds {
            wrong.push(what());
        }
    };
    let (turn, error) = (outcome.turn(), outcome.error.as_ref());
    let text = |name: &str| turn[name].as_str().map(str::to_owned);
    let bytes = outcome.result["bytes"].as_u64().and_then(|bytes| usize::try_from(bytes).ok());
    let found_class = error.map(class);
    if found_class != expect.error {
        let why = error.map(|error| format!("{} ({})", error.message, error.code));
        demand(false, &|| format!("the error should be {:?}, is {found_class:?}: {why:?}", expect.error));
    }
    let (ended, status) = (turn["ended"] == true, text("status"));
    let relayed = Some(outcome.relayed.len());
    let code = error.map(|error| error.code.clone());
    for difference in [
        same("the status", expect.status.as_ref(), status.as_ref()),
        same("the text", expect.text.as_ref(), text("text").as_ref()),
        same("the code", expect.code.as_ref(), code.as_ref()),
        same("the HTTP status", expect.http_status.as_ref(), error.and_then(|error| error.status.as_ref())),
        same("the bytes", expect.bytes.as_ref(), bytes.as_ref()),
        same("the relayed events", expect.relayed.as_ref(), relayed.as_ref()),
        same("the notices", expect.notices.as_ref(), Some(&outcome.notices)),
        expect.answer.as_ref().and_then(|answer| difference(answer, &outcome.result, "the answer")),
    ] {
        demand(difference.is_none(), &|| difference.clone().unwrap_or_default());
    }
    if let Some(part) = &expect.message {
        let message = error.map(|error| error.message.as_str());
        demand(message.is_some_and(|message| message.contains(part)), &|| {
            format!("the message should hold {part:?}, is {message:?}")
        });
    }
    let numbered: Vec<u64> = (1..=outcome.relayed.len() as u64).collect();
    demand(outcome.relayed == numbered, &|| format!("the relay's numbers are {:?}", outcome.relayed));
    if !outcome.events.is_empty() {
        let (fold, deltas) = folded(&outcome.events);
        let seqs: Vec<u64> = outcome.events.iter().filter_map(|event| event["seq"].as_u64()).collect();
        let all: Vec<u64> = (call.after + 1..=call.after + seqs.len() as u64).collect();
        let complete = outcome.events.last().is_some_and(|event| event["type"] == "turn.completed");
        if expect.every_event_once {
            demand(seqs == all && complete, &|| format!("events lost, doubled or out of order: {seqs:?}"));
        }
        // Who leaves has perhaps been delivered less than what had arrived; who resumes was delivered the rest.
        if call.after == 0 && call.leave_after.is_none() {
            // PROTOCOL FOLD-1: whatever else the turn holds.
            let difference = difference(&fold, turn, "the turn");
            demand(difference.is_none(), &|| {
                format!("the turn is not the fold of its events: {}", difference.clone().unwrap_or_default())
            });
            let text = text("text");
            demand(!ended || text.as_ref() == Some(&deltas), &|| {
                format!("the deltas give {deltas:?}, the turn {text:?}")
            });
        }
    }
    if expect.closed {
        let all_closed = kit.until(|counts| counts.open_connections == 0);
        let closed = tokio::time::timeout(Duration::from_secs(10), all_closed).await.is_ok();
        demand(closed, &|| "a connection stays open".to_owned());
    }
    let counts = kit.counts();
    for difference in [
        same("the number of turns", expect.turns.as_ref(), Some(&counts.turns)),
        same("the number of requests elsewhere", expect.elsewhere.as_ref(), Some(&counts.elsewhere)),
        same("the number of requests through the proxy", expect.proxied.as_ref(), Some(&counts.proxied)),
    ] {
        demand(difference.is_none(), &|| difference.clone().unwrap_or_default());
    }
    for (operation, expected) in &expect.requests {
        let found = counts.requests.get(operation).copied().unwrap_or(0);
        demand(found == *expected, &|| format!("{operation} should be requested {expected} times, is {found} times"));
    }
    demand(!counts.secrets_elsewhere, &|| "another origin received a secret".to_owned());
    wrong
}

/// The turn that events make, and the text of their deltas.
fn folded(events: &[Value]) -> (Value, String) {
    let (mut ids, mut fold, mut deltas) = (Ids::default(), TurnAccumulator::new(), String::new());
    for event in events {
        if let Ok(event) = Event::parse_among(&mut ids, &event.to_string(), None) {
            deltas.push_str(event.text_delta().unwrap_or_default());
            fold.push(&event);
        }
    }
    (serde_json::to_value(fold.turn()).unwrap_or_default(), deltas)
}
