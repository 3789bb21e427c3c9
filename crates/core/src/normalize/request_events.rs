//! Questions and permissions: requested and answered.

use super::chat::{Chat, Context};
use super::requests;
use crate::event::InputRequest;
use crate::id::PartId;
use crate::opencode::{Properties, RawEvent};

impl Chat {
    /// The agent waits for an answer; `read` makes the request of what it asks.
    pub(super) fn asked(
        &mut self,
        read: fn(&Properties<'_>, Option<PartId>) -> InputRequest,
        event: &RawEvent<'_>,
        context: &mut Context<'_>,
    ) {
        let Some(turn) = &mut self.turn else { return };
        let (message_id, call_id) = requests::call_of(&event.properties);
        let part = turn.part_of_call(message_id, call_id);
        if turn.status.requests.ask(read(&event.properties, part), call_id) {
            turn.emit_status(context.out);
        }
    }

    /// A request was answered, or refused.
    pub(super) fn answered(&mut self, refused: bool, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let properties = &event.properties;
        let id = properties.request_id.filled().or_else(|| properties.permission_id.filled());
        if turn.status.requests.settle(id.unwrap_or_default(), refused) {
            turn.emit_status(context.out);
        }
    }
}
