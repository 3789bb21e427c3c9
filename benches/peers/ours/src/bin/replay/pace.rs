//! Streams at a pace: one thread writes to all of them, each at its own moments.

use crate::turn;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::{self, Write as _};
use std::net::TcpStream;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;
use turnwire_bench::usage::nanos;

/// Takes streams over from the threads that read their requests.
#[derive(Clone)]
pub(crate) struct Pace(Sender<Stream>);

struct Stream {
    socket: TcpStream,
    period: u64,
    seq: usize,
}

impl Pace {
    pub(crate) fn start() -> io::Result<Self> {
        let (sender, receiver) = channel();
        thread::Builder::new().name("pace".to_owned()).spawn(move || write(&receiver))?;
        Ok(Self(sender))
    }

    /// Writes the opening of a turn, and from then on `rate` deltas a second.
    pub(crate) fn take(&self, mut socket: TcpStream, rate: u32) -> io::Result<()> {
        socket.write_all(&turn::chunk(&turn::opening().concat()))?;
        // One slow reader must not hold the others up.
        socket.set_nonblocking(true)?;
        let stream = Stream { socket, period: 1_000_000_000 / u64::from(rate), seq: 3 };
        self.0.send(stream).map_err(|_| io::Error::other("the pace thread has ended"))
    }
}

fn write(new: &Receiver<Stream>) {
    let mut streams: Vec<Option<Stream>> = Vec::new();
    let mut due = BinaryHeap::new();
    loop {
        let wait = due.peek().map_or(Duration::from_secs(1), |Reverse((at, _))| {
            Duration::from_nanos(*at).saturating_sub(Duration::from_nanos(nanos()))
        });
        match new.recv_timeout(wait) {
            Ok(stream) => {
                // The moments of the streams are spread over a period by the golden ratio, the same in every run.
                let phase = (streams.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
                due.push(Reverse((nanos() + ((stream.period * phase) >> 32), streams.len())));
                streams.push(Some(stream));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        while let Some(Reverse((at, index))) = due.peek().copied().filter(|Reverse((at, _))| *at <= nanos()) {
            due.pop();
            let Some(stream) = &mut streams[index] else { continue };
            let delta = turn::chunk(&turn::delta(stream.seq, 0, &nanos().to_string()));
            stream.seq += 1;
            // The buffers of a socket hold minutes of a stream; one that does not take a delta is given up.
            if stream.socket.write(&delta).is_ok_and(|written| written == delta.len()) {
                due.push(Reverse((at + stream.period, index)));
            } else {
                streams[index] = None;
            }
        }
    }
}
