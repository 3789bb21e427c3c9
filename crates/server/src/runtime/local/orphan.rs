//! `OpenCode` processes that a crashed server left running. They are noted on disk, found at the next start, and ended.

use serde::{Deserialize, Serialize};
use std::path::Path;

/// A process, as it is noted.
#[derive(Debug, Serialize, Deserialize)]
struct Note {
    pid: u32,
}

/// Notes the running process.
pub(super) fn note(file: &Path, pid: u32) {
    let noted = serde_json::to_vec(&Note { pid }).map_err(Into::into).and_then(|note| std::fs::write(file, note));
    if let Err(error) = noted {
        tracing::warn!(%error, "OpenCode's process could not be noted; after a crash it would have to be ended by hand");
    }
}

/// This process has ended. If another has been noted since, that one stays noted.
pub(super) fn forget(file: &Path, pid: u32) {
    if noted(file).is_some_and(|note| note.pid == pid) {
        let _ = std::fs::remove_file(file);
    }
}

fn noted(file: &Path) -> Option<Note> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

/// Ends what is noted, if it is still the process that was noted: a number may by now be another program's.
pub(super) fn end(file: &Path, folder: &Path) {
    let Some(note) = noted(file) else { return };
    if is_ours(note.pid, folder) {
        tracing::warn!(pid = note.pid, "an OpenCode process of a former run is ended");
        kill_group(note.pid);
    }
    forget(file, note.pid);
}

/// Ours has our folder in its environment. Where that cannot be read, nothing is ended.
fn is_ours(pid: u32, folder: &Path) -> bool {
    let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) else { return false };
    let data = [b"XDG_DATA_HOME=", folder.join("data").as_os_str().as_encoded_bytes()].concat();
    environment.split(|byte| *byte == 0).any(|variable| variable == data)
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
