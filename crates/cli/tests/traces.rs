//! Spans of the server, as a collector of OpenTelemetry gets them.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{Server, run};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

/// Takes what is sent to it: where to, and what.
fn collector() -> (String, Receiver<(String, Vec<u8>)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, heard) = channel();
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = BufReader::new(socket.unwrap());
            let (mut first, mut line, mut length) = (String::new(), String::new(), 0);
            socket.read_line(&mut first).unwrap();
            while socket.read_line(&mut line).unwrap() > 2 {
                if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
                line.clear();
            }
            let mut body = vec![0; length];
            socket.read_exact(&mut body).unwrap();
            let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            socket.get_mut().write_all(answer).unwrap();
            let _ = told.send((first, body));
        }
    });
    (url, heard)
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[test]
fn requests_and_turns_are_spans_of_their_callers_trace_and_hold_no_key() {
    let (url, heard) = collector();
    let home = tempfile::tempdir().unwrap();
    let args = ["--runtime", "practice", "--listen", "127.0.0.1:0", "--otlp", &url];
    let key = "key-never-to-be-seen";
    let server = Server::start_with(home, &args, &[("TURNWIRE_API_KEY", key)]);
    let sent = run(server.client(&["send", "new", "Hello."]).env("TURNWIRE_API_KEY", key), "");
    assert!(sent.status.success());
    let mut socket = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).unwrap();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    write!(socket, "GET /healthz?token={key} HTTP/1.1\r\nhost: x\r\ntraceparent: {trace}\r\nconnection: close\r\n\r\n")
        .unwrap();
    socket.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(server.stop("TERM").0, Some(143));

    // The last of them are sent before the program ends.
    let sent: Vec<_> = heard.try_iter().collect();
    assert!(!sent.is_empty() && sent.iter().all(|(line, _)| line.starts_with("POST /v1/traces ")), "{sent:?}");
    let body: Vec<u8> = sent.into_iter().flat_map(|(_, body)| body).collect();
    for text in ["turnwire", "POST /agent/v2/chat/{id}/respond", "GET /healthz", "turn", "completed"] {
        assert!(contains(&body, text.as_bytes()), "{text} is missing");
    }
    let trace_id: Vec<u8> = (0..16).map(|at| u8::from_str_radix(&trace[3 + 2 * at..5 + 2 * at], 16).unwrap()).collect();
    assert!(contains(&body, &trace_id), "the caller's trace goes on");
    assert!(!contains(&body, b"never-to-be-seen"));
}
