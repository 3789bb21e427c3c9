//! A model that does what it is told: a line `TOOL {ARGUMENTS}` calls that tool and says what came of it, `told?` says what it was told
//! beside the user's words, and which tools it was given.

use super::{Service, config};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use turnwire_practice::model;
use turnwire_server::{Config, RuntimeConfig};

/// The real `OpenCode` that `TURNWIRE_OPENCODE` names.
pub fn program() -> Option<PathBuf> {
    let program = std::env::var_os("TURNWIRE_OPENCODE").filter(|path| !path.is_empty());
    if program.is_none() {
        super::skipped("set TURNWIRE_OPENCODE to an opencode program to run this test");
    }
    program.map(PathBuf::from)
}

/// A server on a real `OpenCode` with this model. `change` has the operator's configuration.
pub async fn with(program: PathBuf, data: &Path, isolate: Option<usize>, change: impl FnOnce(&mut Value)) -> Config {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut opencode = model::opencode_config(&format!("http://{}", listener.local_addr().unwrap()));
    change(&mut opencode);
    let routes =
        Router::new().route("/v1/chat/completions", post(|Json(asked): Json<Value>| async move { answer(&asked) }));
    tokio::spawn(async move { axum::serve(listener, routes).await });
    let mut config = config(data);
    config.runtime = RuntimeConfig::Local { opencode: Some(program), opencode_config: Some(opencode), isolate };
    config
}

fn text(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n"),
        _ => String::new(),
    }
}

fn answer(asked: &Value) -> Response {
    let messages = asked["messages"].as_array().unwrap();
    let of = |role: &str| messages.iter().filter(|message| message["role"] == role).map(text).collect::<Vec<_>>();
    let last = messages.last().unwrap();
    let said = text(last);
    let told = said.lines().find_map(|line| line.split_once(" {"));
    let delta = match (last["role"].as_str(), told) {
        (Some("tool"), _) => json!({ "content": said }),
        (_, Some((tool, arguments))) if asked["tools"].is_array() => {
            let function = json!({ "name": tool.trim(), "arguments": format!("{{{arguments}") });
            json!({ "tool_calls": [{ "index": 0, "id": "call_1", "type": "function", "function": function }] })
        }
        _ => {
            let tools = asked["tools"].as_array().into_iter().flatten();
            let tools: Vec<_> = tools.map(|tool| tool["function"].to_string()).collect();
            json!({ "content": format!("{}\n{}", of("system").join("\n"), tools.join("\n")) })
        }
    };
    let reason = if delta.get("content").is_some() { "stop" } else { "tool_calls" };
    let chunk = |delta: Value, reason: Value| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": reason });
        let chunk =
            json!({ "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice] });
        format!("data: {chunk}\n\n")
    };
    let body = format!("{}{}data: [DONE]\n\n", chunk(delta, Value::Null), chunk(json!({}), json!(reason)));
    ([("content-type", "text/event-stream")], body).into_response()
}

/// Has the agent call a tool, and gives what it says came of it.
pub async fn call(service: &Service, chat: &str, tool: &str, arguments: &Value) -> String {
    let turn = service.turn(chat, &format!("{tool} {arguments}")).await;
    turn.to_string()
}

pub async fn shell(service: &Service, chat: &str, command: &str) -> String {
    call(service, chat, "bash", &json!({ "command": command, "description": "A test" })).await
}
