//! HTTP/1.1 by hand, so that an answer can be cut anywhere.

use crate::Fault;
use std::collections::BTreeMap;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The largest head and body taken.
const MAX: usize = 64 * 1024 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query; of a proxied request, without the origin.
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) proxied: bool,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    pub(crate) fn headers(&self) -> BTreeMap<String, String> {
        self.headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Reads a request; `None`: the client closed.
pub(crate) async fn read_request(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let head_end = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if buffer.len() > MAX || !more(socket, buffer).await? {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..head_end]).into_owned();
    buffer.drain(..head_end);
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let mut request = Request { method: words.next().unwrap_or_default().to_owned(), ..Request::default() };
    let mut target = words.next().unwrap_or_default();
    if let Some(rest) = target.strip_prefix("http://") {
        request.proxied = true;
        target = rest.find('/').map_or("/", |at| &rest[at..]);
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    path.clone_into(&mut request.path);
    query.clone_into(&mut request.query);
    request.headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    if request.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Ok(read_chunks(socket, buffer).await?.map(|body| Request { body, ..request }));
    }
    let length: usize = request.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    while buffer.len() < length.min(MAX) {
        if !more(socket, buffer).await? {
            return Ok(None);
        }
    }
    request.body = buffer.drain(..length.min(buffer.len())).collect();
    Ok(Some(request))
}

/// A body in chunks; `None` where the connection ended before it did.
async fn read_chunks(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let end = loop {
            match buffer.windows(2).position(|end| end == b"\r\n") {
                Some(end) => break end,
                None if !more(socket, buffer).await? => return Ok(None),
                None => {}
            }
        };
        let size = std::str::from_utf8(&buffer[..end]).ok().and_then(|size| usize::from_str_radix(size, 16).ok());
        let Some(size) = size.filter(|size| size + body.len() <= MAX) else { return Ok(None) };
        buffer.drain(..end + 2);
        while buffer.len() < size + 2 {
            if !more(socket, buffer).await? {
                return Ok(None);
            }
        }
        body.extend(buffer.drain(..size + 2).take(size));
        if size == 0 {
            return Ok(Some(body));
        }
    }
}

async fn more(socket: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<bool> {
    let mut chunk = vec![0; 16 * 1024];
    let read = socket.read(&mut chunk).await?;
    buffer.extend_from_slice(&chunk[..read]);
    Ok(read > 0)
}

/// Why an answer is not finished.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The fault cut it.
    Cut,
    /// The client went away, or the socket broke.
    Gone,
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// An answer being written, under a fault.
pub(crate) struct Out<'a> {
    pub(crate) socket: &'a mut TcpStream,
    fault: &'a Fault,
    /// Bytes of the body so far.
    sent: usize,
}

impl<'a> Out<'a> {
    pub(crate) fn new(socket: &'a mut TcpStream, fault: &'a Fault) -> Self {
        Self { socket, fault, sent: 0 }
    }

    /// A whole answer with a length.
    pub(crate) async fn whole(&mut self, status: u16, headers: &str, body: &[u8]) -> Result<(), Stop> {
        let length = body.len() + self.fault.promise.unwrap_or(0);
        let length = if status == 204 { String::new() } else { format!("content-length: {length}\r\n") };
        self.head(&format!("HTTP/1.1 {status} {}\r\n{headers}{length}\r\n", reason(status))).await?;
        self.pieces(body, false).await?;
        if self.fault.promise.is_some() { Err(Stop::Cut) } else { Ok(()) }
    }

    /// The head of a body that comes in chunks.
    pub(crate) async fn begin(&mut self, status: u16, headers: &str) -> Result<(), Stop> {
        let reason = reason(status);
        self.head(&format!("HTTP/1.1 {status} {reason}\r\n{headers}transfer-encoding: chunked\r\n\r\n")).await
    }

    async fn head(&mut self, head: &str) -> Result<(), Stop> {
        if let Some(bytes) = self.fault.cut_head {
            self.socket.write_all(&head.as_bytes()[..bytes.min(head.len())]).await?;
            return Err(Stop::Cut);
        }
        Ok(self.socket.write_all(head.as_bytes()).await?)
    }

    /// Some of a chunked body.
    pub(crate) async fn chunk(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        self.pieces(bytes, true).await
    }

    async fn pieces(&mut self, bytes: &[u8], chunked: bool) -> Result<(), Stop> {
        let cut = self.cut_within(bytes);
        for piece in bytes[..cut.unwrap_or(bytes.len())].chunks(self.fault.write.unwrap_or(usize::MAX).max(1)) {
            if chunked {
                let mut framed = format!("{:x}\r\n", piece.len()).into_bytes();
                framed.extend_from_slice(piece);
                framed.extend_from_slice(b"\r\n");
                self.socket.write_all(&framed).await?;
            } else {
                self.socket.write_all(piece).await?;
            }
        }
        self.sent += bytes.len();
        if cut.is_some() { Err(Stop::Cut) } else { Ok(()) }
    }

    /// Where in these bytes the fault cuts.
    fn cut_within(&self, bytes: &[u8]) -> Option<usize> {
        let in_character = || bytes.iter().position(|byte| *byte >= 0xC0).map(|at| at + 1);
        let at_byte = self.fault.cut_bytes.filter(|at| *at < self.sent + bytes.len());
        at_byte
            .map(|at| at.saturating_sub(self.sent))
            .or_else(|| if self.fault.cut_in_character { in_character() } else { None })
    }

    /// The end of a chunked body.
    pub(crate) async fn end(&mut self) -> Result<(), Stop> {
        Ok(self.socket.write_all(b"0\r\n\r\n").await?)
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        408 => "Request Timeout",
        409 => "Conflict",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// A gzip stream of stored blocks: compressed in form only, which is all that is asked for.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut blocks = bytes.chunks(0xFFFF).peekable();
    while let Some(block) = blocks.next() {
        out.push(u8::from(blocks.peek().is_none()));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
    }
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    out.extend_from_slice(&(!crc).to_le_bytes());
    out.extend_from_slice(&u32::try_from(bytes.len() % (1 << 32)).unwrap_or(0).to_le_bytes());
    out
}
