//! Whether a disk has room.

use std::path::Path;

/// With less than this the next writes will not find a place.
#[cfg(unix)]
const LEAST: u64 = 1 << 20;

/// Whether something can be written where `path` is. Where that cannot be told, it is taken to be so: a write says it then.
#[cfg(unix)]
pub(crate) fn is_left(path: &Path) -> bool {
    // A disk of no blocks at all is one that does not tell.
    rustix::fs::statvfs(path)
        .map_or(true, |disk| disk.f_blocks == 0 || disk.f_bavail.saturating_mul(disk.f_frsize) >= LEAST)
}

#[cfg(not(unix))]
pub(crate) fn is_left(_: &Path) -> bool {
    true
}
