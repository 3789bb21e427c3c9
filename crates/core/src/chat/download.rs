//! Download a file of a workspace.

use crate::error::{Error, Result};
use crate::http::{Client, Request, RequestOptions, call_options};
use crate::id::ChatId;
use crate::operations::{Files, file_request};
use crate::stream::DownloadStream;
use ::http::Method;
use bytes::{Bytes, BytesMut};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use tokio::io::{AsyncWrite, AsyncWriteExt};

impl Files {
    /// A file. Await it for the bytes, or take its [`stream`](Download::stream) or let it
    /// [`write_to`](Download::write_to) a writer, with bounded memory.
    pub fn download(&self, id: impl Into<ChatId>, path: impl AsRef<str>) -> Download {
        let request = file_request("files.download", Method::GET, id, path.as_ref()).map(|mut request| {
            request.accept = "application/octet-stream, */*";
            request.follow_elsewhere = true;
            request
        });
        Download { client: self.client.clone(), request, options: RequestOptions::default() }
    }
}

/// A download that has not begun.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let mut file = tokio::fs::File::create("report.pdf").await.map_err(|error| {
///     turnwire::Error::new("incomplete_download", "The file could not be created.").with_source(error)
/// })?;
/// client.chat().files().download("chat_1", "out/report.pdf").write_to(&mut file).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a download begins when it is awaited"]
pub struct Download {
    client: Client,
    request: Result<Request>,
    options: RequestOptions,
}

/// A file, whole.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let file = client.chat().files().download("chat_1", "notes.md").await?;
/// println!("{} bytes of {:?}", file.content.len(), file.content_type);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DownloadedFile {
    /// Its bytes.
    pub content: Bytes,
    /// Its media type, as the service reports it.
    pub content_type: Option<String>,
    /// Its name, as the service reports it.
    pub filename: Option<String>,
    /// The service's `x-request-id`.
    pub request_id: Option<String>,
}

impl Download {
    call_options!();

    /// Begins the download: errors of status come here, bytes from the stream.
    pub async fn stream(self) -> Result<DownloadStream> {
        DownloadStream::open(self.client, self.request?, self.options).await
    }

    /// Downloads into a writer; returns the number of bytes.
    ///
    /// # Errors
    /// Also errors of the writer, as the cause. Data written by then stays.
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
