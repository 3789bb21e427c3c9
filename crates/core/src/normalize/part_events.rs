//! Events of parts.

use super::chat::{Chat, Context};
use super::message::MessagePart;
use super::status::Compaction;
use super::text::Text;
use super::tool::{Blame, Tool, json};
use super::turn::{Phase, Turn};
use crate::event::{Event, OtherPart, Part, PartBody, PartState, PatchPart, TodoItem, TodoPart, ToolError};
use crate::id::PartId;
use crate::lax::Raw;
use crate::opencode::{Delta, PartInfo, RawEvent};
use crate::repair::Edges;
use serde_json::value::RawValue;

impl Chat {
    pub(super) fn part_delta(&mut self, delta: &Delta<'_>, raw: &[u8], context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let (Some(part_id), Some(text)) = (delta.part_id.filled(), delta.text.get()) else { return };
        if delta.field.filled().is_some_and(|field| field != "text") {
            return;
        }
        if let Some((at, part)) = turn.place_of_part(part_id) {
            let message = &mut turn.messages[at];
            if message.is_closed() {
                return;
            }
            let (parts, mut part_emitter) = message.parts_and_emitter(&mut turn.emitter, context.out);
            if let Some(MessagePart::Text(known)) = parts.get_mut(part) {
                known.append(text, delta.edges, &mut part_emitter);
            }
            return;
        }
        let Some(message_id) = delta.message_id.filled() else { return };
        if let Some(at) = turn.open_message(message_id) {
            turn.messages[at].hold(part_id, text);
        } else if context.child && !turn.by_message.contains_key(message_id) {
            self.child_link(raw, context);
        }
    }

    pub(super) fn part_updated(&mut self, event: &RawEvent<'_>, raw: &[u8], context: &mut Context<'_>) {
        let Some(info) = event.properties.part.0.as_deref() else { return };
        let Some(message_id) = info.message_id.filled() else { return };
        let Some(turn) = &mut self.turn else { return self.user_part(info, context) };
        let Some(&at) = turn.by_message.get(message_id) else {
            if context.child {
                self.child_link(raw, context);
                return;
            }
            return self.user_part(info, context);
        };
        turn.part(at, info, raw, event.text_edges, context.out);
        self.end_if_settled(context);
    }

    /// A part of a user's message. The message of a compaction during a turn belongs to that turn.
    pub(super) fn user_part(&mut self, info: &PartInfo<'_>, context: &mut Context<'_>) {
        let Some(prompt) = self.prompts.part(info).filter(|prompt| prompt.is_compaction()) else { return };
        let id = prompt.id.clone();
        self.alias(&id);
        if let Some(turn) = &mut self.turn {
            if turn.status.compaction == Compaction::None {
                turn.status.compaction = Compaction::Summarizing;
            }
            turn.emit_status(context.out);
        }
    }

    pub(super) fn part_removed(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let Some(&(at, part)) = event.properties.part_id.filled().and_then(|id| turn.by_part.get(id)) else { return };
        let message = &mut turn.messages[at];
        if message.is_closed() {
            return;
        }
        let (parts, mut part_emitter) = message.parts_and_emitter(&mut turn.emitter, context.out);
        match parts.get_mut(part) {
            Some(MessagePart::Text(text)) => text.discard(&mut part_emitter),
            Some(MessagePart::Tool(tool)) => {
                let error =
                    ToolError { code: "removed".to_owned(), message: "The tool call was taken back.".to_owned() };
                tool.close(error, &mut part_emitter);
            }
            _ => {}
        }
        turn.close_if_done(at, context.out);
        self.end_if_settled(context);
    }

    /// The to-do list is a part beside the open tool that writes it.
    pub(super) fn todo_updated(&mut self, event: &RawEvent<'_>, context: &mut Context<'_>) {
        let Some(turn) = &mut self.turn else { return };
        let tool = |message: &super::message::Message| {
            let mut tools = message.tools().rev();
            tools.find(|tool| tool.is_open() && tool.name().starts_with("todo")).map(|tool| tool.id.clone())
        };
        let found = turn.messages.iter().enumerate().rev().find_map(|(at, message)| {
            (&*message.session == context.session && !message.is_closed())
                .then(|| tool(message))
                .flatten()
                .map(|id| (at, id))
        });
        let Some((at, tool_id)) = found else { return };
        let rest = tool_id.as_str().strip_prefix("prt_").unwrap_or(tool_id.as_str());
        let items = event.properties.todos.0.iter().filter_map(|todo| todo.0.as_ref());
        let items = items.map(|todo| TodoItem {
            content: todo.content.or_empty().to_owned(),
            status: todo.status.or_empty().into(),
            priority: todo.priority.or_empty().into(),
        });
        let body = PartBody::Todo(TodoPart { items: items.collect() });
        turn.whole(at, Part { id: PartId::from(format!("todo_{rest}")), body, state: PartState::Done }, context.out);
    }
}

impl Turn {
    /// Where a part is. Most deltas are of the part the last one was of.
    fn place_of_part(&mut self, id: &str) -> Option<(usize, usize)> {
        if let Some((last, at, part)) = &self.last_part
            && *last == id
        {
            return Some((*at, *part));
        }
        let (id, &(at, part)) = self.by_part.get_key_value(id)?;
        self.last_part = Some((id.clone(), at, part));
        Some((at, part))
    }

    /// A part of one of the turn's messages as it now stands.
    pub(super) fn part(&mut self, at: usize, info: &PartInfo<'_>, raw: &[u8], edges: Edges, out: &mut Vec<Event>) {
        let Some(id) = info.id.filled() else { return };
        if info.part_type.or_empty() == "step-finish" {
            self.messages[at].spent.step(info.tokens.0, info.cost);
            return;
        }
        let elsewhere = self.by_part.get(id).is_some_and(|(message, _)| *message != at);
        if self.messages[at].is_closed() || elsewhere {
            return;
        }
        match info.part_type.or_empty() {
            // These emit nothing.
            "snapshot" | "compaction" | "retry" => {}
            "step-start" => {
                // Recorded by its id, so that a step that arrives twice counts once.
                if !self.by_part.contains_key(id) {
                    self.by_part.insert(PartId::from(id), (at, usize::MAX));
                    // A step begins: an idle from before it was the late one of the turn before.
                    if self.phase == Phase::Idle && self.messages[at].is_root() {
                        self.phase = Phase::Busy;
                    }
                    self.messages[at].begin(true, &mut self.emitter, out);
                }
            }
            "text" => self.text(at, id, false, info, edges, out),
            "reasoning" => self.text(at, id, true, info, edges, out),
            "tool" => self.tool(at, id, info, out),
            "file" => self.file(at, id, info, out),
            "patch" => {
                let files = info.files.0.iter().filter_map(|file| file.get().map(str::to_owned)).collect();
                let body = PartBody::Patch(PatchPart { files });
                self.whole(at, Part { id: PartId::from(id), body, state: PartState::Done }, out);
            }
            other => {
                let Some(raw) = raw_part(raw) else { return };
                let body = PartBody::Other(OtherPart { part_type: other.into(), raw: json(&raw) });
                self.whole(at, Part { id: PartId::from(id), body, state: PartState::Done }, out);
            }
        }
    }

    fn text(&mut self, at: usize, id: &str, reasoning: bool, info: &PartInfo<'_>, edges: Edges, out: &mut Vec<Event>) {
        let part = if let Some(&(_, part)) = self.by_part.get(id) {
            part
        } else {
            self.messages[at].begin(false, &mut self.emitter, out);
            self.add_part(at, MessagePart::Text(Text::new(PartId::from(id), reasoning)))
        };
        let held = self.messages[at].take_held(id);
        let (parts, mut part_emitter) = self.messages[at].parts_and_emitter(&mut self.emitter, out);
        let Some(MessagePart::Text(text)) = parts.get_mut(part) else { return };
        let whole = info.text.or_empty();
        let ended = info.times().end.0.is_some();
        text.replace(whole, edges, ended, &mut part_emitter);
        // Deltas that came before their part are in its text already, unless that is empty.
        if let Some(held) = held.filter(|_| whole.is_empty() && !ended) {
            text.append(&held, Edges::default(), &mut part_emitter);
        }
    }

    fn tool(&mut self, at: usize, id: &str, info: &PartInfo<'_>, out: &mut Vec<Event>) {
        let part = match self.by_part.get(id) {
            Some(&(_, part)) => part,
            None => self.add_part(at, MessagePart::Tool(Tool::new(PartId::from(id)))),
        };
        let call_id = info.call_id.or_empty();
        let blame = if self.status.requests.was_refused(call_id) {
            Blame::Refused
        } else if self.status.is_stopping() || self.stopped_tools.contains(id) {
            Blame::Cancelled
        } else {
            Blame::Tool
        };
        let (parts, mut part_emitter) = self.messages[at].parts_and_emitter(&mut self.emitter, out);
        let Some(MessagePart::Tool(tool)) = parts.get_mut(part) else { return };
        tool.update(info, blame, &mut part_emitter);
        let (open, part_id) = (tool.is_open(), tool.id.clone());
        let message_id = &self.messages[at].id;
        let requests = &mut self.status.requests;
        let changed =
            if open { requests.place(message_id, call_id, &part_id) } else { requests.end_call(message_id, call_id) };
        if changed {
            self.emit_status(out);
        }
        if !open {
            // Of a tool that was stopped nothing was given back.
            if let Some(state) = info.state.0.as_ref().filter(|state| state.status.get() == Some("completed")) {
                self.attachments(at, &part_id, &state.attachments, out);
            }
            self.close_if_done(at, out);
        }
    }

    /// A part that is emitted as a whole, once for each change.
    pub(super) fn whole(&mut self, at: usize, part: Part, out: &mut Vec<Event>) {
        match self.by_part.get(&part.id) {
            Some(&(message, index)) => {
                let parts = &mut self.messages[message].parts;
                let Some(MessagePart::Whole(known)) = parts.get_mut(index).filter(|_| message == at) else { return };
                // A reader has taken it for what it was first: a part keeps its type.
                if *known == part || known.part_type() != part.part_type() {
                    return;
                }
                known.clone_from(&part);
            }
            None => {
                self.add_part(at, MessagePart::Whole(part.clone()));
            }
        }
        self.messages[at].part_emitter(&mut self.emitter, out).part(part);
    }
}

/// `properties.part` as it came.
fn raw_part(raw: &[u8]) -> Option<Box<RawValue>> {
    #[derive(serde::Deserialize)]
    struct Outer<'a> {
        #[serde(borrow, default)]
        properties: Option<Inner<'a>>,
        #[serde(borrow, default)]
        payload: Raw<'a>,
    }
    #[derive(serde::Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        part: &'a RawValue,
    }
    let text = crate::repair::repair(raw);
    let mut outer: Outer<'_> = serde_json::from_str(&text).ok()?;
    if outer.properties.is_none() {
        outer = serde_json::from_str(outer.payload?.get()).ok()?;
    }
    Some(outer.properties?.part.to_owned())
}
