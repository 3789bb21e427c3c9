//! Only for services without turn streams: resumes an interrupted turn through the relay.

use super::exclusive::Exclusive;
use super::link::{Break, Moved};
use super::reconcile::{Reconcile, StatusLog};
use super::relay::RelayStream;
use super::relay_item::RelayItem;
use super::turn_target::{TurnTarget, incomplete};
use crate::cursor::RelayCursor;
use crate::error::{Error, Result};
use crate::event::Event;
use crate::http::{Client, RequestOptions};
use crate::id::ChatId;
use crate::normalize::Normalizer;
use crate::turn::Turn;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

type Reaching = Exclusive<Pin<Box<dyn Future<Output = Result<Option<RelayStream>>> + Send>>>;

/// The way through the relay, beside a turn.
pub(crate) struct Foreign {
    statuses: StatusLog,
    way: Way,
}

enum Way {
    /// The turn's own connection is established, or has just broken.
    Anchored(Anchor),
    /// The relay is being opened.
    Reaching(Reaching),
    /// The turn continues through the relay.
    Relayed(Box<Replay>),
    /// There is no way any more.
    Lost,
}

impl Foreign {
    /// Opens the relay, to be called before the prompt is sent.
    pub(crate) async fn drop_in(client: &Client, chat_id: &ChatId, options: &RequestOptions) -> Result<Self> {
        let way = Way::Anchored(Anchor::drop_in(client, chat_id, options).await?);
        Ok(Self { statuses: StatusLog::default(), way })
    }

    /// Looks for the beginning of the turn in the relay, while the turn's own connection is established.
    pub(super) fn watch(&mut self, cx: &mut Context<'_>) {
        if let Way::Anchored(anchor) = &mut self.way {
            anchor.watch(cx);
        }
    }

    /// Records the events that the turn's own connection delivered.
    pub(super) fn note(&mut self, event: &Event) {
        if let Way::Anchored(_) = self.way {
            self.statuses.note(event);
        }
    }

    /// Begins to resume through the relay, which is possible once.
    pub(super) fn take_up(&mut self, target: &TurnTarget) -> bool {
        let Way::Anchored(anchor) = std::mem::replace(&mut self.way, Way::Lost) else { return false };
        let (client, options, chat_id) = (target.client.clone(), target.options.clone(), target.chat_id.clone());
        self.way = Way::Reaching(Exclusive::new(Box::pin(async move {
            client.within(None, anchor.replay(&client, &chat_id, &options)).await
        })));
        true
    }

    /// Whether the turn goes on this way.
    pub(super) fn is_taken(&self) -> bool {
        matches!(self.way, Way::Reaching(_) | Way::Relayed(_))
    }

    /// For `Debug`; `None`: the turn's own connection counts.
    pub(super) fn state(&self) -> Option<&'static str> {
        match self.way {
            Way::Reaching(_) => Some("resuming"),
            Way::Relayed(_) => Some("relayed"),
            Way::Anchored(_) | Way::Lost => None,
        }
    }

    /// Moves the relay on; what of it is new goes to `incoming`. `delivered` is the turn as it was delivered so far.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        delivered: &Turn,
        last_seq: u64,
        incoming: &mut VecDeque<Event>,
    ) -> Poll<Result<Moved, Break>> {
        let moved = match &mut self.way {
            Way::Reaching(reaching) => match ready!(reaching.get().as_mut().poll(cx)) {
                Ok(Some(relay)) => {
                    self.way = Way::Relayed(Box::new(Replay::new(relay, delivered, &self.statuses)));
                    return Poll::Ready(Ok(Moved::Resumed));
                }
                Ok(None) => Err(Break::Fatal(incomplete(None))),
                Err(error) => Err(Break::Fatal(incomplete(Some(error)))),
            },
            Way::Relayed(replay) => ready!(replay.poll_new(cx, delivered, last_seq, incoming)),
            Way::Anchored(_) | Way::Lost => return Poll::Ready(Ok(Moved::Closed)),
        };
        if moved.is_err() {
            self.way = Way::Lost;
        }
        Poll::Ready(moved.map(|()| Moved::Read))
    }
}

/// Where a turn begins in the relay.
enum Anchor {
    /// Not known yet: the relay was opened before the prompt was sent, and its first event will show.
    Watching(Box<RelayStream>),
    /// After the event of this number.
    After(u64),
    /// This relay does not number its events.
    Lost,
}

impl Anchor {
    /// Opens the relay, to be called before the prompt is sent.
    async fn drop_in(client: &Client, chat_id: &ChatId, options: &RequestOptions) -> Result<Self> {
        let relay = open(client, chat_id, options, RelayCursor::Live).await?;
        Ok(Self::Watching(Box::new(relay)))
    }

    /// Looks for the first event; once it has come, the second connection is closed.
    fn watch(&mut self, cx: &mut Context<'_>) {
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

    /// Begins the replay; `None` if the turn's beginning is unknown.
    async fn replay(self, client: &Client, chat_id: &ChatId, options: &RequestOptions) -> Result<Option<RelayStream>> {
        match self {
            Self::Watching(relay) => Ok(Some(*relay)),
            Self::After(number) => open(client, chat_id, options, RelayCursor::After(number)).await.map(Some),
            Self::Lost => Ok(None),
        }
    }
}

async fn open(client: &Client, chat_id: &ChatId, options: &RequestOptions, cursor: RelayCursor) -> Result<RelayStream> {
    let options = RequestOptions { idempotency_key: None, body: serde_json::Map::default(), ..options.clone() };
    RelayStream::open(client.clone(), chat_id.clone(), cursor, None, options).await
}

/// The replay of a turn, compared with its delivered events.
struct Replay {
    relay: RelayStream,
    normalizer: Normalizer,
    reconcile: Reconcile,
    made: Vec<Event>,
}

impl Replay {
    fn new(relay: RelayStream, delivered: &Turn, statuses: &StatusLog) -> Self {
        Self { relay, normalizer: Normalizer::new(), reconcile: Reconcile::new(delivered, statuses), made: Vec::new() }
    }

    /// Reads one item of the relay; what it makes that is new goes to `incoming`, as events of the turn that was delivered.
    /// One item at a time, because what is new depends on what was delivered before.
    fn poll_new(
        &mut self,
        cx: &mut Context<'_>,
        delivered: &Turn,
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
            let new = self.reconcile.accept(event, delivered);
            let Ok(new) = new else {
                return Poll::Ready(Err(lost(
                    "The relay has another turn than the stream had; what came so far is in `turn`.",
                )));
            };
            if let Some(kind) = new {
                // Told on as the service's own: its ids, and its numbers where it has any.
                let unnamed = delivered.id.as_str().is_empty();
                let seq = if unnamed || last_seq > 0 { last_seq + 1 } else { 0 };
                let chat_id = if unnamed { chat_id } else { delivered.chat_id.clone() };
                let turn_id = if unnamed { turn_id } else { delivered.id.clone() };
                incoming.push_back(Event::new(seq, chat_id, turn_id, kind));
            }
        }
        Poll::Ready(Ok(()))
    }
}
