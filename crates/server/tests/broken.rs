//! An `OpenCode` that does not do what it should: a stand-in speaks for it, as the real one cannot be made to fail at will.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use common::stand_in::{on, program, with};
use common::{LONG, Service, send};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};

/// What the stand-in was asked, `METHOD /path`, and what it holds back.
struct StandIn {
    asked: mpsc::UnboundedSender<String>,
    /// The prompt's answer breaks off; else it is taken, and nothing comes of it.
    breaks: bool,
    /// A session with the title `Held` is made, and any is forgotten, once there is a permit.
    held: Arc<Semaphore>,
}

async fn answer(State(stand_in): State<Arc<StandIn>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let _ = stand_in.asked.send(format!("{} {path}", request.method()));
    let last = path.rsplit('/').next().unwrap_or_default();
    let answer = match (request.method().as_str(), last) {
        (_, "health") => json!({ "version": "1.18.0" }),
        (_, "event") => {
            use futures_util::StreamExt as _;
            let first = "data: {\"type\":\"server.connected\",\"properties\":{}}\n\n";
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>(first)]);
            let body = Body::from_stream(first.chain(futures_util::stream::pending()));
            return ([("content-type", "text/event-stream")], body).into_response();
        }
        ("POST", "session") => {
            let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
            let body: Value = serde_json::from_slice(&body).unwrap();
            if body["title"] == "Held" {
                stand_in.held.acquire().await.unwrap().forget();
            }
            json!({ "id": "ses_1" })
        }
        (_, "prompt_async") if stand_in.breaks => {
            let broken = futures_util::stream::iter([Err::<&str, _>(std::io::Error::other("gone"))]);
            return Body::from_stream(broken).into_response();
        }
        (_, "prompt_async") => return http::StatusCode::NO_CONTENT.into_response(),
        ("DELETE", _) => {
            stand_in.held.acquire().await.unwrap().forget();
            json!(true)
        }
        (_, "status") => json!({}),
        (_, "abort") => json!(true),
        _ => json!([]),
    };
    axum::Json(answer).into_response()
}

async fn stand_in(folder: &Path, breaks: bool) -> (Service, mpsc::UnboundedReceiver<String>, Arc<Semaphore>) {
    let (asked, heard) = mpsc::unbounded_channel();
    let held = Arc::new(Semaphore::new(0));
    let state = Arc::new(StandIn { asked, breaks, held: held.clone() });
    let router = axum::Router::new().fallback(answer).with_state(state);
    (Service::with(on(router, folder).await).await, heard, held)
}

/// Waits until this was asked.
async fn asked(heard: &mut mpsc::UnboundedReceiver<String>, what: &str) {
    let found = async { while heard.recv().await.expect("the stand-in is gone") != what {} };
    tokio::time::timeout(LONG, found).await.unwrap_or_else(|_| panic!("nobody asked {what}"));
}

#[tokio::test]
async fn a_prompt_of_which_nobody_knows_whether_it_was_taken_is_stopped() {
    // Its answer breaks off; nothing ever comes of it.
    for breaks in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let (service, mut heard, _) = stand_in(folder.path(), breaks).await;
        let chat = service.chat().await;
        let turn = service.turn(&chat, "Hello").await;
        assert_eq!(turn["status"], "failed", "{turn}");
        asked(&mut heard, "POST /session/ses_1/abort").await;
        service.stop().await;
    }
}

#[tokio::test]
async fn a_chat_that_takes_long_to_make_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (service, mut heard, held) = stand_in(folder.path(), true).await;
    let create = |key: &'static str, title: &'static str| {
        let request = service.request("POST", "").header("idempotency-key", key);
        send(request.body(json!({ "title": title }).to_string()))
    };
    let (first, again) = (tokio::spawn(create("one", "Held")), tokio::spawn(create("one", "Held")));
    asked(&mut heard, "POST /session").await;
    assert_eq!(create("two", "Free").await.status, 200, "under another key");
    held.add_permits(1);
    let (first, again) = (first.await.unwrap(), again.await.unwrap());
    assert_eq!((first.status, again.status), (200, 200));
    assert_eq!(first.json()["id"], again.json()["id"], "the same key makes one chat");
    service.stop().await;
}

#[tokio::test]
async fn a_chat_that_is_being_ended_is_not_woken() {
    let folder = tempfile::tempdir().unwrap();
    let (service, mut heard, held) = stand_in(folder.path(), true).await;
    let chat = service.chat().await;
    service.turn(&chat, "Hello").await;
    let ending = tokio::spawn(send(service.request("DELETE", &format!("/{chat}"))));
    asked(&mut heard, "DELETE /session/ses_1").await;
    // Whoever reads wakes a chat that sleeps; this one is on its way out.
    let mut reader = service.relay(&chat, 0).await;
    assert_eq!(reader.next().await.unwrap().id, "1");
    held.add_permits(1);
    assert_eq!(ending.await.unwrap().status, 200);
    reader.rest().await;
    service.stop().await;
    while let Ok(asked) = heard.try_recv() {
        assert_ne!(asked, "GET /session/ses_1", "it was opened again");
    }
}

#[tokio::test]
async fn a_wake_that_is_given_up_leaves_a_chat_that_sleeps() {
    let folder = tempfile::tempdir().unwrap();
    let (service, _heard, _held) = stand_in(folder.path(), true).await;
    let chat = service.chat().await;
    service.stop().await;

    // From here on it never says where it listens.
    let mut config = with(program(folder.path(), "exec sleep 600"), folder.path());
    config.limits.drain = Duration::from_secs(1);
    let service = Service::with(config).await;
    let state = async || service.call("GET", &format!("/{chat}"), None).await.json()["runtimeState"].clone();
    assert_eq!(state().await, "stopped");
    let mut turn = service.respond(&chat, "Hello").await;
    let waking = async {
        while state().await != "starting" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, waking).await.expect("nobody wakes it");
    assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200);
    assert_eq!(turn.rest().await.pop().unwrap().json()["status"], "cancelled");
    assert_eq!(state().await, "stopped");
    service.stop().await;
}

#[tokio::test]
async fn a_shutdown_does_not_wait_for_a_start() {
    let folder = tempfile::tempdir().unwrap();
    // It never says where it listens; what it started must not outlive it.
    let script = "sleep 600 &\necho $! > child\nmv child started\nwait";
    let program = program(folder.path(), script);
    let mut config = with(program, folder.path());
    config.limits.drain = Duration::from_secs(1);
    let service = Service::with(config).await;
    let started = folder.path().join("data/opencode/started");
    while !started.exists() {
        tokio::task::yield_now().await;
    }
    let waiting = tokio::spawn(send(service.request("POST", "")));
    // `stop` gives up before a start would.
    let stop = tokio::time::timeout(Duration::from_secs(30), service.stop());
    stop.await.expect("the shutdown waits for the start");
    waiting.abort();
    let child = std::fs::read_to_string(started).unwrap();
    let gone = || !std::process::Command::new("kill").args(["-0", child.trim()]).output().unwrap().status.success();
    let over = async {
        while !gone() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, over).await.expect("what it started outlives it");
}
