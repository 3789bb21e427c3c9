//! The cases that judge a client: the files of `tests/conformance`, and what each demands of the client.

use super::about::About;
use crate::{Expect, Fault, Scenario, scenarios};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use turnwire::error::CODES;

/// What a client may be able to do besides its operations, and what that means.
pub const FEATURES: &[(&str, &str)] = &[
    ("create", "creates a chat"),
    ("retrieve", "reads a chat"),
    ("list", "lists chats, a page of them"),
    ("delete", "deletes a chat"),
    ("cancel", "cancels the running turn"),
    ("files", "lists files"),
    ("download", "downloads a file"),
    ("respond", "sends a prompt and streams its turn"),
    ("sendMessage", "sends a prompt and returns the ended turn"),
    ("answer", "replies to questions and permissions"),
    ("leave", "leaves a stream before its end"),
    ("attach", "streams the turn that runs"),
    ("resume", "continues a turn from a cursor, as another process would"),
    ("relay", "reads the relay from its oldest event"),
    ("relayLive", "reads the relay from now on"),
    ("fold", "folds events into a turn"),
    ("parse", "parses event streams"),
    ("normalize", "turns raw events into the events of turns (section 13 of the protocol)"),
    ("otherServices", "speaks to services without this protocol's header too"),
    ("resumeByRelay", "resumes through the relay at such a service"),
    ("resumeOff", "has resuming switched off by its caller"),
    ("onConflict", "waits for, or cancels, the turn that its prompt conflicts with"),
    ("gzip", "reads compressed answers"),
    ("caBundle", "takes the CA to trust from its caller"),
    ("proxy", "goes through an HTTP proxy that its caller names"),
    ("socks", "goes through a SOCKS proxy that its caller names"),
    ("headers", "takes headers of its caller's"),
    ("maxRetries", "takes the number of further attempts from its caller"),
    ("maxEventBytes", "takes the size of the largest event from its caller"),
    ("timeout.answer", "takes the answer clock from its caller"),
    ("timeout.idle", "takes the idle clock from its caller"),
    ("timeout.total", "takes the total clock from its caller"),
    ("headLimits", "bounds the head of an answer (PROTOCOL LIMIT-4)"),
    ("wording", "words the errors of its own as this project does"),
];

/// A case that judges a client.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is about.
    pub about: About,
    pub(crate) test: Test,
}

#[derive(Clone, Debug)]
pub(crate) enum Test {
    /// A service, its faults and a call.
    Call(Box<Scenario>),
    /// Events, each as JSON, and what must be found in their turn.
    Fold(Vec<String>, Value),
    /// The bytes of an event stream, and what must be read from them.
    Parse(Vec<u8>, Value),
    /// Recordings that make one log, and the file with its events.
    Normalize(Vec<PathBuf>, PathBuf),
}

/// All cases below a folder.
///
/// # Errors
/// A file that cannot be read, or is none.
pub fn cases(folder: &Path) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    for kind in ["http", "turns"] {
        let found = scenarios(&folder.join(kind))?;
        cases.extend(found.into_iter().map(|(name, scenario)| of_scenario(format!("{kind}/{name}"), scenario)));
    }
    cases.extend(CODES.iter().filter(|code| code.status > 0).map(|code| of_code(code.code, code.status)));
    cases.push(of_code("a_code_that_no_client_knows", 409));
    odd_events(&folder.join("odd-events.json"), &mut cases)?;
    event_streams(&folder.join("sse"), &mut cases)?;
    recordings(&folder.join("normalize"), &mut cases)?;
    Ok(cases)
}

fn of_scenario(name: String, scenario: Scenario) -> Case {
    Case {
        about: About { name, says: scenario.says.clone(), rules: scenario.rules.clone(), needs: needs(&scenario) },
        test: Test::Call(Box::new(scenario)),
    }
}

/// A feature by its name.
fn feature(name: &str) -> &'static str {
    let known = FEATURES.iter().find(|(known, _)| *known == name);
    known.map_or("an operation that the kit does not know", |(known, _)| known)
}

/// What a client needs for a scenario.
fn needs(scenario: &Scenario) -> Vec<&'static str> {
    let call = &scenario.call;
    let mut needs = vec![feature(&call.operation)];
    let timeout = call.options.get("timeout");
    let clock = |name: &str| timeout.is_some_and(|timeout| timeout.get(name).is_some());
    let compressed =
        |fault: &Fault| fault.gzip || fault.encoding.as_ref().is_some_and(|it| it.to_lowercase().contains("gzip"));
    let optional = [
        (!scenario.ours, "otherServices"),
        (call.resume.as_deref() == Some("relay"), "resumeByRelay"),
        (call.resume.as_deref() == Some("off"), "resumeOff"),
        (call.on_conflict.is_some(), "onConflict"),
        (scenario.faults.iter().any(compressed), "gzip"),
        (call.ca_bundle, "caBundle"),
        (call.proxy, "proxy"),
        (call.socks, "socks"),
        (call.options.contains_key("headers"), "headers"),
        (call.options.contains_key("maxRetries"), "maxRetries"),
        (call.max_event_bytes.is_some(), "maxEventBytes"),
        (clock("answerMs"), "timeout.answer"),
        (clock("idleMs"), "timeout.idle"),
        (clock("totalMs"), "timeout.total"),
        (scenario.expect.code.as_deref() == Some("headers_too_large"), "headLimits"),
        (call.answer, "answer"),
        (call.leave_after.is_some(), "leave"),
        (call.cancel_after.is_some(), "cancel"),
    ];
    needs.extend(optional.into_iter().filter(|(needed, _)| *needed).map(|(_, name)| feature(name)));
    needs
}

/// A service that answers with a code: the client keeps it, its status and its sentence.
fn of_code(code: &str, status: u16) -> Case {
    let message = format!("This is why: {code}.");
    let body = json!({"statusCode": status, "message": message, "error": {"type": "api_error", "code": code, "message": message}});
    let fault = Fault {
        on: "retrieve".to_owned(),
        nth: vec![0],
        status: Some(status),
        body: Some(body.to_string()),
        headers: [("x-should-retry".to_owned(), "false".to_owned())].into(),
        ..Fault::default()
    };
    let error = turnwire::Error::from_status(status, Some(code.to_owned()), &message).kind().class().to_owned();
    let expect = Expect {
        error: Some(error),
        code: Some(code.to_owned()),
        http_status: Some(status),
        message: Some(message),
        requests: [("retrieve".to_owned(), 1)].into(),
        ..Expect::default()
    };
    let says = format!("The service answers {status} `{code}`");
    let rules = ["ERR-1", "ERR-2", "RETRY-4"].map(str::to_owned).to_vec();
    let scenario = Scenario::plain("retrieve", vec![fault], expect);
    of_scenario(format!("errors/{code}"), Scenario { says, rules, ..scenario })
}

#[derive(Deserialize)]
struct OddEvents<'a> {
    says: String,
    #[serde(borrow)]
    events: Vec<&'a RawValue>,
    turn: Value,
}

fn odd_events(file: &Path, cases: &mut Vec<Case>) -> Result<(), String> {
    let text = read(file)?;
    let text = String::from_utf8_lossy(&text);
    let odd: Vec<OddEvents<'_>> = serde_json::from_str(&text).map_err(|error| shown(file, &error))?;
    cases.extend(odd.into_iter().enumerate().map(|(at, odd)| {
        // What no reader of JSON would keep stands in the file as a text.
        let text = |event: &&RawValue| serde_json::from_str(event.get()).unwrap_or_else(|_| event.get().to_owned());
        Case {
            about: About {
                name: format!("odd-events/{}", at + 1),
                says: odd.says,
                rules: ["VAL-1", "VAL-3", "VAL-4", "FOLD-1", "FOLD-3", "FOLD-6"].map(str::to_owned).to_vec(),
                needs: vec![feature("fold")],
            },
            test: Test::Fold(odd.events.iter().map(text).collect(), odd.turn),
        }
    }));
    Ok(())
}

fn event_streams(folder: &Path, cases: &mut Vec<Case>) -> Result<(), String> {
    for file in below(folder, ".sse")? {
        let expected = file.with_extension("json");
        let expected = serde_json::from_slice(&read(&expected)?).map_err(|error| shown(&expected, &error))?;
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        cases.push(Case {
            about: About {
                says: name.replace('-', " "),
                name: format!("sse/{name}"),
                rules: vec!["FRAME-4".to_owned()],
                needs: vec![feature("parse")],
            },
            test: Test::Parse(read(&file)?, expected),
        });
    }
    Ok(())
}

fn recordings(folder: &Path, cases: &mut Vec<Case>) -> Result<(), String> {
    const END: &str = ".events.jsonl";
    for version in below(folder, "")?.into_iter().filter(|path| path.is_dir()) {
        for events in below(&version, END)? {
            let name = events.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let name = name.trim_end_matches(END);
            // The stream before a restart of the runtime, and the one after it.
            let parts = match name.strip_suffix("+after") {
                Some(before) => vec![format!("{before}.sse"), format!("{before}.after.sse")],
                None => vec![format!("{name}.sse")],
            };
            let files = parts.iter().map(|part| version.join(part)).collect();
            let of = version.file_name().unwrap_or_default().to_string_lossy();
            cases.push(Case {
                about: About {
                    name: format!("normalize/{of}/{name}"),
                    says: format!("OpenCode {of}: {name}"),
                    rules: vec!["STREAM-7".to_owned()],
                    needs: vec![feature("normalize")],
                },
                test: Test::Normalize(files, events),
            });
        }
    }
    Ok(())
}

/// What is in a folder and ends so, in order.
fn below(folder: &Path, end: &str) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| shown(folder, &error))?;
    let paths: Result<BTreeSet<PathBuf>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let paths = paths.map_err(|error| shown(folder, &error))?;
    Ok(paths.into_iter().filter(|path| path.to_string_lossy().ends_with(end)).collect())
}

fn read(file: &Path) -> Result<Vec<u8>, String> {
    fs::read(file).map_err(|error| shown(file, &error))
}

fn shown(file: &Path, error: &dyn std::fmt::Display) -> String {
    format!("{}: {error}", file.display())
}
