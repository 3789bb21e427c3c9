//! How fast a log is told from its first event on, over loopback, to readers that only split it into events.

use crate::client::{self, Stream};
use crate::figure::{Figure, Limit, now_ns};
use crate::program::Program;
use crate::stand_in::{AROUND, Asked};

const TURNS: u64 = 10;
const DELTAS: u32 = 25_000;

pub(crate) fn measure() -> Vec<Figure> {
    let program = Program::with_stand_in(&[]);
    let (chat, _) = program.chat();
    let of_turn = u64::from(DELTAS + AROUND);
    for turn in 0..TURNS {
        let told = turn * of_turn;
        let live = Stream::relay(&program.address, &chat, Some(told));
        client::prompt(&program.address, &chat, &Asked { deltas: DELTAS, every_us: 0, start_ns: 0 }.text());
        read(live, told, of_turn);
    }
    let events = TURNS * of_turn;
    let replay = |readers: u64| {
        let began = now_ns();
        std::thread::scope(|scope| {
            for _ in 0..readers {
                scope.spawn(|| read(Stream::relay(&program.address, &chat, Some(0)), 0, events));
            }
        });
        (events * readers) as f64 / ((now_ns() - began) as f64 / 1e9)
    };
    let runs = |readers| (0..7).map(|_| replay(readers)).collect();
    vec![
        Figure::new("one reader", "events/s", Limit::AtLeast(200_000.0), runs(1)),
        Figure::new("four readers at once, together", "events/s", Limit::AtLeast(200_000.0), runs(4)),
    ]
}

/// Reads `count` events after number `after`: each there, in order.
fn read(stream: Stream, mut after: u64, count: u64) {
    let last = after + count;
    stream.until(|frame| {
        if !frame.data.is_empty() {
            after += 1;
            assert_eq!(frame.id_str().parse(), Ok(after), "an event is missing");
        }
        after == last
    });
}
