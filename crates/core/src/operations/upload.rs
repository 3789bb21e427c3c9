//! Write a file into a workspace (our server).

use super::files::{FileEntry, Files, file_request};
use crate::http::{Body, BodyStream, Call};
use crate::id::ChatId;
use ::http::Method;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::fmt;
use std::io;
use std::path::PathBuf;
use tokio::fs::File;
use tokio::io::AsyncRead;
use tokio_util::io::ReaderStream;

/// What a file is written from: bytes or text (by `into()`), a [`file`](Self::file), a [`reader`](Self::reader) or a
/// [`stream`](Self::stream). The last three are sent with bounded memory; what is no longer than 1 MiB is read before the
/// request is sent, which then can be sent again where sending failed.
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// use turnwire::chat::Upload;
///
/// client.chat().files().upload("chat_1", "data.csv", Upload::file("/tmp/data.csv")).await?;
/// # Ok(())
/// # }
/// ```
pub struct Upload(Body);

impl Upload {
    /// A file of this machine. A long one is read from its beginning each time the request is sent.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self(Body::Stream(BodyStream::again(move || {
            let opening = File::open(path.clone());
            let pieces = async move { opening.await.map(ReaderStream::new) };
            Box::pin(futures_util::stream::once(pieces).try_flatten())
        })))
    }

    /// What a reader gives. It can be read once: a long one is not sent again where sending failed.
    pub fn reader(reader: impl AsyncRead + Send + 'static) -> Self {
        Self::stream(ReaderStream::new(reader))
    }

    /// Pieces, one after the other. They come once: many are not sent again where sending failed.
    pub fn stream<S, B>(pieces: S) -> Self
    where
        S: Stream<Item = io::Result<B>> + Send + 'static,
        B: Into<Bytes> + 'static,
    {
        Self(Body::Stream(BodyStream::once(Box::pin(pieces.map(|piece| piece.map(Into::into))))))
    }
}

macro_rules! from {
    ($($bytes:ty),*) => {
        $(impl From<$bytes> for Upload {
            fn from(bytes: $bytes) -> Self {
                Self(Body::Bytes(bytes.into()))
            }
        })*
    };
}

from!(Bytes, Vec<u8>, Box<[u8]>, &'static [u8], String, &'static str);

impl From<File> for Upload {
    /// From where the file stands.
    fn from(file: File) -> Self {
        Self::reader(file)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What is in it may be secret, or large.
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

impl Files {
    /// Writes a file into the workspace (our server); one of this path is replaced.
    pub fn upload(&self, id: impl Into<ChatId>, path: impl AsRef<str>, content: impl Into<Upload>) -> Call<FileEntry> {
        let Upload(body) = content.into();
        let request = file_request("files.upload", Method::PUT, id, path.as_ref()).map(|mut request| {
            request.body = body;
            request
        });
        // The clock would run while the bytes are still on their way.
        Call::json(&self.client, request).without_answer_clock()
    }
}
