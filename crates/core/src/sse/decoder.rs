//! The decoder: push chunks in, get frames out.

use super::Frame;
use super::line::{End, Field, end, field};
use memchr::memchr;
use std::fmt;
use std::time::Duration;

/// The default maximum size of an event: 16 MiB.
pub const DEFAULT_MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// An incremental decoder.
///
/// Chunks may be cut anywhere, in the middle of a character or of a line's end. An event that lies whole in one chunk is
/// never copied. Memory is bounded by the largest event allowed. What follows the last empty line of a stream is not an
/// event, and is never emitted.
///
/// ```
/// let mut decoder = turnwire::sse::Decoder::new();
/// let mut seen = vec![];
/// for chunk in [&b"id: 1\ndata: hel"[..], b"lo\n\n"] {
///     decoder.feed(chunk, |frame| seen.push(frame.data_str().into_owned()))?;
/// }
/// assert_eq!((seen, decoder.last_event_id()), (vec!["hello".to_owned()], Some("1")));
/// # Ok::<(), turnwire::sse::EventTooLarge>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    max_event_bytes: usize,
    start: Start,
    /// A carriage return ended the last chunk: a line feed at the start of the next belongs to it.
    open_cr: bool,
    /// The line that the last chunk cut.
    partial: Vec<u8>,
    /// The fields of the event that the last chunk cut.
    pending: Pending,
    last_event_id: Vec<u8>,
    retry: Option<Duration>,
    comments: u64,
}

/// A byte order mark may begin a stream; one to three bytes decide.
#[derive(Debug, PartialEq, Eq)]
enum Start {
    Bom(usize),
    Over,
}

#[derive(Debug, Default)]
struct Pending {
    id: Option<Vec<u8>>,
    event: Vec<u8>,
    data: Option<Vec<u8>>,
}

/// An event, or a line, over the limit. The stream cannot go on: nobody knows where it would.
///
/// ```
/// let mut decoder = turnwire::sse::Decoder::with_max_event_bytes(8);
/// assert!(decoder.feed(b"data: more than eight bytes", |_| {}).is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventTooLarge {
    /// The limit, in bytes.
    pub limit: usize,
}

impl fmt::Display for EventTooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an event of the stream is larger than the {} bytes allowed", self.limit)
    }
}

impl std::error::Error for EventTooLarge {}

const BOM: &[u8] = b"\xEF\xBB\xBF";

/// The event being read, borrowed from the chunk as long as one chunk holds it.
#[derive(Default)]
struct Open<'a> {
    id: Option<&'a [u8]>,
    event: &'a [u8],
    data: Option<&'a [u8]>,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// With [`DEFAULT_MAX_EVENT_BYTES`].
    pub fn new() -> Self {
        Self::with_max_event_bytes(DEFAULT_MAX_EVENT_BYTES)
    }

    /// With a limit of one's own, counted over an event's lines.
    pub fn with_max_event_bytes(max_event_bytes: usize) -> Self {
        Self {
            max_event_bytes,
            start: Start::Bom(0),
            open_cr: false,
            partial: Vec::new(),
            pending: Pending::default(),
            last_event_id: Vec::new(),
            retry: None,
            comments: 0,
        }
    }

    /// The last event id, where one was set and is text.
    pub fn last_event_id(&self) -> Option<&str> {
        std::str::from_utf8(&self.last_event_id).ok().filter(|id| !id.is_empty())
    }

    /// The wait of the last `retry:` line.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }

    /// How many comment lines came: a service that sends them can be missed when it falls silent.
    pub fn comments(&self) -> u64 {
        self.comments
    }

    /// Decodes the next bytes and emits each event that they complete.
    ///
    /// # Errors
    /// An event over the limit. Events emitted before it stay valid; the decoder must not be used further.
    pub fn feed(&mut self, chunk: &[u8], mut emit: impl FnMut(Frame<'_>)) -> Result<(), EventTooLarge> {
        let mut rest = self.after_start(chunk);
        if self.open_cr && !rest.is_empty() {
            self.open_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        if !self.partial.is_empty() || self.pending.is_open() {
            rest = self.finish_cut_event(rest, &mut emit)?;
        }
        self.whole_events(rest, &mut emit)
    }

    /// Skips a byte order mark, once, in whatever pieces it comes.
    fn after_start<'a>(&mut self, chunk: &'a [u8]) -> &'a [u8] {
        let Start::Bom(seen) = self.start else { return chunk };
        let wanted = &BOM[seen..];
        let same = wanted.iter().zip(chunk).take_while(|(want, have)| want == have).count();
        if same == wanted.len() {
            self.start = Start::Over;
            return &chunk[same..];
        }
        if same == chunk.len() {
            self.start = Start::Bom(seen + same);
            return &[];
        }
        // No mark after all: what looked like one begins the first line.
        self.start = Start::Over;
        self.partial.extend_from_slice(&BOM[..seen]);
        chunk
    }

    /// The slow way, for an event that began in an earlier chunk: its lines are copied. Returns what follows it.
    fn finish_cut_event<'a>(
        &mut self,
        mut rest: &'a [u8],
        emit: &mut impl FnMut(Frame<'_>),
    ) -> Result<&'a [u8], EventTooLarge> {
        let may_cr = memchr(b'\r', rest).is_some();
        while !rest.is_empty() {
            let End::At { at, next, open_cr } = end(rest, may_cr) else {
                self.keep_partial(rest)?;
                return Ok(&[]);
            };
            self.open_cr = open_cr;
            let mut line = std::mem::take(&mut self.partial);
            line.extend_from_slice(&rest[..at]);
            rest = &rest[next..];
            if line.is_empty() {
                self.dispatch_pending(emit);
                return Ok(rest);
            }
            self.keep(&line)?;
            line.clear();
            self.partial = line;
        }
        Ok(rest)
    }

    /// The fast path: events that are complete in `rest` are emitted without copying.
    fn whole_events(&mut self, mut rest: &[u8], emit: &mut impl FnMut(Frame<'_>)) -> Result<(), EventTooLarge> {
        let may_cr = memchr(b'\r', rest).is_some();
        while !rest.is_empty() {
            let mut open = Open::default();
            let mut from = 0;
            loop {
                let End::At { at, next, open_cr } = end(&rest[from..], may_cr) else {
                    return self.keep_rest(&rest[from..], &open);
                };
                self.open_cr = open_cr;
                let line = &rest[from..from + at];
                from += next;
                if line.is_empty() {
                    self.dispatch(&open, emit)?;
                    break;
                }
                match field(line) {
                    Field::Data(value) if open.data.is_none() => open.data = Some(value),
                    Field::Data(_) => {
                        // Several data lines must be joined: copy, and go on the slow way.
                        self.keep_open(&open);
                        self.keep(line)?;
                        rest = self.finish_cut_event(&rest[from..], emit)?;
                        from = 0;
                        break;
                    }
                    Field::Event(value) => open.event = value,
                    Field::Id(value) => open.id = Some(value),
                    other => self.note(&other),
                }
                if from == rest.len() {
                    self.keep_open(&open);
                    return Ok(());
                }
            }
            rest = &rest[from..];
        }
        Ok(())
    }

    #[inline]
    fn dispatch(&mut self, open: &Open<'_>, emit: &mut impl FnMut(Frame<'_>)) -> Result<(), EventTooLarge> {
        if let Some(id) = open.id {
            self.last_event_id.clear();
            self.last_event_id.extend_from_slice(id);
        }
        let Some(data) = open.data else { return Ok(()) };
        self.check(data.len() + open.event.len())?;
        emit(Frame { id: &self.last_event_id, event: open.event, data });
        Ok(())
    }

    fn dispatch_pending(&mut self, emit: &mut impl FnMut(Frame<'_>)) {
        let pending = std::mem::take(&mut self.pending);
        if let Some(id) = pending.id {
            self.last_event_id = id;
        }
        if let Some(data) = pending.data {
            emit(Frame { id: &self.last_event_id, event: &pending.event, data: &data });
        }
    }

    /// A line of an event that this chunk does not end.
    fn keep(&mut self, line: &[u8]) -> Result<(), EventTooLarge> {
        let size = self.pending.size() + line.len();
        self.check(size)?;
        match field(line) {
            Field::Data(value) => match &mut self.pending.data {
                Some(data) => {
                    data.push(b'\n');
                    data.extend_from_slice(value);
                }
                None => self.pending.data = Some(value.to_vec()),
            },
            Field::Event(value) => self.pending.event = value.to_vec(),
            Field::Id(value) => self.pending.id = Some(value.to_vec()),
            other => self.note(&other),
        }
        Ok(())
    }

    fn keep_open(&mut self, open: &Open<'_>) {
        self.pending.id = open.id.map(<[u8]>::to_vec);
        self.pending.event = open.event.to_vec();
        self.pending.data = open.data.map(<[u8]>::to_vec);
    }

    fn keep_rest(&mut self, partial: &[u8], open: &Open<'_>) -> Result<(), EventTooLarge> {
        self.keep_open(open);
        self.keep_partial(partial)
    }

    fn keep_partial(&mut self, partial: &[u8]) -> Result<(), EventTooLarge> {
        self.check(self.pending.size() + self.partial.len() + partial.len())?;
        self.partial.extend_from_slice(partial);
        Ok(())
    }

    fn note(&mut self, field: &Field<'_>) {
        match field {
            Field::Comment => self.comments += 1,
            Field::Retry(ms) => self.retry = Some(Duration::from_millis(*ms)),
            _ => {}
        }
    }

    fn check(&self, size: usize) -> Result<(), EventTooLarge> {
        if size > self.max_event_bytes { Err(EventTooLarge { limit: self.max_event_bytes }) } else { Ok(()) }
    }
}

impl Pending {
    fn is_open(&self) -> bool {
        self.id.is_some() || !self.event.is_empty() || self.data.is_some()
    }

    fn size(&self) -> usize {
        self.event.len() + self.data.as_ref().map_or(0, Vec::len)
    }
}
