//! What a check sends to the server, and what it reads.

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::collections::VecDeque;
use turnwire::error::CODES;

/// `Err` with this sentence, unless it holds.
macro_rules! ensure {
    ($holds:expr, $($sentence:tt)+) => {
        if !$holds {
            return Err(format!($($sentence)+));
        }
    };
}
pub(crate) use ensure;

/// What a check comes to; an `Err` says what is wrong.
pub(crate) type Done<T = ()> = Result<T, String>;

/// The server under test.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    key: String,
    http: Client,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Server {
    pub(crate) fn new(url: &str, key: &str) -> Done<Self> {
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build();
        let http = http.map_err(|error| error.to_string())?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), key: key.to_owned(), http })
    }

    /// A request without a key.
    pub(crate) fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
        self.http.request(method, format!("{}/agent/v2/chat{path}", self.url))
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.bare(method, path).bearer_auth(&self.key)
    }

    pub(crate) async fn get(&self, path: &str) -> Done<Answer> {
        whole(self.request("GET", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Done<Answer> {
        whole(self.json("POST", path, body)).await
    }

    /// A new chat; its path.
    pub(crate) async fn chat(&self) -> Done<String> {
        let chat = self.post("", &json!({"title": "Conformance"})).await?.object()?;
        let id = chat["id"].as_str().ok_or("a created chat has no id")?;
        Ok(format!("/{id}"))
    }

    /// A request with a body.
    pub(crate) fn json(&self, method: &str, path: &str, body: &Value) -> RequestBuilder {
        self.request(method, path).header("content-type", "application/json").body(body.to_string())
    }

    /// A request for a turn.
    pub(crate) fn respond(&self, chat: &str, prompt: &str) -> RequestBuilder {
        self.json("POST", &format!("{chat}/respond"), &prompt_of(prompt))
    }
}

pub(crate) fn prompt_of(text: &str) -> Value {
    json!({"parts": [{"type": "text", "text": text}]})
}

/// Sends a request and reads the whole answer, which carries what every answer does.
pub(crate) async fn whole(request: RequestBuilder) -> Done<Answer> {
    let response = open(request).await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.bytes().await.map_err(|error| error.to_string())?.to_vec();
    Ok(Answer { status, headers, body })
}

async fn open(request: RequestBuilder) -> Done<Response> {
    let response = request.send().await.map_err(|error| error.to_string())?;
    let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
    let of = || format!("the answer {} of {}", response.status().as_u16(), response.url().path());
    ensure!(header("turnwire-contract") == Some("1"), "{} has no turnwire-contract: 1 (PROTOCOL VER-1)", of());
    ensure!(header("x-request-id").is_some(), "{} has no x-request-id (PROTOCOL HTTP-2)", of());
    Ok(response)
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Done<Value> {
        serde_json::from_slice(&self.body).map_err(|error| format!("the body is not JSON: {error}"))
    }

    pub(crate) fn expect(&self, status: u16) -> Done<&Self> {
        let body = String::from_utf8_lossy(&self.body);
        ensure!(self.status == status, "the status should be {status}, is {}: {body:.300}", self.status);
        Ok(self)
    }

    /// An object that was answered with 200.
    pub(crate) fn object(&self) -> Done<Value> {
        let value = self.expect(200)?.json()?;
        ensure!(value.is_object(), "the answer is not an object: {value}");
        let null = value.as_object().into_iter().flatten().find(|(_, value)| value.is_null());
        ensure!(null.is_none(), "a field without a value is sent: {null:?} (PROTOCOL VAL-1)");
        Ok(value)
    }

    /// An error with this code, under the status that the table has for it.
    pub(crate) fn refused(&self, code: &str) -> Done<Value> {
        let status = CODES.iter().find(|row| row.code == code).map_or(0, |row| row.status);
        let body = self.expect(status)?.json()?;
        ensure!(body["error"]["code"] == code, "the code should be {code}: {body} (PROTOCOL ERR-2)");
        let sentence = body["message"].as_str().unwrap_or_default();
        ensure!(!sentence.is_empty(), "the error has no message: {body} (PROTOCOL ERR-1)");
        ensure!(body["error"]["type"].is_string(), "the error has no type: {body} (PROTOCOL ERR-1)");
        Ok(body)
    }
}

/// A frame of an event stream.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) id: Option<u64>,
    pub(crate) event: Option<String>,
    pub(crate) data: Value,
    /// The data as it was sent.
    pub(crate) text: String,
}

/// An open event stream.
pub(crate) struct Live {
    response: Response,
    pub(crate) headers: HeaderMap,
    text: Vec<u8>,
    frames: VecDeque<Frame>,
    begun: bool,
}

impl Live {
    /// Opens a stream, which says what streams say at their beginning.
    pub(crate) async fn open(request: RequestBuilder) -> Done<Self> {
        let response = open(request).await?;
        let headers = response.headers().clone();
        let status = response.status().as_u16();
        if status != 200 {
            let body = response.text().await.unwrap_or_default();
            return Err(format!("a stream is answered {status}: {body:.300}"));
        }
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let kind = header("content-type");
        ensure!(kind.starts_with("text/event-stream"), "a stream has the content type {kind:?} (PROTOCOL HTTP-1)");
        ensure!(header("cache-control") == "no-cache, no-transform", "the stream may be cached (PROTOCOL FRAME-1)");
        ensure!(header("x-accel-buffering") == "no", "the stream may be buffered (PROTOCOL FRAME-1)");
        Ok(Self { response, headers, text: Vec::new(), frames: VecDeque::new(), begun: false })
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Done<Option<Frame>> {
        while self.frames.is_empty() {
            let Some(chunk) = self.response.chunk().await.map_err(|error| error.to_string())? else {
                let rest = String::from_utf8_lossy(&self.text);
                let rest = rest.lines().find(|line| !line.starts_with(':') && !line.starts_with("retry:"));
                ensure!(rest.is_none(), "the stream ends within a frame: {rest:?}");
                return Ok(None);
            };
            self.text.extend_from_slice(&chunk);
            while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                let frame: Vec<u8> = self.text.drain(..end + 2).collect();
                let frame = self.frame(&String::from_utf8_lossy(&frame))?;
                self.frames.push_back(frame);
            }
        }
        Ok(self.frames.pop_front())
    }

    fn frame(&mut self, text: &str) -> Done<Frame> {
        if !self.begun {
            let opens = text.starts_with("retry: 1000\n:");
            ensure!(opens, "the stream should open with retry: 1000 and a comment (PROTOCOL FRAME-1): {text:?}");
            self.begun = true;
        }
        let lines: Vec<&str> = text.trim_end_matches('\n').lines().collect();
        let value = |name: &str| {
            let mut values = lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            (values.next(), values.next().is_none())
        };
        let (data, single) = value("data");
        let last = lines.last().is_some_and(|line| line.starts_with("data: "));
        ensure!(single && last, "a frame has one data line, its last (PROTOCOL FRAME-2): {text:?}");
        let text = data.unwrap_or_default().to_owned();
        let data = serde_json::from_str(&text).map_err(|error| format!("data is not JSON: {error}: {text}"))?;
        let id = value("id").0.map(|id| id.parse().map_err(|_| format!("an id is no number: {id:?}"))).transpose()?;
        Ok(Frame { id, event: value("event").0.map(str::to_owned), data, text })
    }

    /// All frames to the end.
    pub(crate) async fn rest(mut self) -> Done<Vec<Frame>> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await? {
            frames.push(frame);
        }
        Ok(frames)
    }

    /// The frames up to the first that is such.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Frame) -> bool) -> Done<Vec<Frame>> {
        let mut frames = Vec::new();
        while let Some(frame) = self.next().await? {
            let found = wanted(&frame);
            frames.push(frame);
            if found {
                return Ok(frames);
            }
        }
        Err(format!("the stream ends before what is waited for, after {} frames", frames.len()))
    }
}
