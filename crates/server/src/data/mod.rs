//! The data folder: made, swept at the start, and looked at when somebody asks whether it can still be used.

pub(crate) mod room;

use crate::error::{ApiError, ApiResult};
use crate::store::sqlite::{FILE, LOCK};
use crate::store::{self, Store, Write};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Where uploads are while they come.
pub(crate) const UPLOADS: &str = "uploads";
const WORKSPACES: &str = "workspaces";
const OPENCODE: &str = "opencode";

/// A disk that does not answer in this time is one that cannot be used.
const ANSWER: Duration = Duration::from_secs(5);
/// Where writing failed, it is tried again at most so often, however often it is asked.
const PROBE: Duration = Duration::from_secs(1);

/// The folder everything lives in, made if it is not there; for this user only, as it holds what was said.
pub(crate) fn make(path: &Path) -> io::Result<PathBuf> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)?;
    for folder in [WORKSPACES, OPENCODE, UPLOADS] {
        builder.create(path.join(folder))?;
    }
    // Also where the folder was there before and others may look into it: SQLite gives its further files the same mode.
    #[cfg(unix)]
    for file in [FILE, LOCK] {
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let open = std::fs::OpenOptions::new().append(true).create(true).mode(0o600).open(path.join(file))?;
        open.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    }
    // Absolute and free of links: it is compared with, and handed to other programs.
    path.canonicalize()
}

/// Throws away what uploads of a former run left half done. Call it only by who holds the folder's lock.
pub(crate) fn sweep(path: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(path.join(UPLOADS))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The data folder of a server that runs.
#[derive(Debug)]
pub(crate) struct DataFolder {
    path: PathBuf,
    /// The database as it was opened. One that has its place since is another, in which nothing of this server is.
    database: Identity,
    /// When it was last tried whether anything can be written.
    probed: Mutex<Option<Instant>>,
}

impl DataFolder {
    /// The folder, now that its database is open.
    pub(crate) fn of(path: PathBuf) -> io::Result<Self> {
        let database = identity(&path.join(FILE))?;
        Ok(Self { path, database, probed: Mutex::default() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of a chat's agent.
    pub(crate) fn workspace(&self, chat_id: &str) -> PathBuf {
        self.path.join(WORKSPACES).join(chat_id)
    }

    /// Whether it is there still. What is written into a folder that was removed is lost, and nobody would say so. Quick.
    pub(crate) fn present(&self) -> ApiResult<()> {
        if identity(&self.path.join(FILE)).is_ok_and(|found| found == self.database)
            && self.path.join(WORKSPACES).is_dir()
        {
            return Ok(());
        }
        Err(ApiError::storage_unavailable(
            "The server's data folder is gone or was replaced; stop the server, put the folder back, and start it again.",
        ))
    }

    /// The folder of a chat's agent, as it is there still. Quick.
    pub(crate) fn present_workspace(&self, chat_id: &str) -> ApiResult<PathBuf> {
        self.present()?;
        let workspace = self.workspace(chat_id);
        if workspace.is_dir() {
            return Ok(workspace);
        }
        Err(ApiError::storage_unavailable(
            "This chat's workspace folder is gone; put it back from a backup, or make an empty one in its place.",
        ))
    }

    /// Whether it is there and takes what is written.
    pub(crate) async fn usable(&self, store: &dyn Store) -> ApiResult<()> {
        let path = self.path.clone();
        let room = tokio::task::spawn_blocking(move || room::is_left(&path));
        self.present()?;
        match tokio::time::timeout(ANSWER, room).await {
            Ok(Ok(true)) => {}
            Ok(Ok(false)) => return Err(full()),
            _ => return Err(ApiError::storage_unavailable("The server's disk does not answer; look after it.")),
        }
        let Some(trouble) = store.trouble() else { return Ok(()) };
        if !self.may_probe() {
            return Err(not_ready(trouble));
        }
        // There may be room again, and nobody would write while it is said that there is none.
        match tokio::time::timeout(ANSWER, store::write(store, vec![Write::Probe])).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(not_ready(error)),
            Err(_) => Err(not_ready(trouble)),
        }
    }

    fn may_probe(&self) -> bool {
        let mut probed = self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        let may = probed.is_none_or(|at| at.elapsed() >= PROBE);
        if may {
            *probed = Some(Instant::now());
        }
        may
    }
}

/// Not ready is 503, whatever the reason.
fn not_ready(trouble: store::StoreError) -> ApiError {
    match trouble {
        store::StoreError::Full => full(),
        trouble => trouble.into(),
    }
}

fn full() -> ApiError {
    ApiError::storage_unavailable("The server's disk is full, or its log has all it may take (--log-bytes); make room.")
}

/// What tells a file from another of its name.
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(file: &Path) -> io::Result<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(file).map(|about| (about.dev(), about.ino()))
}

#[cfg(not(unix))]
fn identity(file: &Path) -> io::Result<Identity> {
    std::fs::metadata(file).map(|_| (0, 0))
}
