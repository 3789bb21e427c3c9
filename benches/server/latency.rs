//! How much later a delta reaches a reader of ours than one of OpenCode's own `/event`: the same delta, two readers, one clock.

use crate::client::{self, Stream};
use crate::figure::{Figure, Limit, median, now_ns};
use crate::program::Program;
use crate::readers::read_all;
use crate::stand_in::{AROUND, Asked, stamp};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::Path;

const RUNS: usize = 5;
/// As a fast model writes in one chat.
const DELTAS: u32 = 400;
const EVERY_US: u64 = 5_000;

pub(crate) fn measure() -> Vec<Figure> {
    let cases = [
        ("durable", "durable", 1, 10.0),
        ("durable, one of 100 readers", "durable", 100, 10.0),
        ("fast", "fast", 1, 1.0),
        ("fast, one of 100 readers", "fast", 100, f64::INFINITY),
    ];
    let measure = |(name, delivery, readers, limit)| {
        let runs: Vec<Run> = (0..RUNS).map(|_| run(delivery, readers)).collect();
        let of = |pick: fn(&Run) -> f64| runs.iter().map(pick).collect::<Vec<f64>>();
        let figure = |what: &str, unit, limit, runs| Figure::new(format!("{name}: {what}"), unit, limit, runs);
        let limit = if f64::is_finite(limit) { Limit::Under(limit) } else { Limit::None };
        [
            figure("added, p50", "ms", limit, of(|run| run.added_p50)),
            figure("added, p99", "ms", Limit::None, of(|run| run.added_p99)),
            figure("OpenCode to its own reader, p50", "ms", Limit::None, of(|run| run.direct_p50)),
            figure("to ours, as a multiple", "x", Limit::None, of(|run| run.ours_p50 / run.direct_p50)),
        ]
    };
    cases.into_iter().flat_map(measure).collect()
}

struct Run {
    added_p50: f64,
    added_p99: f64,
    direct_p50: f64,
    ours_p50: f64,
}

fn run(delivery: &str, readers: usize) -> Run {
    let program = Program::with_stand_in(&["--delivery", delivery]);
    let (chat, folder) = program.chat();
    let others: Vec<Stream> = (1..readers).map(|_| Stream::relay(&program.address, &chat, None)).collect();
    let ours = Stream::relay(&program.address, &chat, None);
    let direct = Stream::open(&program.stand_in(), "GET", &event_path(&folder), "");
    let asked = Asked { deltas: DELTAS, every_us: EVERY_US, start_ns: now_ns() + 200_000_000 };
    let (ours, direct) = std::thread::scope(|scope| {
        let ours = scope.spawn(|| times(ours));
        let direct = scope.spawn(|| times(direct));
        scope.spawn(|| read_all(others, DELTAS + AROUND));
        client::prompt(&program.address, &chat, &asked.text());
        (ours.join().unwrap(), direct.join().unwrap())
    });
    let ms = |ns: u64| ns as f64 / 1e6;
    let since = |times: &[(u64, u64)]| times.iter().map(|(sent, got)| ms(got - sent)).collect::<Vec<f64>>();
    let mut added: Vec<f64> = ours.iter().zip(&direct).map(|(ours, direct)| ms(ours.1) - ms(direct.1)).collect();
    added.sort_by(f64::total_cmp);
    Run {
        added_p50: added[added.len() / 2],
        added_p99: added[added.len() * 99 / 100],
        direct_p50: median(since(&direct)),
        ours_p50: median(since(&ours)),
    }
}

fn event_path(folder: &Path) -> String {
    // As the server names it: the stand-in compares the text.
    format!("/event?directory={}", utf8_percent_encode(folder.to_str().unwrap(), NON_ALPHANUMERIC))
}

/// When each delta was sent and when it came, by its place.
fn times(stream: Stream) -> Vec<(u64, u64)> {
    let mut times = Vec::new();
    stream.until(|frame| {
        let got = now_ns();
        if let Some((at, sent)) = stamp(frame.data) {
            assert_eq!(at as usize, times.len(), "a delta is missing");
            times.push((sent, got));
        }
        times.len() == DELTAS as usize
    });
    times
}
