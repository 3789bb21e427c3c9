//! Running programs: with a time limit, with their output passed on, and never left behind.

use crate::Outcome;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Runs to the end, output as it comes. `what` names it in the error.
pub(crate) fn run(what: &str, command: &mut Command, limit: Duration) -> Outcome {
    let child = command.stdin(Stdio::null()).spawn().map_err(|error| cannot_start(command, &error))?;
    let mut child = Guard(child);
    let deadline = Instant::now() + limit;
    loop {
        match child.0.try_wait().map_err(|error| format!("{what}: {error}"))? {
            Some(status) if status.success() => return Ok(()),
            Some(status) => return Err(format!("{what} failed ({status})")),
            None if Instant::now() >= deadline => {
                return Err(format!("{what} took longer than {} s and was stopped", limit.as_secs()));
            }
            None => thread::sleep(Duration::from_millis(20)),
        }
    }
}

/// What asks a registry: tried twice, then named.
pub(crate) fn run_twice(what: &str, make: impl Fn() -> Command, limit: Duration) -> Outcome {
    let Err(first) = run(what, &mut make(), limit) else { return Ok(()) };
    eprintln!("xtask: {first}; once more");
    run(what, &mut make(), limit).map_err(|second| format!("{second}, twice: is its registry reachable from here?"))
}

/// Runs to the end and hands every line of output to `on_line` as it comes. `Ok(true)`: it ended well.
pub(crate) fn lines(command: &mut Command, limit: Duration, mut on_line: impl FnMut(&str)) -> Outcome<bool> {
    let what = command.get_program().display().to_string();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = Guard(command.spawn().map_err(|error| cannot_start(command, &error))?);
    let (tell, told) = mpsc::channel::<String>();
    for stream in [child.0.stdout.take().map(boxed), child.0.stderr.take().map(boxed)].into_iter().flatten() {
        let tell = tell.clone();
        thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
                line.clear();
                if tell.send(text).is_err() {
                    return;
                }
            }
        });
    }
    drop(tell);
    let deadline = Instant::now() + limit;
    loop {
        match told.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(line) => on_line(&line),
            Err(mpsc::RecvTimeoutError::Disconnected) => break,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                return Err(format!("{what} took longer than {} s and was stopped", limit.as_secs()));
            }
        }
    }
    child.0.wait().map(|status| status.success()).map_err(|error| format!("{what}: {error}"))
}

fn boxed(stream: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(stream)
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start {}: {error}; is it installed and on the PATH?", command.get_program().display())
}

/// A child that does not outlive its owner.
pub(crate) struct Guard(pub(crate) Child);

impl Drop for Guard {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            stop(&mut self.0);
        }
    }
}

/// Asks it to end, so that it can stop what it started itself, and insists after five seconds.
fn stop(child: &mut Child) {
    let asked = Command::new("kill").arg(child.id().to_string()).status().is_ok_and(|status| status.success());
    let deadline = Instant::now() + Duration::from_secs(if asked { 5 } else { 0 });
    while Instant::now() < deadline {
        if !matches!(child.try_wait(), Ok(None)) {
            return;
        }
        thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}
