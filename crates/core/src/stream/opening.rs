//! Opening a turn that is there already.

use super::turn::{TurnStream, Wishes};
use super::turn_target::{TurnPlace, TurnTarget};
use crate::cursor::TurnCursor;
use crate::error::Result;
use crate::http::{Client, Clocks, RequestOptions};

impl TurnStream {
    /// Opens a turn at a cursor.
    pub(crate) async fn open_at(client: Client, cursor: &TurnCursor, options: RequestOptions) -> Result<Self> {
        let options = options.over(&client.options);
        let clocks = Clocks::of(options.timeout);
        let target = TurnTarget { client, options, clocks, chat_id: cursor.chat_id().clone() };
        // From its first event: the snapshot is that of the whole turn.
        let place = TurnPlace { turn_id: cursor.turn_id().clone(), after: 0 };
        let opening = target.open_with(&place, &target.options);
        let body = target.client.within(clocks.deadline, opening).await?;
        let mut stream = Self::over(target, body, Wishes::default());
        stream.handle.set_turn(place.turn_id.clone());
        stream.inbox.reader.expect(place.turn_id);
        stream.inbox.resumed_after = cursor.seq();
        stream.inbox.delivered = cursor.seq();
        Ok(stream)
    }
}
