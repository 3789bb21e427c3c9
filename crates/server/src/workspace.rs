//! A chat's files: strictly inside its workspace. No `..`, no absolute path, no symbolic link out, no device.

use crate::error::{ApiError, ApiResult};
use cap_std::ambient_authority;
use cap_std::fs::{Dir, Metadata, OpenOptions};
use serde::Serialize;
use std::fs::File;
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
    if is_ours(path) {
        return Err(not_found(path));
    }
    if path.components().all(|part| matches!(part, Component::Normal(_))) && !asked.split('/').any(|part| part == ".") {
        return Ok(path.to_owned());
    }
    refused()
}

/// The repository around the workspace is the server's, not the user's. Some file systems take it under any case.
fn is_ours(path: &Path) -> bool {
    let first = path.components().next();
    first.is_some_and(|first| first.as_os_str().eq_ignore_ascii_case(".git"))
}

fn not_found(path: &Path) -> ApiError {
    ApiError::new("file_not_found", format!("There is no file {} in this chat's workspace.", path.display()))
}

fn failed(path: &Path, error: &io::Error) -> ApiError {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => not_found(path),
        // Also what the opener says of a link that leads out.
        io::ErrorKind::PermissionDenied => {
            let path = path.display();
            ApiError::new("forbidden", format!("{path} leads out of the workspace, or the server may not use it."))
        }
        io::ErrorKind::InvalidFilename => {
            ApiError::invalid("The path holds a name that is too long for a file; shorten it.")
        }
        _ => ApiError::of_file(error),
    }
}

/// A workspace, held open: whatever is asked of it by a path stays beneath it, also where somebody puts links there meanwhile.
struct Workspace {
    root: PathBuf,
    dir: Dir,
}

impl Workspace {
    fn open(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let dir = Dir::open_ambient_dir(&root, ambient_authority())?;
        Ok(Self { root, dir })
    }

    /// The same place without links. The opener takes none that name it from the root of the file system, wherever they lead.
    /// What is the server's own is not there, by whatever links it is asked for.
    fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let real = self.root.join(path).canonicalize()?;
        let real = real.strip_prefix(&self.root).map_err(|_| io::ErrorKind::PermissionDenied)?;
        if is_ours(real) { Err(io::ErrorKind::NotFound.into()) } else { Ok(real.to_owned()) }
    }

    /// The folder a new file goes into, made if need be, without links.
    fn folder(&self, path: &Path) -> io::Result<PathBuf> {
        let mut folder = PathBuf::new();
        for part in path.parent().into_iter().flat_map(Path::components) {
            folder.push(part);
            if is_ours(&folder) {
                return Err(io::ErrorKind::NotFound.into());
            }
            match self.resolve(&folder) {
                Ok(real) if self.dir.metadata(&real)?.is_dir() => folder = real,
                Ok(_) => return Err(io::ErrorKind::NotADirectory.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => match self.dir.create_dir(&folder) {
                    // Somebody else was first; or it is a link to nothing, which leads nowhere.
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => folder = self.resolve(&folder)?,
                    made => made?,
                },
                Err(error) => return Err(error),
            }
        }
        Ok(folder)
    }
}

/// A file opened for reading, and its size. Blocks.
pub(crate) fn open(root: &Path, path: &Path) -> ApiResult<(File, u64)> {
    let failed = |error: io::Error| failed(path, &error);
    let workspace = Workspace::open(root).map_err(failed)?;
    let real = workspace.resolve(path).map_err(failed)?;
    let mut options = OpenOptions::new();
    options.read(true);
    // A pipe would block whoever opens it.
    #[cfg(unix)]
    cap_std::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = workspace.dir.open_with(real, &options).map_err(failed)?.into_std();
    let about = file.metadata().map_err(failed)?;
    if about.is_file() { Ok((file, about.len())) } else { Err(not_found(path)) }
}

/// Whether a new file can be put there; its folders are made. Blocks.
pub(crate) fn prepare(root: &Path, path: &Path) -> ApiResult<()> {
    target(root, path).map(drop)
}

/// Puts a file that is whole into its place, in one step. Blocks.
pub(crate) fn put(root: &Path, path: &Path, whole: &Path) -> ApiResult<()> {
    let failed = |error: io::Error| failed(path, &error);
    let (workspace, target) = target(root, path)?;
    let from = whole.parent().unwrap_or(whole);
    let from = Dir::open_ambient_dir(from, ambient_authority()).map_err(failed)?;
    from.rename(whole.file_name().unwrap_or_default(), &workspace.dir, target).map_err(failed)
}

/// Removes a file, or a link and not what it leads to. What is not there is as good as removed: a request whose answer was lost is
/// sent again. Blocks.
pub(crate) fn remove(root: &Path, path: &Path) -> ApiResult<()> {
    let removed = Workspace::open(root).and_then(|workspace| {
        let folder = workspace.resolve(path.parent().unwrap_or(Path::new("")))?;
        let target = folder.join(path.file_name().unwrap_or_default());
        if is_ours(&target) {
            return Err(io::ErrorKind::NotFound.into());
        }
        if workspace.dir.symlink_metadata(&target)?.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        workspace.dir.remove_file(target)
    });
    match removed {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
            Err(ApiError::invalid(format!("{} is a folder; remove the files in it.", path.display())))
        }
        removed => removed.map_err(|error| failed(path, &error)),
    }
}

fn target(root: &Path, path: &Path) -> ApiResult<(Workspace, PathBuf)> {
    let workspace = Workspace::open(root).map_err(|error| failed(path, &error))?;
    let folder = workspace.folder(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotADirectory => {
            ApiError::invalid(format!("{} goes through a file that is no folder.", path.display()))
        }
        _ => failed(path, &error),
    })?;
    let target = folder.join(path.file_name().ok_or_else(|| not_found(path))?);
    if is_ours(&target) {
        return Err(not_found(path));
    }
    // A rename over a link replaces the link, not what it leads to; a folder cannot be replaced.
    if workspace.dir.symlink_metadata(&target).is_ok_and(|about| about.is_dir()) {
        return Err(ApiError::invalid(format!("{} is a folder; upload under another name.", path.display())));
    }
    Ok((workspace, target))
}

/// The files of the workspace, by path. Links are listed where they lead to a file inside. Blocks.
pub(crate) fn list(root: &Path) -> io::Result<Vec<Entry>> {
    let workspace = match Workspace::open(root) {
        Ok(workspace) => workspace,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    walk(&workspace, &workspace.dir, "", 0, &mut files);
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// What cannot be read (it just went away, it is another user's) is left out.
fn walk(workspace: &Workspace, folder: &Dir, inside: &str, depth: usize, files: &mut Vec<Entry>) {
    let Ok(entries) = folder.entries() else { return };
    for entry in entries.flatten() {
        if files.len() >= MOST_FILES || depth > DEEPEST {
            return;
        }
        // A name that is no UTF-8 cannot be asked for in a URL of ours.
        let (Ok(kind), Ok(name)) = (entry.file_type(), entry.file_name().into_string()) else { continue };
        let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
        if kind.is_dir() {
            // The runtime's own bookkeeping is nobody's file.
            if name != ".git"
                && let Ok(folder) = entry.open_dir()
            {
                walk(workspace, &folder, &path, depth + 1, files);
            }
            continue;
        }
        let about = if kind.is_symlink() {
            workspace.resolve(Path::new(&path)).and_then(|real| workspace.dir.metadata(real))
        } else {
            entry.metadata()
        };
        let Some(about) = about.ok().filter(Metadata::is_file) else { continue };
        files.push(Entry { name, path, size_bytes: about.len() });
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{list, open, prepare, put, relative, remove};

    /// PROTOCOL FILE-1.
    #[test]
    fn only_paths_that_stay_inside_are_taken() {
        for good in ["a", "a/b.txt", "ä ö.txt", ".hidden", "a..b", "..."] {
            assert!(relative(good).is_ok(), "{good}");
        }
        for bad in ["", "..", "../a", "a/../b", "/etc/passwd", "a//b", "./a", "a/.", "a/", "a\0b", "a\\b", "//a"] {
            assert_eq!(relative(bad).unwrap_err().code(), "invalid_request", "{bad:?}");
        }
    }

    /// PROTOCOL FILE-1.
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
        std::os::unix::fs::symlink(root.join("nowhere"), root.join("dangling")).unwrap();

        assert_eq!(open(&root, "leak".as_ref()).unwrap_err().code(), "forbidden");
        assert_eq!(open(&root, "folder/secret".as_ref()).unwrap_err().code(), "forbidden");
        assert_eq!(prepare(&root, "folder/new".as_ref()).unwrap_err().code(), "forbidden");
        assert_eq!(prepare(&root, "mine/new".as_ref()).unwrap_err().code(), "invalid_request");
        assert_eq!(prepare(&root, "dangling/new".as_ref()).unwrap_err().code(), "file_not_found");
        assert_eq!(open(&root, "alias".as_ref()).unwrap().1, 1);
        assert_eq!(open(&root, "nothing".as_ref()).unwrap_err().code(), "file_not_found");
        std::fs::write(folder.path().join("whole"), "w").unwrap();
        put(&root, "new/deep/file".as_ref(), &folder.path().join("whole")).unwrap();
        assert_eq!(std::fs::read(root.join("new/deep/file")).unwrap(), b"w");
        let listed: Vec<_> = list(&root).unwrap().into_iter().map(|file| file.path).collect();
        assert_eq!(listed, ["alias", "mine", "new/deep/file"]);
    }

    #[cfg(unix)]
    #[test]
    fn the_servers_own_repository_is_not_there_whatever_link_leads_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let (root, whole) = (folder.path().join("workspace"), folder.path().join("whole"));
        std::fs::create_dir_all(root.join(".git/hooks")).unwrap();
        std::fs::create_dir_all(root.join("sub")).unwrap();
        std::fs::write(root.join(".git/config"), "ours").unwrap();
        let link = |to: &str, at: &str| std::os::unix::fs::symlink(to, root.join(at)).unwrap();
        link(".git", "repository");
        link(".git/config", "settings");
        link(".", "here");
        link("repository", "twice");
        link("../.git", "sub/up");
        std::os::unix::fs::symlink(root.join(".git"), root.join("absolute")).unwrap();
        for asked in ["repository", "here/.git", "here/here/.git", "twice", "sub/up", "absolute"] {
            assert_eq!(
                open(&root, format!("{asked}/config").as_ref()).unwrap_err().code(),
                "file_not_found",
                "{asked}"
            );
            for file in ["config", "hooks/post-checkout", "new/deep"] {
                let to = format!("{asked}/{file}");
                assert_eq!(prepare(&root, to.as_ref()).unwrap_err().code(), "file_not_found", "{to}");
                std::fs::write(&whole, "theirs").unwrap();
                assert_eq!(put(&root, to.as_ref(), &whole).unwrap_err().code(), "file_not_found", "{to}");
            }
        }
        assert_eq!(open(&root, "settings".as_ref()).unwrap_err().code(), "file_not_found");
        assert_eq!(relative(".GIT/config").unwrap_err().code(), "file_not_found", "some disks know no case");
        assert!(list(&root).unwrap().is_empty(), "nor is it listed");
        for asked in ["here/.git", "repository/config", "here/.git/config"] {
            remove(&root, asked.as_ref()).unwrap();
        }
        assert_eq!(std::fs::read(root.join(".git/config")).unwrap(), b"ours");
        // Where there is none yet, none is made.
        std::fs::remove_dir_all(root.join(".git")).unwrap();
        for to in ["here/.git", "here/.git/config", "repository/config"] {
            assert!(put(&root, to.as_ref(), &whole).is_err(), "{to}");
        }
        assert!(!root.join(".git").exists());
    }

    /// PROTOCOL FILE-5.
    #[cfg(unix)]
    #[test]
    fn a_link_is_removed_and_not_what_it_leads_to() {
        let folder = tempfile::tempdir().unwrap();
        let (root, outside) = (folder.path().join("workspace"), folder.path().join("outside"));
        std::fs::create_dir_all(root.join("folder")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("secret"), "s").unwrap();
        std::fs::write(root.join("folder/mine"), "m").unwrap();
        std::os::unix::fs::symlink(outside.join("secret"), root.join("leak")).unwrap();
        std::os::unix::fs::symlink(&outside, root.join("out")).unwrap();
        std::os::unix::fs::symlink(root.join("folder"), root.join("alias")).unwrap();

        assert_eq!(remove(&root, "out/secret".as_ref()).unwrap_err().code(), "forbidden");
        assert_eq!(remove(&root, "folder".as_ref()).unwrap_err().code(), "invalid_request");
        for path in ["folder/none", "none/none", "folder/mine/none"] {
            remove(&root, path.as_ref()).unwrap();
        }
        for path in ["leak", "out", "alias/mine", "leak"] {
            remove(&root, path.as_ref()).unwrap();
        }
        assert_eq!(std::fs::read(outside.join("secret")).unwrap(), b"s");
        assert_eq!(std::fs::read_dir(root.join("folder")).unwrap().count(), 0);
        assert!(list(&root).unwrap().is_empty());
    }

    #[test]
    fn many_who_put_files_into_one_new_folder_all_succeed() {
        let root = tempfile::tempdir().unwrap();
        let together = std::sync::Barrier::new(8);
        for round in 0..200 {
            std::thread::scope(|scope| {
                for at in 0..8 {
                    let (root, together) = (root.path(), &together);
                    scope.spawn(move || {
                        together.wait();
                        prepare(root, format!("{round}/deeper/{at}").as_ref()).unwrap();
                    });
                }
            });
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_is_no_file_and_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
        assert!(made.success());
        assert_eq!(open(folder.path(), "pipe".as_ref()).unwrap_err().code(), "file_not_found");
        assert!(list(folder.path()).unwrap().is_empty());
    }
}
