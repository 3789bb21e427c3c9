//! A stand-in for `OpenCode`: a program that says where it listens, and a router that answers there.

use super::{LONG, Service, config};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::mpsc;
use turnwire_server::{Config, RuntimeConfig};

/// A program of a shell's commands.
pub fn program(folder: &Path, script: &str) -> PathBuf {
    let program = folder.join("opencode");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program
}

/// A server on this `OpenCode`.
pub fn with(program: PathBuf, folder: &Path) -> Config {
    let mut config = config(&folder.join("data"));
    config.runtime = RuntimeConfig::Local { opencode: Some(program), opencode_config: Some(json!({})), isolate: None };
    config
}

/// A server whose `OpenCode` is this router.
pub async fn on(router: axum::Router, folder: &Path) -> Config {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let script = format!("echo listening on http://{}\nexec sleep 600", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    with(program(folder, &script), folder)
}

/// What the stand-in has, and who hears it.
#[derive(Default)]
pub struct Has {
    /// The open connection of `/event`; taken away, it ends.
    pub events: Option<mpsc::UnboundedSender<String>>,
    pub messages: Vec<Value>,
    pub questions: Value,
    pub permissions: Value,
    pub idle: bool,
}

/// An `OpenCode` that says what a test wants it to say. Its session is busy, unless it is said to be idle.
pub struct StandIn {
    has: Mutex<Has>,
    asked: mpsc::UnboundedSender<(String, Value)>,
    /// How many events it told.
    told: AtomicUsize,
}

/// What was asked, `METHOD /path`, and what came with it.
pub type Heard = mpsc::UnboundedReceiver<(String, Value)>;

impl StandIn {
    /// A server on a stand-in.
    pub async fn start(folder: &Path, change: impl FnOnce(&mut Config)) -> (Service, Arc<Self>, Heard) {
        let (tell, heard) = mpsc::unbounded_channel();
        let stand_in = Arc::new(Self { has: Mutex::default(), asked: tell, told: AtomicUsize::new(0) });
        let mut config = on(axum::Router::new().fallback(answer).with_state(stand_in.clone()), folder).await;
        change(&mut config);
        (Service::with(config).await, stand_in, heard)
    }

    pub fn has(&self) -> MutexGuard<'_, Has> {
        self.has.lock().unwrap()
    }

    /// An event, with an id of its own.
    pub fn tell(&self, event_type: &str, properties: &Value) {
        // Of two events of one id the second would be a repetition.
        let id = format!("evt_{}", self.told.fetch_add(1, Ordering::Relaxed));
        let event = json!({ "id": id, "type": event_type, "properties": properties });
        self.has().events.as_ref().unwrap().send(format!("data: {event}\n\n")).unwrap();
    }
}

async fn answer(State(stand_in): State<Arc<StandIn>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let what = format!("{} {path}", request.method());
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let answer = match what.as_str() {
        "GET /global/health" => json!({ "version": "1.18.0" }),
        "GET /event" => {
            let (events, mut told) = mpsc::unbounded_channel();
            events.send("data: {\"type\":\"server.connected\",\"properties\":{}}\n\n".to_owned()).unwrap();
            stand_in.has().events = Some(events);
            let told = futures_util::stream::poll_fn(move |context| told.poll_recv(context));
            let body = Body::from_stream(told.map(Ok::<_, std::io::Error>));
            return ([("content-type", "text/event-stream")], body).into_response();
        }
        "POST /session" => json!({ "id": "ses_1" }),
        "GET /session/status" if stand_in.has().idle => json!({}),
        "GET /session/status" => json!({ "ses_1": { "type": "busy" } }),
        "GET /question" => stand_in.has().questions.clone(),
        "GET /permission" => stand_in.has().permissions.clone(),
        "GET /session/ses_1/message" => json!(stand_in.has().messages),
        "POST /session/ses_1/prompt_async" => {
            let _ = stand_in.asked.send((what, body));
            return http::StatusCode::NO_CONTENT.into_response();
        }
        _ => json!(true),
    };
    let _ = stand_in.asked.send((what, body));
    axum::Json(answer).into_response()
}

/// Waits until this was asked; gives what came with it.
pub async fn asked(heard: &mut Heard, what: &str) -> Value {
    let found = async {
        loop {
            let (asked, body) = heard.recv().await.expect("the stand-in is gone");
            if asked == what {
                return body;
            }
        }
    };
    tokio::time::timeout(LONG, found).await.unwrap_or_else(|_| panic!("nobody asked {what}"))
}
