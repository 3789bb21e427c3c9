//! Ctrl-C, as the program is told of it.

use std::future::Future;
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
    /// SIGHUP: the terminal is gone. Everything ends, with 129; a turn goes on, for whoever connects again.
    Hangup,
}

impl Interrupt {
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
    let terminal = std::io::stderr().is_terminal();
    tokio::spawn(async move {
        loop {
            let interrupt = tokio::select! {
                Ok(()) = tokio::signal::ctrl_c() => Interrupt::Interrupt,
                () = told(Signal::Terminate) => Interrupt::Terminate,
                // Without a terminal it is not ours: `nohup` has it ignored, and that is to stay.
                () = told(Signal::Hangup), if terminal => Interrupt::Hangup,
                () = send.closed() => return,
            };
            // Full: eight were not looked at, a ninth says nothing new.
            let _ = send.try_send(interrupt);
        }
    });
    interrupts
}

enum Signal {
    Terminate,
    Hangup,
}

#[cfg(unix)]
async fn told(which: Signal) {
    use tokio::signal::unix::{SignalKind, signal};
    let kind = match which {
        Signal::Terminate => SignalKind::terminate(),
        Signal::Hangup => SignalKind::hangup(),
    };
    match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

#[cfg(not(unix))]
async fn told(_: Signal) {
    std::future::pending().await
}
