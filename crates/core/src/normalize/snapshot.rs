//! A resync: the messages as the runtime has stored them; what is new of them is emitted.

use super::chat::{Chat, Context};
use crate::opencode::{Info, PartInfo, RawEvent, StoredMessage, read};
use crate::repair::Edges;

impl Chat {
    /// Only the open turn is brought up to date: the messages before its prompt are of turns that have ended. So are those after it whose
    /// ids sort before its own, unless they answer it: a runtime whose clock went back puts the prompt in among them.
    pub(super) fn snapshot(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(turn) = &self.turn else { return };
        let stored: Vec<StoredMessage<'_>> =
            event.properties.messages.0.iter().filter_map(|message| read(*message)).collect();
        let prompt = stored.iter().position(|message| {
            message.info.0.as_ref().is_some_and(|info| info.id.filled() == Some(turn.user.as_str()))
        });
        let from = prompt.map_or(stored.len(), |at| at + 1);
        for (at, message) in stored.iter().enumerate() {
            let Some(info) = &message.info.0 else { continue };
            let Some(id) = info.id.filled() else { continue };
            match info.role.or_empty() {
                "user" if at >= from && !context.child && self.is_later(id) => self.alias(&id.into()),
                "assistant" => {
                    let of_turn = at >= from && (self.is_later(id) || self.is_of_turn(info.parent_id.or_empty()));
                    self.stored_message(id, info, message, of_turn, context);
                }
                _ => {}
            }
        }
        self.end_if_settled(context);
    }

    /// Whether a message's id sorts after the open turn's prompt.
    fn is_later(&self, id: &str) -> bool {
        self.turn.as_ref().is_some_and(|turn| id > turn.user.as_str())
    }

    /// Whether a user's message is the open turn's prompt, or stands for it.
    fn is_of_turn(&self, user: &str) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.user == user || turn.aliases.contains(user))
    }

    fn stored_message(
        &mut self,
        id: &str,
        info: &Info<'_>,
        message: &StoredMessage<'_>,
        of_turn: bool,
        context: &mut Context<'_>,
    ) {
        let Some(turn) = &self.turn else { return };
        let known = turn.by_message.get(id).copied();
        let Some(at) = known.or_else(|| if of_turn { self.add_message(id, info, None, context) } else { None }) else {
            return;
        };
        let Some(turn) = &mut self.turn else { return };
        for part in &message.parts.0 {
            let Some(info) = read::<PartInfo<'_>>(*part) else { continue };
            let wrapped = part.map(|part| format!("{{\"properties\":{{\"part\":{}}}}}", part.get()));
            turn.part(at, &info, wrapped.unwrap_or_default().as_bytes(), Edges::default(), context.out);
        }
        turn.messages[at].stop_waiting_for_parts();
        self.update_message(at, info, context);
    }
}
