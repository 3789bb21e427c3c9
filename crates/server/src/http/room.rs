//! The limit of file descriptors, and a reserve for when they are exhausted.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpStream};

/// The descriptors reserved for the database, files and the agent, but never more than half of all.
const LEFT_TO_OTHERS: u64 = 128;
/// A shortage is logged once, and again if another follows after this time.
const SAID_FOR: Duration = Duration::from_secs(600);
/// How long to wait for a connection when the reserve is used.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Raises the limit of descriptors to the maximum that the system allows. Child processes inherit it.
pub(crate) fn raise_limit() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        // macOS reports no limit, but accepts no more than this.
        let most = if cfg!(target_os = "macos") { Some(maximum.unwrap_or(10_240).min(10_240)) } else { maximum };
        let lower = current.is_some_and(|current| most.is_none_or(|most| current < most));
        if lower && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: most, maximum }) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}

/// How many connections are taken, where so many are asked for.
pub(super) fn room_for(asked: usize) -> usize {
    #[cfg(unix)]
    if let Some(limit) = rustix::process::getrlimit(rustix::process::Resource::Nofile).current {
        let room = usize::try_from(limit - LEFT_TO_OTHERS.min(limit / 2)).unwrap_or(usize::MAX).max(1);
        if room < asked {
            tracing::warn!(
                "this process may have {limit} files and connections open, so {room} connections are taken at once, not {asked}; \
                 raise the hard limit (`ulimit -Hn`, systemd: LimitNOFILE), or set --connections lower"
            );
            return room;
        }
    }
    asked
}

/// A descriptor that is kept for the time when there is no other: the server can still answer, one connection at a time.
pub(super) struct Reserve {
    kept: Arc<Mutex<Option<std::fs::File>>>,
    said: Option<Instant>,
}

impl Reserve {
    pub(super) fn new() -> Self {
        Self { kept: Arc::new(Mutex::new(spare())), said: None }
    }

    /// Has it again, where it was lost to somebody who was quicker.
    pub(super) fn refill(&self) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() && Arc::strong_count(&self.kept) == 1 {
            *kept = spare();
        }
    }

    /// Takes the next connection with the reserve, after an accept failed. `None`: the reserve is in use, or nobody came.
    pub(super) async fn accept(
        &mut self,
        listener: &TcpListener,
        error: &io::Error,
    ) -> Option<(TcpStream, SocketAddr, Lent)> {
        if self.said.is_none_or(|said| said.elapsed() > SAID_FOR) {
            if used_up(error) {
                tracing::error!(
                    %error,
                    "no descriptor is left for another connection; connections are answered one after the other until \
                     some are free again: raise the limit (`ulimit -n`, systemd: LimitNOFILE), or set --connections lower"
                );
            } else {
                tracing::error!(%error, "a connection could not be taken");
            }
        }
        self.said = Some(Instant::now());
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let lent = Lent(self.kept.clone());
        // Closed, so that the next connection can have it.
        drop(kept);
        let (socket, peer) = tokio::time::timeout(AT_ONCE, listener.accept()).await.ok()?.ok()?;
        Some((socket, peer, lent))
    }
}

/// The reserve while it is used; there again once it is dropped.
pub(super) struct Lent(Arc<Mutex<Option<std::fs::File>>>);

impl Drop for Lent {
    fn drop(&mut self) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.is_none() {
            *kept = spare();
        }
    }
}

fn spare() -> Option<std::fs::File> {
    std::fs::File::open(if cfg!(windows) { "NUL" } else { "/dev/null" }).ok()
}

fn used_up(error: &io::Error) -> bool {
    #[cfg(unix)]
    return matches!(
        rustix::io::Errno::from_io_error(error),
        Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE)
    );
    #[cfg(not(unix))]
    false
}
