//! The model under a real `OpenCode`, and the agent beside it: both must tell the same turns.
//!
//! Runs when the environment variable `TURNWIRE_OPENCODE` names the program (`cargo xtask test` installs one and sets it).
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{LONG, shapes};
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use turnwire_practice::{Agent, Prompt, model};

const PASSWORD: &str = "of-a-test-on-loopback";

#[tokio::test]
async fn a_real_opencode_and_the_agent_tell_the_same_turns() {
    let Some(program) = std::env::var_os("TURNWIRE_OPENCODE").filter(|path| !path.is_empty()) else {
        eprintln!("SKIPPED: set TURNWIRE_OPENCODE to an opencode program to run this test");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let mut real = OpenCode::start(&PathBuf::from(program), folder.path()).await;
    for prompt in [
        "Hello there, you.",
        "/tool",
        "/think",
        "/long 300",
        "/slow 3",
        "/fail",
        "/ask yes",
        "/ask refuse",
        "/slow 1000",
    ] {
        let told = real.turn(prompt).await;
        let practised = practise(prompt, folder.path()).await;
        assert_eq!(comparable(&told), comparable(&practised), "{prompt}");
    }
    let written = std::fs::read_to_string(real.workspace.join("hello.txt")).unwrap();
    assert_eq!(written, "Hello from Turnwire.\n");
}

/// What a turn looks like from outside. A turn that is stopped is stopped anywhere, so its words are left out.
fn comparable(events: &[Value]) -> Vec<String> {
    let stopped = shapes(events).contains(&"session.error MessageAbortedError".to_owned());
    let mut shapes = shapes(events);
    // Told once or twice: between the two `OpenCode` may already have set the time of its end.
    let settling = ["message.updated assistant stop open -", "message.updated assistant tool-calls open -"];
    shapes.retain(|shape| !settling.contains(&shape.as_str()));
    // A running tool tells its output as often as it likes, between other things.
    let mut running = false;
    shapes.retain(|shape| {
        let again = shape.ends_with("bash running") && running;
        running |= shape.ends_with("bash running");
        !again
    });
    if stopped {
        shapes.retain(|shape| !shape.contains("word") && !shape.starts_with("message.part.delta"));
    }
    shapes
}

/// What is done about a turn while it runs.
enum Act {
    Answer(String),
    Refuse(String),
    Stop,
}

/// Reads a turn from prompt to its end, and tells when something is to be done about it.
#[derive(Default)]
struct Reader {
    events: Vec<Value>,
    idle: usize,
}

impl Reader {
    fn read(&mut self, prompt: &str, event: Value) -> Option<Act> {
        let properties = &event["properties"];
        let asked = || properties["id"].as_str().unwrap().to_owned();
        let act = match event["type"].as_str().unwrap() {
            "question.asked" if prompt.ends_with("yes") => Some(Act::Answer(asked())),
            "question.asked" => Some(Act::Refuse(asked())),
            "message.part.delta" if prompt.contains("1000") && properties["delta"] == "word3 " => Some(Act::Stop),
            "session.idle" => {
                self.idle += 1;
                None
            }
            _ => None,
        };
        self.events.push(event);
        act
    }

    fn ended(&self) -> bool {
        let failed = self.events.iter().any(|event| event["type"] == "session.error");
        self.idle == if failed { 2 } else { 1 }
    }
}

async fn practise(prompt: &str, folder: &Path) -> Vec<Value> {
    let (agent, mut events) = Agent::new();
    let session_id = agent.create_session(folder, Some("Test")).await;
    events.recv().await.unwrap();
    let parts = vec![json!({ "type": "text", "text": prompt })];
    agent.prompt(Prompt { session_id: session_id.clone(), parts, ..Prompt::default() }).unwrap();
    let mut reader = Reader::default();
    while !reader.ended() {
        let event = timeout(LONG, events.recv()).await.expect("the agent is silent").unwrap();
        match reader.read(prompt, serde_json::from_slice(&event).unwrap()) {
            Some(Act::Answer(id)) => assert!(agent.reply_to_question(&id, vec![vec!["yes".to_owned()]])),
            Some(Act::Refuse(id)) => assert!(agent.reject_question(&id)),
            Some(Act::Stop) => assert!(agent.abort(&session_id)),
            None => {}
        }
    }
    reader.events
}

struct OpenCode {
    url: String,
    workspace: PathBuf,
    http: reqwest::Client,
    events: mpsc::Receiver<Value>,
    _process: Child,
    _model: DropGuard,
}

impl OpenCode {
    async fn start(program: &Path, folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = model::opencode_config(&format!("http://{}", listener.local_addr().unwrap()));
        let stop = CancellationToken::new();
        tokio::spawn(model::serve(listener, stop.clone()));
        let workspace = folder.join("workspace");
        std::fs::create_dir(&workspace).unwrap();
        // In a plain folder `OpenCode` does not see which files a step changed.
        let git = Command::new("git").args(["init", "--quiet"]).current_dir(&workspace).status().await;
        assert!(git.expect("this test needs git").success());
        std::fs::write(folder.join("opencode.json"), config.to_string()).unwrap();
        std::fs::write(folder.join("models.json"), "{}").unwrap();

        let mut command = Command::new(program);
        command.args(["serve", "--hostname", "127.0.0.1", "--port", "0"]).current_dir(&workspace);
        for (name, value) in [
            ("HOME", "home"),
            ("XDG_DATA_HOME", "data"),
            ("XDG_CONFIG_HOME", "config"),
            ("XDG_STATE_HOME", "state"),
            ("XDG_CACHE_HOME", "cache"),
            ("OPENCODE_CONFIG", "opencode.json"),
            ("OPENCODE_MODELS_PATH", "models.json"),
        ] {
            command.env(name, folder.join(value));
        }
        for name in ["MODELS_FETCH", "AUTOUPDATE", "DEFAULT_PLUGINS", "LSP_DOWNLOAD", "SHARE"] {
            command.env(format!("OPENCODE_DISABLE_{name}"), "1");
        }
        command.env("OPENCODE_ENABLE_QUESTION_TOOL", "1").env("OPENCODE_SERVER_PASSWORD", PASSWORD);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut process = command.spawn().expect("TURNWIRE_OPENCODE cannot be started");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = loop {
            let line = timeout(2 * LONG, lines.next_line()).await.expect("OpenCode does not start").unwrap();
            let line = line.expect("OpenCode ended before it listened");
            if let Some(at) = line.find("http://") {
                break line[at..].trim().to_owned();
            }
        };
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let (tell, mut events) = mpsc::channel(1024);
        let stream = http.get(format!("{url}/event")).query(&[("directory", &workspace)]);
        let stream = stream.basic_auth("opencode", Some(PASSWORD)).send().await.unwrap();
        assert_eq!(stream.status(), 200);
        tokio::spawn(read_events(stream, tell));
        let first: Value = timeout(LONG, events.recv()).await.expect("no first event").unwrap();
        assert_eq!(first["type"], "server.connected");
        Self { url, workspace, http, events, _process: process, _model: stop.drop_guard() }
    }

    async fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.http.post(format!("{}{path}", self.url)).query(&[("directory", &self.workspace)]);
        let answer = request.basic_auth("opencode", Some(PASSWORD)).json(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap_or_default()
    }

    async fn turn(&mut self, prompt: &str) -> Vec<Value> {
        let session = self.post("/session", &json!({ "title": "Test" })).await;
        let session = session["id"].as_str().unwrap();
        let body = json!({ "parts": [{ "type": "text", "text": prompt }] });
        self.post(&format!("/session/{session}/prompt_async"), &body).await;
        let mut reader = Reader::default();
        while !reader.ended() {
            let event = timeout(2 * LONG, self.events.recv()).await.expect("OpenCode is silent").unwrap();
            if event["properties"]["sessionID"] != session || event["type"] == "session.created" {
                continue;
            }
            match reader.read(prompt, event) {
                Some(Act::Answer(id)) => {
                    self.post(&format!("/question/{id}/reply"), &json!({ "answers": [["yes"]] })).await;
                }
                Some(Act::Refuse(id)) => {
                    self.post(&format!("/question/{id}/reject"), &json!({})).await;
                }
                Some(Act::Stop) => {
                    self.post(&format!("/session/{session}/abort"), &json!({})).await;
                }
                None => {}
            }
        }
        reader.events
    }
}

/// `OpenCode` sends one `data:` line an event and no other lines.
async fn read_events(stream: reqwest::Response, tell: mpsc::Sender<Value>) {
    let mut body = stream.bytes_stream();
    let mut text = Vec::new();
    while let Some(Ok(bytes)) = body.next().await {
        text.extend_from_slice(&bytes);
        while let Some(end) = text.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = text.drain(..=end).collect();
            let Some(data) = line.strip_prefix(b"data: ") else { continue };
            if tell.send(serde_json::from_slice(data).unwrap()).await.is_err() {
                return;
            }
        }
    }
}
