//! Whether there is an `OpenCode` to run.

use std::path::{Path, PathBuf};

/// What to do where there is none.
pub(crate) const MISSING: &str = "OpenCode was not found; install it with `npm install -g opencode-ai@1`, name it with --opencode, or use \
    --runtime practice";

/// The program that was named, or the one on `PATH`.
pub(crate) fn find(named: Option<&Path>) -> Option<PathBuf> {
    match named {
        Some(path) if path.components().count() > 1 => path.is_file().then(|| path.to_owned()),
        Some(name) => on_path(name).or_else(|| name.is_file().then(|| name.to_owned())),
        None if cfg!(windows) => on_path(Path::new("opencode.exe")).or_else(|| on_path(Path::new("opencode.cmd"))),
        None => on_path(Path::new("opencode")),
    }
}

fn on_path(name: &Path) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|file| file.is_file())
}
