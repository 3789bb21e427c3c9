//! Questions and permissions asked and answered.

use super::chat::{Chat, Scene};
use super::requests;
use crate::opencode::RawEvent;

impl Chat {
    pub(super) fn asked(&mut self, event: &RawEvent<'_>, scene: &mut Scene<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let (message_id, call_id) = requests::call_of(&event.properties);
        let part = turn.part_of_call(message_id, call_id);
        let request = if event.event_type.or_empty() == "question.asked" {
            requests::question(&event.properties, part)
        } else {
            requests::permission(&event.properties, part)
        };
        if turn.standing.requests.ask(request, call_id) {
            turn.tell_status(scene.out);
        }
    }

    pub(super) fn answered(&mut self, event: &RawEvent<'_>, scene: &mut Scene<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let properties = &event.properties;
        let id = properties.request_id.filled().or_else(|| properties.permission_id.filled());
        let reply = properties.reply.filled().or_else(|| properties.response.filled());
        let refused = event.event_type.or_empty() == "question.rejected" || reply == Some("reject");
        if turn.standing.requests.settle(id.unwrap_or_default(), refused) {
            turn.tell_status(scene.out);
        }
    }
}
