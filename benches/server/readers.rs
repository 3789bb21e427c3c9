//! What 100 readers of one chat cost the server in time on processors, as a multiple of what one costs, over the same events.

use crate::client::{self, Stream};
use crate::figure::{Figure, Limit, now_ns};
use crate::program::Program;
use crate::stand_in::{AROUND, Asked};
use tokio::io::AsyncReadExt as _;

const RUNS: usize = 5;

pub(crate) fn measure() -> Vec<Figure> {
    // As models write, as a fast one does, and as ten of those would in one chat. Beyond that it is the copying of bytes into so many
    // sockets that counts: gigabytes a second, on the same processors.
    let limit = Limit::Under(2.5);
    let loads = [
        ("100/s", 300, 10_000, limit),
        ("1,000/s", 3_000, 1_000, limit),
        ("10,000/s", 20_000, 100, limit),
        ("as fast as they are taken", 40_000, 0, Limit::None),
    ];
    let measure = |(pace, deltas, every_us, limit)| {
        let us = |readers| run(readers, deltas, every_us) * 1e6 / f64::from(deltas);
        // In turns, so that both have the same neighbours.
        let (one, many): (Vec<f64>, Vec<f64>) = (0..RUNS).map(|_| (us(1), us(100))).unzip();
        // The best of each: a pair's ratio would be the better the more the one reader was disturbed.
        let best = |runs: &[f64]| runs.iter().copied().fold(f64::INFINITY, f64::min);
        let ratio = best(&many) / best(&one);
        [
            Figure::new(format!("deltas {pace}: 100 readers to one"), "x", limit, vec![ratio]),
            Figure::new(format!("deltas {pace}: one, with one reader"), "µs", Limit::None, one),
            Figure::new(format!("deltas {pace}: one, with 100 readers"), "µs", Limit::None, many),
        ]
    };
    loads.into_iter().flat_map(measure).chain(of_turns()).collect()
}

/// The same where events of turns are read, which are read and rendered once for all.
fn of_turns() -> [Figure; 3] {
    const DELTAS: u32 = 3_000;
    let us = |readers| run_turns(readers, DELTAS, 1_000) * 1e6 / f64::from(DELTAS);
    let (one, many): (Vec<f64>, Vec<f64>) = (0..RUNS).map(|_| (us(1), us(100))).unzip();
    let best = |runs: &[f64]| runs.iter().copied().fold(f64::INFINITY, f64::min);
    let ratio = best(&many) / best(&one);
    [
        Figure::new("turns, deltas 1,000/s: 100 readers to one", "x", Limit::Under(2.5), vec![ratio]),
        Figure::new("turns, deltas 1,000/s: one, with one reader", "µs", Limit::None, one),
        Figure::new("turns, deltas 1,000/s: one, with 100 readers", "µs", Limit::None, many),
    ]
}

/// Seconds on processors.
fn run(readers: usize, deltas: u32, every_us: u64) -> f64 {
    let of = |program: &Program, chat: &str| Stream::relay(&program.address, chat, None);
    run_on(of, readers, deltas, every_us, |streams| read_all(streams, deltas + AROUND))
}

fn run_turns(readers: usize, deltas: u32, every_us: u64) -> f64 {
    let of = |program: &Program, chat: &str| {
        let path = format!("{}/{chat}/stream?view=turns", client::PREFIX);
        Stream::open(&program.address, "GET", &path, "")
    };
    run_on(of, readers, deltas, every_us, |streams| read_until(streams, b"\"turn.completed\"", 1))
}

fn run_on(
    open: impl Fn(&Program, &str) -> Stream,
    readers: usize,
    deltas: u32,
    every_us: u64,
    read: impl FnOnce(Vec<Stream>),
) -> f64 {
    let program = Program::with_stand_in(&[]);
    let (chat, _) = program.chat();
    let streams: Vec<Stream> = (0..readers).map(|_| open(&program, &chat)).collect();
    let before = program.cpu();
    client::prompt(&program.address, &chat, &Asked { deltas, every_us, start_ns: now_ns() + 50_000_000 }.text());
    read(streams);
    program.cpu() - before
}

/// Reads so many events from each. One thread for all: a server that has to wake a thread for each of its readers pays for that
/// itself, and where they are on other machines it does not.
pub(crate) fn read_all(streams: Vec<Stream>, events: u32) {
    // A frame is never cut by a chunk of HTTP: its number stands at the start of a line of its own.
    read_until(streams, b"\nid: ", events as usize);
}

/// Reads each until this was there so many times.
fn read_until(streams: Vec<Stream>, wanted: &'static [u8], times: usize) {
    let readers = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
    readers.block_on(futures_util::future::join_all(streams.into_iter().map(|stream| count(stream, wanted, times))));
}

/// Reads until this was there so many times, and looks no closer.
async fn count(stream: Stream, wanted: &[u8], mut left: usize) {
    let (socket, mut chunk) = stream.into_parts();
    socket.set_nonblocking(true).unwrap();
    let mut socket = tokio::net::TcpStream::from_std(socket).unwrap();
    loop {
        left -= chunk.windows(wanted.len()).filter(|found| found == &wanted).count();
        if left == 0 {
            return;
        }
        // What may be the start of one.
        let kept = chunk.len().min(wanted.len() - 1);
        chunk.drain(..chunk.len() - kept);
        let filled = chunk.len();
        chunk.resize(filled + 64 * 1024, 0);
        let read = socket.read(&mut chunk[filled..]).await.unwrap();
        assert!(read > 0, "the stream ended early");
        chunk.truncate(filled + read);
    }
}
