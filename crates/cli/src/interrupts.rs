//! Ctrl-C and the signals that end a program, as it is told of them.

use std::future::Future;
#[cfg(unix)]
use std::io::IsTerminal;
use tokio::sync::mpsc;

/// Why the program is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Interrupt {
    /// Ctrl-C. A conversation cancels its turn and goes on; everything else ends with 130.
    Interrupt,
    /// SIGTERM. Everything ends, with 143.
    Terminate,
    /// SIGHUP: the terminal is gone. Everything ends, with 129; a turn of a conversation goes on, for whoever connects again. A
    /// server stops as it does for SIGTERM.
    Hangup,
}

impl Interrupt {
    /// What the signal of this name means for the program; `None`: nothing.
    pub fn of_signal(name: &str) -> Option<Self> {
        match name {
            "SIGINT" => Some(Self::Interrupt),
            "SIGTERM" => Some(Self::Terminate),
            "SIGHUP" => Some(Self::Hangup),
            _ => None,
        }
    }

    /// The exit code of a program that was ended so.
    pub fn code(self) -> i32 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
            Self::Hangup => 129,
        }
    }
}

/// The side that is told. Once the sender is dropped, the last interrupt stands: there is nobody to interrupt again.
#[derive(Debug)]
pub struct Interrupts {
    told: mpsc::Receiver<Interrupt>,
    last: Option<Interrupt>,
}

impl Interrupts {
    /// Interrupts that can come more than once, and where to send them.
    pub fn channel() -> (mpsc::Sender<Interrupt>, Self) {
        let (send, told) = mpsc::channel(8);
        (send, Self { told, last: None })
    }

    /// One interrupt, when `cancel` is done. Needs a tokio runtime.
    pub(crate) fn once(cancel: impl Future<Output = ()> + Send + 'static) -> Self {
        let (send, interrupts) = Self::channel();
        tokio::spawn(async move {
            tokio::select! {
                () = cancel => {
                    let _ = send.send(Interrupt::Interrupt).await;
                }
                // The program has ended.
                () = send.closed() => {}
            }
        });
        interrupts
    }

    /// The next one. May be dropped and called again.
    pub(crate) async fn next(&mut self) -> Interrupt {
        match (self.told.recv().await, self.last) {
            (Some(interrupt), _) => {
                self.last = Some(interrupt);
                interrupt
            }
            (None, Some(last)) => last,
            // Nobody ever will.
            (None, None) => std::future::pending().await,
        }
    }
}

/// The interrupts of this process: Ctrl-C and, where they exist, SIGTERM and SIGHUP. For the program only: inside Python or Node
/// it would take the host's handlers away.
pub(crate) fn of_this_process() -> Interrupts {
    let (send, interrupts) = Interrupts::channel();
    // Now, before anything is started that would be left behind.
    let mut signals = Signals::new();
    tokio::spawn(async move {
        loop {
            let interrupt = tokio::select! {
                interrupt = signals.next() => interrupt,
                () = send.closed() => return,
            };
            // Full: eight were not looked at, a ninth says nothing new.
            let _ = send.try_send(interrupt);
        }
    });
    interrupts
}

/// The signals that end a program, each heard from the beginning on, so that none is missed between two.
#[cfg(unix)]
struct Signals([(Option<tokio::signal::unix::Signal>, Interrupt); 3]);

#[cfg(unix)]
impl Signals {
    fn new() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = if hangup_is_ignored() { None } else { signal(SignalKind::hangup()).ok() };
        Self([
            (signal(SignalKind::interrupt()).ok(), Interrupt::Interrupt),
            (signal(SignalKind::terminate()).ok(), Interrupt::Terminate),
            (hangup, Interrupt::Hangup),
        ])
    }

    async fn next(&mut self) -> Interrupt {
        std::future::poll_fn(|cx| {
            for (signal, interrupt) in &mut self.0 {
                if let Some(signal) = signal
                    && signal.poll_recv(cx).is_ready()
                {
                    return std::task::Poll::Ready(*interrupt);
                }
            }
            std::task::Poll::Pending
        })
        .await
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> Self {
        Self
    }

    async fn next(&mut self) -> Interrupt {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Interrupt::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Whether whoever started the program has SIGHUP ignored, as `nohup` does: that is to stay.
#[cfg(unix)]
fn hangup_is_ignored() -> bool {
    // The first bit of the mask is signal 1.
    let ignored = std::fs::read_to_string("/proc/self/status").ok().and_then(|status| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        Some(u64::from_str_radix(mask.trim(), 16).ok()? & 1 == 1)
    });
    // Where the system does not say so: without a terminal nobody hangs up.
    ignored.unwrap_or_else(|| !std::io::stderr().is_terminal())
}
