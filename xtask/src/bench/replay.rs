//! The replay server, running.

use crate::Outcome;
use crate::process::Guard;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

pub(super) struct Replay {
    _process: Guard,
    pub(super) url: String,
}

impl Replay {
    /// Starts it on a free port, and waits until it says which.
    pub(super) fn start(program: &Path) -> Outcome<Self> {
        let child = Command::new(program).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut process = Guard(child.map_err(|error| format!("cannot start {}: {error}", program.display()))?);
        let mut line = String::new();
        if let Some(output) = process.0.stdout.take() {
            BufReader::new(output).read_line(&mut line).map_err(|error| format!("the replay server: {error}"))?;
        }
        let url = line.trim().strip_prefix("listening on ").ok_or("the replay server did not say that it listens")?;
        Ok(Self { url: url.to_owned(), _process: process })
    }
}
