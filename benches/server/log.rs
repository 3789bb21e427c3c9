//! How many deltas of 50 chats at once come into the log in a second, on whatever cores there are: the agent's share is in it, nobody reads.

use crate::client;
use crate::figure::{Figure, Limit, now_ns};
use crate::program::Program;
use crate::stand_in::{AROUND, Asked};
use rusqlite::{Connection, OpenFlags};
use std::time::Duration;

const CHATS: u32 = 50;

pub(crate) fn measure() -> Vec<Figure> {
    // As fast as they are taken, and as 50 models would write them: 10,000 a second together.
    let free: Vec<Run> = (0..5).map(|_| run(5_000, 0)).collect();
    let paced: Vec<Run> = (0..3).map(|_| run(1_000, 5_000)).collect();
    let of = |runs: &[Run], pick: fn(&Run) -> f64| runs.iter().map(pick).collect::<Vec<f64>>();
    vec![
        Figure::new("as fast as they are taken", "deltas/s", Limit::AtLeast(10_000.0), of(&free, |run| run.rate)),
        Figure::new("events in a row of the log", "", Limit::None, of(&free, |run| run.in_a_row)),
        Figure::new(
            "10,000 deltas/s: after the last, the log is whole in",
            "ms",
            Limit::Under(500.0),
            of(&paced, |run| run.behind),
        ),
        Figure::new("10,000 deltas/s: the server's share of one core", "%", Limit::None, of(&paced, |run| run.share)),
        Figure::new("10,000 deltas/s: events in a row of the log", "", Limit::None, of(&paced, |run| run.in_a_row)),
    ]
}

struct Run {
    /// Deltas in the log a second.
    rate: f64,
    /// Milliseconds from the last delta's time to the log's being whole.
    behind: f64,
    in_a_row: f64,
    share: f64,
}

fn run(deltas: u32, every_us: u64) -> Run {
    let program = Program::with_stand_in(&[]);
    let chats: Vec<String> = (0..CHATS).map(|_| program.chat().0).collect();
    let path = program.data.path().join("turnwire.sqlite");
    let log = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let count = |sql: &str| log.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap();
    let start_ns = now_ns() + 1_000_000_000;
    for chat in &chats {
        client::prompt(&program.address, chat, &Asked { deltas, every_us, start_ns }.text());
    }
    std::thread::sleep(Duration::from_nanos(start_ns.saturating_sub(now_ns())));
    let cpu = program.cpu();
    // The commit that ends a turn holds its last event.
    while count("SELECT count(*) FROM turns WHERE end_seq IS NOT NULL") < CHATS {
        std::thread::sleep(Duration::from_millis(2));
    }
    let (cpu, took_ns) = (program.cpu() - cpu, now_ns() - start_ns);
    // None is merged, none is lost.
    let events = count("SELECT sum(last - first + 1) FROM events");
    assert_eq!(events, CHATS * (deltas + AROUND), "events are missing from the log");
    let took = took_ns as f64 / 1e9;
    let last = (u64::from(deltas - 1) * every_us) as f64 / 1e6;
    Run {
        rate: f64::from(CHATS * deltas) / took,
        behind: (took - last) * 1e3,
        in_a_row: f64::from(events) / f64::from(count("SELECT count(*) FROM events")),
        share: cpu / took * 100.0,
    }
}
