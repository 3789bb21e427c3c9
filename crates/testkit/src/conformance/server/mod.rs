//! Judges any server by the rules of `spec/PROTOCOL.md` that can be seen from outside.

mod chats;
mod relay;
mod turns;
mod wire;

use super::Options;
use super::about::About;
use super::report::{Report, Verdict};
use futures_util::future::BoxFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use wire::{Done, Server};

/// A check that judges a server.
#[derive(Clone, Debug)]
pub struct Check {
    /// What it is about.
    pub about: About,
    run: fn(Server) -> BoxFuture<'static, Done>,
}

/// What a server may have besides the routes.
pub const SERVER_FEATURES: &[(&str, &str)] = &[
    ("agent", "an agent answers any prompt and comes to an end"),
    (
        "practice",
        "the agent understands the prompts /slow N, /ask, /fail, /tool, /think and /picture as the practice runtime does",
    ),
    ("files", "chats have a workspace with files"),
];

/// A text that was not used before.
fn unique() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
    format!("{now}-{}", COUNT.fetch_add(1, Ordering::Relaxed))
}

macro_rules! checks {
    ($($name:literal: $says:literal [$($rule:literal)+] $(needs $need:literal)?, $check:path;)+) => {
        vec![$(Check {
            about: About {
                name: $name.to_owned(),
                says: $says.to_owned(),
                rules: vec![$($rule.to_owned()),+],
                needs: vec![$($need)?],
            },
            run: |server| Box::pin($check(server)),
        }),+]
    };
}

/// All checks.
pub fn checks() -> Vec<Check> {
    checks! {
        "keys": "Without a valid key nothing is answered" ["AUTH-1"], chats::keys;
        "errors": "An error has its code, its status and its sentence" ["ERR-1" "ERR-2" "AUTH-2"], chats::errors;
        "create": "A chat is created, read and renamed" ["HTTP-1" "VAL-1" "VAL-2" "CHAT-1"], chats::create;
        "lenient": "Bodies of any content type, empty ones, unknown fields" ["HTTP-3" "VER-6"], chats::lenient;
        "create-once": "An idempotency key creates one chat" ["SEND-8" "SEND-9"], chats::create_once;
        "origins": "Pages of any origin may call" ["HTTP-5"], chats::origins;
        "pages": "Chats are listed newest first, in pages" ["CHAT-5"], chats::pages;
        "refused-prompts": "A prompt that says nothing, or is none, starts nothing" ["SEND-1"], chats::refused_prompts;
        "files": "Files are written, read in ranges, listed and deleted" ["FILE-1" "FILE-2" "FILE-4" "FILE-5"] needs "files", chats::files;
        "ended": "An ended chat can be read" ["CHAT-3" "RELAY-8"] needs "agent", chats::ended;
        "events": "The events of a turn keep every invariant" ["STREAM-1" "STREAM-2" "STREAM-4" "STREAM-5" "STREAM-6" "STREAM-9" "STREAM-10" "FRAME-1" "FRAME-2" "EVENT-1" "SEND-3" "TURN-1"] needs "agent", turns::events;
        "replay": "A turn is replayed after any of its events, byte for byte" ["RESUME-1" "STREAM-7" "FOLD-1"] needs "agent", turns::replay;
        "once": "An idempotency key runs one turn" ["SEND-8" "SEND-9"] needs "agent", turns::once;
        "message": "message answers with the ended turn" ["SEND-5" "FOLD-1"] needs "agent", turns::message;
        "strings": "Events as strings" ["TEXT-1" "TEXT-2"] needs "agent", turns::strings;
        "relay": "The relay has every event under its number" ["RELAY-1" "RELAY-3" "RELAY-5" "RELAY-6"] needs "agent", relay::numbers;
        "relay-live": "A relay without a cursor begins with the next event" ["RELAY-3" "RELAY-6"] needs "agent", relay::live;
        "relay-turns": "The relay as the events of turns" ["RELAY-9"] needs "agent", relay::turns;
        "tokens": "A token reads one relay" ["TOKEN-1" "TOKEN-2" "TOKEN-3"] needs "agent", relay::tokens;
        "disconnect": "A turn goes on without its client" ["SEND-4" "RESUME-1"] needs "practice", turns::disconnect;
        "cancel": "A prompt conflicts with the turn that runs, which is cancelled by its id" ["SEND-2" "CANCEL-1" "CANCEL-2" "RESUME-7"] needs "practice", turns::cancel;
        "question": "A question is answered, once" ["ASK-1" "ASK-2" "ASK-4" "ASK-7"] needs "practice", turns::question;
        "rejected": "A refused question blocks the turn" ["ASK-7" "STATUS-1"] needs "practice", turns::rejected;
        "failed": "A turn that fails says why" ["STATUS-1" "STATUS-3" "SEND-5"] needs "practice", turns::failed;
        "tools": "Turns with tools, reasoning and files keep every invariant" ["STREAM-2" "STREAM-4" "STREAM-5" "STREAM-6" "EVENT-5"] needs "practice", turns::tools;
    }
}

/// Judges a server by these checks. `features` names those of [`SERVER_FEATURES`] that it has.
///
/// # Errors
/// There is no such feature.
pub async fn run_server(
    url: &str,
    key: &str,
    features: &[String],
    checks: Vec<Check>,
    options: &Options,
) -> Result<Report, String> {
    let known = |name: &str| SERVER_FEATURES.iter().any(|(known, _)| *known == name);
    if let Some(unknown) = features.iter().find(|name| !known(name)) {
        return Err(format!("there is no feature {unknown:?}"));
    }
    let server = Server::new(url, key)?;
    let mut verdicts = Vec::new();
    // One after another: the list of chats is one of the things that are looked at.
    for Check { about, run } in checks {
        let missing = about.missing(features);
        let verdict = if missing.is_empty() {
            match tokio::time::timeout(options.time, run(server.clone())).await {
                Ok(Ok(())) => Verdict::Passed,
                Ok(Err(wrong)) => Verdict::Failed(vec![wrong]),
                Err(_) => Verdict::Failed(vec![format!("it takes over {:?}", options.time)]),
            }
        } else {
            Verdict::Skipped(missing)
        };
        verdicts.push((about, verdict));
    }
    let mut report = Report::default();
    report.add(verdicts);
    Ok(report)
}
