//! Turns nobody asked this server for: the agent goes on by itself, a plugin prompts it, another program does.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Frame, Service, config, prompt};
use serde_json::{Value, json};

/// Runs a turn after which the agent goes on by itself with `words`; what the relay tells until `wanted` of that.
async fn goes_on(service: &Service, chat: &str, words: &str, wanted: impl Fn(&Value) -> bool) -> (String, Vec<Frame>) {
    let mut relay = service.open(service.request("GET", &format!("/{chat}/stream?lastEventId=0&view=turns"))).await;
    let first = service.turn(chat, &format!("/again {words}")).await;
    assert_eq!(first["text"], "I will go on by myself.");
    let told = relay
        .until(|frame| {
            let event = frame.json();
            event["turnId"] != first["id"] && wanted(&event)
        })
        .await;
    let turn = told.last().unwrap().json()["turnId"].as_str().unwrap().to_owned();
    (turn, told)
}

fn ended(event: &Value) -> bool {
    event["type"] == "turn.completed"
}

/// PROTOCOL TURN-8.
#[tokio::test]
async fn a_turn_the_agent_began_by_itself_is_listed_and_can_be_read() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let (turn, _) = goes_on(&service, &chat, "Hello again", ended).await;
    let told = service.call("GET", &format!("/{chat}/turns/{turn}"), None).await;
    assert_eq!(told.status, 200);
    let told = told.json();
    assert_eq!((&told["status"], &told["text"]), (&json!("completed"), &json!("Hello again")));
    assert_eq!(told["userMessage"]["parts"][0]["text"], "Hello again");
    let frames = service.open(service.request("GET", &format!("/{chat}/turns/{turn}/stream"))).await.rest().await;
    assert_eq!(frames.last().unwrap().json()["status"], "completed");
    let messages = service.call("GET", &format!("/{chat}/messages"), None).await.json();
    let said = messages["data"].as_array().unwrap();
    assert_eq!(said.iter().filter(|message| message["role"] == "user").count(), 2, "{messages}");
    assert_eq!(service.turn(&chat, "And now me").await["text"], "And now me");
    let figures = service.call("DELETE", &format!("/{chat}"), None).await.json();
    assert!(figures["costMicros"].as_u64().unwrap() > 0);
}

/// PROTOCOL TURN-8, SEND-2.
#[tokio::test]
async fn a_turn_the_agent_began_by_itself_can_be_answered_and_another_prompt_conflicts() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let (turn, told) = goes_on(&service, &chat, "/ask", |event| event["requests"].is_array()).await;
    let request = told.last().unwrap().json()["requests"][0]["requestId"].as_str().unwrap().to_owned();
    let conflict = service.call("POST", &format!("/{chat}/respond"), Some(prompt("x"))).await;
    assert_eq!(conflict.error(409, "turn_conflict")["error"]["activeTurnId"], *turn);
    assert_eq!(service.call("GET", &format!("/{chat}"), None).await.json()["activeTurnId"], *turn);
    let path = format!("/{chat}/question/{request}/reply");
    assert_eq!(service.call("POST", &path, Some(json!({ "answers": [["yes"]] }))).await.status, 204);
    let mut stream = service.open(service.request("GET", &format!("/{chat}/turns/{turn}/stream"))).await;
    assert_eq!(stream.rest().await.last().unwrap().json()["status"], "completed");
    assert_eq!(service.turn(&chat, "Next").await["status"], "completed");
}

/// PROTOCOL TURN-8, CANCEL-1.
#[tokio::test]
async fn a_turn_the_agent_began_by_itself_can_be_cancelled() {
    let service = Service::start().await;
    let chat = service.chat().await;
    let (turn, _) = goes_on(&service, &chat, "/slow 1000", |event| event["delta"].is_string()).await;
    assert_eq!(service.call("POST", &format!("/{chat}/cancel"), None).await.status, 200);
    let told = service.call("GET", &format!("/{chat}/turns/{turn}"), None).await.json();
    assert_eq!((&told["status"], &told["ended"]), (&json!("cancelled"), &json!(true)));
    assert_eq!(service.turn(&chat, "Next").await["text"], "Next");
}

/// PROTOCOL TURN-8, LIMIT-3.
#[tokio::test]
async fn a_turn_the_agent_began_by_itself_is_stopped_at_the_cap() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path());
    config.limits.turn_steps = 4;
    let service = Service::with(config).await;
    let chat = service.chat().await;
    let (_, told) = goes_on(&service, &chat, "/loop", ended).await;
    let last = told.last().unwrap().json();
    assert_eq!((&last["status"], &last["error"]["code"]), (&json!("failed"), &json!("turn_limit")));
    assert_eq!(service.turn(&chat, "Enough").await["text"], "Enough");
}

#[tokio::test]
async fn a_turn_the_agent_began_by_itself_ends_with_the_server_and_is_there_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let service = Service::with(config(folder.path())).await;
    let chat = service.chat().await;
    let (turn, _) = goes_on(&service, &chat, "/slow 1000", |event| event["delta"].is_string()).await;
    service.stop().await;
    let service = Service::with(config(folder.path())).await;
    let told = service.call("GET", &format!("/{chat}/turns/{turn}"), None).await.json();
    assert_eq!(told["status"], "interrupted");
    assert_eq!(service.turn(&chat, "Next").await["text"], "Next");
}
