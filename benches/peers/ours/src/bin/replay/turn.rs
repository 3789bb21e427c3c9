//! The turn, always the same: its frames, and how they are cut into writes.

use crate::load::{Format, Load};
use std::ops::Range;

/// The head of every answer.
pub(crate) const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n\
    turnwire-contract: 1\r\nturnwire-turn-id: turn_206edb2b50006CUD2Qiup68\r\ntransfer-encoding: chunked\r\n\r\n";

const BLOCK: usize = 16 * 1024;

/// What an agent may say, as JSON spells it: one in eight is not ASCII, one in eight is escaped.
const WORDS: [&str; 8] = ["the ", "tests ", "passed, ", "so the ", "change ", "of ", "caf\u{e9} ", "\\\"main\\\" "];

const MESSAGE: &str = r#""messageId":"msg_206edb2bd007NDtpucOV7CzZcg""#;

/// A part of so many deltas is closed and another begun, so that no closing event is larger than those of agents are.
const PART: usize = 1000;

/// A rendered answer, without its head.
pub(crate) struct Answer {
    bytes: Vec<u8>,
    writes: Vec<Range<usize>>,
}

impl Answer {
    pub(crate) fn new(load: Load, format: Format) -> Self {
        let (deltas, whole) = match load {
            Load::Blocks(deltas) => (deltas, true),
            Load::Events(deltas) => (deltas, false),
            Load::Paced(_) => (0, false),
        };
        let frames = match format {
            Format::Turnwire => turn(deltas),
            Format::OpenAi => completion(deltas),
        };
        let mut answer = Self { bytes: Vec::new(), writes: Vec::new() };
        if whole {
            for block in frames.concat().chunks(BLOCK) {
                answer.write(block);
            }
        } else {
            for frame in &frames {
                answer.write(frame);
            }
        }
        answer.bytes.extend_from_slice(b"0\r\n\r\n");
        if let Some(last) = answer.writes.last_mut() {
            last.end = answer.bytes.len();
        }
        answer
    }

    pub(crate) fn writes(&self) -> impl Iterator<Item = &[u8]> {
        self.writes.iter().map(|write| &self.bytes[write.clone()])
    }

    fn write(&mut self, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&chunk(bytes));
        self.writes.push(start..self.bytes.len());
    }
}

/// One chunk of a chunked body.
pub(crate) fn chunk(bytes: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat()
}

fn frame(seq: usize, kind: &str, fields: &str) -> Vec<u8> {
    let ids = r#""chatId":"chat_3f9a1c22d0b84e6f","turnId":"turn_206edb2b50006CUD2Qiup68""#;
    format!("id: {seq}\nevent: {kind}\ndata: {{\"type\":\"{kind}\",\"seq\":{seq},{ids},{fields}}}\n\n").into_bytes()
}

/// What comes before the first delta.
pub(crate) fn opening() -> [Vec<u8>; 2] {
    let user = r#""userMessage":{"id":"msg_206edb2b50006CUD2Qiup68","parts":[{"type":"text","text":"Go on."}]}"#;
    [frame(1, "turn.started", user), frame(2, "message.created", &format!(r#"{MESSAGE},"kind":"answer""#))]
}

fn part(number: usize) -> String {
    format!(r#""partId":"prt_206edb2bd00frhpQu{number:04}","partType":"text""#)
}

/// The delta that is event `seq`, of the part so numbered.
pub(crate) fn delta(seq: usize, number: usize, text: &str) -> Vec<u8> {
    frame(seq, "message.part.updated", &format!(r#"{MESSAGE},{},"delta":"{text}""#, part(number)))
}

fn turn(deltas: usize) -> Vec<Vec<u8>> {
    let mut frames = Vec::from(opening());
    let words: Vec<&str> = WORDS.into_iter().cycle().take(deltas).collect();
    for (number, words) in words.chunks(PART).enumerate() {
        for word in words {
            frames.push(delta(frames.len() + 1, number, word));
        }
        let text = words.concat();
        let whole =
            format!(r#"{{"id":"prt_206edb2bd00frhpQu{number:04}","type":"text","state":"done","text":"{text}"}}"#);
        let fields = format!(r#"{MESSAGE},{},"part":{whole}"#, part(number));
        frames.push(frame(frames.len() + 1, "message.part.updated", &fields));
    }
    let counts = r#""inputTokens":1,"outputTokens":1,"reasoningTokens":0,"cacheReadTokens":0,"cacheWriteTokens":0,"totalTokens":2"#;
    for (kind, fields) in [
        ("message.completed", format!(r#"{MESSAGE},"finishReason":"stop""#)),
        ("session.usage", format!(r#""usage":{{{counts},"summary":{{{counts}}},"entries":[]}}"#)),
        ("turn.completed", r#""status":"completed""#.to_owned()),
    ] {
        frames.push(frame(frames.len() + 1, kind, &fields));
    }
    frames
}

fn completion(deltas: usize) -> Vec<Vec<u8>> {
    let frame = |delta: &str, reason: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion.chunk\",\
             \"created\":1741569952,\"model\":\"bench\",\"choices\":[{{\"index\":0,\"delta\":{{{delta}}},\
             \"finish_reason\":{reason}}}]}}\n\n"
        )
        .into_bytes()
    };
    let words = WORDS.into_iter().cycle().take(deltas);
    let mut frames: Vec<_> = words.map(|word| frame(&format!("\"content\":\"{word}\""), "null")).collect();
    frames.push(frame("", "\"stop\""));
    frames.push(b"data: [DONE]\n\n".to_vec());
    frames
}
