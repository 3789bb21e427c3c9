//! Raw events to turns, by workload. `benches/README.md` has the figures and the command.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group};
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};
use turnwire::normalize::Capture;
use turnwire::{Event, Normalizer};

/// The events of one stream; how many.
fn normalize(bytes: &[u8]) -> usize {
    let mut capture = Capture::new(Normalizer::new());
    let mut told = Vec::new();
    let mut count = 0;
    // As they come from a socket.
    for chunk in bytes.chunks(16 * 1024) {
        capture.feed(chunk, &mut told).unwrap();
        count += told.len();
        told.clear();
    }
    capture.finish(&mut told);
    count + told.len()
}

fn recording(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/normalize").join(name)).unwrap()
}

const HEAD: &str = concat!(
    r#"data: {"type":"message.updated","properties":{"info":{"id":"msg_u","sessionID":"ses_1","role":"user"}}}"#,
    "\n\n",
    r#"data: {"type":"session.status","properties":{"sessionID":"ses_1","status":{"type":"busy"}}}"#,
    "\n\n",
    r#"data: {"type":"message.updated","properties":{"info":{"id":"msg_a","sessionID":"ses_1","role":"assistant","parentID":"msg_u"}}}"#,
    "\n\n",
);

/// As `OpenCode` 1.0 sends 2,000 words: each event with the whole text so far.
fn cumulative(words: usize) -> Vec<u8> {
    let mut log = HEAD.to_owned();
    let mut text = String::new();
    for word in 0..words {
        text.extend(["w", &format!("{word:04}"), " "]);
        let event = format!(
            concat!(
                r#"data: {{"type":"message.part.updated","properties":{{"part":{{"id":"prt_1","sessionID":"ses_1","#,
                r#""messageID":"msg_a","type":"text","text":"{text}","time":{{"start":1}}}},"delta":"w{word:04} "}}}}"#,
                "\n\n"
            ),
            text = text,
            word = word
        );
        log.push_str(&event);
    }
    log.into_bytes()
}

/// Deltas of 250 bytes each, as they stand in a socket's buffer.
fn deltas(count: usize) -> Vec<u8> {
    let mut log = HEAD.to_owned();
    log.push_str(concat!(
        r#"data: {"type":"message.part.updated","properties":{"part":{"id":"prt_1","sessionID":"ses_1","messageID":"msg_a","type":"text","text":""}}}"#,
        "\n\n"
    ));
    for at in 0..count {
        let event = format!(
            concat!(
                r#"data: {{"id":"evt_{at:026}","type":"message.part.delta","properties":{{"#,
                r#""sessionID":"ses_1","messageID":"msg_a","partID":"prt_1","field":"text","delta":"{delta}"}}}}"#
            ),
            at = at,
            delta = "x".repeat(77)
        );
        assert_eq!(event.len(), 248);
        log.push_str(&event);
        log.push_str("\n\n");
    }
    log.into_bytes()
}

fn one_turn(at: u32) -> Vec<u8> {
    let json = [
        format!(
            r#"{{"type":"message.updated","properties":{{"info":{{"id":"msg_u{at}","sessionID":"ses_1","role":"user"}}}}}}"#
        ),
        r#"{"type":"session.status","properties":{"sessionID":"ses_1","status":{"type":"busy"}}}"#.to_owned(),
        format!(
            r#"{{"type":"message.updated","properties":{{"info":{{"id":"msg_a{at}","sessionID":"ses_1","role":"assistant","parentID":"msg_u{at}"}}}}}}"#
        ),
        format!(
            r#"{{"type":"message.part.updated","properties":{{"part":{{"id":"prt_{at}","sessionID":"ses_1","messageID":"msg_a{at}","type":"text","text":"some words","time":{{"end":1}}}}}}}}"#
        ),
        format!(
            r#"{{"type":"message.updated","properties":{{"info":{{"id":"msg_a{at}","sessionID":"ses_1","role":"assistant","parentID":"msg_u{at}","finish":"stop","time":{{"completed":2}}}}}}}}"#
        ),
        r#"{"type":"session.status","properties":{"sessionID":"ses_1","status":{"type":"idle"}}}"#.to_owned(),
    ];
    json.iter().flat_map(|json| [b"data: ", json.as_bytes(), b"\n\n"].concat()).collect()
}

fn workloads() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("recorded 1.18, 2,000 deltas", recording("1.18.33/long2000.sse")),
        ("recorded 1.3, 2,000 deltas", recording("1.3.2/long2000.sse")),
        ("recorded 1.18, tools with 30 KB of output", recording("1.18.33/big_output.sse")),
        ("generated 1.0, 2,000 cumulative deltas", cumulative(2_000)),
        ("generated, 10,000 deltas of 250 bytes", deltas(10_000)),
        ("generated, 10,000 short turns", (0..10_000).flat_map(one_turn).collect()),
    ]
}

fn streams(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("normalize");
    group.sample_size(20);
    for (name, bytes) in workloads() {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(normalize(black_box(&bytes)))));
    }
    group.finish();
}

fn one_delta(criterion: &mut Criterion) {
    // 10,000 of them a batch, so that the part has a text of a usual length.
    let bytes = deltas(10_000);
    let mut group = criterion.benchmark_group("one delta of 250 bytes, decode included");
    group.sample_size(20);
    group.throughput(Throughput::Elements(10_000));
    group.bench_function("10,000 of them", |bencher| {
        bencher.iter_batched_ref(
            || (Capture::new(Normalizer::new()), Vec::<Event>::with_capacity(10_100)),
            |(capture, told)| capture.feed(black_box(&bytes), told).unwrap(),
            BatchSize::LargeInput,
        );
    });
    group.finish();
}

/// Not a time: how much memory a million ended turns leave behind (Linux only).
fn million_ended_turns() {
    let resident = || {
        let statm = fs::read_to_string("/proc/self/statm").ok()?;
        statm.split(' ').nth(1)?.parse::<usize>().ok().map(|pages| pages * 4)
    };
    let before = resident();
    let mut capture = Capture::new(Normalizer::new());
    let mut told = Vec::new();
    for at in 0..1_000_000 {
        capture.feed(&one_turn(at), &mut told).unwrap();
        told.clear();
    }
    if let (Some(before), Some(after)) = (before, resident()) {
        println!("a million ended turns: {} KiB more", after.saturating_sub(before));
    }
}

/// The fastest of 200 runs of each: what the code takes when a busy machine leaves it alone.
fn fastest() {
    for (name, bytes) in workloads() {
        let mut best = Duration::MAX;
        let mut events = 0;
        for _ in 0..200 {
            let start = Instant::now();
            events = black_box(normalize(black_box(&bytes)));
            best = best.min(start.elapsed());
        }
        let seconds = best.as_secs_f64();
        let each = Duration::from_secs_f64(seconds / f64::from(u32::try_from(events).unwrap()));
        #[expect(clippy::cast_precision_loss, reason = "a size in bytes")]
        let rate = bytes.len() as f64 / seconds / 1e6;
        println!("{name}: {best:.2?}, {rate:.0} MB/s, {each:.0?} an event of {events}");
    }
}

criterion_group!(benches, streams, one_delta);

fn main() {
    if std::env::args().any(|arg| arg == "million") {
        return million_ended_turns();
    }
    if std::env::args().any(|arg| arg == "fastest") {
        return fastest();
    }
    benches();
    Criterion::default().configure_from_args().final_summary();
}
