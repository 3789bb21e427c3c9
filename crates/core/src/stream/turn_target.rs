//! The turn streams of our service, as what a link opens.

use super::body::EventBody;
use super::frame::{Payload, is_error, is_keep_alive, stream_error};
use super::link::Target;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, EventKind, Ids};
use crate::http::{Client, Clocks, Request, RequestOptions};
use crate::id::{ChatId, TurnId};
use crate::sse::{Decoder, Frame};
use ::http::Method;

/// The largest event of a turn.
const MAX_EVENT_BYTES: usize = 16 * 1024 * 1024;

/// The turns of a chat.
pub(crate) struct TurnTarget {
    pub(crate) client: Client,
    pub(crate) options: RequestOptions,
    pub(crate) clocks: Clocks,
    pub(crate) chat_id: ChatId,
}

/// A turn, after the event of a number.
pub(super) struct TurnPlace {
    pub(super) turn_id: TurnId,
    pub(super) after: u64,
}

impl TurnTarget {
    /// The decoder of a turn's events.
    pub(crate) fn decoder(client: &Client) -> Decoder {
        Decoder::with_max_event_bytes(client.max_event_bytes(MAX_EVENT_BYTES))
    }

    /// Opens a turn, under these options.
    pub(super) async fn open_with(&self, place: &TurnPlace, options: &RequestOptions) -> Result<EventBody> {
        let mut request = Request::new("turns.stream", Method::GET)
            .event_stream()
            .chat(&self.chat_id)?
            .word("turns")
            .turn(&place.turn_id)?
            .word("stream");
        if place.after > 0 {
            request.headers.push(("last-event-id", place.after.to_string()));
        }
        let answer = self.client.send(&request, options, &self.clocks).await?;
        EventBody::new(answer, Self::decoder(&self.client), self.clocks.idle).await
    }
}

impl Target for TurnTarget {
    type Body = EventBody;
    type Place = TurnPlace;

    fn client(&self) -> &Client {
        &self.client
    }

    async fn open(&self, place: TurnPlace) -> Result<Option<EventBody>> {
        let options = RequestOptions { max_retries: Some(0), ..self.options.clone() };
        self.open_with(&place, &options).await.map(Some)
    }

    fn opens_later(error: &Error) -> bool {
        match error.status() {
            Some(status) => matches!(status, 408 | 425 | 429 | 500..) || error.is_retryable(),
            None => !matches!(error.kind(), ErrorKind::InvalidArgument | ErrorKind::Api | ErrorKind::Aborted),
        }
    }
}

/// One frame of a turn: an event, nothing, or what is wrong.
pub(super) fn read_frame(ids: &mut Ids, frame: &Frame<'_>) -> Result<Option<Event>> {
    let data = match Payload::of(frame) {
        Payload::Event(data) => data,
        Payload::Signal => return Ok(None),
        Payload::Error(error) => return Err(error),
    };
    let event = Event::parse_among(ids, &data, frame.event_str().as_deref()).map_err(|error| {
        Error::new("invalid_frame", "The stream brought a frame that is no JSON object.")
            .with_body(data.as_ref().to_owned())
            .with_source(error)
    })?;
    match &event.kind {
        EventKind::Unknown(unknown) if unknown.event_type == "error" => Err(stream_error(&data)),
        EventKind::Unknown(unknown) if unknown.event_type.is_empty() && is_error(&data) => Err(stream_error(&data)),
        EventKind::Unknown(unknown) if is_keep_alive(&unknown.event_type) => Ok(None),
        _ => Ok(Some(event)),
    }
}

/// The error of a turn that cannot be resumed.
pub(super) fn incomplete(cause: Option<Error>) -> Error {
    let message = "The stream ended before the turn; what came so far is in `turn`.";
    match cause {
        Some(error) if matches!(error.kind(), ErrorKind::StreamIdleTimeout | ErrorKind::Aborted) => error,
        Some(cause) => Error::new("incomplete_turn", message).with_source(cause),
        None => Error::new("incomplete_turn", message),
    }
}
