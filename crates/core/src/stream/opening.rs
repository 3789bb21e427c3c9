//! Opening a turn that is there already: at a cursor, or where it runs.

use super::cursor::TurnCursor;
use super::turn::{TurnStream, Wishes};
use super::turn_target::{TurnPlace, TurnTarget};
use crate::error::Result;
use crate::http::{Client, Clocks, RequestOptions};
use crate::id::{ChatId, TurnId};
use crate::operations::Chats;

impl TurnStream {
    /// Opens a turn where a cursor stands.
    pub(crate) async fn resume(client: Client, cursor: &str, options: RequestOptions) -> Result<Self> {
        let cursor = TurnCursor::decode(cursor)?;
        let mut stream = Self::open_turn(client, cursor.chat_id, cursor.turn_id, options).await?;
        stream.inbox.told = cursor.seq;
        stream.inbox.delivered = cursor.seq;
        Ok(stream)
    }

    /// Opens the turn that runs, or the one that is named, from its first event.
    pub(crate) async fn attach(
        client: Client,
        chat_id: ChatId,
        turn_id: Option<TurnId>,
        options: RequestOptions,
    ) -> Result<Option<Self>> {
        let turn_id = match turn_id {
            Some(turn_id) => Some(turn_id),
            None => Chats::new(client.clone()).retrieve(&chat_id).options(options.clone()).await?.active_turn_id,
        };
        match turn_id {
            Some(turn_id) => Self::open_turn(client, chat_id, turn_id, options).await.map(Some),
            None => Ok(None),
        }
    }

    async fn open_turn(client: Client, chat_id: ChatId, turn_id: TurnId, options: RequestOptions) -> Result<Self> {
        let options = options.over(&client.options);
        let clocks = Clocks::of(options.timeout);
        let target = TurnTarget { client, options, clocks, chat_id };
        let place = TurnPlace { turn_id, after: 0 };
        let opening = target.open_with(&place, &target.options);
        let body = target.client.within(clocks.deadline, opening).await?;
        let mut stream = Self::over(target, body, Wishes::default());
        stream.handle.set_turn(place.turn_id.clone());
        stream.inbox.reader.expect(place.turn_id);
        Ok(stream)
    }
}
