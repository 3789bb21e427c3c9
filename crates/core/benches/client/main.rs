//! What the client costs beyond reading: a healthy turn through all of it, beside a bare decoder on the same connection.
//! And how soon what is given up is gone.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod closing;
mod service;

use criterion::{Criterion, Throughput, criterion_group};
use futures_util::StreamExt as _;
use service::{EVENTS, Service, WORKLOADS};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use turnwire::event::Ids;
use turnwire::sse::Decoder;
use turnwire::{Client, Event};

/// Both readers, over one pool: they take turns on the very same connection.
struct Readers {
    runtime: Runtime,
    http: reqwest::Client,
    client: Client,
    url: String,
}

impl Readers {
    fn new(service: &Service) -> Self {
        let http = reqwest::Client::builder().no_proxy().tcp_nodelay(true).build().unwrap();
        let client = Client::builder().base_url(service.url()).api_key("sk_bench").http_client(http.clone());
        Self {
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            http,
            client: client.build().unwrap(),
            url: service.url().to_owned(),
        }
    }

    /// Decoder and typed events, and nothing else.
    fn bare(&self, workload: &str) -> usize {
        let url = format!("{}/agent/v2/chat/{workload}/respond", self.url);
        self.runtime.block_on(async {
            let mut body = self.http.post(url).body("{}").send().await.unwrap().bytes_stream();
            let (mut decoder, mut ids, mut events) = (Decoder::new(), Ids::default(), 0);
            while let Some(chunk) = body.next().await {
                let tell = |frame: turnwire::sse::Frame<'_>| {
                    let event = Event::parse_among(&mut ids, &frame.data_str(), frame.event_str().as_deref());
                    black_box(event.unwrap());
                    events += 1;
                };
                decoder.feed(&chunk.unwrap(), tell).unwrap();
            }
            events
        })
    }

    /// The whole client.
    fn whole(&self, workload: &str) -> usize {
        self.runtime.block_on(async {
            let mut stream = self.client.chat().respond(workload, "Go on.").await.unwrap();
            let mut events = 0;
            while let Some(event) = stream.try_next().await.unwrap() {
                black_box(event);
                events += 1;
            }
            assert!(stream.snapshot().ended && stream.resumes() == 0);
            events
        })
    }
}

fn timed(run: impl FnOnce() -> usize) -> Duration {
    let start = Instant::now();
    assert_eq!(run(), EVENTS);
    start.elapsed()
}

/// The fastest of 200 runs of each, one after the other in turn: what the code takes when a busy machine leaves it alone.
fn fastest() {
    let service = Service::start();
    let readers = Readers::new(&service);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(u32::try_from(EVENTS).unwrap());
    for workload in WORKLOADS {
        let (mut bare, mut whole) = (Duration::MAX, Duration::MAX);
        for _ in 0..200 {
            bare = bare.min(timed(|| readers.bare(workload)));
            whole = whole.min(timed(|| readers.whole(workload)));
        }
        println!(
            "{workload}: bare {:.3} µs an event, the whole client {:.3} µs, {:.3} µs more",
            each(bare),
            each(whole),
            each(whole) - each(bare)
        );
    }
}

fn healthy(criterion: &mut Criterion) {
    let service = Service::start();
    let readers = Readers::new(&service);
    let mut group = criterion.benchmark_group("a healthy turn");
    group.sample_size(20);
    group.throughput(Throughput::Elements(EVENTS as u64));
    for workload in WORKLOADS {
        group.bench_function(format!("{workload}, bare"), |bencher| bencher.iter(|| readers.bare(workload)));
        group.bench_function(format!("{workload}, client"), |bencher| bencher.iter(|| readers.whole(workload)));
    }
    group.finish();
}

criterion_group!(benches, healthy);

fn main() {
    if std::env::args().any(|arg| arg == "fastest") {
        return fastest();
    }
    if std::env::args().any(|arg| arg == "close") {
        return closing::measure();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
