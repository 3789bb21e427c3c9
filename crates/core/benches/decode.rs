//! Bytes of a stream to events, by workload. The event is that of a delta, about 250 bytes on the wire.

#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::fmt::Write as _;
use std::hint::black_box;
use turnwire::sse::Decoder;
use turnwire::{Event, TurnAccumulator};

const EVENTS: u64 = 2_000;

fn data(seq: u64) -> String {
    let delta = match seq % 8 {
        0 => "caf\u{e9} ",
        1 => "\\\"yes\\\" ",
        _ => "word ",
    };
    format!(
        r#"{{"type":"message.part.updated","seq":{seq},"chatId":"chat_3f9a1c22d0b84e6f","turnId":"turn_206edb2b50006CUD2Qiup68","messageId":"msg_206edb2bd007NDtpucOV7CzZcg","partId":"prt_206edb2bd00frhpQu1ft","partType":"text","delta":"{delta}"}}"#
    )
}

fn stream() -> Vec<u8> {
    let mut stream = String::from("retry: 1000\n: ok\n");
    for seq in 1..=EVENTS {
        let _ = write!(stream, "id: {seq}\nevent: message.part.updated\ndata: {}\n\n", data(seq));
    }
    stream.into_bytes()
}

fn decode(c: &mut Criterion) {
    let stream = stream();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(stream.len() as u64));
    for (name, size) in [("chunks-of-16-KiB", 16 * 1024), ("an-event-a-chunk", 270), ("whole", usize::MAX)] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut decoder = Decoder::new();
                let mut bytes = 0;
                for chunk in stream.chunks(size.min(stream.len())) {
                    decoder.feed(black_box(chunk), |frame| bytes += frame.data.len()).unwrap();
                }
                bytes
            });
        });
    }
    group.finish();
}

fn parse(c: &mut Criterion) {
    let events: Vec<String> = (1..=EVENTS).map(data).collect();
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("deltas", |b| {
        b.iter(|| {
            for event in &events {
                black_box(Event::parse(black_box(event), Some("message.part.updated")).unwrap());
            }
        });
    });
    group.finish();
}

fn fold(c: &mut Criterion) {
    let events: Vec<Event> = (1..=EVENTS).map(|seq| Event::parse(&data(seq), None).unwrap()).collect();
    let mut group = c.benchmark_group("fold");
    group.throughput(Throughput::Elements(EVENTS));
    group.bench_function("deltas", |b| {
        b.iter(|| {
            let mut turn = TurnAccumulator::new();
            for event in &events {
                turn.push(black_box(event));
            }
            turn
        });
    });
    group.finish();
}

criterion_group!(benches, decode, parse, fold);
criterion_main!(benches);
