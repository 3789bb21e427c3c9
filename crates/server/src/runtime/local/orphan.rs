//! `OpenCode` processes that a crashed server left running. They are noted on disk, found at the next start, and ended.

use serde::{Deserialize, Serialize};
use std::path::Path;

/// A process, as it is noted.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    pid: u32,
    /// The start time of the process, which distinguishes it from another one with the same id.
    #[serde(default)]
    started: Option<String>,
}

/// Notes the running process.
pub(super) fn note(file: &Path, pid: u32) {
    if let Some(folder) = file.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    let noted = serde_json::to_vec(&Note { pid, started: started(pid) })
        .map_err(Into::into)
        .and_then(|note| std::fs::write(file, note));
    if let Err(error) = noted {
        tracing::warn!(%error, "OpenCode's process could not be noted; after a crash it would have to be ended by hand");
    }
}

/// Removes the record of an ended process, unless another one has been recorded since.
pub(super) fn forget(file: &Path, pid: u32) {
    if noted(file).is_some_and(|note| note.pid == pid) {
        let _ = std::fs::remove_file(file);
    }
}

fn noted(file: &Path) -> Option<Note> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Stops the recorded process, if it is still the same: its id may have been reused by another program.
pub(super) fn end(file: &Path) {
    let Some(note) = noted(file) else { return };
    if note.started.is_some() && note.started == started(note.pid) {
        tracing::warn!(pid = note.pid, "an OpenCode process of a former run is ended");
        kill_group(note.pid);
    }
    forget(file, note.pid);
}

/// Stops all processes that are recorded in a folder.
pub(super) fn end_all(folder: &Path) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        end(&entry.path());
    }
}

/// When a process began: in which run of the system, and when in it. `None`: that cannot be read here, and nothing is ended.
fn started(pid: u32) -> Option<String> {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in brackets, may hold anything; the 20th field after it is the time.
    let (_, fields) = stat.rsplit_once(')')?;
    Some(format!("{} {}", boot.trim(), fields.split_whitespace().nth(19)?))
}

/// Ends a process and all it started.
#[cfg(unix)]
pub(super) fn kill_group(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw) {
        // Gone already: fine.
        let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
    }
}

/// Ends a process and all it started.
#[cfg(not(unix))]
pub(super) fn kill_group(_: u32) {}
