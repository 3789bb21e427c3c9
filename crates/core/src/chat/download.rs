//! Download a file of a workspace.

use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Client, Clocks, Incoming, Request, RequestOptions, call_options};
use crate::operations::{Files, file_request};
use bytes::{Bytes, BytesMut};
use reqwest::Method;
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, HeaderMap};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Between two bytes of a download, unless told otherwise.
const IDLE: Duration = Duration::from_secs(60);

impl Files {
    /// A file. Await it for the bytes, or take its [`stream`](Download::stream) or let it
    /// [`write_to`](Download::write_to) a writer, with bounded memory.
    pub fn download(&self, id: impl AsRef<str>, path: impl AsRef<str>) -> Download {
        let request = file_request("files.download", Method::GET, id.as_ref(), path.as_ref()).map(|mut request| {
            request.accept = "application/octet-stream, */*";
            request.follow_elsewhere = true;
            request
        });
        Download { client: self.client.clone(), request, options: RequestOptions::default() }
    }
}

/// A download that has not begun.
#[must_use = "a download begins when it is awaited"]
pub struct Download {
    client: Client,
    request: Result<Request>,
    options: RequestOptions,
}

/// A file, whole.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadedFile {
    /// Its bytes.
    pub content: Bytes,
    /// Its media type, as the service says.
    pub content_type: Option<String>,
    /// Its name, as the service says.
    pub filename: Option<String>,
    /// The service's `x-request-id`.
    pub request_id: Option<String>,
}

impl Download {
    call_options!();

    /// Begins the download: errors of status come here, bytes from the stream.
    pub async fn stream(self) -> Result<DownloadStream> {
        let request = self.request?;
        self.options.check_for(request.operation)?;
        let options = self.options.over(&self.client.options);
        let clocks = Clocks::of(options.timeout);
        let answer = self.client.within(clocks.deadline, self.client.send(&request, &options, &clocks)).await?;
        Ok(DownloadStream::new(self.client, request, options, clocks, answer))
    }

    /// Downloads into a writer; gives the number of bytes.
    ///
    /// # Errors
    /// Also those of the writer, as the cause. What was written by then stays written.
    pub async fn write_to<W: AsyncWrite + Unpin>(self, writer: &mut W) -> Result<u64> {
        let mut stream = self.stream().await?;
        let mut written = 0;
        let failed = |error| Error::new("incomplete_download", "The file could not be written.").with_source(error);
        while let Some(chunk) = stream.chunk().await? {
            writer.write_all(&chunk).await.map_err(failed)?;
            written += chunk.len() as u64;
        }
        writer.flush().await.map_err(failed)?;
        Ok(written)
    }
}

impl IntoFuture for Download {
    type Output = Result<DownloadedFile>;
    type IntoFuture = Pin<Box<dyn Future<Output = Result<DownloadedFile>> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let mut stream = self.stream().await?;
            let mut content = BytesMut::new();
            while let Some(chunk) = stream.chunk().await? {
                content.extend_from_slice(&chunk);
            }
            Ok(DownloadedFile {
                content: content.freeze(),
                content_type: stream.content_type().map(str::to_owned),
                filename: stream.filename().map(str::to_owned),
                request_id: stream.request_id().map(str::to_owned),
            })
        })
    }
}

/// A download that runs. Dropping it closes the socket.
pub struct DownloadStream {
    client: Client,
    request: Request,
    options: RequestOptions,
    clocks: Clocks,
    body: Option<Incoming>,
    content_type: Option<String>,
    filename: Option<String>,
    request_id: Option<String>,
    headers: HeaderMap,
    status: u16,
    length: Option<u64>,
    received: u64,
    /// Whether the service takes up a download where it broke off, and what of.
    validator: Option<String>,
    /// Resumes in a row that brought nothing.
    resumes: u32,
}

impl DownloadStream {
    fn new(client: Client, request: Request, options: RequestOptions, clocks: Clocks, answer: Answer) -> Self {
        let Answer { status, headers, request_id, body, .. } = answer;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let ranges = text("accept-ranges").is_some_and(|unit| unit.eq_ignore_ascii_case("bytes"));
        let strong = text("etag").filter(|tag| !tag.starts_with("W/")).or_else(|| text("last-modified"));
        Self {
            content_type: text(CONTENT_TYPE.as_str()),
            filename: text(CONTENT_DISPOSITION.as_str()).as_deref().and_then(disposition_filename),
            status,
            length: body.length(),
            // Ranges count the bytes as they are sent, and not as they are decoded.
            validator: if ranges && !body.is_encoded() { strong } else { None },
            request_id,
            headers,
            body: Some(body),
            received: 0,
            resumes: 0,
            client,
            request,
            options,
            clocks,
        }
    }

    /// The next bytes; `None` at the end, once as many have come as the service announced.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        loop {
            let deadline = self.clocks.deadline;
            let Some(body) = &mut self.body else { return Ok(None) };
            let idle = self.clocks.idle.unwrap_or(IDLE);
            let reading = async {
                if idle.is_zero() {
                    return body.chunk().await;
                }
                timeout(idle, body.chunk())
                    .await
                    .map_err(|_| Error::new("stream_idle_timeout", "Nothing came of the file for too long."))?
            };
            let broken = match self.client.within(deadline, reading).await {
                Ok(Some(chunk)) => {
                    self.received += chunk.len() as u64;
                    self.resumes = 0;
                    return Ok(Some(chunk));
                }
                Ok(None) if self.length.is_none_or(|length| length == self.received) => {
                    self.body = None;
                    return Ok(None);
                }
                Ok(None) => None,
                Err(error) if error.kind() == ErrorKind::Aborted => {
                    self.body = None;
                    return Err(error);
                }
                Err(error) => Some(error),
            };
            self.body = None;
            self.resume(broken).await?;
        }
    }

    /// Goes on where the download broke off, if the service offers that for this very file. Without a response afterwards there is
    /// nothing more to come.
    async fn resume(&mut self, broken: Option<Error>) -> Result<()> {
        let failed = |received: u64, broken: Option<Error>| {
            let error = Error::new(
                "incomplete_download",
                format!("The download broke off after {received} bytes; start it again."),
            );
            match broken {
                Some(cause) => error.with_source(cause),
                None => error,
            }
        };
        let retries = self.options.max_retries.unwrap_or(2);
        let Some(validator) = self.validator.clone().filter(|_| self.resumes < retries) else {
            return Err(failed(self.received, broken));
        };
        self.resumes += 1;
        let mut request = self.request.clone();
        request.headers.push(("range", format!("bytes={}-", self.received)));
        request.headers.push(("if-range", validator));
        let answer =
            self.client.within(self.clocks.deadline, self.client.send(&request, &self.options, &self.clocks)).await;
        let answer = match answer {
            // It is the same file still, and has no more than came: the connection broke right after its end.
            Err(error) if error.status() == Some(416) && self.length.is_none_or(|length| length == self.received) => {
                return Ok(());
            }
            Err(error) if error.status() == Some(416) => return Err(failed(self.received, broken)),
            answer => answer?,
        };
        // Anything but 206 is the file from its beginning, or another one.
        let goes_on = range_start(&answer.headers).is_none_or(|start| start == self.received);
        if answer.status != 206 || !goes_on || answer.body.is_encoded() {
            return Err(failed(self.received, broken));
        }
        self.body = Some(answer.body);
        Ok(())
    }

    /// The media type, as the service says.
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// The file's name, as the service says.
    pub fn filename(&self) -> Option<&str> {
        self.filename.as_deref()
    }

    /// How many bytes there are, where the service says.
    pub fn content_length(&self) -> Option<u64> {
        self.length
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The headers of the answer that opened the stream.
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The service's `x-request-id`.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
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

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("options", &self.options).finish_non_exhaustive()
    }
}

impl fmt::Debug for DownloadedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadedFile")
            .field("bytes", &self.content.len())
            .field("content_type", &self.content_type)
            .field("filename", &self.filename)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for DownloadStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownloadStream")
            .field("received", &self.received)
            .field("length", &self.length)
            .finish_non_exhaustive()
    }
}
