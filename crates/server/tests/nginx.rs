//! Through a real nginx as it comes: its configuration says where to pass requests on, and nothing else of how.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::stand_in::{StandIn, asked};
use common::tools::debian;
use common::{Frame, KEY, LONG, PREFIX, Stream, http, prompt, stream_through};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::{TcpListener, UnixStream};
use tokio::process::{Child, Command};

/// The program: the system's, or the distribution's package unpacked below `target`, for which nobody needs to be root.
async fn nginx() -> Option<PathBuf> {
    let places = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&places).chain(["/usr/sbin".into()]).map(|folder| folder.join("nginx"));
    if let Some(program) = found.into_iter().find(|program| program.exists()) {
        return Some(program);
    }
    Some(debian("nginx").await?.join("usr/sbin/nginx"))
}

/// nginx before a server; ended with this value.
struct Before {
    url: String,
    _nginx: Child,
    _folder: tempfile::TempDir,
}

impl Before {
    async fn start(program: &Path, server: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().display();
        let socket = folder.path().join("socket");
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {place}/{name};\n")).concat();
        // What is not about the proxying keeps it to its folder, and to one process.
        let config = format!(
            "daemon off;\nmaster_process off;\npid {place}/pid;\nerror_log stderr notice;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}\
             server {{\nlisten unix:{};\nlocation / {{\nproxy_pass {server};\n}}\n}}\n}}\n",
            socket.display()
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new(program);
        command.arg("-p").arg(folder.path()).arg("-c").arg(&file).stdin(Stdio::null()).stdout(Stdio::null());
        let mut nginx = command.stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut said = BufReader::new(nginx.stderr.take().unwrap()).lines();
        // It says so once it listens.
        let ready = async {
            loop {
                let line = said.next_line().await.unwrap().expect("nginx has ended");
                if line.contains("getrlimit") {
                    return;
                }
            }
        };
        tokio::time::timeout(LONG, ready).await.expect("nginx does not come up");
        tokio::spawn(async move { while let Ok(Some(_)) = said.next_line().await {} });
        // It listens on a socket of its folder, as no port can be promised to it; bytes are carried there as they come.
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let mut inside = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut outside, &mut inside).await });
            }
        });
        Self { url, _nginx: nginx, _folder: folder }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        http().request(method, format!("{}{PREFIX}{path}", self.url)).bearer_auth(KEY)
    }
}

/// Reads all three until each has told this.
async fn all_until(streams: &mut [&mut Stream], wanted: impl Fn(&Frame) -> bool + Copy) {
    for stream in streams {
        stream.until(wanted).await;
    }
}

#[tokio::test]
async fn through_nginx_as_it_comes_every_delta_is_there_before_the_next_is_said() {
    let Some(program) = nginx().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let quick = |config: &mut turnwire_server::Config| config.limits.heartbeat = Duration::from_millis(50);
    let (service, stand_in, mut heard) = StandIn::start(folder.path(), quick).await;
    let before = Before::start(&program, &service.url).await;
    let chat = service.chat().await;

    let mut relay = stream_through(before.request("GET", &format!("/{chat}/stream?lastEventId=0"))).await;
    let respond = before.request("POST", &format!("/{chat}/respond")).body(prompt("Hello").to_string());
    let mut respond = stream_through(respond).await;
    let turn = respond.headers["turnwire-turn-id"].to_str().unwrap().to_owned();
    let mut turn = stream_through(before.request("GET", &format!("/{chat}/turns/{turn}/stream"))).await;
    for stream in [&relay, &respond, &turn] {
        assert_eq!((stream.status, stream.headers["content-type"].to_str().unwrap()), (200, "text/event-stream"));
    }
    let user = asked(&mut heard, "POST /session/ses_1/prompt_async").await["messageID"].clone();
    let info = json!({ "id": "msg_zzzzzzzzzzzz1", "sessionID": "ses_1", "role": "assistant", "parentID": user });
    let part = |more: Value| {
        let mut part =
            json!({ "id": "prt_1", "type": "text", "text": "", "sessionID": "ses_1", "messageID": info["id"] });
        part.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "sessionID": "ses_1", "part": part })
    };
    stand_in.tell("session.status", &json!({ "sessionID": "ses_1", "status": { "type": "busy" } }));
    stand_in.tell("message.updated", &json!({ "sessionID": "ses_1", "info": info }));
    stand_in.tell("message.part.updated", &part(json!({ "time": { "start": 1 } })));
    let mut whole = String::new();
    for number in 1..=30 {
        let delta = format!("delta{number} ");
        whole.push_str(&delta);
        let said = json!({ "sessionID": "ses_1", "messageID": info["id"], "partID": "prt_1", "field": "text", "delta": delta });
        stand_in.tell("message.part.delta", &said);
        // Nothing more is said until each of them has it.
        all_until(&mut [&mut relay, &mut respond, &mut turn], |frame| {
            frame.json()["delta"] == *delta || frame.json()["properties"]["delta"] == *delta
        })
        .await;
    }
    // Nothing happens, and all three say that they live, again and again.
    for stream in [&mut relay, &mut respond, &mut turn] {
        let comments = |text: &str| text.matches("\n: hb").count();
        let so_far = comments(&String::from_utf8_lossy(&stream.bytes));
        stream.until_bytes(|text| comments(text) > so_far + 3).await;
    }
    // A question is answered through nginx only once it was read there.
    let question = json!({ "question": "Which?", "header": "One", "options": [{ "label": "a", "description": "A" }] });
    stand_in.tell("question.asked", &json!({ "id": "que_1", "sessionID": "ses_1", "questions": [question] }));
    all_until(&mut [&mut relay, &mut respond, &mut turn], |frame| frame.data.contains("que_1")).await;
    let reply = before
        .request("POST", &format!("/{chat}/question/que_1/reply"))
        .body(json!({ "answers": [["a"]] }).to_string());
    assert_eq!(reply.send().await.unwrap().status(), 204);
    asked(&mut heard, "POST /question/que_1/reply").await;
    stand_in.tell("question.replied", &json!({ "sessionID": "ses_1", "requestID": "que_1", "answers": [["a"]] }));

    stand_in.tell("message.part.updated", &part(json!({ "text": whole, "time": { "start": 1, "end": 2 } })));
    let mut ended = info.clone();
    ended["time"] = json!({ "created": 1, "completed": 2 });
    ended["finish"] = json!("stop");
    stand_in.tell("message.updated", &json!({ "sessionID": "ses_1", "info": ended }));
    stand_in.tell("session.status", &json!({ "sessionID": "ses_1", "status": { "type": "idle" } }));
    let told = respond.rest().await;
    assert_eq!(told.last().unwrap().json()["status"], "completed");
    assert_eq!(turn.rest().await.last(), told.last(), "and both end where the turn does");
    relay.until(|frame| frame.data.contains("\"idle\"")).await;
    service.stop().await;
}

#[tokio::test]
async fn through_nginx_as_it_comes_files_go_both_ways() {
    let Some(program) = nginx().await else { return };
    let service = common::Service::start().await;
    let before = Before::start(&program, &service.url).await;
    let chat = service.chat().await;
    let path = format!("/{chat}/files/notes/large.bin");
    let bytes = |size: usize| -> Vec<u8> { (0..size).map(|at| u8::try_from(at % 251).unwrap()).collect() };
    // As it comes, nginx takes a mebibyte; what is larger goes in past it and comes out through it.
    let sent = before.request("PUT", &path).body(bytes(1 << 20)).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(before.request("PUT", &path).body(bytes((1 << 20) + 1)).send().await.unwrap().status(), 413);
    for size in [1 << 20, 8 << 20] {
        common::send(service.request("PUT", &path).body(bytes(size))).await;
        let got = before.request("GET", &path).send().await.unwrap();
        assert_eq!((got.status().as_u16(), got.bytes().await.unwrap().as_ref()), (200, bytes(size).as_slice()));
        let part = before.request("GET", &path).header("range", "bytes=1000-1999").send().await.unwrap();
        assert_eq!((part.status().as_u16(), part.bytes().await.unwrap().as_ref()), (206, &bytes(2000)[1000..]));
    }
    service.stop().await;
}
