//! A process and folders of its own for each chat.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router};
use common::{Service, config};
use futures_util::{StreamExt as _, stream};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use tokio_util::sync::CancellationToken;
use turnwire_practice::model;
use turnwire_server::keys::{self, Scope};
use turnwire_server::{Config, RuntimeConfig};

/// The same server with a process for each chat, so many at once.
fn isolated(mut config: Config, most: usize) -> Config {
    if let RuntimeConfig::Local { isolate, .. } = &mut config.runtime {
        *isolate = Some(most);
    }
    config
}

/// The process noted for a chat.
fn process(data: &Path, chat: &str) -> Option<u64> {
    let note = std::fs::read(data.join("opencode/chats").join(chat).join("process.json")).ok()?;
    serde_json::from_slice::<Value>(&note).unwrap()["pid"].as_u64().filter(|pid| runs(*pid))
}

/// Its end is waited for by the server, so no zombie of it is left.
fn runs(pid: u64) -> bool {
    Command::new("kill").args(["-0", &pid.to_string()]).output().unwrap().status.success()
}

async fn status(service: &Service, chat: &str) -> String {
    service.call("GET", &format!("/{chat}"), None).await.json()["status"].as_str().unwrap().to_owned()
}

/// A stand-in for `OpenCode` that answers whatever lets a chat be made; a prompt comes to nothing at once.
async fn answer(request: Request) -> Response {
    match (request.method().as_str(), request.uri().path().rsplit('/').next().unwrap_or_default()) {
        (_, "health") => Json(json!({ "version": "1.18.0" })).into_response(),
        (_, "event") => {
            let first = "data: {\"type\":\"server.connected\",\"properties\":{}}\n\n";
            let first = stream::iter([Ok::<_, std::io::Error>(first)]);
            ([("content-type", "text/event-stream")], Body::from_stream(first.chain(stream::pending()))).into_response()
        }
        ("POST", "session") => Json(json!({ "id": "ses_1" })).into_response(),
        (_, "prompt_async") => http::StatusCode::BAD_REQUEST.into_response(),
        (_, "status") => Json(json!({})).into_response(),
        _ => Json(json!([])).into_response(),
    }
}

#[tokio::test]
async fn the_chat_that_was_not_used_for_longest_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let stand_in = common::stand_in::on(Router::new().fallback(answer), folder.path()).await;
    let service = Service::with(isolated(stand_in, 2)).await;
    let (first, second) = (service.chat().await, service.chat().await);
    let (one, two) = (process(&data, &first).unwrap(), process(&data, &second).unwrap());
    assert_ne!(one, two, "each has a process of its own");

    service.turn(&first, "Hello").await;
    let third = service.chat().await;
    assert_eq!(process(&data, &first), Some(one), "it was used since");
    assert_eq!((runs(two), status(&service, &second).await), (false, "idle".to_owned()));
    assert!(process(&data, &third).is_some());

    // Used again, it wakes with another process, and the next one makes room.
    service.turn(&second, "Hello").await;
    assert!(process(&data, &second).is_some_and(|again| again != two));
    assert_eq!(status(&service, &first).await, "idle");

    let deleted = service.call("DELETE", &format!("/{second}"), None).await;
    assert_eq!(deleted.status, 200);
    assert!(!data.join("opencode/chats").join(&second).exists(), "what it kept went with it");
    let deleted = service.call("DELETE", &format!("/{first}"), None).await;
    assert_eq!(deleted.status, 200);
    assert!(!data.join("opencode/chats").join(&first).exists(), "of a chat that sleeps too");

    let left = process(&data, &third).unwrap();
    service.stop().await;
    assert!(!runs(left), "it goes with the server");
}

async fn chat_of(service: &Service, key: &str) -> String {
    let made = service.http.post(format!("{}{}", service.url, common::PREFIX)).bearer_auth(key);
    let made = common::send(made).await;
    assert_eq!(made.status, 200, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn chats_of_several_owners_do_not_share_a_process() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let config = common::stand_in::on(Router::new().fallback(answer), folder.path()).await;
    let service = Service::with(config.clone()).await;
    let old = service.chat().await;
    assert_eq!(process(&data, &old), None, "one owner, one process");
    // A second owner while the server runs.
    let (_, anna) = keys::create(&data, "laptop", "anna", &[Scope::Chat]).unwrap();
    let hers = chat_of(&service, anna.expose()).await;
    assert!(process(&data, &hers).is_some());
    service.stop().await;

    // And when it starts.
    let service = Service::with(config.clone()).await;
    let new = service.chat().await;
    assert!(process(&data, &new).is_some());
    service.turn(&old, "Hello").await;
    assert_eq!(process(&data, &old), None, "a chat goes on where it was made");
    assert_eq!(service.call("DELETE", &format!("/{old}"), None).await.status, 200);
    service.stop().await;

    // The operator may say otherwise.
    let mut shared = config;
    shared.agent.isolate_owners = None;
    let service = Service::with(shared).await;
    let next = chat_of(&service, anna.expose()).await;
    assert_eq!(process(&data, &next), None);
    service.turn(&new, "Hello").await;
    assert!(process(&data, &new).is_some(), "a chat goes on where it was made");
    service.stop().await;
}

/// Needs `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_process_for_each_chat_dies_alone_and_makes_room() {
    let Some(program) = std::env::var_os("TURNWIRE_OPENCODE").filter(|path| !path.is_empty()) else {
        common::skipped("set TURNWIRE_OPENCODE to an opencode program to run this test");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let opencode = model::opencode_config(&format!("http://{}", listener.local_addr().unwrap()));
    let stop = CancellationToken::new();
    tokio::spawn(model::serve(listener, stop.clone()));
    let data = folder.path();
    let mut config = config(data);
    config.runtime =
        RuntimeConfig::Local { opencode: Some(program.into()), opencode_config: Some(opencode), isolate: Some(2) };
    let service = Service::with(config).await;
    let (first, second) = (service.chat().await, service.chat().await);
    let (one, two) = (process(data, &first).unwrap(), process(data, &second).unwrap());
    assert_eq!(service.turn(&first, "Hello").await["status"], "completed");

    let mut running = service.respond(&first, "/slow 1000").await;
    running.until(|frame| frame.data.contains("\"delta\"")).await;
    assert!(Command::new("kill").args(["-9", &one.to_string()]).status().unwrap().success());
    let end = running.rest().await.last().unwrap().json();
    assert_eq!((end["type"].as_str(), end["status"].as_str()), (Some("turn.completed"), Some("interrupted")));
    assert_eq!(process(data, &second), Some(two), "it takes only its own chat along");
    assert_eq!(service.turn(&first, "Again").await["status"], "completed");
    assert!(process(data, &first).is_some_and(|again| again != one));

    let third = service.chat().await;
    assert_eq!(service.turn(&third, "Hello").await["status"], "completed");
    assert!(!runs(two), "it was not used since");
    // Its session is in its own folders, and there again.
    assert_eq!(service.turn(&second, "And on").await["status"], "completed");
    service.stop().await;
    stop.cancel();
}
