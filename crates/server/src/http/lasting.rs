//! The body of a long answer: a stream, a download. It ends when its key is revoked, and its connection counts as active
//! while the client reads.

use super::line::Line;
use crate::auth::Access;
use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::future::Future as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio_util::sync::WaitForCancellationFutureOwned;

/// A body that lasts.
pub(super) struct Lasting {
    body: Body,
    /// Waited for once, not anew for every piece.
    revoked: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Its length was announced, so an earlier end is an error.
    told: bool,
    line: Arc<Line>,
    _access: Access,
}

impl Lasting {
    pub(super) fn new(body: Body, told: bool, access: Access) -> Self {
        let revoked = Box::pin(access.ended.clone().cancelled_owned());
        Self { body, revoked, told, line: access.line.clone(), _access: access }
    }
}

impl hyper::body::Body for Lasting {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.revoked.as_mut().poll(cx).is_ready() {
            let cut = || Err(axum::Error::new(std::io::Error::other("the key of this request was revoked")));
            return Poll::Ready(self.told.then(cut));
        }
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if frame.is_ready() {
            self.line.go_on();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
