//! The decoder reads every case of `tests/conformance/sse`, however the bytes are cut, and as an independent decoder
//! reads them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use eventsource_stream::Eventsource;
use futures_util::{FutureExt, StreamExt, stream};
use proptest::prelude::*;
use serde::Deserialize;
use std::convert::Infallible;
use std::fs;
use std::path::{Path, PathBuf};
use turnwire::Event;
use turnwire::sse::{Decoder, Frame};

#[derive(Clone, Debug, Deserialize, PartialEq)]
struct Told {
    id: String,
    event: String,
    data: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Expected {
    events: Vec<Told>,
    retry_ms: Option<u64>,
    comments: Option<u64>,
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance/sse");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let cases: Vec<_> = files.filter(|path| path.extension().is_some_and(|ext| ext == "sse")).collect();
    assert!(cases.len() > 20, "the cases are there");
    cases
}

/// Feeds the chunks; what was told, and the decoder as it is after them.
fn read<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Told>, Decoder) {
    let mut decoder = Decoder::new();
    let mut told = Vec::new();
    for chunk in chunks {
        let tell = |frame: Frame<'_>| {
            told.push(Told {
                id: frame.id_str().into_owned(),
                event: frame.event_str().unwrap_or_default().into_owned(),
                data: frame.data_str().into_owned(),
            });
        };
        decoder.feed(chunk, tell).unwrap();
    }
    (told, decoder)
}

/// PROTOCOL FRAME-4.
#[test]
fn every_case_reads_as_expected_whole_in_two_pieces_anywhere_and_byte_by_byte() {
    for case in cases() {
        let bytes = fs::read(&case).unwrap();
        let expected: Expected = serde_json::from_slice(&fs::read(case.with_extension("json")).unwrap()).unwrap();
        let name = case.file_stem().unwrap().to_string_lossy().into_owned();
        let check = |how: &str, (told, decoder): (Vec<Told>, Decoder)| {
            assert_eq!(told, expected.events, "{name}, {how}");
            if let Some(retry) = expected.retry_ms {
                assert_eq!(decoder.retry().map(|retry| retry.as_millis()), Some(u128::from(retry)), "{name}, {how}");
            }
            if let Some(comments) = expected.comments {
                assert_eq!(decoder.comments(), comments, "{name}, {how}");
            }
        };
        check("whole", read([&bytes[..]]));
        check("byte by byte", read(bytes.chunks(1)));
        for cut in 0..=bytes.len() {
            check(&format!("cut at {cut}"), read([&bytes[..cut], &bytes[cut..]]));
        }
    }
}

/// How eventsource-stream reads the same bytes; `None` where it fails on them (it takes UTF-8 only).
fn peer(bytes: &[u8]) -> Option<Vec<Told>> {
    let chunks = stream::iter([Ok::<_, Infallible>(bytes.to_vec())]);
    // Nothing in it waits, so one poll ends it.
    let events = chunks.eventsource().collect::<Vec<_>>().now_or_never().unwrap();
    let told = |event: eventsource_stream::Event| Told {
        // Where there is no name it says the standard's default one.
        event: if event.event == "message" { String::new() } else { event.event },
        id: event.id,
        data: event.data,
    };
    events.into_iter().map(|event| event.ok().map(told)).collect()
}

/// Streams both decoders are meant to read alike. Left out is where the peer leaves the standard: a lone carriage
/// return, events without text (it tells none), and ids that are set without data or taken away.
fn streams() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        "data: ?[a-zé😀{}:\" ]{1,12}",
        "data: ?[a-z]{1,4}\ndata: ?[a-z]{1,4}",
        "event: [a-z.]{1,8}\ndata: [a-z]{1,5}",
        "id: [0-9]{1,4}\ndata: [a-z]{1,5}",
        ": ?[a-z]{0,6}",
        "other: [a-z]{1,4}",
        "retry: [0-9]{1,4}",
        Just(String::new()),
    ];
    (prop::collection::vec(line, 0..24), prop_oneof![Just("\n"), Just("\r\n")])
        .prop_map(|(lines, end)| lines.iter().fold(String::new(), |text, line| text + &line.replace('\n', end) + end))
}

proptest! {
    #[test]
    fn the_peer_reads_the_same_events_from_the_same_bytes(text in streams()) {
        prop_assert_eq!(Some(read([text.as_bytes()]).0), peer(text.as_bytes()));
    }

    #[test]
    fn any_bytes_cut_anywhere_read_the_same(
        bytes in prop::collection::vec(
            prop_oneof![
                4 => prop::sample::select(&b"\n\r: adetvni\0\xEF\xBB\xBF"[..]),
                1 => any::<u8>(),
            ],
            0..80,
        ),
        sizes in prop::collection::vec(0_usize..9, 1..40),
    ) {
        let mut chunks = Vec::new();
        let mut rest = &bytes[..];
        for size in sizes {
            let (chunk, after) = rest.split_at(size.min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        chunks.push(rest);
        prop_assert_eq!(read(chunks).0, read([&bytes[..]]).0);
    }
}

/// PROTOCOL FRAME-5.
#[test]
fn an_event_over_the_limit_is_a_clear_error_however_it_comes() {
    let limit = 64;
    let one_line = format!("data: {}\n\n", "x".repeat(100));
    let many_lines = "data: 12345678\n".repeat(20) + "\n";
    let endless_line = "x".repeat(200);
    for stream in [one_line, many_lines, endless_line] {
        for size in [1, 7, 1000] {
            let mut decoder = Decoder::with_max_event_bytes(limit);
            let fed = stream.as_bytes().chunks(size).try_for_each(|chunk| decoder.feed(chunk, |_| {}));
            assert_eq!(fed.map_err(|error| error.limit), Err(limit), "in chunks of {size}");
        }
    }
}

/// PROTOCOL FRAME-5.
#[test]
fn small_events_without_end_stay_under_the_limit() {
    let mut decoder = Decoder::with_max_event_bytes(64);
    let mut told = 0;
    for _ in 0..10_000 {
        decoder.feed(b": ping\nid: 1\ndata: hello\n\n", |_| told += 1).unwrap();
    }
    assert_eq!((told, decoder.comments()), (10_000, 10_000));
}

/// PROTOCOL RAW-2.
#[test]
fn an_event_that_is_passed_on_reads_back_as_it_came() {
    let raw = [
        r#"{"type":"message.part.updated","seq":7,"chatId":"c","turnId":"t","messageId":"m","partId":"p","delta":"a\nb \u2028"}"#,
        "{\"type\":\"turn.sang\",\n \"seq\": 8,\r\n \"n\": 1e2}",
        r#"{"type":"turn.status","chat_id":"c","status":"running"}"#,
        r#"{"type":"turn\nx","seq":9}"#,
    ];
    let events: Vec<Event> = raw.iter().map(|raw| Event::parse(raw, None).unwrap()).collect();
    let written: String = events.iter().map(Event::to_frame).collect();
    let (mut decoder, mut read) = (Decoder::new(), Vec::new());
    decoder
        .feed(written.as_bytes(), |frame| {
            let event = Event::parse(&frame.data_str(), frame.event_str().as_deref()).unwrap();
            read.push((frame.id_str().into_owned(), event));
        })
        .unwrap();
    // An event without a number keeps the last id, as readers of event streams do.
    assert_eq!(read.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["7", "8", "8", "9"]);
    assert_eq!(read[0].1, events[0]);
    assert_eq!(read[1].1.raw(), Some(r#"{"type":"turn.sang",  "seq": 8,   "n": 1e2}"#));
    assert_eq!(read[2].1, events[2]);
    assert!(read[2].1.is_plain(), "another service's spelling is passed on in ours");
    assert_eq!(read[3].1.event_type(), "turn\nx");
}
