//! A real server on a real socket, and a plain HTTP client that knows nothing of ours.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::missing_panics_doc)]

pub mod obedient;
pub mod spec;
#[cfg(unix)]
pub mod stand_in;
pub mod tools;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use spec::{Told, spec};
use std::path::Path;
use std::time::Duration;
use turnwire::sse::Decoder;
use turnwire_server::{Config, RuntimeConfig, Server};

pub const KEY: &str = "key-of-a-test";
pub const PREFIX: &str = "/agent/v2/chat";
/// Longer than anything here takes; a test that needs it has failed.
pub const LONG: Duration = Duration::from_secs(60);

pub struct Service {
    server: Option<Server>,
    pub url: String,
    pub http: reqwest::Client,
    folder: Option<tempfile::TempDir>,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: bytes::Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// An error of the contract: both published shapes, the same id in the header and in the body.
    pub fn error(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!(self.status, status, "{body}");
        assert_eq!(body["statusCode"], status);
        assert_eq!(body["error"]["code"], code, "{body}");
        assert_eq!(body["message"], body["error"]["message"]);
        assert!(body["statusMessage"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
        assert_eq!(body["error"]["requestId"], self.header("x-request-id"));
        body
    }
}

/// A frame of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    pub id: String,
    pub event: Option<String>,
    pub data: String,
}

impl Frame {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap()
    }
}

pub struct Stream {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    body: std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    decoder: Decoder,
    ready: std::collections::VecDeque<Frame>,
    /// All bytes so far.
    pub bytes: Vec<u8>,
    over: bool,
    /// Each `data:` is a string that holds the event.
    text: bool,
    told: Told,
    /// The number of the frame before.
    before: Option<u64>,
}

impl Stream {
    /// The next frame; `None`: the stream has ended.
    pub async fn next(&mut self) -> Option<Frame> {
        // Of a frame, not of bytes: a comment keeps a stream open, and would keep a test waiting.
        let deadline = tokio::time::Instant::now() + LONG;
        loop {
            if let Some(frame) = self.ready.pop_front() {
                self.told.check(&frame, &mut self.before);
                return Some(frame);
            }
            if self.over {
                spec::framing(&self.bytes);
                return None;
            }
            let chunk = tokio::time::timeout_at(deadline, self.body.next()).await.expect("the stream is silent");
            match chunk {
                None | Some(Err(_)) => self.over = true,
                Some(Ok(chunk)) => {
                    self.bytes.extend_from_slice(&chunk);
                    let (ready, text) = (&mut self.ready, self.text);
                    self.decoder
                        .feed(&chunk, |frame| {
                            let data = frame.data_str().into_owned();
                            ready.push_back(Frame {
                                id: frame.id_str().into_owned(),
                                event: frame.event_str().map(std::borrow::Cow::into_owned),
                                data: if text { serde_json::from_str(&data).expect("a string") } else { data },
                            });
                        })
                        .unwrap();
                }
            }
        }
    }

    /// Reads on until this stands in its bytes.
    pub async fn until_bytes(&mut self, wanted: impl Fn(&str) -> bool) {
        let found = async {
            while !wanted(&String::from_utf8_lossy(&self.bytes)) {
                let chunk = self.body.next().await.expect("the stream ended before what was waited for").unwrap();
                self.bytes.extend_from_slice(&chunk);
            }
        };
        tokio::time::timeout(LONG, found).await.expect("what was waited for does not come");
    }

    pub async fn rest(&mut self) -> Vec<Frame> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await {
            frames.push(frame);
        }
        frames
    }

    /// Frames up to and with the first that `wanted` takes.
    pub async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            let frame = self.next().await.expect("the stream ended before what was waited for");
            let found = wanted(&frame);
            frames.push(frame);
            if found {
                return frames;
            }
        }
    }
}

pub fn config(data: &Path) -> Config {
    let mut config = Config::new(data);
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.runtime = RuntimeConfig::Practice;
    config.api_keys = vec![KEY.into()];
    config
}

impl Service {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut service = Self::with(config(folder.path())).await;
        service.folder = Some(folder);
        service
    }

    pub async fn with(config: Config) -> Self {
        let server = Server::start(config).await.unwrap();
        let url = format!("http://{}", server.local_addr());
        Self { server: Some(server), url, http: http(), folder: None }
    }

    pub async fn stop(mut self) -> Option<tempfile::TempDir> {
        let server = self.server.take().unwrap();
        tokio::time::timeout(LONG, server.shutdown()).await.expect("the shutdown does not end");
        self.folder.take()
    }

    pub fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let path = whole(path);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(KEY)
    }

    pub async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        send(request).await
    }

    pub async fn chat(&self) -> String {
        let answer = self.call("POST", "", Some(json!({}))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub async fn open(&self, request: reqwest::RequestBuilder) -> Stream {
        stream(request).await
    }

    pub async fn respond(&self, chat: &str, text: &str) -> Stream {
        let request = self.request("POST", &format!("/{chat}/respond")).body(prompt(text).to_string());
        let stream = self.open(request).await;
        assert_eq!(stream.status, 200);
        stream
    }

    pub async fn relay(&self, chat: &str, after: u64) -> Stream {
        self.open(self.request("GET", &format!("/{chat}/stream?lastEventId={after}"))).await
    }

    /// Runs a turn to its end.
    pub async fn turn(&self, chat: &str, text: &str) -> Value {
        let answer = self.call("POST", &format!("/{chat}/message"), Some(prompt(text))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }
}

/// Paths of chats may leave the prefix out.
fn whole(path: &str) -> String {
    let of_a_chat = path.is_empty() || path.starts_with("/chat_") || path.starts_with('?');
    if of_a_chat { format!("{PREFIX}{path}") } else { path.to_owned() }
}

/// Says why a test is not run, past the test harness, which keeps what a test that passes prints.
pub fn skipped(why: &str) {
    use std::io::Write as _;
    std::io::stderr().write_all(format!("SKIPPED: {why}\n").as_bytes()).unwrap();
}

pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub fn prompt(text: &str) -> Value {
    json!({ "parts": [{ "type": "text", "text": text }] })
}

/// Its method, its path with its query, and the answer's head.
async fn head(request: reqwest::RequestBuilder) -> (String, String, reqwest::Response) {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let (method, url) = (request.method().to_string(), request.url().clone());
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let response = tokio::time::timeout(LONG, client.execute(request)).await.expect("no answer").unwrap();
    (method, path, response)
}

/// The answer, held against the contract.
pub async fn send(request: reqwest::RequestBuilder) -> Answer {
    let (method, path, response) = head(request).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let answer = Answer { status, headers, body: response.bytes().await.unwrap() };
    spec().check(&method, &path, &answer);
    answer
}

/// A stream; its head and each of its frames are held against the contract.
pub async fn stream(request: reqwest::RequestBuilder) -> Stream {
    let (method, path, response) = head(request).await;
    spec().check_head(&method, &path, response.status().as_u16(), response.headers());
    reading(&path, response)
}

/// A stream that came through somebody who may change its head; its frames are held against the contract.
pub async fn stream_through(request: reqwest::RequestBuilder) -> Stream {
    let (_, path, response) = head(request).await;
    reading(&path, response)
}

fn reading(path: &str, response: reqwest::Response) -> Stream {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = Box::pin(response.bytes_stream());
    let (decoder, ready, bytes) = (Decoder::new(), std::collections::VecDeque::new(), Vec::new());
    let text = headers.get("turnwire-data").is_some_and(|data| data == "text");
    Stream { status, headers, body, decoder, ready, bytes, over: false, text, told: Told::of(path), before: None }
}
