//! A chat's files: strictly inside its workspace. No `..`, no absolute path, no symbolic link out, no device.

use crate::error::{ApiError, ApiResult};
use serde::Serialize;
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

/// At most so many files are listed.
const MOST_FILES: usize = 10_000;
/// At most so deep.
const DEEPEST: usize = 64;

/// A file as it is listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Entry {
    pub(crate) name: String,
    /// Relative to the workspace, with `/`.
    pub(crate) path: String,
    pub(crate) size_bytes: u64,
}

/// The path inside the workspace that a request asks for, checked as text.
pub(crate) fn relative(asked: &str) -> ApiResult<PathBuf> {
    let refused = || {
        Err(ApiError::invalid(
            "The path must be relative and stay inside the workspace: no `..`, no leading `/`, no empty name.",
        ))
    };
    if asked.is_empty()
        || asked.len() > 4096
        || asked.contains(['\0', '\\'])
        || asked.ends_with('/')
        || asked.contains("//")
    {
        return refused();
    }
    let path = Path::new(asked);
    // The repository around the workspace is ours, not the user's.
    if path.starts_with(".git") {
        return Err(not_found(path));
    }
    if path.components().all(|part| matches!(part, Component::Normal(_))) && !asked.split('/').any(|part| part == ".") {
        return Ok(path.to_owned());
    }
    refused()
}

fn not_found(path: &Path) -> ApiError {
    ApiError::new("file_not_found", format!("There is no file {} in this chat's workspace.", path.display()))
}

fn outside(path: &Path) -> ApiError {
    ApiError::new(
        "forbidden",
        format!("{} leads out of the workspace through a link and is not served.", path.display()),
    )
}

fn failed(path: &Path, error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => not_found(path),
        io::ErrorKind::PermissionDenied => {
            ApiError::new("forbidden", format!("The server may not read or write {}.", path.display()))
        }
        io::ErrorKind::StorageFull => crate::store::StoreError::Full.into(),
        _ => ApiError::internal(error),
    }
}

/// A file opened for reading, and its size. Blocks.
pub(crate) fn open(root: &Path, path: &Path) -> ApiResult<(File, u64)> {
    let failed = |error: io::Error| failed(path, &error);
    let root = root.canonicalize().map_err(failed)?;
    let real = root.join(path).canonicalize().map_err(failed)?;
    if !real.starts_with(&root) {
        return Err(outside(path));
    }
    // A pipe would block whoever opens it, a device may never end: looked at before it is opened, and again after.
    if !fs::metadata(&real).map_err(failed)?.is_file() {
        return Err(not_found(path));
    }
    let file = File::open(&real).map_err(failed)?;
    let about = file.metadata().map_err(failed)?;
    // Between the look and the opening the agent may have put a link there: then its real path has changed.
    if !about.is_file() || real.canonicalize().map_err(failed)? != real {
        return Err(outside(path));
    }
    Ok((file, about.len()))
}

/// Where a new file goes, its folders made. Blocks.
pub(crate) fn place(root: &Path, path: &Path) -> ApiResult<PathBuf> {
    let failed = |error: io::Error| failed(path, &error);
    let root = root.canonicalize().map_err(failed)?;
    let mut folder = root.clone();
    if let Some(parents) = path.parent() {
        for part in parents.components() {
            folder.push(part);
            match folder.canonicalize() {
                Ok(real) if !real.starts_with(&root) => return Err(outside(path)),
                Ok(real) if !real.is_dir() => {
                    return Err(ApiError::invalid(format!(
                        "{} goes through a file that is no folder.",
                        path.display()
                    )));
                }
                Ok(real) => folder = real,
                Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&folder).is_err() => {
                    fs::create_dir(&folder).map_err(failed)?;
                }
                Err(error) => return Err(failed(error)),
            }
        }
    }
    let target = folder.join(path.file_name().ok_or_else(|| not_found(path))?);
    // A rename over a link replaces the link, not what it leads to; a folder cannot be replaced.
    if fs::symlink_metadata(&target).is_ok_and(|about| about.is_dir()) {
        return Err(ApiError::invalid(format!("{} is a folder; upload under another name.", path.display())));
    }
    Ok(target)
}

/// The files of the workspace, by path. Links are listed where they lead to a file inside. Blocks.
pub(crate) fn list(root: &Path) -> io::Result<Vec<Entry>> {
    let root = match root.canonicalize() {
        Ok(root) => root,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    walk(&root, &root, 0, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What cannot be read (it just went away, it is another user's) is left out.
fn walk(root: &Path, folder: &Path, depth: usize, files: &mut Vec<Entry>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if files.len() >= MOST_FILES || depth > DEEPEST {
            return;
        }
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() {
            // The runtime's own bookkeeping is nobody's file.
            if entry.file_name() != ".git" {
                walk(root, &path, depth + 1, files);
            }
            continue;
        }
        if kind.is_symlink() && !path.canonicalize().is_ok_and(|real| real.starts_with(root)) {
            continue;
        }
        let Some(about) = fs::metadata(&path).ok().filter(fs::Metadata::is_file) else { continue };
        let Ok(inside) = path.strip_prefix(root) else { continue };
        // A name that is no UTF-8 cannot be asked for in a URL of ours.
        let (Some(name), Some(inside)) = (path.file_name().and_then(|name| name.to_str()), inside.to_str()) else {
            continue;
        };
        files.push(Entry { name: name.to_owned(), path: inside.replace('\\', "/"), size_bytes: about.len() });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{list, open, place, relative};

    #[test]
    fn only_paths_that_stay_inside_are_taken() {
        for good in ["a", "a/b.txt", "ä ö.txt", ".hidden", "a..b", "..."] {
            assert!(relative(good).is_ok(), "{good}");
        }
        for bad in ["", "..", "../a", "a/../b", "/etc/passwd", "a//b", "./a", "a/.", "a/", "a\0b", "a\\b", "//a"] {
            assert_eq!(relative(bad).unwrap_err().code(), "invalid_request", "{bad:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_link_out_is_neither_read_nor_written_nor_listed() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("workspace"), folder.path().join("outside"));
        std::fs::create_dir_all(&root).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("secret"), "s").unwrap();
        std::fs::write(root.join("mine"), "m").unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), root.join("leak")).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("folder")).unwrap();
        std::os::unix::fs::symlink(root.join("mine"), root.join("alias")).unwrap();

        assert_eq!(open(&root, "leak".as_ref()).unwrap_err().code(), "forbidden");
        assert_eq!(open(&root, "folder/secret".as_ref()).unwrap_err().code(), "forbidden");
        assert_eq!(place(&root, "folder/new".as_ref()).unwrap_err().code(), "forbidden");
        assert_eq!(open(&root, "alias".as_ref()).unwrap().1, 1);
        assert_eq!(open(&root, "nothing".as_ref()).unwrap_err().code(), "file_not_found");
        assert!(place(&root, "new/deep/file".as_ref()).unwrap().ends_with("new/deep/file"));
        let listed: Vec<_> = list(&root).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(listed, ["alias", "mine"]);
    }
}
