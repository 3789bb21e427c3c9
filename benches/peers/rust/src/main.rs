//! The Rust clients that this project's is compared with, both on reqwest. Each parses the JSON of every event.

#[path = "../../ours/src/task.rs"]
mod task;
#[path = "../../ours/src/usage.rs"]
mod usage;

use eventsource_stream::Eventsource as _;
use futures_util::StreamExt as _;
use serde::Deserialize;
use task::{Outcome, Reader};

struct Http {
    base: String,
    client: reqwest::Client,
}

impl Http {
    fn new(base: &str) -> Outcome<Self> {
        Ok(Self { base: base.to_owned(), client: reqwest::Client::builder().build()? })
    }

    async fn respond(&self, load: &str) -> Outcome<reqwest::Response> {
        let request = self.client.post(format!("{}/agent/v2/chat/{load}/respond", self.base));
        let prompt = r#"{"parts":[{"type":"text","text":"Go on."}]}"#;
        Ok(request.header("content-type", "application/json").body(prompt).send().await?)
    }
}

/// sse-stream, and a `serde_json::Value` of each event.
struct SseStream(Http);

impl Reader for SseStream {
    fn new(base: &str) -> Outcome<Self> {
        Http::new(base).map(Self)
    }

    async fn read(&self, load: &str, mut see: impl FnMut(&str)) -> Outcome {
        let mut events = sse_stream::SseStream::from_bytes_stream(self.0.respond(load).await?.bytes_stream());
        while let Some(event) = events.next().await {
            let Some(data) = event?.data else { continue };
            let value: serde_json::Value = serde_json::from_str(&data)?;
            if let Some(delta) = value["delta"].as_str() {
                see(delta);
            }
        }
        Ok(())
    }
}

/// What a user would write down of an event.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Typed {
    #[serde(rename = "message.part.updated", rename_all = "camelCase")]
    Part {
        #[allow(dead_code)]
        seq: u64,
        #[allow(dead_code)]
        turn_id: String,
        #[allow(dead_code)]
        message_id: String,
        #[allow(dead_code)]
        part_id: String,
        #[allow(dead_code)]
        part_type: String,
        delta: Option<String>,
    },
    #[serde(other)]
    Other,
}

/// eventsource-stream, and a struct of each event.
struct EventsourceStream(Http);

impl Reader for EventsourceStream {
    fn new(base: &str) -> Outcome<Self> {
        Http::new(base).map(Self)
    }

    async fn read(&self, load: &str, mut see: impl FnMut(&str)) -> Outcome {
        let mut events = self.0.respond(load).await?.bytes_stream().eventsource();
        while let Some(event) = events.next().await {
            if let Typed::Part { delta: Some(delta), .. } = serde_json::from_str(&event?.data)? {
                see(&delta);
            }
        }
        Ok(())
    }
}

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((kind, rest)) if kind == "sse-stream" => task::run::<SseStream>(rest),
        Some((kind, rest)) if kind == "eventsource-stream" => task::run::<EventsourceStream>(rest),
        _ => Err("the kinds of client are sse-stream and eventsource-stream".into()),
    }
}
