//! Finds the `OpenCode` program.

use crate::runtime::{RuntimeError, RuntimeResult};
use std::path::{Path, PathBuf};

#[cfg(windows)]
const NAMES: &[&str] = &["opencode.exe", "opencode.cmd"];
#[cfg(not(windows))]
const NAMES: &[&str] = &["opencode"];

/// The program that was named, or the first on `PATH`.
pub(super) fn find(named: Option<&Path>) -> RuntimeResult<PathBuf> {
    match named {
        Some(path) if path.components().count() > 1 || path.is_file() => {
            if path.is_file() {
                return Ok(path.to_owned());
            }
            Err(RuntimeError::unavailable(format!("There is no OpenCode program at {}; check --opencode.", path.display())))
        }
        Some(name) => on_path(&[name.to_string_lossy().as_ref()])
            .ok_or_else(|| RuntimeError::unavailable(format!("{} was not found on PATH; check --opencode.", name.display()))),
        None => on_path(NAMES).ok_or_else(|| {
            RuntimeError::unavailable(
                "OpenCode is not installed: no `opencode` on PATH. Install it with `npm install -g opencode-ai@1`, name it with \
                 --opencode, or use --runtime practice.",
            )
        }),
    }
}

fn on_path(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}
