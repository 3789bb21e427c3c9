//! A turn as a person reads it: the answer on standard output, tools and notes on standard error.

use crate::Stop;
use crate::output::{Output, clean, one_line};
use std::time::{Duration, Instant};
use turnwire::event::{Event, EventKind, MessageKind, PartBody, PartState, PartUpdated, ToolPart, TurnStatus};
use turnwire::{PartId, Turn};

pub(crate) const TICK: Duration = Duration::from_millis(100);
const FRAMES: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];
/// More is cut.
const LABEL: usize = 60;

pub(crate) struct Screen<'a> {
    output: &'a mut Output,
    /// Where a line was begun and not ended.
    open_line: Option<Side>,
    /// The spinner's line is on the screen.
    spinner_shown: bool,
    frame: usize,
    /// What goes on beside the tools, such as `waking the agent`.
    doing: Option<String>,
    since: Instant,
    /// The tools that run, with what they do.
    tools: Vec<(PartId, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// Of the answer, on standard output.
    Out,
    /// Of reasoning, on standard error.
    Err,
    /// Where an answer is typed.
    Asked,
}

impl<'a> Screen<'a> {
    pub(crate) fn new(output: &'a mut Output) -> Self {
        Self {
            output,
            open_line: None,
            spinner_shown: false,
            frame: 0,
            doing: Some("thinking".to_owned()),
            since: Instant::now(),
            tools: Vec::new(),
        }
    }

    /// Shows an event.
    pub(crate) async fn event(&mut self, event: &Event) -> Result<(), Stop> {
        match &event.kind {
            EventKind::PartDelta(delta) => match event.text_delta() {
                Some(text) => self.text(text).await?,
                None if delta.part_type == "reasoning" && delta.parent_part_id.is_none() => {
                    self.reasoning(&delta.delta).await?;
                }
                None => {}
            },
            EventKind::PartUpdated(updated) => self.part(updated).await?,
            EventKind::TurnStatusChanged(changed) => {
                self.doing = match &changed.status {
                    TurnStatus::Waiting => None,
                    TurnStatus::Running => Some("thinking".to_owned()),
                    TurnStatus::Starting | TurnStatus::Resuming => Some("waking the agent".to_owned()),
                    TurnStatus::Queued => Some("waiting for its turn".to_owned()),
                    TurnStatus::Compacting => Some("summarising the conversation".to_owned()),
                    TurnStatus::Cancelling => Some("cancelling".to_owned()),
                    TurnStatus::Retrying => {
                        let why = changed.message.as_deref().unwrap_or("the model gave no answer");
                        let attempt = changed.attempt.unwrap_or(1);
                        self.note(&format!("retrying ({attempt}): {}", one_line(why, 100))).await?;
                        Some("waiting to try again".to_owned())
                    }
                    other => Some(one_line(other.as_str(), LABEL)),
                };
            }
            EventKind::MessageCreated(created) if created.kind == MessageKind::Summary => {
                self.doing = Some("summarising the conversation".to_owned());
            }
            _ => {}
        }
        Ok(())
    }

    async fn part(&mut self, updated: &PartUpdated) -> Result<(), Stop> {
        let part = &updated.part;
        match &part.body {
            PartBody::Text(_) | PartBody::Reasoning(_) if updated.parent_part_id.is_some() => {}
            PartBody::Text(_) | PartBody::Reasoning(_) => {
                // The part that asks may end after its question was put.
                if part.state != PartState::Streaming && self.open_line != Some(Side::Asked) {
                    self.end_line().await?;
                }
                if part.state == PartState::Discarded {
                    self.note("what stands above was thrown away; the model is asked again").await?;
                }
            }
            // Shown as the question it is.
            PartBody::Tool(tool) if tool.tool == "question" => {}
            PartBody::Tool(tool) => self.tool(&part.id, &part.state, tool, updated.parent_part_id.is_some()).await?,
            _ => {}
        }
        Ok(())
    }

    async fn tool(&mut self, id: &PartId, state: &PartState, tool: &ToolPart, nested: bool) -> Result<(), Stop> {
        let name = one_line(&tool.tool, 20);
        let indent = if nested { "  " } else { "" };
        let label = format!("{indent}{name}  {}", one_line(&what_it_does(tool), LABEL - 20));
        let known = self.tools.iter().position(|(known, _)| known == id);
        let ended = matches!(state, PartState::Done | PartState::Error | PartState::Discarded);
        match (ended, known) {
            (false, Some(at)) => self.tools[at].1 = label,
            (false, None) => {
                self.end_line().await?;
                self.tools.push((id.clone(), label));
                self.since = Instant::now();
            }
            (true, known) => {
                if let Some(at) = known {
                    self.tools.remove(at);
                }
                let duration = match (tool.started_at, tool.completed_at) {
                    (Some(start), Some(end)) => {
                        seconds(Duration::from_millis(end.as_millis().saturating_sub(start.as_millis())))
                    }
                    _ => String::new(),
                };
                let error = tool.error.as_ref().map(|error| one_line(&error.message, 100)).unwrap_or_default();
                let line = match state {
                    PartState::Done => format!("✓ {label}  {duration}"),
                    _ => format!("✗ {label}  {error}"),
                };
                self.note(line.trim_end()).await?;
            }
        }
        Ok(())
    }

    async fn text(&mut self, text: &str) -> Result<(), Stop> {
        self.hide_spinner().await;
        if self.open_line != Some(Side::Out) {
            self.end_line().await?;
        }
        if self.output.out_is_terminal {
            self.output.print(&clean(text)).await?;
        } else {
            self.output.print(text).await?;
        }
        if let Some(last) = text.chars().last() {
            self.open_line = (last != '\n').then_some(Side::Out);
        }
        Ok(())
    }

    /// Reasoning is for those who watch, not for what reads the answer.
    async fn reasoning(&mut self, text: &str) -> Result<(), Stop> {
        if !self.output.err_is_terminal {
            return Ok(());
        }
        self.hide_spinner().await;
        let text = self.dim(&clean(text));
        self.output.say(&text).await;
        self.open_line = Some(Side::Err);
        Ok(())
    }

    /// A line of its own beside the answer.
    pub(crate) async fn note(&mut self, line: &str) -> Result<(), Stop> {
        self.end_line().await?;
        let line = self.dim(line);
        self.output.say_line(&line).await;
        Ok(())
    }

    /// A line that must not be overlooked.
    async fn failure(&mut self, line: &str) -> Result<(), Stop> {
        self.end_line().await?;
        self.output.say_line(line).await;
        Ok(())
    }

    /// A line of the output itself.
    pub(crate) async fn print_line(&mut self, line: &str) -> Result<(), Stop> {
        self.output.print_line(line).await
    }

    /// Lines for the person, as they are, and the place to answer.
    pub(crate) async fn ask(&mut self, text: &str) -> Result<(), Stop> {
        self.end_line().await?;
        self.doing = None;
        self.output.say(text).await;
        if self.output.err_is_terminal {
            self.output.say("> ").await;
            self.open_line = Some(Side::Asked);
        }
        Ok(())
    }

    /// A line was typed; its end ended the line on the screen too.
    pub(crate) fn typed(&mut self) {
        self.open_line = None;
    }

    async fn end_line(&mut self) -> Result<(), Stop> {
        self.hide_spinner().await;
        match self.open_line.take() {
            Some(Side::Out) => self.output.print("\n").await,
            Some(Side::Err | Side::Asked) => {
                self.output.say("\n").await;
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether there is a spinner to turn.
    pub(crate) fn spins(&self) -> bool {
        self.output.lively && self.open_line.is_none() && (self.doing.is_some() || !self.tools.is_empty())
    }

    /// Turns the spinner.
    pub(crate) async fn tick(&mut self) {
        if !self.spins() {
            return;
        }
        self.frame = (self.frame + 1) % FRAMES.len();
        let label = match (self.tools.as_slice(), &self.doing) {
            ([(_, only)], _) => only.clone(),
            ([(_, first), others @ ..], _) => format!("{first}  and {} more", others.len()),
            ([], doing) => doing.clone().unwrap_or_default(),
        };
        let waited = self.since.elapsed().as_secs();
        let waited = if waited < 2 { String::new() } else { format!("  {waited} s") };
        let line = self.dim(&format!("{label}{waited}"));
        // Not wrapped: a line that was could not be taken back.
        self.output.say(&format!("\r\x1b[K\x1b[?7l{} {line}\x1b[?7h", FRAMES[self.frame])).await;
        self.spinner_shown = true;
    }

    fn dim(&self, text: &str) -> String {
        if self.output.lively { format!("\x1b[2m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// Takes the spinner back.
    pub(crate) async fn clear(&mut self) {
        self.hide_spinner().await;
    }

    async fn hide_spinner(&mut self) {
        if std::mem::take(&mut self.spinner_shown) {
            self.output.say("\r\x1b[K").await;
        }
    }

    /// Ends what the turn left open, and tells how it ended where that is worth a word.
    pub(crate) async fn end(&mut self, turn: &Turn) -> Result<(), Stop> {
        self.doing = None;
        self.tools.clear();
        self.end_line().await?;
        let why = turn.error.as_ref().map(|error| one_line(&error.message, 300)).unwrap_or_default();
        match &turn.status {
            TurnStatus::Completed if self.output.err_is_terminal => self.note(&summary(turn)).await,
            TurnStatus::Completed => Ok(()),
            TurnStatus::Blocked => self.failure("✗ blocked: what the agent asked for was refused").await,
            status if why.is_empty() => self.failure(&format!("✗ the turn was {status}")).await,
            status => self.failure(&format!("✗ {status}: {why}")).await,
        }
    }
}

/// The most telling word of a tool's input, in the order people would look for it.
fn what_it_does(tool: &ToolPart) -> String {
    let input = tool.input.to_value();
    let field = |name: &str| input.get(name).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    ["description", "filePath", "path", "pattern", "url", "query", "command"]
        .into_iter()
        .find_map(field)
        .or(tool.title.as_deref())
        .unwrap_or_default()
        .to_owned()
}

fn summary(turn: &Turn) -> String {
    let mut words = vec![format!("{} tokens", turn.usage.summary.total_tokens)];
    if let Some(duration) = turn.duration {
        words.insert(0, seconds(duration));
    }
    if let Some(micros) = turn.cost_micros().filter(|micros| *micros > 0) {
        words.push(format!("${}.{:06}", micros / 1_000_000, micros % 1_000_000));
    }
    words.join(" · ")
}

pub(crate) fn seconds(duration: Duration) -> String {
    format!("{}.{} s", duration.as_secs(), duration.subsec_millis() / 100)
}

#[cfg(test)]
mod tests;
