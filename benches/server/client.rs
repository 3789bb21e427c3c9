//! The plainest reader there can be: a socket, chunks, lines. It must not cost more than the server does.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use turnwire::sse::{Decoder, Frame};

pub(crate) const KEY: &str = "key-of-a-bench";
pub(crate) const PREFIX: &str = "/agent/v2/chat";

/// A request whose answer is JSON.
pub(crate) fn call(address: &str, method: &str, path: &str, body: &str) -> Value {
    let mut answer = Stream::open(address, method, path, body);
    let mut whole = Vec::new();
    while answer.more(&mut whole) {}
    serde_json::from_slice(&whole).unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&whole)))
}

/// Starts a turn and does not wait for it.
pub(crate) fn prompt(address: &str, chat: &str, text: &str) {
    let body = serde_json::json!({ "parts": [{ "type": "text", "text": text }] }).to_string();
    drop(Stream::open(address, "POST", &format!("{PREFIX}/{chat}/respond"), &body));
}

/// An answer that is read as it comes.
pub(crate) struct Stream {
    socket: TcpStream,
    /// What was read and not yet handed on.
    raw: Vec<u8>,
    body: Body,
}

enum Body {
    /// So many bytes are left of the chunk that is read, its line end included.
    Chunked(usize),
    Plain(usize),
}

impl Stream {
    /// Returns once the head of the answer is there. The answer must be 200.
    pub(crate) fn open(address: &str, method: &str, path: &str, body: &str) -> Self {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_nodelay(true).unwrap();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {KEY}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).unwrap();
        let mut raw = Vec::new();
        let end = loop {
            if let Some(at) = raw.windows(4).position(|four| four == b"\r\n\r\n") {
                break at;
            }
            assert!(read(&mut socket, &mut raw) > 0, "no answer");
        };
        let head = String::from_utf8_lossy(&raw[..end]).to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        raw.drain(..end + 4);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let body = length.map_or(Body::Chunked(0), |length| Body::Plain(length.parse().unwrap()));
        Self { socket, raw, body }
    }

    /// The relay of a chat from after event number `after` on; `None`: live.
    pub(crate) fn relay(address: &str, chat: &str, after: Option<u64>) -> Self {
        let after = after.map(|after| format!("?lastEventId={after}")).unwrap_or_default();
        Self::open(address, "GET", &format!("{PREFIX}/{chat}/stream{after}"), "")
    }

    /// The bare socket, and what was already read from it: for whoever reads many at once.
    pub(crate) fn into_parts(self) -> (TcpStream, Vec<u8>) {
        (self.socket, self.raw)
    }

    /// Reads events until one is the last.
    pub(crate) fn until(mut self, mut is_last: impl FnMut(&Frame<'_>) -> bool) {
        let mut decoder = Decoder::new();
        let (mut chunk, mut over) = (Vec::new(), false);
        while !over {
            chunk.clear();
            assert!(self.more(&mut chunk), "the stream ended early");
            decoder.feed(&chunk, |frame| over |= is_last(&frame)).unwrap();
        }
    }

    /// Adds what comes next to `out`; `false`: it is over.
    pub(crate) fn more(&mut self, out: &mut Vec<u8>) -> bool {
        let before = out.len();
        loop {
            match &mut self.body {
                Body::Plain(left) => {
                    out.extend_from_slice(&self.raw);
                    *left -= self.raw.len();
                    self.raw.clear();
                    if *left == 0 {
                        return out.len() > before;
                    }
                }
                Body::Chunked(left) => {
                    if let Some(over) = unchunk(&mut self.raw, left, out) {
                        return !over && out.len() > before;
                    }
                }
            }
            if out.len() > before {
                return true;
            }
            if read(&mut self.socket, &mut self.raw) == 0 {
                return false;
            }
        }
    }
}

fn read(socket: &mut TcpStream, raw: &mut Vec<u8>) -> usize {
    let filled = raw.len();
    raw.resize(filled + 64 * 1024, 0);
    let count = socket.read(&mut raw[filled..]).unwrap_or(0);
    raw.truncate(filled + count);
    count
}

/// Moves what is whole in `raw` to `out`. `Some(true)`: the last chunk was there.
fn unchunk(raw: &mut Vec<u8>, left: &mut usize, out: &mut Vec<u8>) -> Option<bool> {
    let mut at = 0;
    let over = loop {
        if *left == 0 {
            let Some(end) = raw[at..].iter().position(|byte| *byte == b'\n') else { break None };
            let size = std::str::from_utf8(&raw[at..at + end]).unwrap().trim();
            let size = usize::from_str_radix(size, 16).unwrap();
            if size == 0 {
                break Some(true);
            }
            at += end + 1;
            *left = size + 2;
        }
        let here = (raw.len() - at).min(*left);
        // The line end after a chunk is not of it.
        let of_chunk = here.min(left.saturating_sub(2));
        out.extend_from_slice(&raw[at..at + of_chunk]);
        at += here;
        *left -= here;
        if *left > 0 {
            break None;
        }
    };
    raw.drain(..at);
    over
}
