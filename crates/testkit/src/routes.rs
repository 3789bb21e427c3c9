//! The routes of the contract, as far as clients are tested on them.

use crate::Fault;
use crate::shared::Shared;
use crate::streams::{relay, turn_events, wait_for_close};
use crate::turns::{CHAT, Gate, Turn};
use crate::wire::{Out, Request, Stop};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

const FILE: usize = 100_000;

/// Answers one request; `false`: the connection is done for.
pub(crate) async fn answer(socket: &mut TcpStream, shared: &Shared, request: &Request) -> bool {
    if request.path == "/_testkit" {
        let body = serde_json::to_vec(&shared.state().counts).unwrap_or_default();
        let fault = Fault::default();
        return Out::new(socket, &fault).whole(200, "content-type: application/json\r\n", &body).await.is_ok();
    }
    if request.method == "CONNECT" {
        return match shared.refuses_connections() {
            Some(status) => {
                shared.state().counts.proxied += 1;
                let fault = Fault::default();
                Out::new(socket, &fault).whole(status, "", b"").await.is_ok()
            }
            None => tunnel(socket, shared).await.is_ok(),
        };
    }
    if request.path == "/_testkit/tls" {
        let told = shared.tls.as_ref().map(|tls| json!({"url": format!("https://{}", tls.address), "ca": tls.ca}));
        let body = told.unwrap_or_default().to_string();
        let fault = Fault::default();
        return Out::new(socket, &fault)
            .whole(200, "content-type: application/json\r\n", body.as_bytes())
            .await
            .is_ok();
    }
    let operation = operation(request);
    let nth = {
        let mut state = shared.state();
        state.counts.proxied += usize::from(request.proxied);
        state.counts.last_headers = request.headers();
        state.counts.last_query.clone_from(&request.query);
        state.counts.last_body = String::from_utf8_lossy(&request.body).into_owned();
        let nth = state.counts.requests.entry(operation.to_owned()).or_default();
        *nth += 1;
        *nth
    };
    shared.ring();
    let chosen = shared.faults.iter().find(|fault| fault.applies(operation, nth)).cloned();
    let drawn = || shared.chaos.map(|chaos| chaos.fault(operation, nth));
    let fault = chosen.or_else(drawn).unwrap_or_default();
    if fault.lose_request {
        return close(socket, &fault);
    }
    if fault.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(fault.delay_ms)).await;
    }
    let done = serve(socket, shared, request, operation, &fault).await;
    match done {
        Ok(()) => true,
        Err(Stop::Cut) => close(socket, &fault),
        Err(Stop::Gone) => false,
    }
}

/// Connects to the service's own TLS, whatever host was asked for, as a proxy would.
async fn tunnel(socket: &mut TcpStream, shared: &Shared) -> io::Result<()> {
    shared.state().counts.proxied += 1;
    let address = shared.tls.as_ref().map(|tls| tls.address).ok_or(io::ErrorKind::ConnectionRefused)?;
    let mut there = TcpStream::connect(address).await?;
    socket.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await?;
    copy_bidirectional(socket, &mut there).await?;
    // The connection is used up.
    Err(io::ErrorKind::ConnectionReset.into())
}

fn close(socket: &TcpStream, fault: &Fault) -> bool {
    if fault.rst {
        let _ = socket.set_zero_linger();
    }
    false
}

/// The other origin: gives a file, and notes who asked.
pub(crate) async fn elsewhere(socket: &mut TcpStream, shared: &Shared, request: &Request) -> bool {
    {
        let counts = &mut shared.state().counts;
        counts.elsewhere += 1;
        let private = ["authorization", "cookie", "x-mine", "idempotency-key"];
        counts.secrets_elsewhere |= private.iter().any(|name| request.header(name).is_some());
    }
    let fault = Fault::default();
    Out::new(socket, &fault).whole(200, "content-type: text/plain\r\n", b"elsewhere").await.is_ok()
}

fn operation(request: &Request) -> &'static str {
    let path = request.path.strip_prefix("/agent/v2/chat").unwrap_or_default();
    let words: Vec<&str> = path.split('/').skip(1).collect();
    match (request.method.as_str(), words.as_slice()) {
        ("POST", []) => "create",
        ("GET", []) => "list",
        ("GET", [_]) => "retrieve",
        ("DELETE", [_]) => "delete",
        ("POST", [_, "respond"]) => "respond",
        ("POST", [_, "message"]) => "message",
        ("POST", [_, "cancel"]) => "cancel",
        ("POST", [_, "question", _, "reply" | "reject"]) => "reply_to_question",
        ("POST", [_, "permission", _, "reply"]) => "reply_to_permission",
        ("GET", [_, "stream"]) => "stream",
        ("GET", [_, "turns", _, "stream"]) => "turns.stream",
        ("GET", [_, "turns", _]) => "turns.retrieve",
        ("GET", [_, "files"]) => "files.list",
        ("GET", [_, "files", _]) => "files.download",
        ("PUT", [_, "files", _]) => "files.upload",
        _ => "other",
    }
}

/// Starts a turn, or finds the one the key started.
pub(crate) fn start_turn(shared: &Shared, parts: &Value, key: Option<&str>) -> usize {
    let mut state = shared.state();
    if let Some(&known) = key.and_then(|key| state.keys.get(key)) {
        return known;
    }
    let number = state.turns.len();
    state.turns.push(Turn::new(number, parts, shared.ours));
    state.counts.turns += 1;
    if let Some(key) = key {
        state.keys.insert(key.to_owned(), number);
    }
    drop(state);
    shared.ring();
    number
}

async fn serve(
    socket: &mut TcpStream,
    shared: &Shared,
    request: &Request,
    operation: &'static str,
    fault: &Fault,
) -> Result<(), Stop> {
    let mut headers = "x-request-id: req_testkit\r\n".to_owned();
    if shared.ours && !fault.foreign {
        headers.push_str("turnwire-contract: 1\r\n");
    }
    for (name, value) in &fault.headers {
        let _ = write!(headers, "{name}: {value}\r\n");
    }
    for number in 0..fault.many_headers {
        let _ = write!(headers, "x-more-{number}: {number}\r\n");
    }
    if fault.long_header > 0 {
        let _ = write!(headers, "x-long: {}\r\n", "x".repeat(fault.long_header));
    }
    if let Some(to) = &fault.redirect {
        let target = match to.as_str() {
            "elsewhere" => format!("{}{}?secret=never", shared.elsewhere, request.path),
            "here" => request.path.replace("/agent/v2/chat/", "/agent/v2/chat/moved_"),
            _ => request.path.clone(),
        };
        let _ = write!(headers, "location: {target}\r\n");
        return Out::new(socket, fault).whole(fault.status.unwrap_or(307), &headers, b"").await;
    }
    if let Some(status) = fault.status {
        let body = fault.body.clone().unwrap_or_else(|| {
            json!({"statusCode": status, "message": "refused", "error": {"message": "refused", "type": "api_error"}}).to_string()
        });
        let kind = fault.content_type.as_deref().unwrap_or("application/json");
        let _ = write!(headers, "content-type: {kind}\r\n");
        let headers = with_coding(&headers, fault);
        return Out::new(socket, fault).whole(status, &headers, &fault.encoded(body.as_bytes())).await;
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let json_headers = format!("{headers}content-type: application/json\r\n");
    match operation {
        "respond" | "message" => {
            let key = request.header("idempotency-key").filter(|_| shared.ours).map(str::to_owned);
            let attaches = key.as_ref().is_some_and(|key| shared.state().keys.contains_key(key));
            if let Some(running) = shared.running().filter(|_| !attaches) {
                let active = shared.state().turns[running].id.clone();
                let body = json!({"statusCode": 409, "message": "A turn runs.", "error": {"type": "conflict_error", "code": "turn_conflict", "message": "A turn runs.", "activeTurnId": active}});
                return Out::new(socket, fault).whole(409, &json_headers, body.to_string().as_bytes()).await;
            }
            let number = start_turn(shared, &body["parts"], key.as_deref());
            if fault.lose_answer {
                return Err(Stop::Cut);
            }
            if fault.never_answer {
                return Err(wait_for_close(socket).await);
            }
            if shared.ours {
                let id = shared.state().turns[number].id.clone();
                let _ = write!(headers, "turnwire-turn-id: {id}\r\n");
            }
            turn_events(socket, shared, &headers, fault, number, 0).await
        }
        "turns.stream" => {
            let id = request.path.split('/').rev().nth(1).unwrap_or_default().to_owned();
            let found = shared.state().turns.iter().rposition(|turn| turn.id == id);
            let Some(number) = found.filter(|_| shared.ours) else {
                let body = json!({"error": {"code": "turn_not_found", "message": "There is no such turn."}});
                return Out::new(socket, fault).whole(404, &json_headers, body.to_string().as_bytes()).await;
            };
            let after = request.header("last-event-id").and_then(|id| id.parse().ok()).unwrap_or(0u64);
            turn_events(socket, shared, &headers, fault, number, after.saturating_sub(fault.replay_more)).await
        }
        "stream" => relay(socket, shared, &headers, fault, request).await,
        "cancel" => {
            if let Some(running) = shared.running() {
                shared.state().turns[running].gate = Gate::Open;
                shared.ring();
            }
            let body = json!({"id": CHAT, "ok": true}).to_string();
            Out::new(socket, fault).whole(200, &json_headers, body.as_bytes()).await
        }
        "reply_to_question" | "reply_to_permission" => {
            let id = request.path.rsplit('/').nth(1).unwrap_or_default();
            let running = shared.running();
            if running.is_some_and(|running| shared.state().turns[running].reply(id)) {
                shared.ring();
                return Out::new(socket, fault).whole(204, &headers, b"").await;
            }
            let code = format!("{}_not_found", operation.trim_start_matches("reply_to_"));
            let body = json!({"error": {"code": code, "message": "It is unknown, or answered already."}});
            Out::new(socket, fault).whole(404, &json_headers, body.to_string().as_bytes()).await
        }
        "files.list" => {
            let body = json!({"chatId": "chat_testkit", "files": []}).to_string();
            Out::new(socket, fault).whole(200, &json_headers, body.as_bytes()).await
        }
        "files.upload" => {
            let path = request.path.rsplit('/').next().unwrap_or_default();
            let body = json!({"name": path, "path": path, "sizeBytes": request.body.len()}).to_string();
            Out::new(socket, fault).whole(200, &json_headers, body.as_bytes()).await
        }
        "files.download" => file(socket, &headers, fault, request).await,
        "create" => {
            shared.state().counts.chats += 1;
            if fault.lose_answer {
                return Err(Stop::Cut);
            }
            plain(socket, shared, &json_headers, fault).await
        }
        "list" => {
            // Three pages of two chats.
            let page =
                request.query.split('&').find_map(|pair| pair.strip_prefix("cursor=")?.parse().ok()).unwrap_or(0);
            let chat = |number: usize| json!({"id": format!("chat_{number}"), "status": "idle"});
            let next = (page < 2).then(|| (page + 1).to_string());
            let body = json!({"data": [chat(page * 2), chat(page * 2 + 1)], "nextCursor": next}).to_string();
            Out::new(socket, fault).whole(200, &json_headers, body.as_bytes()).await
        }
        "retrieve" | "delete" => plain(socket, shared, &json_headers, fault).await,
        _ => {
            let body = json!({"error": {"code": "route_not_found", "message": "There is no such route."}});
            Out::new(socket, fault).whole(404, &json_headers, body.to_string().as_bytes()).await
        }
    }
}

async fn plain(socket: &mut TcpStream, shared: &Shared, headers: &str, fault: &Fault) -> Result<(), Stop> {
    let active = shared.running().map(|running| shared.state().turns[running].id.clone());
    let mut chat = json!({"id": CHAT, "status": "active"});
    if let Some(active) = active {
        chat["activeTurnId"] = json!(active);
    }
    let body = fault.body.clone().unwrap_or_else(|| chat.to_string());
    let headers = with_coding(headers, fault);
    Out::new(socket, fault).whole(200, &headers, &fault.encoded(body.as_bytes())).await
}

fn with_coding(headers: &str, fault: &Fault) -> String {
    let coding = fault.coding().map(|name| format!("content-encoding: {name}\r\n")).unwrap_or_default();
    format!("{headers}{coding}")
}

async fn file(socket: &mut TcpStream, headers: &str, fault: &Fault, request: &Request) -> Result<(), Stop> {
    let bytes: Vec<u8> = (0..FILE).map(|at| b'a' + u8::try_from(at % 26).unwrap_or(0)).collect();
    let headers = format!(
        "{headers}content-type: text/plain\r\ncontent-disposition: attachment; filename=\"file.txt\"\r\naccept-ranges: bytes\r\netag: \"1\"\r\n"
    );
    let from = request.header("range").and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    match from {
        Some(from) if from < FILE => {
            let headers = format!("{headers}content-range: bytes {from}-{}/{FILE}\r\n", FILE - 1);
            Out::new(socket, fault).whole(206, &headers, &bytes[from..]).await
        }
        Some(_) => {
            let headers = format!("{headers}content-range: bytes */{FILE}\r\n");
            Out::new(socket, fault).whole(416, &headers, b"").await
        }
        None => Out::new(socket, fault).whole(200, &with_coding(&headers, fault), &fault.encoded(&bytes)).await,
    }
}
