//! A real `OpenCode` that goes on by itself: a plugin prompts it, a subagent in the background comes back.
//!
//! Needs the environment variable `TURNWIRE_OPENCODE` to name the program (`cargo xtask test` installs one and sets it).
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::obedient::{program, with};
use common::{Frame, Service, prompt};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use turnwire_server::Config;

/// A plugin that prompts its session with what stands in a file, once, when the session has come to rest.
fn plugin(file: &Path) -> String {
    let file = json!(file);
    format!(
        r#"import {{ existsSync, readFileSync, unlinkSync }} from "node:fs";
const file = {file};
export const GoesOn = async ({{ client }}) => ({{
  event: async ({{ event }}) => {{
    if (event.type !== "session.idle" || !existsSync(file)) return;
    const text = readFileSync(file, "utf8");
    unlinkSync(file);
    const body = {{ parts: [{{ type: "text", text }}] }};
    await client.session.promptAsync({{ path: {{ id: event.properties.sessionID }}, body }});
  }},
}});
"#
    )
}

/// A server on an `OpenCode` with that plugin.
async fn with_plugin(opencode: std::path::PathBuf, folder: &Path) -> Config {
    let file = folder.join("goes-on.js");
    std::fs::write(&file, plugin(&folder.join("next"))).unwrap();
    let plugins = json!([format!("file://{}", file.display())]);
    with(opencode, &folder.join("data"), None, |config| config["plugin"] = plugins).await
}

/// What the relay tells after the first turn, until `wanted` of another.
async fn other_turn(service: &Service, chat: &str, first: &Value, wanted: impl Fn(&Value) -> bool) -> Value {
    let mut relay = service.open(service.request("GET", &format!("/{chat}/stream?lastEventId=0&view=turns"))).await;
    let of_another = |frame: &Frame| {
        let event = frame.json();
        event["turnId"].is_string() && event["turnId"] != first["id"] && wanted(&event)
    };
    relay.until(of_another).await.pop().unwrap().json()
}

fn runs_a_tool(event: &Value) -> bool {
    event["part"]["tool"].is_string() && event["part"]["state"] == "running"
}

/// The turn has an end, is kept, and leaves room for the next.
async fn ended(service: &Service, chat: &str, turn: &Value, status: &str) -> Value {
    let id = turn.as_str().unwrap();
    let frames = service.open(service.request("GET", &format!("/{chat}/turns/{id}/stream"))).await.rest().await;
    assert_eq!(frames.last().unwrap().json()["type"], "turn.completed");
    let told = service.call("GET", &format!("/{chat}/turns/{id}"), None).await.json();
    assert_eq!(told["status"], status, "{told}");
    let messages = service.call("GET", &format!("/{chat}/messages"), None).await.json();
    let said = told["messages"][0]["id"].as_str().unwrap();
    assert!(messages["data"].as_array().unwrap().iter().any(|message| message["id"] == *said), "{messages}");
    assert_eq!(service.turn(chat, "told?").await["status"], "completed");
    told
}

/// PROTOCOL TURN-8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_a_plugin_begins_is_answered_cancelled_and_listed_like_any_other() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(with_plugin(program, folder.path()).await).await;
    let chat = service.chat().await;
    let options = json!([{ "label": "yes", "description": "Go on" }]);
    let question = json!({ "questions": [{ "question": "On?", "header": "On", "options": options }] });
    std::fs::write(folder.path().join("next"), format!("question {question}")).unwrap();
    let first = service.turn(&chat, "told?").await;
    let asks = other_turn(&service, &chat, &first, |event| event["requests"][0].is_object()).await;
    let conflict = service.call("POST", &format!("/{chat}/respond"), Some(prompt("x"))).await;
    assert_eq!(conflict.error(409, "turn_conflict")["error"]["activeTurnId"], asks["turnId"]);
    let path = format!("/{chat}/question/{}/reply", asks["requests"][0]["requestId"].as_str().unwrap());
    assert_eq!(service.call("POST", &path, Some(json!({ "answers": [["yes"]] }))).await.status, 204);
    let told = ended(&service, &chat, &asks["turnId"], "completed").await;
    assert!(told["text"].as_str().unwrap().contains("yes"), "{told}");

    let chat = service.chat().await;
    let command = json!({ "command": "sleep 600", "description": "Wait" });
    std::fs::write(folder.path().join("next"), format!("bash {command}")).unwrap();
    let first = service.turn(&chat, "told?").await;
    let runs = other_turn(&service, &chat, &first, runs_a_tool).await;
    assert_eq!(service.call("GET", &format!("/{chat}"), None).await.json()["activeTurnId"], runs["turnId"]);
    assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200);
    ended(&service, &chat, &runs["turnId"], "cancelled").await;
    service.stop().await;
}

/// PROTOCOL TURN-8, LIMIT-3.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_turn_that_a_plugin_begins_is_stopped_at_the_cap() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut config = with_plugin(program, folder.path()).await;
    config.limits.turn_steps = 1;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let command = json!({ "command": "echo", "description": "Say it" });
    std::fs::write(folder.path().join("next"), format!("bash {command}")).unwrap();
    let first = service.turn(&chat, "told?").await;
    let last = other_turn(&service, &chat, &first, |event| event["type"] == "turn.completed").await;
    let told = ended(&service, &chat, &last["turnId"], "failed").await;
    assert_eq!(told["error"]["code"], "turn_limit");
    service.stop().await;
}

/// PROTOCOL TURN-8.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_turn_of_a_subagent_that_comes_back_from_the_background_is_a_turn() {
    let Some(program) = program() else { return };
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("opencode.sh");
    let text = format!("#!/bin/sh\nexport OPENCODE_EXPERIMENTAL_BACKGROUND_SUBAGENTS=true\nexec {program:?} \"$@\"\n");
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let service = Service::with(with(script, &folder.path().join("data"), None, |_| {}).await).await;
    for (comes_back_with, status) in
        [("all is well", "completed"), (r#"bash {"command":"sleep 600","description":"Wait"}"#, "cancelled")]
    {
        let chat = service.chat().await;
        // The agent has a subagent run a command, and is told later what it said.
        let says = json!({ "command": format!("echo '{comes_back_with}'"), "description": "Say it" });
        let task = json!({
            "description": "Look after it", "prompt": format!("bash {says}"), "subagent_type": "general", "background": true,
        });
        let first = service.turn(&chat, &format!("task {task}")).await;
        assert_eq!(first["status"], "completed", "{first}");
        let cancels = status == "cancelled";
        let wanted = |event: &Value| if cancels { runs_a_tool(event) } else { event["type"] == "turn.completed" };
        let seen = other_turn(&service, &chat, &first, wanted).await;
        if cancels {
            assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200);
        }
        ended(&service, &chat, &seen["turnId"], status).await;
    }
    service.stop().await;
}
