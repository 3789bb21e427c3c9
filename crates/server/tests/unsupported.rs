//! An `OpenCode` that is another than the server speaks to, or that says why it does not do what it is asked.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse as _, Response};
use common::stand_in::{on, program, with};
use common::{Service, prompt, send};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

/// Why a chat cannot be created.
async fn why(service: &Service) -> String {
    let refused = service.call("POST", "", None).await;
    refused.error(503, "runtime_unavailable")["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn opencode_2_is_named_and_nobody_is_sent_backwards() {
    // A page where its health was asked for, and its API elsewhere.
    let second = axum::Router::new()
        .route("/api/health", axum::routing::get(|| async { axum::Json(json!({ "healthy": true })) }))
        .fallback(|| async { Html("<!doctype html><title>OpenCode</title>") });
    let folder = tempfile::tempdir().unwrap();
    let config = on(second, folder.path()).await;
    // Its own program: it also says its version, as the real one does.
    let file = folder.path().join("opencode");
    let script = std::fs::read_to_string(&file).unwrap();
    let script = script.replacen('\n', "\nif [ \"$1\" = --version ]; then echo 2.0.3; exit; fi\n", 1);
    std::fs::write(&file, script).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let service = Service::with(config).await;
    let message = why(&service).await;
    assert!(message.contains("OpenCode 2.0.3 is not used") && message.contains("API"), "{message}");
    assert!(message.contains("opencode-ai@1") && message.contains("--opencode"), "{message}");
    assert!(!message.to_lowercase().contains("update"), "{message}");
    service.stop().await;

    // One that does not take the arguments of the first.
    let folder = tempfile::tempdir().unwrap();
    let script =
        "if [ \"$1\" = --version ]; then echo opencode v2.1.0-beta.1; exit; fi\necho unknown option >&2; exit 1";
    let service = Service::with(with(program(folder.path(), script), folder.path())).await;
    let message = why(&service).await;
    assert!(message.contains("v2.1.0-beta.1 is not used") && message.contains("opencode-ai@1"), "{message}");
    service.stop().await;
}

#[tokio::test]
async fn a_build_of_no_release_is_not_called_too_old() {
    let answer = |request: Request| async move {
        if request.uri().path() == "/event" {
            let first = "data: {\"type\":\"server.connected\",\"properties\":{}}\n\n";
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>(first)]);
            let events = futures_util::StreamExt::chain(first, futures_util::stream::pending());
            return ([("content-type", "text/event-stream")], axum::body::Body::from_stream(events)).into_response();
        }
        axum::Json(json!({ "version": "0.0.0-dev-202611250101", "id": "ses_1" })).into_response()
    };
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(on(axum::Router::new().fallback(answer), folder.path()).await).await;
    assert_eq!(service.call("POST", "", None).await.status, 200);
    service.stop().await;
}

#[tokio::test]
async fn what_opencode_complains_of_in_colours_is_told_in_plain_words() {
    let folder = tempfile::tempdir().unwrap();
    let script =
        "printf '\\033[91m\\033[1mError: \\033[0mConfiguration is invalid\\n\\033[2m↳ model\\033[0m\\n' >&2; exit 1";
    let service = Service::with(with(program(folder.path(), script), folder.path())).await;
    let message = why(&service).await;
    assert!(message.ends_with("it said: Error: Configuration is invalid ↳ model"), "{message:?}");
    service.stop().await;
}

/// What the stand-in was asked for which folder, as it arrived on the wire; and the file that is wrong, once one is.
#[derive(Default)]
struct Has {
    directories: Vec<String>,
    wrong: bool,
}

async fn answer(State(has): State<Arc<Mutex<Has>>>, request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default().to_owned();
    let directory = query.split('&').find_map(|pair| pair.strip_prefix("directory=")).map(decoded);
    let mut has = has.lock().unwrap();
    has.directories.extend(directory.clone());
    let directory = directory.map(|once| decoded(&once)).unwrap_or_default();
    let file = std::path::Path::new(&directory).join("opencode.json");
    if has.wrong && file.exists() {
        let issues = json!([{ "path": ["model"], "message": "\u{1b}[31mExpected string, got 7\u{1b}[0m" }]);
        let body = json!({ "name": "ConfigInvalidError", "data": { "path": file, "issues": issues } });
        return (http::StatusCode::BAD_REQUEST, axum::Json(body)).into_response();
    }
    if request.uri().path() == "/event" {
        let first = "data: {\"type\":\"server.connected\",\"properties\":{}}\n\n";
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(first)]);
        let events = futures_util::StreamExt::chain(first, futures_util::stream::pending());
        return ([("content-type", "text/event-stream")], axum::body::Body::from_stream(events)).into_response();
    }
    axum::Json(json!({ "version": "1.18.33", "id": "ses_1" })).into_response()
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8().unwrap().into_owned()
}

/// PROTOCOL FILE-5.
#[tokio::test]
async fn a_wrong_configuration_in_a_workspace_is_named_and_can_be_taken_away() {
    let has = Arc::new(Mutex::new(Has::default()));
    let folder = tempfile::tempdir().unwrap();
    let config = on(axum::Router::new().fallback(answer).with_state(has.clone()), folder.path()).await;
    let service = Service::with(config.clone()).await;
    let chat = service.chat().await;
    let file = format!("/{chat}/files/opencode.json");
    assert_eq!(send(service.request("PUT", &file).body("{\"model\":7}")).await.status, 200);
    // It is read at the next wake.
    service.stop().await;
    has.lock().unwrap().wrong = true;
    let service = Service::with(config).await;
    let turn = service.turn(&chat, "Hello").await;
    let message = turn["error"]["message"].as_str().unwrap();
    assert_eq!(turn["status"], "failed", "{turn}");
    assert_eq!(
        message,
        "OpenCode cannot use opencode.json in this chat's workspace; replace or delete it: model: Expected string, got 7"
    );
    for _ in 0..2 {
        assert_eq!(service.call("DELETE", &file, None).await.status, 204, "also when it is gone");
    }
    service.call("GET", &file, None).await.error(404, "file_not_found");
    // It is woken, and takes the prompt.
    let turn = service.respond(&chat, "Hello").await;
    assert_eq!(turn.status, 200);
    let waking = async {
        while service.call("GET", &format!("/{chat}"), None).await.json()["runtimeState"] != "running" {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(common::LONG, waking).await.expect("it does not wake");
    service.stop().await;
}

/// PROTOCOL FILE-5.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_opencode_names_the_wrong_file_and_goes_on_once_it_is_replaced_or_deleted() {
    use common::obedient;
    let Some(program) = obedient::program() else { return };
    for isolate in [None, Some(2)] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = obedient::with(program.clone(), folder.path(), isolate, |_| {}).await;
        config.agent.project_config = true;
        config.limits.idle_timeout = std::time::Duration::from_millis(100);
        let service = Service::with(config).await;
        // Another chat that is at work all the while, which this is nothing to.
        let other = service.chat().await;
        let fifo = folder.path().join("workspaces").join(&other).join("go");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let waits = json!({ "command": "cat go", "description": "Wait" });
        let mut at_work = service.respond(&other, &format!("bash {waits}")).await;
        at_work.until(|frame| frame.data.contains("\"running\"")).await;

        let chat = service.chat().await;
        let file = format!("/{chat}/files/opencode.json");
        let put = |text: &'static str| send(service.request("PUT", &file).body(text));
        for (wrong, mend) in [("{\"model\":7}", Some("{}")), ("{\"model\":", None)] {
            assert_eq!(put(wrong).await.status, 200);
            // It is read at the next wake.
            let asleep = async {
                while service.call("GET", &format!("/{chat}"), None).await.json()["status"] != "idle" {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(common::LONG, asleep).await.expect("it does not fall asleep");
            let turn = service.turn(&chat, "told?").await;
            assert_eq!(turn["status"], "failed", "{wrong}: {turn}");
            let message = turn["error"]["message"].as_str().unwrap();
            let named = "OpenCode cannot use opencode.json in this chat's workspace; replace or delete it: ";
            assert!(message.starts_with(named) && message.len() > named.len(), "{wrong}: {message}");
            let mended = match mend {
                Some(right) => put(right).await.status,
                None => service.call("DELETE", &file, None).await.status,
            };
            assert!(mended == 200 || mended == 204);
            let turn = service.turn(&chat, "told?").await;
            assert_eq!(turn["status"], "completed", "{wrong}: {turn}");
        }
        tokio::fs::write(&fifo, "all is well").await.unwrap();
        let ended = at_work.rest().await.pop().unwrap().json();
        assert_eq!(ended["status"], "completed", "{ended}");
        assert_eq!(service.turn(&other, "told?").await["status"], "completed");
        service.stop().await;
    }
}

#[tokio::test]
async fn a_data_folder_of_any_name_is_the_one_the_agent_works_in() {
    for name in ["a%20b", "100%", "a%2Fb%25", "sp ace 1&z+ü", "\"quotes' `$(id)`", "two\nlines"] {
        let has = Arc::new(Mutex::new(Has::default()));
        let folder = tempfile::tempdir().unwrap();
        let inside = folder.path().join(name);
        std::fs::create_dir(&inside).unwrap();
        let service =
            Service::with(on(axum::Router::new().fallback(answer).with_state(has.clone()), &inside).await).await;
        let chat = service.chat().await;
        let workspace = inside.canonicalize().unwrap().join("data/workspaces").join(&chat);
        // OpenCode decodes once more what the query gives; what cannot be decoded it takes as it is.
        let seen: Vec<String> = has.lock().unwrap().directories.iter().map(|once| decoded(once)).collect();
        assert!(
            !seen.is_empty() && seen.iter().all(|seen| std::path::Path::new(seen) == workspace),
            "{name}: {seen:?}"
        );
        service.stop().await;
    }
}

#[tokio::test]
async fn a_real_opencode_works_in_a_data_folder_of_an_odd_name() {
    let Some(opencode) = std::env::var_os("TURNWIRE_OPENCODE").filter(|path| !path.is_empty()) else {
        common::skipped("set TURNWIRE_OPENCODE to an opencode program to run this test");
        return;
    };
    let model = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = model.local_addr().unwrap();
    let stop = tokio_util::sync::CancellationToken::new();
    tokio::spawn(turnwire_practice::model::serve(model, stop.clone()));
    for name in ["100% a%20b", "\"quotes' `$(id)`", "two\nlines"] {
        let folder = tempfile::tempdir().unwrap();
        let mut config = common::config(&folder.path().join(name));
        config.runtime = turnwire_server::RuntimeConfig::Local {
            opencode: Some(opencode.clone().into()),
            opencode_config: Some(turnwire_practice::model::opencode_config(&format!("http://{address}"))),
            isolate: None,
        };
        let service = Service::with(config).await;
        let chat = service.chat().await;
        let turn: Value = service.call("POST", &format!("/{chat}/message"), Some(prompt("/tool"))).await.json();
        assert_eq!(turn["status"], "completed", "{name}: {turn}");
        assert_eq!(service.call("GET", &format!("/{chat}/files/hello.txt"), None).await.status, 200);
        service.stop().await;
    }
    stop.cancel();
}

#[cfg(unix)]
#[tokio::test]
async fn a_data_folder_in_which_no_opencode_can_start_is_refused_in_a_sentence() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().unwrap();
    let opencode = common::stand_in::program(folder.path(), "exit 0");
    for (name, why) in
        [(&b"back\\slash"[..], "holds a \\"), (b"a#b", "holds a #"), (b"a?b", "holds a ?"), (b"\xff", "is no UTF-8")]
    {
        let inside = folder.path().join(std::ffi::OsStr::from_bytes(name));
        let refused = turnwire_server::Server::start(common::stand_in::with(opencode.clone(), &inside)).await;
        let said = refused.unwrap_err().to_string();
        assert!(said.contains(why) && said.contains("--data"), "{said}");
        // Others work there.
        let service = Service::with(common::config(&inside.join("data"))).await;
        let chat = service.chat().await;
        assert_eq!(service.turn(&chat, "/tool").await["status"], "completed");
        assert_eq!(service.call("GET", &format!("/{chat}/files/hello.txt"), None).await.status, 200);
        service.stop().await;
    }
}
