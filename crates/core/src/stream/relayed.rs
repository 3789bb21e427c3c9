//! A turn taken up through the relay, at a service that has no turn streams.

use super::reconcile::{Reconcile, StatusLog};
use super::relay::{RelayItem, RelayStream};
use super::{Cursor, driver::Break};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::http::{Client, RequestOptions};
use crate::normalize::Normalizer;
use crate::turn::Turn;
use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

/// Where a turn begins in the relay.
pub(super) enum Anchor {
    /// Not known yet: the relay was opened before the prompt was sent, and its first event will tell.
    Watching(Box<RelayStream>),
    /// After the event of this number.
    After(u64),
    /// This relay does not number its events.
    Lost,
}

impl Anchor {
    /// Opens the relay, to be called before the prompt is sent.
    pub(super) async fn drop_in(client: &Client, chat_id: &str, options: &RequestOptions) -> Result<Self> {
        let relay = open(client, chat_id, options, Cursor::Live).await?;
        Ok(Self::Watching(Box::new(relay)))
    }

    /// Looks for the first event; once it has come, the second connection is closed.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) {
        while let Self::Watching(relay) = self {
            match relay.poll_item(cx) {
                Poll::Pending => return,
                Poll::Ready(Some(Ok(RelayItem::Event(event)))) => {
                    *self = event.id.map_or(Self::Lost, |id| Self::After(id.saturating_sub(1)));
                }
                Poll::Ready(Some(Ok(_))) => {}
                Poll::Ready(Some(Err(_)) | None) => *self = Self::Lost,
            }
        }
    }

    /// Begins the replay; `None`: the turn's beginning is not known.
    pub(super) async fn replay(
        self,
        client: &Client,
        chat_id: &str,
        options: &RequestOptions,
    ) -> Result<Option<RelayStream>> {
        match self {
            Self::Watching(relay) => Ok(Some(*relay)),
            Self::After(number) => open(client, chat_id, options, Cursor::After(number)).await.map(Some),
            Self::Lost => Ok(None),
        }
    }
}

async fn open(client: &Client, chat_id: &str, options: &RequestOptions, cursor: Cursor) -> Result<RelayStream> {
    let options = RequestOptions { idempotency_key: None, body: serde_json::Map::default(), ..options.clone() };
    RelayStream::open(client.clone(), chat_id.to_owned(), cursor, None, options).await
}

/// The replay of a turn, compared with what was told of it.
pub(super) struct Replay {
    relay: RelayStream,
    normalizer: Normalizer,
    reconcile: Reconcile,
    made: Vec<Event>,
}

impl Replay {
    pub(super) fn new(relay: RelayStream, told: &Turn, statuses: &StatusLog) -> Self {
        Self { relay, normalizer: Normalizer::new(), reconcile: Reconcile::new(told, statuses), made: Vec::new() }
    }

    /// Reads one item of the relay; what it makes that is news goes to `incoming`, as events of the turn that was told.
    /// One item at a time, for what is news depends on what was told before.
    pub(super) fn poll_news(
        &mut self,
        cx: &mut Context<'_>,
        told: &Turn,
        last_seq: u64,
        incoming: &mut VecDeque<Event>,
    ) -> Poll<Result<(), Break>> {
        let lost = |message: &str| Break::Fatal(Error::new("incomplete_turn", message.to_owned()));
        if self.made.is_empty() {
            match ready!(self.relay.poll_item(cx)) {
                Some(Ok(RelayItem::Event(event))) => self.normalizer.push(event.raw.get().as_bytes(), &mut self.made),
                Some(Ok(_)) => {
                    return Poll::Ready(Err(lost(
                        "The relay no longer keeps the turn's beginning; what came so far is in `turn`.",
                    )));
                }
                Some(Err(error)) => {
                    let error = Error::new(
                        "incomplete_turn",
                        "The turn could not be taken up through the relay; what came so far is in `turn`.",
                    )
                    .with_source(error);
                    return Poll::Ready(Err(Break::Fatal(error)));
                }
                None => {
                    return Poll::Ready(Err(lost("The relay ended before the turn; what came so far is in `turn`.")));
                }
            }
        }
        if !self.made.is_empty() {
            let event = self.made.remove(0);
            let (chat_id, turn_id) = (event.chat_id.clone(), event.turn_id.clone());
            let news = self.reconcile.accept(event, told);
            let Ok(news) = news else {
                return Poll::Ready(Err(lost(
                    "The relay tells another turn than the stream did; what came so far is in `turn`.",
                )));
            };
            if let Some(kind) = news {
                // Told on as the service's own: its ids, and its numbers where it has any.
                let unheard = told.id.as_str().is_empty();
                let seq = if unheard || last_seq > 0 { last_seq + 1 } else { 0 };
                let chat_id = if unheard { chat_id } else { told.chat_id.clone() };
                let turn_id = if unheard { turn_id } else { told.id.clone() };
                incoming.push_back(Event::new(seq, chat_id, turn_id, kind));
            }
        }
        Poll::Ready(Ok(()))
    }
}
