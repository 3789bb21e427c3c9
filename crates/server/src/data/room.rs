//! Free space on a disk.

use std::path::Path;

/// With less than this, the next writes would fail.
#[cfg(unix)]
const LEAST: u64 = 1 << 20;

/// Whether the disk of `path` has free space. If that is unknown, the answer is yes, and a write reports the error.
#[cfg(unix)]
pub(crate) fn is_left(path: &Path) -> bool {
    // A file system that reports no blocks does not report its free space.
    rustix::fs::statvfs(path)
        .map_or(true, |disk| disk.f_blocks == 0 || disk.f_bavail.saturating_mul(disk.f_frsize) >= LEAST)
}

#[cfg(not(unix))]
pub(crate) fn is_left(_: &Path) -> bool {
    true
}
