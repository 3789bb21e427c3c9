//! Reading a body whole, within bounds.

use super::Incoming;
use super::clocks::Clocks;
use crate::error::{Error, Result};
use bytes::{Bytes, BytesMut};
use std::time::Duration;
use tokio::time::timeout;

/// An answer that is read whole may not be larger.
const MAX_ANSWER: usize = 64 * 1024 * 1024;
/// Between two bytes of an answer that is read whole.
const BODY_IDLE: Duration = Duration::from_secs(300);

pub(super) async fn read_body(mut incoming: Incoming, clocks: &Clocks) -> Result<Bytes> {
    let idle = clocks.idle.unwrap_or(BODY_IDLE);
    let mut body = BytesMut::new();
    loop {
        let next = incoming.chunk();
        let chunk = if idle.is_zero() {
            next.await
        } else {
            timeout(idle, next)
                .await
                .map_err(|_| Error::new("answer_timeout", "The service stopped in the middle of its answer."))?
        };
        match chunk? {
            None => return Ok(body.freeze()),
            Some(chunk) if body.is_empty() && incoming.length() == Some(chunk.len() as u64) => {
                return Ok(chunk);
            }
            Some(chunk) if body.len() + chunk.len() > MAX_ANSWER => {
                return Err(Error::new("invalid_answer", "The service's answer is larger than 64 MiB."));
            }
            Some(chunk) => body.extend_from_slice(&chunk),
        }
    }
}

/// As much of the body as comes, up to `max`.
pub(crate) async fn read_some(incoming: &mut Incoming, max: usize) -> BytesMut {
    let mut body = BytesMut::new();
    while let Ok(Some(chunk)) = incoming.chunk().await {
        let room = max - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == max {
            break;
        }
    }
    body
}
