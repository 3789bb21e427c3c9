//! Questions and permissions: the set that is open, and which were refused.

use super::tool::json;
use crate::event::{Choice, InputRequest, Permission, Prompt, Question};
use crate::id::{MessageId, PartId, RequestId};
use crate::json::Json;
use crate::lax::{List, Raw, Text};
use crate::opencode::{Properties, QuestionInfo, read};

/// The requests of the open turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Requests {
    open: Vec<Open>,
    /// The calls whose request was refused.
    refused: Vec<Refused>,
}

#[derive(Clone, Debug)]
struct Open {
    request: InputRequest,
    call_id: Box<str>,
}

#[derive(Clone, Debug)]
struct Refused {
    message_id: Option<MessageId>,
    call_id: Box<str>,
}

impl Requests {
    /// Adds a request; `false`: it was open already, or has no id to answer under.
    pub(super) fn ask(&mut self, request: InputRequest, call_id: &str) -> bool {
        let known = self.open.iter().any(|open| open.request.request_id() == request.request_id());
        if known || request.request_id().as_str().is_empty() {
            return false;
        }
        self.open.push(Open { request, call_id: Box::from(call_id) });
        true
    }

    /// Takes an answered or refused request out; `false`: it was not open.
    pub(super) fn settle(&mut self, request_id: &str, refused: bool) -> bool {
        let Some(at) = self.open.iter().position(|open| open.request.request_id() == request_id) else {
            return false;
        };
        let Open { request, call_id } = self.open.remove(at);
        if refused {
            self.refused.push(Refused { message_id: message_of(&request).cloned(), call_id });
        }
        true
    }

    /// The tool part of a call is known: the request of the call gets its id. `true`: a request did.
    pub(super) fn place(&mut self, message_id: &MessageId, call_id: &str, part_id: &PartId) -> bool {
        let mut changed = false;
        for open in self.open.iter_mut().filter(|open| !call_id.is_empty() && &*open.call_id == call_id) {
            let (message, part) = match &mut open.request {
                InputRequest::Question(question) => (&question.message_id, &mut question.part_id),
                InputRequest::Permission(permission) => (&permission.message_id, &mut permission.part_id),
            };
            if part.is_none() && message.as_ref().is_none_or(|message| message == message_id) {
                *part = Some(part_id.clone());
                changed = true;
            }
        }
        changed
    }

    /// A call has ended, and its requests with it. `true`: some were open.
    pub(super) fn end_call(&mut self, message_id: &MessageId, call_id: &str) -> bool {
        let before = self.open.len();
        self.open.retain(|open| {
            call_id.is_empty()
                || &*open.call_id != call_id
                || message_of(&open.request).is_some_and(|message| message != message_id)
        });
        self.open.len() != before
    }

    /// The open set.
    pub(super) fn open(&self) -> Vec<InputRequest> {
        self.open.iter().map(|open| open.request.clone()).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Whether the request of this call was refused.
    pub(super) fn was_refused(&self, call_id: &str) -> bool {
        !call_id.is_empty() && self.refused.iter().any(|refused| &*refused.call_id == call_id)
    }

    /// Whether a request of this message was refused. One that names no message counts for any.
    pub(super) fn refused_in(&self, message_id: &MessageId) -> bool {
        self.refused.iter().any(|refused| refused.message_id.as_ref().is_none_or(|refused| refused == message_id))
    }
}

fn message_of(request: &InputRequest) -> Option<&MessageId> {
    match request {
        InputRequest::Question(question) => question.message_id.as_ref(),
        InputRequest::Permission(permission) => permission.message_id.as_ref(),
    }
}

/// The message and the call that ask, in either dialect.
pub(super) fn call_of<'a>(properties: &'a Properties<'_>) -> (Option<&'a str>, &'a str) {
    let tool = properties.tool.0.as_ref();
    let message = tool.and_then(|tool| tool.message_id.filled()).or_else(|| properties.message_id.filled());
    let call = tool.and_then(|tool| tool.call_id.filled()).or_else(|| properties.call_id.filled());
    (message, call.unwrap_or_default())
}

/// `question.asked`.
pub(super) fn question(properties: &Properties<'_>, part_id: Option<PartId>) -> InputRequest {
    let prompts = properties.questions.0.iter().filter_map(|question| question.0.as_ref()).map(prompt).collect();
    InputRequest::Question(Question {
        request_id: RequestId::from(properties.id.or_empty()),
        message_id: call_of(properties).0.map(MessageId::from),
        part_id,
        questions: prompts,
    })
}

fn prompt(info: &QuestionInfo<'_>) -> Prompt {
    let options = info.options.0.iter().filter_map(|option| option.0.as_ref());
    Prompt {
        header: info.header.or_empty().to_owned(),
        question: info.question.or_empty().to_owned(),
        options: options
            .map(|option| Choice {
                label: option.label.or_empty().to_owned(),
                description: option.description.or_empty().to_owned(),
            })
            .collect(),
        multiple: info.multiple.0.unwrap_or(false),
        // The runtime lets people type an answer of their own unless the agent forbade it.
        custom: info.custom.0.unwrap_or(true),
    }
}

/// `permission.asked`, or `permission.updated` of old.
pub(super) fn permission(properties: &Properties<'_>, part_id: Option<PartId>) -> InputRequest {
    let patterns = if properties.patterns.is_some() { properties.patterns } else { properties.pattern };
    InputRequest::Permission(Permission {
        request_id: RequestId::from(properties.id.or_empty()),
        message_id: call_of(properties).0.map(MessageId::from),
        part_id,
        permission: properties.permission.filled().unwrap_or(properties.kind.or_empty()).to_owned(),
        patterns: texts(patterns),
        metadata: properties.metadata.filter(|raw| raw.get() != "null").map_or_else(Json::empty_object, json),
    })
}

/// A list of texts, or one text.
fn texts(raw: Raw<'_>) -> Vec<String> {
    let list: List<Text<'_>> = read(raw).unwrap_or_default();
    if list.0.is_empty() {
        return read::<Text<'_>>(raw).and_then(|text| text.filled().map(str::to_owned)).into_iter().collect();
    }
    list.0.iter().filter_map(|text| text.get().map(str::to_owned)).collect()
}
