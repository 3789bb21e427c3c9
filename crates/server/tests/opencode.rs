//! A real `OpenCode`, with the scripted model: turns, a killed process, a program that is not there.
//!
//! Needs the environment variable `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, Service, config, prompt};
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio_util::sync::{CancellationToken, DropGuard};
use turnwire::{Event, Turn, TurnAccumulator};
use turnwire_practice::model;
use turnwire_server::{Config, RuntimeConfig};

fn program() -> Option<PathBuf> {
    let program = std::env::var_os("TURNWIRE_OPENCODE").filter(|path| !path.is_empty());
    if program.is_none() {
        common::skipped("set TURNWIRE_OPENCODE to an opencode program to run this test");
    }
    program.map(PathBuf::from)
}

/// A scripted model, and a configuration that uses it.
async fn with_model(program: PathBuf, data: &std::path::Path) -> (Config, DropGuard) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let opencode_config = model::opencode_config(&format!("http://{}", listener.local_addr().unwrap()));
    let stop = CancellationToken::new();
    tokio::spawn(model::serve(listener, stop.clone()));
    let mut config = config(data);
    config.runtime =
        RuntimeConfig::Local { opencode: Some(program), opencode_config: Some(opencode_config), isolate: None };
    (config, stop.drop_guard())
}

/// What always holds, as far as one turn's events show it: PROTOCOL STREAM-1, STREAM-2, STREAM-5.
fn check(frames: &[Frame]) -> Turn {
    let events: Vec<Event> =
        frames.iter().map(|frame| Event::parse(&frame.data, frame.event.as_deref()).unwrap()).collect();
    let types: Vec<&str> = events.iter().map(Event::event_type).collect();
    let count = |wanted: &str| types.iter().filter(|found| **found == wanted).count();
    assert_eq!((types[0], count("turn.started")), ("turn.started", 1));
    assert_eq!((*types.last().unwrap(), count("turn.completed"), count("session.usage")), ("turn.completed", 1, 1));
    assert!(events.iter().zip(1..).all(|(event, seq)| event.seq == seq), "numbered without a hole");

    let mut created = std::collections::HashSet::new();
    let mut completed = std::collections::HashSet::new();
    let mut deltas = std::collections::HashMap::<String, String>::new();
    for frame in frames {
        let event = frame.json();
        let message = event["messageId"].as_str().unwrap_or_default().to_owned();
        match event["type"].as_str().unwrap() {
            "message.created" => assert!(created.insert(message), "created twice: {event}"),
            "message.completed" => assert!(completed.insert(message), "completed twice: {event}"),
            "message.part.updated" => {
                assert!(created.contains(&message), "a part before its message: {event}");
                assert!(!completed.contains(&message), "a part after its message: {event}");
                let part = event["partId"].as_str().unwrap().to_owned();
                if let Some(delta) = event["delta"].as_str() {
                    deltas.entry(part).or_default().push_str(delta);
                } else if let (Some(text), "done") =
                    (event["part"]["text"].as_str(), event["part"]["state"].as_str().unwrap())
                {
                    assert_eq!(
                        deltas.get(&part).map_or("", String::as_str),
                        text,
                        "every character came as a delta first"
                    );
                }
            }
            _ => {}
        }
    }
    assert_eq!(created, completed, "every message that began has ended");
    let mut fold = TurnAccumulator::new();
    for event in &events {
        assert!(fold.push(event));
    }
    let turn = fold.into_turn();
    for part in turn.messages.iter().flat_map(|message| &message.parts) {
        assert!(!part.state.is_open(), "a part was left open: {part:?}");
    }
    let mut counted = std::collections::HashSet::new();
    assert!(
        turn.usage.entries.iter().all(|entry| counted.insert(entry.message_id.clone())),
        "usage counted once per message"
    );
    let total: u64 = turn.usage.entries.iter().map(|entry| entry.counts.total_tokens).sum();
    assert_eq!(total, turn.usage.summary.total_tokens);
    turn
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turns_of_a_real_opencode_obey_the_contract() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (config, _model) = with_model(program, folder.path()).await;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    for (text, status) in [
        ("Hello there", "completed"),
        ("/think", "completed"),
        ("/tool", "completed"),
        ("/long 500", "completed"),
        ("/fail", "failed"),
        ("Still here", "completed"),
    ] {
        let mut stream = service.respond(&chat, text).await;
        let turn = check(&stream.rest().await);
        assert_eq!(turn.status.as_str(), status, "{text}: {turn:?}");
        let told = service.call("GET", &format!("/{chat}/turns/{}", turn.id), None).await.json();
        assert_eq!(told, serde_json::to_value(&turn).unwrap(), "{text}: the fold is the turn");
    }
    let message = service.turn(&chat, "By message").await;
    let id = message["id"].as_str().unwrap();
    let frames = service.open(service.request("GET", &format!("/{chat}/turns/{id}/stream"))).await.rest().await;
    assert_eq!(serde_json::to_value(check(&frames)).unwrap(), message, "/message is the fold of the stream");
    let file = service.call("GET", &format!("/{chat}/files/hello.txt"), None).await;
    assert_eq!(&*file.body, b"Hello from Turnwire.\n");

    // A question, answered; another, cancelled.
    let mut stream = service.respond(&chat, "/ask").await;
    let mut frames = stream.until(|frame| frame.data.contains("\"requests\":[{")).await;
    let request = frames.last().unwrap().json()["requests"][0].clone();
    let label = request["questions"][0]["options"][0]["label"].clone();
    let path = format!("/{chat}/question/{}/reply", request["requestId"].as_str().unwrap());
    assert_eq!(service.call("POST", &path, Some(json!({ "answers": [[label]] }))).await.status, 204);
    frames.extend(stream.rest().await);
    assert_eq!(check(&frames).status.as_str(), "completed");

    for text in ["/slow 1000", "/ask"] {
        let mut stream = service.respond(&chat, text).await;
        let wanted = if text == "/ask" { "\"requests\":[{" } else { "\"delta\"" };
        let mut frames = stream.until(|frame| frame.data.contains(wanted)).await;
        assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200);
        frames.extend(stream.rest().await);
        assert_eq!(check(&frames).status.as_str(), "cancelled", "{text}");
    }
    assert_eq!(service.turn(&chat, "After all that").await["status"], "completed");

    // Two chats at once do not mix.
    let other = service.chat().await;
    let (one, two) = tokio::join!(service.turn(&chat, "/long 200"), service.turn(&other, "/long 300"));
    let words = |turn: &Value| turn["text"].as_str().unwrap().split_whitespace().count();
    assert_eq!((words(&one), words(&two)), (200, 300));

    let ended = service.call("DELETE", &format!("/{chat}"), None).await.json();
    assert!(ended["costMicros"].as_u64().unwrap() > 0, "{ended}");
    assert!(ended["runtimeMs"].as_u64().unwrap() > 0, "{ended}");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_opencode_interrupts_the_turn_and_is_started_again() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (config, _model) = with_model(program, folder.path()).await;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    // While it waits for an answer.
    let mut stream = service.respond(&chat, "/ask").await;
    let mut frames = stream.until(|frame| frame.data.contains("\"requests\":[{")).await;
    kill(folder.path());
    frames.extend(stream.rest().await);
    let turn = check(&frames);
    assert_eq!((turn.status.as_str(), turn.requests.len()), ("interrupted", 0));

    // While it writes.
    let mut stream = service.respond(&chat, "/slow 1000").await;
    let mut frames = stream.until(|frame| frame.data.contains("\"delta\"")).await;
    kill(folder.path());
    frames.extend(stream.rest().await);
    let turn = check(&frames);
    assert_eq!(turn.status.as_str(), "interrupted");
    assert!(turn.text().starts_with("word1"), "with the text that was heard: {:?}", turn.text());
    assert!(turn.error.is_some());
    let next = service.turn(&chat, "Are you back?").await;
    assert_eq!(next["status"], "completed", "{next}");
    service.stop().await;
}

/// Kills the `OpenCode` of a server with `SIGKILL`.
fn kill(data: &std::path::Path) {
    let note: Value = serde_json::from_slice(&std::fs::read(data.join("opencode/process.json")).unwrap()).unwrap();
    let killed = std::process::Command::new("kill").args(["-9", &note["pid"].to_string()]).status().unwrap();
    assert!(killed.success());
}

#[tokio::test]
async fn without_opencode_a_chat_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.runtime =
        RuntimeConfig::Local { opencode: Some(folder.path().join("nothing")), opencode_config: None, isolate: None };
    let service = Service::with(config).await;
    let refused = service.call("POST", "", None).await;
    let body = refused.error(503, "runtime_unavailable");
    assert!(body["message"].as_str().unwrap().contains("--opencode"), "{body}");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(service.call("GET", "/readyz", None).await.status, 503);
    assert_eq!(service.call("GET", "/healthz", None).await.status, 200);
    service.call("POST", "/chat_none/respond", Some(prompt("x"))).await.error(404, "chat_not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chat_of_a_real_opencode_sleeps_wakes_and_outlives_its_server() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut config, _model) = with_model(program, folder.path()).await;
    config.limits.idle_timeout = std::time::Duration::from_secs(1);
    let service = Service::with(config.clone()).await;
    let chat = service.chat().await;
    assert_eq!(service.turn(&chat, "/tool").await["status"], "completed");
    let path = format!("/{chat}");
    while service.call("GET", &path, None).await.json()["status"] != "idle" {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.call("GET", &format!("/{chat}/files/hello.txt"), None).await.status, 200);
    assert_eq!(service.turn(&chat, "Good morning").await["status"], "completed", "it wakes on its next use");
    let mut stream = service.respond(&chat, "/slow 1000").await;
    let mut frames = stream.until(|frame| frame.data.contains("\"delta\"")).await;
    service.stop().await;
    frames.extend(stream.rest().await);
    assert_eq!(check(&frames).status.as_str(), "interrupted", "a server that stops ends its turns");

    let service = Service::with(config).await;
    let next = service.turn(&chat, "And on").await;
    assert_eq!(next["status"], "completed", "{next}");
    let messages = service.call("GET", &format!("/{chat}/messages"), None).await.json();
    assert!(messages["data"].as_array().unwrap().len() >= 5);
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_permission_is_given_or_refused() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut config, _model) = with_model(program, folder.path()).await;
    if let RuntimeConfig::Local { opencode_config: Some(opencode), .. } = &mut config.runtime {
        opencode["permission"] = json!({ "bash": "ask" });
    }
    let service = Service::with(config).await;
    let chat = service.chat().await;
    for (reply, status) in [(json!({ "reply": "reject" }), "blocked"), (json!({ "reply": "once" }), "completed")] {
        let mut stream = service.respond(&chat, "/tool").await;
        let mut frames = stream.until(|frame| frame.data.contains("\"requests\":[{")).await;
        let request = frames.last().unwrap().json()["requests"][0].clone();
        assert_eq!((&request["kind"], &request["permission"]), (&json!("permission"), &json!("bash")), "{request}");
        let path = format!("/{chat}/permission/{}/reply", request["requestId"].as_str().unwrap());
        service.call("POST", &path, Some(json!({ "reply": "perhaps" }))).await.error(400, "invalid_request");
        assert_eq!(service.call("POST", &path, Some(reply)).await.status, 204);
        frames.extend(stream.rest().await);
        assert_eq!(check(&frames).status.as_str(), status);
        service.call("POST", &path, Some(json!({ "reply": "once" }))).await.error(404, "permission_not_found");
    }
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_that_never_comes_to_an_end_is_stopped() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut config, _model) = with_model(program, folder.path()).await;
    config.limits.turn_steps = 4;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let mut relay = service.relay(&chat, 0).await;
    let turn = check(&service.respond(&chat, "/loop").await.rest().await);
    assert_eq!((turn.status.as_str(), turn.error.unwrap().code.as_str()), ("failed", "turn_limit"));
    assert_eq!(turn.messages.len(), 5, "the first one too many is seen, and no more");
    // Stopped, and not only no longer told of: it says that it is idle, and what follows begins anew.
    relay.until(|frame| frame.data.contains("\"session.idle\"")).await;
    let next = service.turn(&chat, "Enough").await;
    assert_eq!((&next["status"], &next["text"]), (&json!("completed"), &json!("Enough")));
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_never_works_is_not_tried_for_ever() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut config, _model) = with_model(program, folder.path()).await;
    config.limits.turn_retries = 1;
    let broken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let opencode_config = model::opencode_config(&format!("http://{}", broken.local_addr().unwrap()));
    let refuse = axum::Router::new().fallback(|| async { http::StatusCode::SERVICE_UNAVAILABLE });
    tokio::spawn(async move { axum::serve(broken, refuse).await });
    if let RuntimeConfig::Local { opencode_config: config, .. } = &mut config.runtime {
        *config = Some(opencode_config);
    }
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let frames = service.respond(&chat, "Hello").await.rest().await;
    let turn = check(&frames);
    assert_eq!((turn.status.as_str(), turn.error.unwrap().code.as_str()), ("failed", "turn_limit"));
    assert!(frames.iter().any(|frame| frame.data.contains("\"status\":\"retrying\"")), "its tries are told");
    service.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_that_a_real_opencode_reads_is_a_file_of_its_tool() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (config, _model) = with_model(program, folder.path()).await;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let turn = check(&service.respond(&chat, "/picture").await.rest().await);
    assert_eq!(turn.status.as_str(), "completed");
    let parts: Vec<_> = turn.messages.iter().flat_map(|message| &message.parts).collect();
    let at = parts.iter().position(|part| part.part_type() == "file").expect("the picture is told");
    let (tool, file) = (serde_json::to_value(parts[at - 1]).unwrap(), serde_json::to_value(parts[at]).unwrap());
    assert_eq!((&tool["tool"], &file["toolPartId"]), (&json!("read"), &tool["id"]));
    assert_eq!(file["mime"], "image/png");
    assert_eq!(file["url"], format!("data:image/png;base64,{}", turnwire_practice::script::PICTURE_DATA));
    let told = service.call("GET", &format!("/{chat}/turns/{}", turn.id), None).await.json();
    assert_eq!(told, serde_json::to_value(&turn).unwrap(), "the fold is the turn");
    service.stop().await;
}

/// Where `OpenCode` listens, and the password that its environment shows.
#[cfg(target_os = "linux")]
fn past_the_server(data: &std::path::Path) -> (String, Option<String>) {
    let folder = format!("XDG_DATA_HOME={}", data.join("opencode/data").display());
    let (mut password, mut sockets) = (None, Vec::new());
    for process in std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path()) {
        let Ok(environment) = std::fs::read(process.join("environ")) else { continue };
        let variables: Vec<_> = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        if !variables.iter().any(|variable| *variable == *folder) {
            continue;
        }
        let found = variables.iter().find_map(|variable| variable.strip_prefix("OPENCODE_SERVER_PASSWORD="));
        password = password.or(found.map(str::to_owned));
        let files = std::fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        sockets.extend(files.filter_map(|file| {
            std::fs::read_link(file.path())
                .ok()?
                .to_str()?
                .strip_prefix("socket:[")?
                .strip_suffix(']')
                .map(str::to_owned)
        }));
    }
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let port = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).find_map(|columns| {
        let listens = columns.get(3) == Some(&"0A") && sockets.iter().any(|socket| columns.get(9) == Some(&&**socket));
        u16::from_str_radix(columns[1].split_once(':').filter(|_| listens)?.1, 16).ok()
    });
    (format!("http://127.0.0.1:{}", port.expect("OpenCode listens")), password)
}

/// Another program on the same `OpenCode`: it says something in the session, past the server.
#[cfg(target_os = "linux")]
async fn say_past_the_server(data: &std::path::Path, session: &str, text: &str) {
    let (url, password) = past_the_server(data);
    let url = format!("{url}/session/{session}/prompt_async");
    let workspace = std::fs::read_dir(data.join("workspaces")).unwrap().next().unwrap().unwrap().path();
    let request = common::http().post(url).basic_auth("opencode", password);
    let request = request.header("x-opencode-directory", workspace.to_str().unwrap());
    let request = request.header("content-type", "application/json").body(prompt(text).to_string());
    let answer = request.send().await.unwrap();
    assert!(answer.status().is_success(), "{answer:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_environment_ever_holds_the_password_of_opencode() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (config, _model) = with_model(program, folder.path()).await;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    assert_eq!(service.turn(&chat, "Hello").await["text"], "Hello");
    // What `/proc` shows is what a process was started with, so this is what others could read before it closed itself.
    let (url, password) = past_the_server(folder.path());
    let request = common::http().get(format!("{url}/session")).basic_auth("opencode", password);
    assert_eq!(request.send().await.unwrap().status(), 401);
    service.stop().await;
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_another_program_began_in_a_real_opencode_is_a_turn() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    // As one that takes its password only from its environment.
    let script = folder.path().join("opencode.sh");
    let text = format!("#!/bin/sh\nunset BUN_INSPECT_PRELOAD\nexec {program:?} \"$@\"\n");
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let (config, _model) = with_model(script, folder.path()).await;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let mut raw = service.relay(&chat, 0).await;
    let created = raw.until(|frame| frame.data.contains("session.created")).await.pop().unwrap().json();
    let session = created["properties"]["sessionID"].as_str().unwrap().to_owned();
    let mut relay = service.open(service.request("GET", &format!("/{chat}/stream?lastEventId=0&view=turns"))).await;
    for (says, status) in [("/ask", "completed"), ("/slow 1000", "cancelled")] {
        say_past_the_server(folder.path(), &session, says).await;
        let wanted = if says == "/ask" { "\"requests\":[{" } else { "\"delta\":\"word1 \"" };
        let told = relay.until(|frame| frame.data.contains(wanted)).await.pop().unwrap().json();
        let turn = told["turnId"].as_str().unwrap().to_owned();
        let conflict = service.call("POST", &format!("/{chat}/respond"), Some(prompt("x"))).await;
        assert_eq!(conflict.error(409, "turn_conflict")["error"]["activeTurnId"], *turn);
        if says == "/ask" {
            let request = told["requests"][0]["requestId"].as_str().unwrap();
            let path = format!("/{chat}/question/{request}/reply");
            assert_eq!(service.call("POST", &path, Some(json!({ "answers": [["yes"]] }))).await.status, 204);
        } else {
            assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200);
        }
        let frames = service.open(service.request("GET", &format!("/{chat}/turns/{turn}/stream"))).await.rest().await;
        assert_eq!(check(&frames).status.as_str(), status, "{says}");
        let messages = service.call("GET", &format!("/{chat}/messages"), None).await.json();
        assert!(messages.to_string().contains(says), "{messages}");
        assert_eq!(service.turn(&chat, "And now me").await["text"], "And now me");
    }
    service.stop().await;
}
