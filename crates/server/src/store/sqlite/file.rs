//! Opens, checks and locks the store's file, with the errors of an unusable one.

use rusqlite::{Connection, ErrorCode};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its name in the data folder.
pub(crate) const FILE: &str = "turnwire.sqlite";
/// Held by the server that uses the folder.
pub(crate) const LOCK: &str = "lock.sqlite";

/// A file up to this size is looked through when a server starts, which takes a moment; damage in a larger one is found by
/// whoever comes upon it.
const LOOKED_THROUGH: u64 = 64 << 20;

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error("another server is using it")]
    InUse,
    #[error("it was last used by a newer version of turnwire")]
    Newer,
    #[error("{} is damaged", file.display())]
    Damaged { file: PathBuf, source: Cause },
    #[error(transparent)]
    Failed(Cause),
}

type Cause = Box<dyn std::error::Error + Send + Sync>;

impl OpenError {
    /// An error of `SQLite`.
    pub(crate) fn of(file: &Path, error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => {
                Self::Damaged { file: file.to_owned(), source: error.into() }
            }
            _ => Self::Failed(error.into()),
        }
    }
}

/// A connection for writing. Readers never block it; another program may, for a moment.
pub(crate) fn open(path: &Path) -> Result<Connection, OpenError> {
    let opened = || {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        Ok(connection)
    };
    opened().map_err(|error| OpenError::of(path, error))
}

/// Finds damage before anything is built on it.
pub(super) fn look_through(connection: &Connection, path: &Path) -> Result<(), OpenError> {
    if std::fs::metadata(path).map_err(|error| OpenError::Failed(error.into()))?.len() > LOOKED_THROUGH {
        return Ok(());
    }
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
    match found.map_err(|error| OpenError::of(path, error))? {
        found if found == "ok" => Ok(()),
        found => Err(OpenError::Damaged { file: path.to_owned(), source: found.into() }),
    }
}

/// An exclusive transaction on a file of its own is a lock that the system lets go of, however the process ends.
pub(super) fn lock(folder: &Path) -> Result<Connection, OpenError> {
    let file = folder.join(LOCK);
    let locked = || {
        let lock = Connection::open(&file)?;
        lock.busy_timeout(Duration::ZERO)?;
        lock.execute_batch("PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE").map(|()| lock)
    };
    locked().map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy) => OpenError::InUse,
        _ => OpenError::of(&file, error),
    })
}

/// The message for a data folder of a newer version.
pub(crate) fn newer(folder: &Path) -> String {
    format!(
        "the data folder {} was last used by a newer version of turnwire; update this one, or use another --data",
        folder.display()
    )
}

/// The message for a damaged file.
pub(crate) fn damaged(file: &Path) -> String {
    format!(
        "{} is damaged, and was left as it is; put a backup of it back, or move it away to begin without what was in it",
        file.display()
    )
}
