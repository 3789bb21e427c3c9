//! What this process has used so far.

use std::fs;

/// Processor time and voluntary context switches since the process began.
#[derive(Clone, Copy)]
pub struct Usage {
    /// Microseconds, of the user and of the system, in all threads.
    pub cpu: f64,
    /// How often a thread of it gave its core up to wait.
    pub switches: f64,
}

impl Usage {
    /// From then to now.
    #[must_use]
    pub fn since(self, then: Self) -> Self {
        Self { cpu: self.cpu - then.cpu, switches: self.switches - then.switches }
    }

    /// Up to now.
    #[cfg(unix)]
    #[allow(clippy::cast_precision_loss)]
    #[must_use]
    pub fn now() -> Self {
        let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
        // SAFETY: `usage` is a `rusage`, zeroes are a valid one, and the call only writes into it.
        let usage = unsafe {
            libc::getrusage(libc::RUSAGE_SELF, usage.as_mut_ptr());
            usage.assume_init()
        };
        let micros = |time: libc::timeval| time.tv_sec as f64 * 1e6 + time.tv_usec as f64;
        Self { cpu: micros(usage.ru_utime) + micros(usage.ru_stime), switches: usage.ru_nvcsw as f64 }
    }

    /// Not known on this system.
    #[cfg(not(unix))]
    #[must_use]
    pub fn now() -> Self {
        Self { cpu: 0.0, switches: 0.0 }
    }
}

/// The monotonic clock that every process of the machine reads alike, in nanoseconds.
#[cfg(unix)]
#[allow(clippy::cast_sign_loss)]
#[must_use]
pub fn nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a `timespec`, and the call only writes into it.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// No clock of this system is known to be read alike by every process.
#[cfg(not(unix))]
#[must_use]
pub fn nanos() -> u64 {
    0
}

/// The memory that is resident now, in bytes; 0 where the system does not say.
#[must_use]
pub fn resident() -> u64 {
    let pages =
        fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}
