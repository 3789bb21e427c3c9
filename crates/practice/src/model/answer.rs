//! A step as a chat completion, streamed or whole.

use crate::id;
use crate::script::{Say, Step, Usage, words};
use axum::body::{Body, Bytes};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Deltas without a pace between them go out this many at a time.
const AT_ONCE: usize = 64;

pub(super) fn streamed(model: &str, step: Step, cancelled: CancellationToken) -> Response {
    let frames = Frames::new(model, step);
    let body = stream::unfold(frames, |mut frames| async move {
        let (wait, bytes) = frames.next()?;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Some((Ok::<_, Infallible>(bytes), frames))
    });
    let body = Body::from_stream(body.take_until(cancelled.cancelled_owned()));
    ([(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")], body).into_response()
}

pub(super) fn whole(model: &str, step: &Step) -> Response {
    let (mut text, mut reasoning, mut calls) = (String::new(), String::new(), Vec::new());
    for say in &step.says {
        match say {
            Say::Text(said, _) => text.push_str(said),
            Say::Reasoning(said) => reasoning.push_str(said),
            Say::Call { tool, input } => calls.push(call(tool, input)),
        }
    }
    let mut message = json!({ "role": "assistant", "content": text });
    if !reasoning.is_empty() {
        message["reasoning_content"] = json!(reasoning);
    }
    if !calls.is_empty() {
        message["tool_calls"] = json!(calls);
    }
    let choice = json!({ "index": 0, "message": message, "finish_reason": finish_reason(step) });
    let id = id::ascending("chatcmpl");
    let usage = usage(step.usage);
    axum::Json(json!({
        "id": id, "object": "chat.completion", "created": 1, "model": model, "choices": [choice], "usage": usage,
    }))
    .into_response()
}

/// The frames still to be sent, and the wait before each.
struct Frames {
    id: String,
    model: String,
    left: VecDeque<(Duration, Frame)>,
}

enum Frame {
    Delta(Value),
    Finish(&'static str, Usage),
    Done,
}

impl Frames {
    fn new(model: &str, step: Step) -> Self {
        let reason = finish_reason(&step);
        let mut left = VecDeque::new();
        let mut push = |wait, delta| left.push_back((wait, Frame::Delta(delta)));
        for say in step.says {
            match say {
                Say::Reasoning(text) => {
                    words(&text).for_each(|word| push(Duration::ZERO, json!({ "reasoning_content": word })));
                }
                Say::Text(text, pace) => words(&text).for_each(|word| push(pace, json!({ "content": word }))),
                Say::Call { tool, input } => {
                    // First the name, then the arguments: providers stream them apart.
                    let mut named = call(tool, &input);
                    let arguments = named["function"]["arguments"].take();
                    named["index"] = json!(0);
                    named["function"]["arguments"] = json!("");
                    push(Duration::ZERO, json!({ "tool_calls": [named] }));
                    let rest = json!({ "index": 0, "function": { "arguments": arguments } });
                    push(Duration::ZERO, json!({ "tool_calls": [rest] }));
                }
            }
        }
        if let Some((_, Frame::Delta(first))) = left.front_mut() {
            first["role"] = json!("assistant");
        }
        left.push_back((Duration::ZERO, Frame::Finish(reason, step.usage)));
        left.push_back((Duration::ZERO, Frame::Done));
        Self { id: id::ascending("chatcmpl"), model: model.to_owned(), left }
    }

    /// The next frames that may go out together, and the wait before them.
    fn next(&mut self) -> Option<(Duration, Bytes)> {
        let (wait, frame) = self.left.pop_front()?;
        let mut text = self.render(frame);
        for _ in 1..AT_ONCE {
            match self.left.front() {
                Some((wait, _)) if wait.is_zero() => {
                    let (_, frame) = self.left.pop_front()?;
                    text.push_str(&self.render(frame));
                }
                _ => break,
            }
        }
        Some((wait, Bytes::from(text)))
    }

    fn render(&self, frame: Frame) -> String {
        let chunk = |delta: Value, reason: Option<&str>| {
            let choice = json!({ "index": 0, "delta": delta, "finish_reason": reason });
            let (id, model) = (&self.id, &self.model);
            json!({ "id": id, "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice] })
        };
        let data = match frame {
            Frame::Delta(delta) => chunk(delta, None),
            Frame::Finish(reason, used) => {
                let mut last = chunk(json!({}), Some(reason));
                last["usage"] = usage(used);
                last
            }
            Frame::Done => return "data: [DONE]\n\n".to_owned(),
        };
        format!("data: {data}\n\n")
    }
}

fn call(tool: &str, input: &Value) -> Value {
    let id = format!("call_{}", &id::ascending("")[1..]);
    json!({ "id": id, "type": "function", "function": { "name": tool, "arguments": input.to_string() } })
}

fn finish_reason(step: &Step) -> &'static str {
    if step.calls() { "tool_calls" } else { "stop" }
}

/// The protocol counts what was cached among the prompt, and reasoning among the completion.
fn usage(usage: Usage) -> Value {
    let (prompt, completion) = (usage.input + usage.cache_read, usage.output + usage.reasoning);
    json!({
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": { "cached_tokens": usage.cache_read },
        "completion_tokens_details": { "reasoning_tokens": usage.reasoning },
    })
}
