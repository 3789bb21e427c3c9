//! What the clients are given to do.

/// A task with its numbers, and what is told of it.
pub(super) struct Load {
    /// What `--load` calls it.
    pub(super) name: &'static str,
    /// The heading of its table.
    pub(super) title: &'static str,
    /// The task of the clients.
    pub(super) task: &'static str,
    /// Whether it takes a client that can hold many streams at once.
    pub(super) many: bool,
    /// How often each client does it, and with which numbers.
    whole: (usize, &'static [&'static str]),
    quick: (usize, &'static [&'static str]),
    pub(super) columns: &'static [Column],
    /// What the figures do not say themselves.
    pub(super) note: Option<&'static str>,
}

/// A figure of a table.
pub(super) struct Column {
    pub(super) title: &'static str,
    /// The figure that the clients tell, and the one it is divided by.
    pub(super) figure: &'static str,
    pub(super) per: Option<&'static str>,
    pub(super) scale: f64,
    pub(super) digits: usize,
}

impl Load {
    /// How often, and with which numbers.
    pub(super) fn size(&self, quick: bool) -> (usize, Vec<String>) {
        let (rounds, numbers) = if quick { self.quick } else { self.whole };
        (rounds, numbers.iter().map(|&number| number.to_owned()).collect())
    }

    /// How many deltas a client must have seen.
    pub(super) fn deltas(&self, numbers: &[String]) -> Option<f64> {
        let number = |at: usize| numbers.get(at)?.parse::<f64>().ok();
        match self.task {
            "fast" => number(2),
            "first" => number(0).map(|times| times * 3.0),
            _ => None,
        }
    }
}

const fn column(title: &'static str, figure: &'static str, scale: f64, digits: usize) -> Column {
    Column { title, figure, per: None, scale, digits }
}

const fn per(title: &'static str, figure: &'static str, per: &'static str, scale: f64, digits: usize) -> Column {
    Column { title, figure, per: Some(per), scale, digits }
}

const FAST: &[Column] = &[
    per("CPU, µs an event", "cpu_us", "events", 1.0, 2),
    per("context switches an event", "switches", "events", 1.0, 3),
    per("µs an event on the clock", "wall_us", "events", 1.0, 2),
];
const PACED: &[Column] = &[
    column("% of a core", "core", 100.0, 1),
    column("late: median, ms", "p50_us", 0.001, 2),
    column("late: p99, ms", "p99_us", 0.001, 2),
    per("events a second", "events", "wall_us", 1e6, 0),
];

pub(super) const LOADS: [Load; 7] = [
    Load {
        name: "events",
        title: "One event a write",
        task: "fast",
        many: false,
        whole: (5, &["event", "100000", "300000"]),
        quick: (3, &["event", "20000", "60000"]),
        columns: FAST,
        note: None,
    },
    Load {
        name: "blocks",
        title: "16 KiB a write",
        task: "fast",
        many: false,
        whole: (5, &["16k", "100000", "300000"]),
        quick: (3, &["16k", "20000", "60000"]),
        columns: FAST,
        note: None,
    },
    Load {
        name: "first",
        title: "The first event, on a warm connection",
        task: "first",
        many: false,
        whole: (5, &["1000"]),
        quick: (3, &["300"]),
        columns: &[column("µs, median", "first_us", 1.0, 0)],
        note: None,
    },
    Load {
        name: "paced-500",
        title: "500 streams, 10 events a second each",
        task: "paced",
        many: true,
        whole: (3, &["500", "10", "10"]),
        quick: (1, &["500", "10", "4"]),
        columns: PACED,
        note: Some(
            "A client that sees half of its events more than 50 ms late, or breaks, holds no such load and is compared with nothing.",
        ),
    },
    Load {
        name: "paced-2000",
        title: "2,000 streams, 5 events a second each",
        task: "paced",
        many: true,
        whole: (3, &["2000", "5", "10"]),
        quick: (1, &["2000", "5", "4"]),
        columns: PACED,
        note: None,
    },
    Load {
        name: "memory",
        title: "Memory of each further stream",
        task: "memory",
        many: true,
        whole: (3, &["500", "2000"]),
        quick: (1, &["200", "1000"]),
        columns: &[
            column("KiB a stream", "rss_each", 1.0 / 1024.0, 1),
            column("MiB of the process at the end", "rss", 1.0 / 1_048_576.0, 0),
        ],
        note: None,
    },
    Load {
        name: "construct",
        title: "Making a client",
        task: "construct",
        many: false,
        whole: (5, &["20"]),
        quick: (3, &["20"]),
        columns: &[
            column("CPU of the first, ms", "construct_first_us", 0.001, 2),
            column("CPU of each further, ms", "construct_each_us", 0.001, 3),
        ],
        note: Some(
            "Most of it is reading the system's certificates. The Rust peers are built without TLS, and aiohttp and Node read \
             them with the first connection that needs them.",
        ),
    },
];
