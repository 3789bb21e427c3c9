//! One message of the agent: what it streams and the tool it calls.

use super::turn::Turn;
use super::{Asked, Reply, event, shell};
use crate::id;
use crate::script::{self, Say, Step, words};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;

/// How a step ended.
pub(super) enum Ended {
    /// It said all it had to say.
    Stopped,
    /// A tool gave this back, and the model is to go on from it.
    Called(String),
    /// The question was refused; the turn ends quietly.
    Rejected,
    /// Stopped from outside, or refused by the provider.
    Failed(Value),
}

/// The message while it is being made. Everything told of it is in here by the time it is told, so that `play` may be
/// dropped at any await and [`Answer::close`] still ends what was begun.
pub(super) struct Answer<'a> {
    turn: &'a Turn,
    info: Value,
    /// A text or reasoning part that has not ended.
    text: Option<Value>,
    /// A tool part that has not ended.
    tool: Option<Value>,
}

impl<'a> Answer<'a> {
    pub(super) async fn begin(turn: &'a Turn) -> Self {
        let directory = turn.directory.to_string_lossy();
        let info = json!({
            "id": id::ascending("msg"),
            "parentID": turn.user["id"],
            "role": "assistant",
            "mode": &turn.agent,
            "agent": &turn.agent,
            "path": { "cwd": directory, "root": directory },
            "cost": 0,
            "tokens": event::tokens(script::Usage::default(), false),
            "modelID": &turn.model.1,
            "providerID": &turn.model.0,
            "time": { "created": id::now_ms() },
            "sessionID": &turn.session_id,
        });
        turn.message(&info).await;
        Self { turn, info, text: None, tool: None }
    }

    /// Says the step. `None`: the provider refuses.
    pub(super) async fn play(&mut self, step: Option<&Step>) -> Ended {
        let Some(step) = step else { return Ended::Failed(event::refused(script::FAILURE)) };
        let before = self.turn.with_session(|session| session.snapshot.clone());
        self.marker("step-start", json!({ "snapshot": before })).await;
        let mut called = None;
        for say in &step.says {
            match say {
                Say::Reasoning(text) => self.stream("reasoning", text, Duration::ZERO).await,
                Say::Text(text, pace) => self.stream("text", text, *pace).await,
                Say::Call { tool: "question", input } => called = Some(self.ask(input).await),
                Say::Call { tool: "read", input } => called = Some(self.read(input).await),
                Say::Call { tool, input } => called = Some(self.run(tool, input).await),
            }
        }
        self.end_text().await;
        self.finish(step, before, called.is_some()).await;
        match called {
            None => Ended::Stopped,
            Some(Some(output)) => Ended::Called(output),
            Some(None) => Ended::Rejected,
        }
    }

    async fn stream(&mut self, kind: &str, text: &str, pace: Duration) {
        self.end_text().await;
        let mut part = self.new_part(kind);
        part["text"] = json!("");
        part["time"] = json!({ "start": id::now_ms() });
        self.turn.part(&part).await;
        let (message_id, part_id) = (part["messageID"].clone(), part["id"].clone());
        self.text = Some(part);
        let mut said = String::new();
        for delta in words(text) {
            if !pace.is_zero() {
                tokio::time::sleep(pace).await;
            }
            let told = json!({ "messageID": message_id, "partID": part_id, "field": "text", "delta": delta });
            self.turn.tell("message.part.delta", told).await;
            said.push_str(delta);
            if let Some(part) = &mut self.text {
                part["text"] = json!(said);
            }
        }
    }

    /// The `bash` tool: runs for real.
    async fn run(&mut self, tool: &str, input: &Value) -> Option<String> {
        let command = input["command"].as_str().unwrap_or_default();
        self.begin_tool(tool, input, None).await;
        self.running("").await;
        let ran = shell::run(command, &self.turn.directory).await;
        self.running(&ran.output).await;
        let metadata = json!({ "output": ran.output, "exit": ran.exit, "truncated": false });
        let ended = json!({ "status": "completed", "output": ran.output, "title": command, "metadata": metadata });
        self.end_tool(ended).await;
        Some(ran.output)
    }

    /// The `read` tool, as far as the scripts go: it shows the picture they have drawn.
    async fn read(&mut self, input: &Value) -> Option<String> {
        self.begin_tool("read", input, None).await;
        let name = input["filePath"].as_str().unwrap_or_default();
        if !self.turn.directory.join(name).exists() {
            let error = format!("File not found: {name}");
            self.end_tool(json!({ "status": "error", "error": error })).await;
            return Some(error);
        }
        let mut picture = self.new_part("file");
        picture["mime"] = json!("image/png");
        picture["url"] = json!(format!("data:image/png;base64,{}", script::PICTURE_DATA));
        let output = "Image read successfully";
        let metadata = json!({ "preview": output, "truncated": false });
        let ended = json!({
            "status": "completed", "output": output, "title": name, "metadata": metadata, "attachments": [picture],
        });
        self.end_tool(ended).await;
        Some(output.to_owned())
    }

    async fn running(&mut self, output: &str) {
        if let Some(part) = &mut self.tool {
            part["state"]["metadata"] = json!({ "output": output });
            self.turn.part(part).await;
        }
    }

    /// The `question` tool: waits for the answer, as long as it takes. `None`: refused.
    async fn ask(&mut self, input: &Value) -> Option<String> {
        let request_id = id::ascending("que");
        let (reply, replied) = oneshot::channel();
        let mut open = Open { turn: self.turn, request_id: request_id.clone(), asked: Some(reply) };
        self.begin_tool("question", input, Some(&mut open)).await;
        let reply = replied.await.unwrap_or(Reply::Rejected);
        drop(open);
        match reply {
            Reply::Answers(answers) => {
                let told = json!({ "requestID": request_id, "answers": answers });
                self.turn.tell("question.replied", told).await;
                let output = script::answered(&answers);
                let metadata = json!({ "answers": answers, "truncated": false });
                let title = "Asked 1 question";
                let ended = json!({ "status": "completed", "output": output, "title": title, "metadata": metadata });
                self.end_tool(ended).await;
                Some(output)
            }
            Reply::Rejected => {
                self.turn.tell("question.rejected", json!({ "requestID": request_id })).await;
                self.end_tool(json!({ "status": "error", "error": "The user dismissed this question" })).await;
                None
            }
        }
    }

    async fn begin_tool(&mut self, tool: &str, input: &Value, question: Option<&mut Open<'_>>) {
        let call_id = format!("call_{}", &id::ascending("")[1..]);
        let mut part = self.new_part("tool");
        part["tool"] = json!(tool);
        part["callID"] = json!(call_id);
        part["state"] = json!({ "status": "pending", "input": {}, "raw": "" });
        self.turn.part(&part).await;
        let message_id = part["messageID"].clone();
        self.tool = Some(part);
        if let Some(open) = question {
            open.ask(input, &json!({ "messageID": message_id, "callID": call_id })).await;
        }
        let state = json!({ "status": "running", "input": input, "time": { "start": id::now_ms() } });
        if let Some(part) = &mut self.tool {
            part["state"] = state;
            self.turn.part(part).await;
        }
        self.end_text().await;
    }

    /// `ended`: the state but for input and times, which stay.
    async fn end_tool(&mut self, mut ended: Value) {
        let Some(part) = &mut self.tool else { return };
        let start = part["state"]["time"]["start"].as_u64().unwrap_or_else(id::now_ms);
        ended["input"] = part["state"]["input"].take();
        ended["time"] = json!({ "start": start, "end": id::now_ms() });
        part["state"] = ended;
        self.turn.part(part).await;
        self.tool = None;
    }

    async fn end_text(&mut self) {
        let Some(part) = &mut self.text else { return };
        part["time"]["end"] = json!(id::now_ms());
        self.turn.part(part).await;
        self.text = None;
    }

    async fn finish(&mut self, step: &Step, before: Option<String>, called: bool) {
        let reason = if called { "tool-calls" } else { "stop" };
        let ran_shell = matches!(step.says.last(), Some(Say::Call { tool: "bash", .. }));
        let after = self.turn.with_session(|session| {
            session.add_usage(step.usage);
            if ran_shell {
                session.snapshot = id::hash();
            }
            session.snapshot.clone()
        });
        let tokens = event::tokens(step.usage, true);
        let cost = step.usage.cost();
        self.marker("step-finish", json!({ "reason": reason, "snapshot": after, "tokens": tokens, "cost": cost }))
            .await;
        self.info["cost"] = json!(cost);
        self.info["tokens"] = tokens;
        self.info["finish"] = json!(reason);
        self.turn.message(&self.info).await;
        let file = self.turn.directory.join(script::FILE);
        if ran_shell && file.exists() {
            self.marker("patch", json!({ "hash": before, "files": [file.to_string_lossy()] })).await;
        }
        self.info["time"]["completed"] = json!(id::now_ms());
        self.turn.message(&self.info).await;
    }

    /// A part that is told once.
    async fn marker(&self, kind: &str, fields: Value) {
        let mut part = self.new_part(kind);
        if let (Some(part), Value::Object(fields)) = (part.as_object_mut(), fields) {
            part.extend(fields);
        }
        self.turn.part(&part).await;
    }

    fn new_part(&self, kind: &str) -> Value {
        json!({
            "id": id::ascending("prt"),
            "messageID": self.info["id"],
            "sessionID": &self.turn.session_id,
            "type": kind,
        })
    }

    /// Ends what was cut off.
    pub(super) async fn close(&mut self) {
        self.end_text().await;
        let Some(tool) = &self.tool else { return };
        let metadata = &tool["state"]["metadata"];
        let ended = if tool["tool"] == "bash" && tool["state"]["status"] == "running" {
            let output = metadata["output"].as_str().unwrap_or_default();
            json!({
                "status": "completed",
                "output": format!("{output}\n\n<shell_metadata>\nUser aborted the command\n</shell_metadata>"),
                "title": tool["state"]["input"]["command"],
                "metadata": { "output": output, "exit": null, "truncated": false },
            })
        } else {
            json!({ "status": "error", "error": "Tool execution aborted", "metadata": { "interrupted": true } })
        };
        self.end_tool(ended).await;
    }

    /// The message as it ends after an error.
    pub(super) fn into_failed(mut self, error: &Value) -> Value {
        self.info["time"]["completed"] = json!(id::now_ms());
        self.info["error"] = error.clone();
        self.info
    }
}

/// A question in the list of open ones; gone from it when this is dropped, answered or not.
struct Open<'a> {
    turn: &'a Turn,
    request_id: String,
    asked: Option<oneshot::Sender<Reply>>,
}

impl Open<'_> {
    async fn ask(&mut self, input: &Value, tool: &Value) {
        let Some(reply) = self.asked.take() else { return };
        let session_id = self.turn.session_id.clone();
        let (id, questions) = (&self.request_id, &input["questions"]);
        let told = json!({ "id": id, "sessionID": &session_id, "questions": questions, "tool": tool });
        let asked = Asked { session_id, told: told.clone(), reply };
        self.turn.shared.questions().insert(self.request_id.clone(), asked);
        self.turn.tell("question.asked", told).await;
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.turn.shared.questions().remove(&self.request_id);
    }
}
