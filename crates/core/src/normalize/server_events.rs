//! Events of the server's own decisions: `turnwire.*`.

use super::chat::{Chat, Context};
use super::ending::Cause;
use super::failure;
use super::message::model;
use super::prompts::Prompts;
use super::status::Stop;
use super::tool::{at, json};
use super::turn::Start;
use crate::event::{TurnError, TurnStatus, UserMessage};
use crate::id::MessageId;
use crate::lax::{Number, Raw, Text};
use crate::opencode::{ModelRef, RawEvent, read};
use crate::time::Timestamp;

impl Chat {
    pub(super) fn turn_accepted(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let properties = &event.properties;
        let Some(id) = properties.own_message_id.filled() else { return };
        if context.ended.contains_in(self.id.as_str(), id)
            || self.turn.as_ref().is_some_and(|turn| turn.aliases.contains(id))
        {
            return;
        }
        self.end(Cause::Successor, context.ended, context.out);
        self.prompts.remove(id);
        let parts = properties.user_parts.0.iter().flatten().map(|part| json(part)).collect();
        let start = Start {
            user_message: UserMessage { id: MessageId::from(id), parts },
            model: model_of(properties.model),
            started_at: time(properties.time),
            base: TurnStatus::Queued,
            order: 0,
        };
        self.open(start, context);
        if let Some(turn) = &mut self.turn {
            turn.emit_status(context.out);
        }
    }

    pub(super) fn runtime(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        turn.status.base = match event.properties.state.or_empty() {
            "starting" => TurnStatus::Starting,
            "resuming" => TurnStatus::Resuming,
            "running" => TurnStatus::Running,
            "lost" => return self.end(Cause::Lost(time(event.properties.time)), context.ended, context.out),
            _ => return,
        };
        turn.emit_status(context.out);
    }

    pub(super) fn cancel_requested(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        if let Some(turn) = self.turn.as_mut().filter(|turn| is_about(event, &turn.user)) {
            turn.status.stop(Stop::Requested);
            turn.emit_status(context.out);
        }
    }

    pub(super) fn turn_closed(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(turn) = &self.turn else { return };
        if !is_about(event, &turn.user) {
            return;
        }
        let status: Text<'_> = read(event.properties.status).unwrap_or_default();
        // A status that is not an end would leave the turn open.
        let status = status.filled().map(TurnStatus::from).filter(TurnStatus::is_ended);
        let status = status.unwrap_or(TurnStatus::Interrupted);
        let error: Option<TurnError> = read(event.properties.error);
        let error = error.map(|error| failure::own(&error.code, &failure::sentence(&error.message), error.retryable));
        // An empty error is none, as for every reader of the event.
        let error = error.filter(|error| *error != TurnError::default());
        self.end(Cause::Decided(status, error, time(event.properties.time)), context.ended, context.out);
    }

    pub(super) fn chat_ended(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        self.prompts = Prompts::default();
        self.end(Cause::Deleted(time(event.properties.time)), context.ended, context.out);
    }
}

/// Whether the event names this turn, or none.
fn is_about(event: &RawEvent<'_>, user: &MessageId) -> bool {
    event.properties.own_message_id.filled().is_none_or(|id| id == user.as_str())
}

/// A time: milliseconds, or RFC 3339.
fn time(raw: Raw<'_>) -> Option<Timestamp> {
    let text: Option<Text<'_>> = read(raw);
    text.and_then(|text| text.get().and_then(Timestamp::parse)).or_else(|| at(read::<Number>(raw)?))
}

/// `provider/model`, as text or as `OpenCode`'s object.
fn model_of(raw: Raw<'_>) -> Option<String> {
    let text: Option<Text<'_>> = read(raw);
    if let Some(text) = text.as_ref().and_then(Text::filled) {
        return Some(text.to_owned());
    }
    let object: ModelRef<'_> = read(raw)?;
    model(object.provider_id.get(), object.model_id.get())
}
