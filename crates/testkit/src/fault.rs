//! What is done to an answer.

use crate::wire::gzip;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A fault of one operation's answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Fault {
    /// The operation: `respond`, `turns.stream`, `stream`, `message`, `create`, `retrieve`, `cancel`, `files.download` …
    pub on: String,
    /// Which of its requests, from 1; empty: the first. `[0]`: all.
    pub nth: Vec<usize>,

    /// The connection ends before the request is acted upon.
    pub lose_request: bool,
    /// The request is acted upon, the connection ends without an answer.
    pub lose_answer: bool,
    /// The request is acted upon, and no answer comes while the connection stays open.
    pub never_answer: bool,
    /// The answer begins so much later.
    pub delay_ms: u64,
    /// The answer is a proxy's: it says nothing of the service behind it.
    pub foreign: bool,
    /// This status is answered, and the request is not acted upon.
    pub status: Option<u16>,
    /// Headers beside.
    pub headers: BTreeMap<String, String>,
    /// The body, with `status` or instead of a stream's.
    pub body: Option<String>,
    /// Its content type.
    pub content_type: Option<String>,
    /// A redirect: `elsewhere` (another origin), `here` or `circle`; with `status`, of that status.
    pub redirect: Option<String>,

    /// The connection ends after so many bytes of the head.
    pub cut_head: Option<usize>,
    /// The connection ends after so many bytes of the body.
    pub cut_bytes: Option<usize>,
    /// The connection ends in the middle of the first character that is longer than a byte.
    pub cut_in_character: bool,
    /// The connection ends after so many events.
    pub cut_events: Option<usize>,
    /// It ends by RST, not by FIN.
    pub rst: bool,
    /// The body ends, properly, after so many events.
    pub end_events: Option<usize>,
    /// Nothing more comes after so many events; the connection stays open.
    pub stall_events: Option<usize>,
    /// So many bytes are sent at once, each a chunk of its own.
    pub write: Option<usize>,
    /// A byte order mark comes first.
    pub bom: bool,
    /// Lines end in CR LF.
    pub crlf: bool,
    /// `: ping` and an empty line after each event.
    pub pings: bool,
    /// Comments are not sent at all, nor `retry:`.
    pub bare: bool,
    /// This is put in after so many events.
    pub insert: Option<Insert>,
    /// The replay begins so many events too early.
    pub replay_more: u64,
    /// Two neighbours change places: the event of this place, from 1, and the next.
    pub swap: Option<usize>,
    /// The event of this place, from 1, is left out.
    pub omit: Option<usize>,
    /// Each event is sent twice.
    pub twice: bool,
    /// Only whole parts are sent, no deltas.
    pub whole_parts: bool,
    /// Fields are spelled `snake_case`, and events have no numbers.
    pub snake_case: bool,
    /// The body is compressed.
    pub gzip: bool,
    /// As `gzip`, under this `Content-Encoding`: compressed as often as it says gzip. Of other encodings the name alone is
    /// sent.
    pub encoding: Option<String>,
    /// What is compressed comes in two members, one after the other.
    pub members: bool,
    /// So many more headers.
    pub many_headers: usize,
    /// A header of so many bytes.
    pub long_header: usize,
    /// The announced length is so much larger than the body.
    pub promise: Option<usize>,
}

/// Something put into a stream.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Insert {
    /// After so many events.
    pub after: usize,
    /// What.
    pub raw: String,
    /// Bytes that are no UTF-8, in the data of an event.
    pub bad_utf8: bool,
    /// An event of so many bytes.
    pub big: usize,
}

impl Fault {
    /// The `Content-Encoding`, if there is one.
    pub(crate) fn coding(&self) -> Option<&str> {
        self.encoding.as_deref().or(self.gzip.then_some("gzip"))
    }

    /// A body under the `Content-Encoding`.
    pub(crate) fn encoded(&self, body: &[u8]) -> Vec<u8> {
        let coding = self.coding().unwrap_or_default().to_ascii_lowercase();
        coding.split(',').filter(|name| name.contains("gzip")).fold(body.to_vec(), |body, _| {
            let half = if self.members { body.len() / 2 } else { 0 };
            let (first, rest) = body.split_at(half);
            let mut coded = if self.members { gzip(first) } else { Vec::new() };
            coded.extend(gzip(rest));
            coded
        })
    }

    pub(crate) fn applies(&self, operation: &str, nth: usize) -> bool {
        let chosen = match self.nth.as_slice() {
            [] => nth == 1,
            [0] => true,
            some => some.contains(&nth),
        };
        self.on == operation && chosen
    }
}
