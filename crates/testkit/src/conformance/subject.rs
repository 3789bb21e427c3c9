//! The client under test: a program that speaks JSON lines, or this project's own in this process.

use super::adapter;
use super::line::{Hello, Line, Request};
use serde_json::json;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A client under test.
#[derive(Clone, Debug)]
pub enum Client {
    /// A command for the shell.
    Command(String),
    /// This project's Rust client, without a process.
    Ours,
}

/// A running client, or ours.
pub(crate) enum Subject {
    Program(Box<Program>),
    Ours,
}

pub(crate) struct Program {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    pub(crate) hello: Hello,
}

impl Program {
    pub(crate) async fn start(command: &str, time: Duration) -> Result<Self, String> {
        let mut shell = if cfg!(windows) { Command::new("cmd") } else { Command::new("sh") };
        shell.arg(if cfg!(windows) { "/C" } else { "-c" }).arg(command);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = shell.spawn().map_err(|error| format!("{command}: {error}"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(format!("{command}: it has no input and output"));
        };
        let mut output = BufReader::new(output).lines();
        let line = tokio::time::timeout(time, output.next_line()).await.map_err(|_| "it does not say its features")?;
        let line = line.map_err(|error| error.to_string())?.ok_or("it ended before it said its features")?;
        let hello = serde_json::from_str(&line).map_err(|error| format!("its first line: {error}: {line}"))?;
        Ok(Self { child, input, output, hello })
    }

    async fn ask(&mut self, request: &Request) -> Result<Vec<Line>, String> {
        let written = format!("{}\n", json!(request));
        self.input.write_all(written.as_bytes()).await.map_err(|error| format!("it reads nothing: {error}"))?;
        self.input.flush().await.map_err(|error| format!("it reads nothing: {error}"))?;
        let mut lines = Vec::new();
        loop {
            let text = self.output.next_line().await.map_err(|error| error.to_string())?;
            let text = text.ok_or("it ended in the middle of an answer")?;
            if !request.api_key.is_empty() && text.contains(&request.api_key) {
                return Err("it shows the key (PROTOCOL AUTH-4)".to_owned());
            }
            let line = serde_json::from_str(&text).map_err(|error| format!("no line of an answer: {error}: {text}"))?;
            let last = matches!(line, Line::Result(_) | Line::Error(_));
            lines.push(line);
            if last {
                return Ok(lines);
            }
        }
    }

    /// Closes its input, upon which it ends.
    pub(crate) async fn end(mut self, time: Duration) -> Result<(), String> {
        drop(self.input);
        match tokio::time::timeout(time, self.child.wait()).await {
            Ok(_) => Ok(()),
            Err(_) => Err("it does not end when its input does".to_owned()),
        }
    }
}

impl Subject {
    /// What the client answers; an `Err` says how it left the protocol of the kit.
    pub(crate) async fn ask(&mut self, request: &Request, time: Duration) -> Result<Vec<Line>, String> {
        let answer = async {
            match self {
                Self::Program(program) => program.ask(request).await,
                Self::Ours => {
                    let lines = adapter::answer(request).await;
                    let shown = json!(lines).to_string();
                    let leaks = !request.api_key.is_empty() && shown.contains(&request.api_key);
                    if leaks { Err("it shows the key".to_owned()) } else { Ok(lines) }
                }
            }
        };
        tokio::time::timeout(time, answer).await.map_err(|_| format!("no answer within {time:?}"))?
    }
}
