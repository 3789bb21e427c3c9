//! The scripted model over its socket.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use turnwire_practice::model;

async fn start() -> (String, CancellationToken) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let stop = CancellationToken::new();
    tokio::spawn(model::serve(listener, stop.clone()));
    (url, stop)
}

async fn ask(url: &str, prompt: &str, stream: bool) -> reqwest::Response {
    let messages = json!([{ "role": "user", "content": prompt }]);
    let body = json!({ "model": "practice-1", "stream": stream, "messages": messages });
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    http.post(format!("{url}/chat/completions")).json(&body).send().await.unwrap()
}

#[tokio::test]
async fn an_answer_comes_word_by_word_with_its_usage_at_the_end() {
    let (url, _stop) = start().await;
    let body = ask(&url, "/think", true).await.text().await.unwrap();
    assert!(body.ends_with("data: [DONE]\n\n"));
    let chunks: Vec<Value> = body
        .lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect();
    let said = |field: &str| -> String {
        chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"][field].as_str()).collect()
    };
    assert_eq!(said("content"), "I have thought about it, and this is the answer.");
    assert_eq!(said("reasoning_content"), "First I read what was asked. Then I decide what to say.");
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["usage"]["completion_tokens_details"]["reasoning_tokens"], 12);
    assert_eq!(last["usage"]["completion_tokens"], 22);
}

#[tokio::test]
async fn an_answer_can_be_had_whole() {
    let (url, _stop) = start().await;
    let answer: Value = ask(&url, "Hello there.", false).await.json().await.unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Hello there.");
}

#[tokio::test]
async fn fail_and_what_is_no_request_are_refused_with_a_sentence() {
    let (url, _stop) = start().await;
    let refused = ask(&url, "/fail", true).await;
    assert_eq!(refused.status(), 400);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["message"], turnwire_practice::script::FAILURE);
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let refused = http.post(format!("{url}/chat/completions")).body("no json").send().await.unwrap();
    assert_eq!(refused.status(), 400);
    assert_eq!(http.get(format!("{url}/nothing")).send().await.unwrap().status(), 404);
}

#[tokio::test]
async fn stopping_the_model_ends_the_answers_under_way() {
    let (url, stop) = start().await;
    let mut answer = ask(&url, "/slow 10000", true).await;
    assert!(answer.chunk().await.unwrap().is_some());
    stop.cancel();
    let rest = async { while let Ok(Some(_)) = answer.chunk().await {} };
    timeout(Duration::from_secs(30), rest).await.expect("the answer goes on");
}
