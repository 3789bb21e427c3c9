//! A turn's text alone.

use super::turn::TurnStream;
use crate::error::Result;
use crate::event::EventKind;
use crate::id::PartId;
use futures_core::Stream;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

impl TurnStream {
    /// The text of all root answers as it comes, an empty line between two parts. Its end raises what
    /// [`TurnStream::result`] raises.
    pub fn text_stream(&mut self) -> TextStream<'_> {
        TextStream { stream: self, part: None, ended: false }
    }
}

/// The text of a turn, see [`TurnStream::text_stream`].
///
/// ```no_run
/// # async fn example(client: turnwire::Client) -> turnwire::Result<()> {
/// let mut stream = client.chat().respond("chat_1", "Tell me a story.").await?;
/// let mut texts = stream.text_stream();
/// while let Some(text) = texts.try_next().await? {
///     print!("{text}");
/// }
/// # Ok(())
/// # }
/// ```
pub struct TextStream<'a> {
    stream: &'a mut TurnStream,
    part: Option<PartId>,
    ended: bool,
}

impl TextStream<'_> {
    /// The next piece of text.
    pub async fn next(&mut self) -> Option<Result<String>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The next piece of text, for `while let Some(text) = texts.try_next().await?`.
    pub async fn try_next(&mut self) -> Result<Option<String>> {
        self.next().await.transpose()
    }
}

impl Stream for TextStream<'_> {
    type Item = Result<String>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if self.ended {
                return Poll::Ready(None);
            }
            match self.stream.poll_event(cx) {
                Poll::Pending => {
                    let Some(error) = self.stream.input_required() else { return Poll::Pending };
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(Some(Err(error))) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                Poll::Ready(None) => {
                    self.ended = true;
                    return Poll::Ready(self.stream.outcome().err().map(Err));
                }
                Poll::Ready(Some(Ok(event))) => {
                    let EventKind::PartDelta(delta) = &event.kind else { continue };
                    let Some(text) = event.text_delta().filter(|text| !text.is_empty()) else { continue };
                    let another = self.part.as_ref().is_some_and(|part| *part != delta.part_id);
                    let piece = if another { format!("\n\n{text}") } else { text.to_owned() };
                    self.part = Some(delta.part_id.clone());
                    return Poll::Ready(Some(Ok(piece)));
                }
            }
        }
    }
}

impl fmt::Debug for TextStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextStream").field("stream", &self.stream).finish_non_exhaustive()
    }
}
