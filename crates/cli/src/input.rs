//! Lines of standard input, for prompts and answers.

use std::io::{BufRead as _, IsTerminal as _};
use tokio::sync::mpsc;

/// Reads lines on a thread of its own, begun at the first use. A plain thread, as one of the async runtime's would hold up
/// the end of the program until the next line.
pub(crate) struct Input {
    lines: Option<mpsc::Receiver<String>>,
    pub(crate) is_terminal: bool,
}

/// Lines that were typed or piped ahead.
const AHEAD: usize = 16;

impl Input {
    pub(crate) fn new() -> Self {
        Self { lines: None, is_terminal: std::io::stdin().is_terminal() }
    }

    /// The next line without its end; `None` at the end of the input. May be dropped and called again.
    pub(crate) async fn line(&mut self) -> Option<String> {
        self.lines.get_or_insert_with(read).recv().await
    }

    /// All that is left.
    pub(crate) async fn rest(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.line().await {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

fn read() -> mpsc::Receiver<String> {
    let (send, lines) = mpsc::channel(AHEAD);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        let mut bytes = Vec::new();
        while matches!(input.read_until(b'\n', &mut bytes), Ok(1..)) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
            if send.blocking_send(line).is_err() {
                return;
            }
            bytes.clear();
        }
    });
    lines
}
