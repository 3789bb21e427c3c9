//! The stream of a file: its bytes, resumed where the connection broke if the service supports that.

use super::exclusive::Exclusive;
use super::link::{Body, Break, Link, Moved, Target};
use super::quiet::Quiet;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Client, Clocks, Head, Incoming, Request, RequestOptions, client_closed};
use crate::policy::resume::Resumes;
use ::http::header::{CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, HeaderMap};
use bytes::Bytes;
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// The default idle clock, between two bytes.
const IDLE: Duration = Duration::from_secs(60);
/// The default number of resume attempts in a row.
const RESUMES: u32 = 2;

/// A download that runs. Dropping it closes the socket.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let mut bytes = client.chat().files().download("chat_1", "big.bin").stream().await?;
/// while let Some(chunk) = bytes.chunk().await? {
///     println!("{} bytes", chunk.len());
/// }
/// # Ok(())
/// # }
/// ```
pub struct DownloadStream {
    link: Link<FileTarget>,
    content_type: Option<String>,
    filename: Option<String>,
    head: Head,
    received: u64,
}

/// A file.
struct FileTarget {
    client: Client,
    request: Request,
    options: RequestOptions,
    clocks: Clocks,
    length: Option<u64>,
    /// Of what the service gives a part; `None`: it gives none.
    validator: Option<String>,
}

/// Where to go on with a file.
struct FilePlace {
    received: u64,
    /// The cause of the break.
    cause: Option<Error>,
}

impl FilePlace {
    /// The error of a file that cannot be had whole.
    fn incomplete(self) -> Error {
        let message = format!("The download broke off after {} bytes; start it again.", self.received);
        let error = Error::new("incomplete_download", message);
        match self.cause {
            Some(cause) => error.with_source(cause),
            None => error,
        }
    }
}

impl FileTarget {
    fn is_whole(&self, received: u64) -> bool {
        self.length.is_none_or(|length| length == received)
    }
}

impl Target for FileTarget {
    type Body = FileBody;
    type Place = FilePlace;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn open(&self, place: FilePlace) -> Result<Option<FileBody>> {
        let Some(validator) = self.validator.clone() else { return Err(place.incomplete()) };
        let mut request = self.request.clone();
        request.headers.push(("range", format!("bytes={}-", place.received)));
        request.headers.push(("if-range", validator));
        let answer = match self.client.send(&request, &self.options, &self.clocks).await {
            // It is the same file still, and has no more than came: the connection broke right after its end.
            Err(error) if error.status() == Some(416) && self.is_whole(place.received) => return Ok(None),
            Err(error) if error.status() == Some(416) => return Err(place.incomplete()),
            answer => answer?,
        };
        // Anything but 206 is the file from its beginning, or another one.
        let goes_on = range_start(&answer.head.headers).is_none_or(|start| start == place.received);
        if answer.head.status != 206 || !goes_on || answer.body.is_encoded() {
            return Err(place.incomplete());
        }
        Ok(Some(FileBody::new(answer, &self.clocks).1))
    }

    /// The request was sent again as often as it may be.
    fn opens_later(_: &Error) -> bool {
        false
    }
}

/// The bytes of a file, and the idle clock.
struct FileBody {
    incoming: Incoming,
    idle: Duration,
    /// Whether the clock runs: from when a reader began to wait to when bytes came.
    waiting: bool,
    clock: Quiet<Sleep>,
    /// Ready once the client is closed.
    closed: Exclusive<Quiet<WaitForCancellationFutureOwned>>,
}

impl Body for FileBody {}

impl FileBody {
    fn new(answer: Answer, clocks: &Clocks) -> (Head, Self) {
        let body = Self {
            incoming: answer.body,
            idle: clocks.idle.unwrap_or(IDLE),
            waiting: false,
            clock: Quiet::new(sleep_until(Instant::now())),
            closed: Exclusive::new(Quiet::new(answer.closed.cancelled_owned())),
        };
        (answer.head, body)
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>, Break>> {
        if self.closed.get().poll(cx).is_ready() {
            return Poll::Ready(Err(Break::Fatal(client_closed())));
        }
        if let Poll::Ready(chunk) = self.incoming.poll_chunk(cx) {
            self.waiting = false;
            return Poll::Ready(chunk.transpose().map_err(|error| match error.kind() {
                ErrorKind::Aborted => Break::Fatal(error),
                _ => Break::Lost(Some(error)),
            }));
        }
        if self.idle.is_zero() {
            return Poll::Pending;
        }
        if !self.waiting {
            self.waiting = true;
            self.clock.reset(Instant::now() + self.idle);
        }
        ready!(self.clock.poll(cx));
        let error = Error::new("stream_idle_timeout", "Nothing came of the file for too long.");
        Poll::Ready(Err(Break::Lost(Some(error))))
    }
}

impl DownloadStream {
    pub(crate) async fn open(client: Client, request: Request, options: RequestOptions) -> Result<Self> {
        options.check_for(request.operation)?;
        let options = options.over(&client.options);
        let clocks = Clocks::of(options.timeout);
        let answer = client.within(clocks.deadline, client.send(&request, &options, &clocks)).await?;
        let (length, encoded) = (answer.body.length(), answer.body.is_encoded());
        let (head, body) = FileBody::new(answer, &clocks);
        let text = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let ranges = text("accept-ranges").is_some_and(|unit| unit.eq_ignore_ascii_case("bytes"));
        let strong = text("etag").filter(|tag| !tag.starts_with("W/")).or_else(|| text("last-modified"));
        // Ranges count the bytes as they are sent, and not as they are decoded.
        let validator = if ranges && !encoded { strong } else { None };
        let resumes = match validator {
            Some(_) => Resumes::at_once(options.max_retries.unwrap_or(RESUMES)),
            None => Resumes::none(),
        };
        let target = FileTarget { client, request, options, clocks, length, validator };
        Ok(Self {
            content_type: text(CONTENT_TYPE.as_str()),
            filename: text(CONTENT_DISPOSITION.as_str()).as_deref().and_then(disposition_filename),
            head,
            received: 0,
            link: Link::new(target, Some(body), resumes, clocks.deadline),
        })
    }

    /// The next bytes; `None` at the end, once as many have come as the service announced.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_chunk(cx)).await
    }

    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        loop {
            let (mut chunk, received) = (None, self.received);
            let whole = self.link.target().is_whole(received);
            let polled = self.link.poll(cx, |body, cx| {
                chunk = ready!(body.poll_chunk(cx)?);
                Poll::Ready(match &chunk {
                    Some(_) => Ok(Moved::Read),
                    None if whole => Ok(Moved::Closed),
                    None => Err(Break::Lost(None)),
                })
            });
            if let Some(chunk) = chunk {
                self.received += chunk.len() as u64;
                self.link.progress();
                return Poll::Ready(Ok(Some(chunk)));
            }
            match polled {
                Poll::Ready(Ok(Moved::Read | Moved::Resumed)) => {}
                Poll::Ready(Ok(Moved::Closed)) => return Poll::Ready(Ok(None)),
                Poll::Ready(Err(Break::Fatal(error))) => return Poll::Ready(Err(error)),
                Poll::Ready(Err(Break::Lost(cause))) => {
                    let place = || FilePlace { received, cause: cause.clone() };
                    if self.link.take_up(place()).is_none() {
                        return Poll::Ready(Err(place().incomplete()));
                    }
                }
                Poll::Pending => {
                    let error = ready!(self.link.poll_deadline(cx));
                    self.link.close();
                    return Poll::Ready(Err(error));
                }
            }
        }
    }

    /// The media type, as the service reports it.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The file's name, as the service reports it.
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }

    /// The size in bytes, if the service sent it.
    pub fn content_length(&self) -> Option<u64> {
        self.link.target().length
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The headers of the answer that opened the stream.
    pub fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// The service's `x-request-id`.
    pub fn request_id(&self) -> Option<&str> {
        self.head.request_id.as_deref()
    }
}

/// Where a part of a file begins: 3 of `bytes 3-9/10`.
fn range_start(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_RANGE)?.to_str().ok()?.trim().strip_prefix("bytes")?.split('-').next()?.trim().parse().ok()
}

/// `filename*=UTF-8''…` before `filename="…"`.
fn disposition_filename(value: &str) -> Option<String> {
    let parameter = |name: &str| {
        value.split(';').skip(1).find_map(|parameter| {
            let (key, value) = parameter.split_once('=')?;
            key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    if let Some((_, encoded)) = parameter("filename*").and_then(|value| value.split_once("''")) {
        return percent_encoding::percent_decode_str(encoded).decode_utf8().ok().map(std::borrow::Cow::into_owned);
    }
    parameter("filename").map(|name| name.trim_matches('"').to_owned())
}

impl fmt::Debug for DownloadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadStream")
            .field("received", &self.received)
            .field("length", &self.link.target().length)
            .finish_non_exhaustive()
    }
}
