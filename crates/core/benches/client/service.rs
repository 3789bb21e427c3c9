//! A service of one answer: a whole turn, from memory.

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// How the same turn is cut into the chunks of its answer.
pub(crate) const WORKLOADS: [&str; 2] = ["chunks-of-16-KiB", "an-event-a-chunk"];
const DELTAS: usize = 20_000;
pub(crate) const EVENTS: usize = DELTAS + 6;

pub(crate) struct Service(String);

impl Service {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let frames = frames();
        let joined: Vec<u8> = frames.concat();
        let answers = Arc::new([answer(joined.chunks(16 * 1024)), answer(frames.iter().map(Vec::as_slice))]);
        thread::spawn(move || {
            for socket in listener.incoming() {
                let answers = answers.clone();
                thread::spawn(move || serve(socket.unwrap(), &answers));
            }
        });
        Self(url)
    }

    pub(crate) fn url(&self) -> &str {
        &self.0
    }
}

/// The frames of a turn of many deltas of about 250 bytes each.
fn frames() -> Vec<Vec<u8>> {
    let message = r#""messageId":"msg_206edb2bd007NDtpucOV7CzZcg""#;
    let part = r#""partId":"prt_206edb2bd00frhpQu1ft","partType":"text""#;
    let mut bodies = vec![
        ("turn.started", r#""userMessage":{"id":"msg_206edb2b50006CUD2Qiup68","parts":[]}"#.to_owned()),
        ("message.created", format!(r#"{message},"kind":"answer""#)),
    ];
    let mut text = String::new();
    for at in 0..DELTAS {
        let delta = ["word ", "caf\u{e9} ", "one, ", "two. "][at % 4];
        text.push_str(delta);
        bodies.push(("message.part.updated", format!(r#"{message},{part},"delta":"{delta}""#)));
    }
    let done = format!(r#""part":{{"id":"prt_206edb2bd00frhpQu1ft","type":"text","state":"done","text":"{text}"}}"#);
    bodies.push(("message.part.updated", format!("{message},{part},{done}")));
    bodies.push(("message.completed", format!(r#"{message},"finishReason":"stop""#)));
    bodies.push(("session.usage", r#""usage":{}"#.to_owned()));
    bodies.push(("turn.completed", r#""status":"completed""#.to_owned()));
    let ids = r#""chatId":"chat_3f9a1c22d0b84e6f","turnId":"turn_206edb2b50006CUD2Qiup68""#;
    (1..)
        .zip(bodies)
        .map(|(seq, (kind, body))| {
            format!("id: {seq}\nevent: {kind}\ndata: {{\"type\":\"{kind}\",\"seq\":{seq},{ids},{body}}}\n\n")
                .into_bytes()
        })
        .collect()
}

fn answer<'a>(chunks: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut answer = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nturnwire-contract: 1\r\n\
        turnwire-turn-id: turn_206edb2b50006CUD2Qiup68\r\ntransfer-encoding: chunked\r\n\r\n"
        .to_vec();
    for chunk in chunks {
        let mut size = String::new();
        let _ = write!(size, "{:x}\r\n", chunk.len());
        answer.extend_from_slice(size.as_bytes());
        answer.extend_from_slice(chunk);
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(b"0\r\n\r\n");
    answer
}

fn serve(mut socket: TcpStream, answers: &[Vec<u8>; 2]) {
    socket.set_nodelay(true).unwrap();
    while let Some(head) = request(&mut socket) {
        let at = WORKLOADS.iter().position(|workload| head.contains(workload)).unwrap();
        if socket.write_all(&answers[at]).is_err() {
            return;
        }
    }
}

/// Reads one request; its head.
pub(crate) fn request(socket: &mut TcpStream) -> Option<String> {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .to_ascii_lowercase()
                .split("content-length: ")
                .nth(1)
                .and_then(|rest| rest.split("\r\n").next()?.parse::<usize>().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(head.to_owned());
            }
        }
        match socket.read(&mut piece) {
            Ok(read @ 1..) => bytes.extend_from_slice(&piece[..read]),
            _ => return None,
        }
    }
}
