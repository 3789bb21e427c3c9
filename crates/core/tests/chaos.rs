//! Many turns at once through a service whose faults are drawn by lot: no event lost or doubled, no turn doubled, no hang.
//!
//! `TURNWIRE_CHAOS_TURNS` and `TURNWIRE_CHAOS_SEED` make it longer, and another one: `cargo xtask chaos`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use turnwire::{Client, RequestOptions};
use turnwire_testkit::Testkit;

const AT_ONCE: usize = 200;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// 50 to 500 words, so about as many events.
fn prompt(seed: u64, number: u64) -> String {
    let words = 50 + (seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) % 450;
    let mut prompt = format!("turn {number}:");
    for word in 0..words {
        let _ = write!(prompt, " wörd{word}");
    }
    prompt
}

async fn turn(kit: &Testkit, client: &Client, prompt: &str) -> Result<u64, String> {
    let mut stream = client.chat().respond("chat_testkit", prompt).await.map_err(|error| format!("{error:?}"))?;
    let (mut last, mut text) = (0, String::new());
    while let Some(event) = stream.try_next().await.map_err(|error| format!("after {last}: {error:?}"))? {
        if event.seq != last + 1 {
            return Err(format!("event {} after {last}", event.seq));
        }
        last = event.seq;
        text.push_str(event.text_delta().unwrap_or_default());
    }
    let turn = stream.result().await.map_err(|error| format!("{error:?}"))?;
    if text != prompt || turn.text() != prompt {
        return Err("the text is not whole".to_owned());
    }
    kit.forget_turn(turn.id.as_str());
    Ok(stream.resumes())
}

/// PROTOCOL RESUME-2, FOLD-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_survive_whatever_happens_to_their_connections() {
    let turns = setting("TURNWIRE_CHAOS_TURNS", 100);
    let seed = setting("TURNWIRE_CHAOS_SEED", 42);
    let kit = Arc::new(Testkit::with_chaos(seed).await.unwrap());
    let options: RequestOptions =
        serde_json::from_str(r#"{"maxRetries":30,"timeout":{"idleMs":1000,"answerMs":20000}}"#).unwrap();
    let client = Client::builder().base_url(kit.url()).api_key("sk_test").backoff_scale(0.002).options(options);
    let client = client.build().unwrap();
    client.chat().retrieve("chat_testkit").await.unwrap();
    let room = Arc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let mut running = tokio::task::JoinSet::new();
    for number in 0..turns {
        let place = room.clone().acquire_owned().await.unwrap();
        let (kit, client) = (kit.clone(), client.clone());
        running.spawn(async move {
            let _place = place;
            let prompt = prompt(seed, number);
            match tokio::time::timeout(Duration::from_secs(120), turn(&kit, &client, &prompt)).await {
                Ok(Ok(resumes)) => Ok(resumes),
                Ok(Err(wrong)) => Err(format!("turn {number}: {wrong}")),
                Err(_) => Err(format!("turn {number}: hangs")),
            }
        });
    }
    let (mut resumes, mut wrong) = (0, Vec::new());
    for result in running.join_all().await {
        match result {
            Ok(count) => resumes += count,
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{} of {turns} turns (seed {seed}):\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(kit.counts().turns as u64, turns, "no turn is doubled");
    assert!(resumes >= turns, "the connections hardly ever broke: {resumes} resumes");
    let memory = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = memory.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("VmHWM: not known here");
    println!("{turns} turns, {resumes} resumes, {peak}");
}
