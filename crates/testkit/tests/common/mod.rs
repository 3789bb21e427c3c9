//! The files of this repository, for tests that read them.

use std::fs;
use std::path::{Path, PathBuf};

/// Folders of what is built or installed.
const LEFT_OUT: [&str; 3] = ["target", "node_modules", "dist"];

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// All files below a folder whose names end so, but for hidden ones.
pub(crate) fn files(folder: &Path, ends: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if path.is_dir() && !LEFT_OUT.contains(&&*name) && !name.starts_with('.') {
            found.extend(files(&path, ends));
        } else if path.extension().is_some_and(|end| ends.iter().any(|known| end == *known)) {
            found.push(path);
        }
    }
    found
}
