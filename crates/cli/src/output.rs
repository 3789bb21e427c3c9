//! Standard output and error: written at once, and a closed pipe is the reader's way to say that it has enough.

use crate::Stop;
use std::io::IsTerminal;
use tokio::io::{AsyncWrite, AsyncWriteExt, stderr, stdout};
use turnwire::plain;

type Writer = Box<dyn AsyncWrite + Send + Unpin>;

/// Where a command writes to.
pub(crate) struct Output {
    out: Writer,
    err: Writer,
    /// Standard output is a terminal.
    pub(crate) out_is_terminal: bool,
    /// Standard error is a terminal: somebody sees notes and prompts.
    pub(crate) err_is_terminal: bool,
    /// Standard error takes colours and a spinner.
    pub(crate) lively: bool,
}

impl Output {
    pub(crate) fn new() -> Self {
        let out_is_terminal = std::io::stdout().is_terminal();
        let err_is_terminal = std::io::stderr().is_terminal();
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let plain = set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
        let (out, err) = (Box::new(stdout()), Box::new(stderr()));
        Self { out, err, out_is_terminal, err_is_terminal, lively: err_is_terminal && !plain }
    }

    /// A terminal that writes into something else.
    #[cfg(test)]
    pub(crate) fn terminal(out: Writer, err: Writer) -> Self {
        Self { out, err, out_is_terminal: true, err_is_terminal: true, lively: true }
    }

    /// Writes to standard output, to be seen at once.
    pub(crate) async fn print(&mut self, text: &str) -> Result<(), Stop> {
        self.print_bytes(text.as_bytes()).await
    }

    pub(crate) async fn print_line(&mut self, text: &str) -> Result<(), Stop> {
        self.print(&format!("{text}\n")).await
    }

    pub(crate) async fn print_bytes(&mut self, bytes: &[u8]) -> Result<(), Stop> {
        let written = async {
            self.out.write_all(bytes).await?;
            self.out.flush().await
        };
        written.await.map_err(|error| match error.kind() {
            std::io::ErrorKind::BrokenPipe => Stop::Code(0),
            _ => Stop::failed(format!("standard output cannot be written: {error}")),
        })
    }

    /// Writes to standard error. That nobody reads it stops nothing.
    pub(crate) async fn say(&mut self, text: &str) {
        let _ = self.err.write_all(text.as_bytes()).await;
        let _ = self.err.flush().await;
    }

    /// What went wrong, and why. It may hold what a service or a program said.
    pub(crate) async fn say_failure(&mut self, message: &str, causes: &[String]) {
        self.say_line(&plain(message)).await;
        for cause in causes {
            self.say_line(&format!("  because: {}", plain(cause))).await;
        }
    }

    pub(crate) async fn say_line(&mut self, text: &str) {
        self.say(&format!("{text}\n")).await;
    }
}

/// Text of the agent as a terminal may have it: without the control characters that would let it move the cursor or more.
pub(crate) fn clean(text: &str) -> String {
    plain(text).into_owned()
}

/// The same on one line, cut to `width` characters.
pub(crate) fn one_line(text: &str, width: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = clean(&line);
    if line.chars().count() <= width {
        return line;
    }
    let mut cut: String = line.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::{clean, one_line};

    #[test]
    fn an_agent_cannot_send_commands_to_the_terminal() {
        assert_eq!(clean("a\u{1b}[2Jb\r\u{7}\nc\u{9b}1md"), "ab\ncd");
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(one_line("one\ntwo  three", 40), "one two three");
        assert_eq!(one_line("écoute bien", 6), "écout…");
    }
}
