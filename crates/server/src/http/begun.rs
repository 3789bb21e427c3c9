//! A connection whose first bytes have been read, so that a silent one can be closed.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// The preface of HTTP/2. The version of HTTP is unknown until the bytes differ from it or all of it has arrived.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that has begun to speak.
#[derive(Debug)]
pub(crate) struct Begun<S> {
    first: [u8; PREFACE.len()],
    /// The number of first bytes that were read, and of those that were passed on.
    filled: usize,
    handed: usize,
    socket: S,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    /// Waits until the version of HTTP is known. `None` if the connection was closed before.
    pub(crate) async fn wait(mut socket: S) -> io::Result<Option<Self>> {
        let mut first = [0; PREFACE.len()];
        let mut filled = 0;
        while filled < PREFACE.len() && first[..filled] == PREFACE[..filled] {
            let read = socket.read(&mut first[filled..]).await?;
            if read == 0 {
                return Ok(None);
            }
            filled += read;
        }
        Ok(Some(Self { first, filled, handed: 0, socket }))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let left = &self.first[self.handed..self.filled];
        if left.is_empty() {
            return Pin::new(&mut self.socket).poll_read(cx, into);
        }
        let now = left.len().min(into.remaining());
        into.put_slice(&left[..now]);
        self.handed += now;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.socket).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_shutdown(cx)
    }
}
