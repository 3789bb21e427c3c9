//! A process and folders of its own for each chat.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Service, config};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio_util::sync::CancellationToken;
use turnwire_practice::model;
use turnwire_server::{Config, RuntimeConfig};

fn isolated(data: &Path, opencode: PathBuf, opencode_config: Value, most: usize) -> Config {
    let mut config = config(data);
    config.runtime =
        RuntimeConfig::Local { opencode: Some(opencode), opencode_config: Some(opencode_config), isolate: Some(most) };
    config
}

/// The process noted for a chat, if it runs.
fn process(data: &Path, chat: &str) -> Option<u64> {
    let note = std::fs::read(data.join("opencode/chats").join(chat).join("process.json")).ok()?;
    let pid = serde_json::from_slice::<Value>(&note).unwrap()["pid"].as_u64()?;
    // Its end was waited for, so no zombie of it is left.
    Command::new("kill").args(["-0", &pid.to_string()]).output().unwrap().status.success().then_some(pid)
}

async fn status(service: &Service, chat: &str) -> String {
    service.call("GET", &format!("/{chat}"), None).await.json()["status"].as_str().unwrap().to_owned()
}

/// A stand-in for `OpenCode`: answers whatever lets a chat be made; a prompt comes to nothing at once.
async fn stand_in(folder: &Path) -> PathBuf {
    use axum::response::IntoResponse as _;
    use futures_util::StreamExt as _;
    async fn answer(request: axum::extract::Request) -> axum::response::Response {
        let last = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        match (request.method().as_str(), last.as_str()) {
            (_, "health") => axum::Json(json!({ "version": "1.18.0" })).into_response(),
            (_, "event") => {
                let first = "data: {\"type\":\"server.connected\",\"properties\":{}}\n\n";
                let first = futures_util::stream::iter([Ok::<_, std::io::Error>(first)]);
                let body = axum::body::Body::from_stream(first.chain(futures_util::stream::pending()));
                ([("content-type", "text/event-stream")], body).into_response()
            }
            ("POST", "session") => axum::Json(json!({ "id": "ses_1" })).into_response(),
            (_, "prompt_async") => http::StatusCode::BAD_REQUEST.into_response(),
            (_, "status") => axum::Json(json!({})).into_response(),
            _ => axum::Json(json!([])).into_response(),
        }
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let script = format!("#!/bin/sh\necho listening on http://{}\nexec sleep 600\n", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, axum::Router::new().fallback(answer)).await });
    let program = folder.join("opencode");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

#[tokio::test]
async fn the_chat_that_was_not_used_for_longest_makes_room() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let program = stand_in(folder.path()).await;
    let service = Service::with(isolated(&data, program, json!({}), 2)).await;
    let (first, second) = (service.chat().await, service.chat().await);
    let (one, two) = (process(&data, &first).unwrap(), process(&data, &second).unwrap());
    assert_ne!(one, two, "each has a process of its own");

    service.turn(&first, "Hello").await;
    let third = service.chat().await;
    assert_eq!(process(&data, &first), Some(one), "it was used since");
    assert_eq!((process(&data, &second), status(&service, &second).await), (None, "idle".to_owned()));
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
    assert!(process(&data, &third).is_none(), "process {left} went with the server");
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
    let service = Service::with(isolated(data, program.into(), opencode, 2)).await;
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
    assert_eq!(process(data, &second), None, "it was not used since");
    // Its session is in its own folders, and there again.
    assert_eq!(service.turn(&second, "And on").await["status"], "completed");
    service.stop().await;
    stop.cancel();
}
