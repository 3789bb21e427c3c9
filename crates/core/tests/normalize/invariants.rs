//! What holds whatever happens to a log on its way: cut, doubled, joined late, interleaved, cut off, read again.

use crate::cases::{Case, cases, lines, normalize, push_all};
use crate::rules::{self, Rules};
use std::collections::{HashMap, HashSet};
use turnwire::sse::Decoder;
use turnwire::{Event, Normalizer};

/// PROTOCOL STREAM-1, STREAM-2, STREAM-4, STREAM-5, STREAM-6, STREAM-9, STREAM-10.
#[test]
fn every_capture_keeps_the_rules() {
    for case in cases() {
        rules::check(&normalize(&case.bytes)).unwrap_or_else(|rule| panic!("{}: {rule}", case.name));
    }
}

/// PROTOCOL STREAM-7, STREAM-8.
#[test]
fn the_same_bytes_come_out_each_time_and_for_one_chat() {
    for case in cases() {
        let events = normalize(&case.bytes);
        assert_eq!(lines(&events), lines(&normalize(&case.bytes)), "{}", case.name);
        for chat in events.iter().map(|event| event.chat_id.as_str()).collect::<HashSet<_>>() {
            let mut one = Normalizer::for_chat(chat, chat);
            let mut told = Vec::new();
            case.raw_events().iter().for_each(|raw| one.push(raw, &mut told));
            one.finish(&mut told);
            let alone: Vec<Event> = events.iter().filter(|event| event.chat_id == chat).cloned().collect();
            assert_eq!(lines(&told), lines(&alone), "{}, chat {chat}", case.name);
        }
    }
}

#[test]
fn both_streams_of_a_runtime_tell_the_same() {
    let cases = cases();
    let mut compared = 0;
    for case in &cases {
        let Some(name) = case.name.strip_suffix(".global") else { continue };
        if let Some(plain) = cases.iter().find(|plain| plain.name == name) {
            assert_eq!(lines(&normalize(&case.bytes)), lines(&normalize(&plain.bytes)), "{}", case.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 7);
}

/// A cut in an event's bytes can change no other event: between two events a decoder remembers nothing but the last
/// id, of which these streams have none. So each event is cut at each of its bytes, with the end of the one before it.
/// PROTOCOL STREAM-7, FRAME-4.
#[test]
fn a_stream_cut_at_any_byte_is_read_alike() {
    let mut cuts = 0;
    for case in cases() {
        let mut whole = Vec::new();
        Decoder::new().feed(&case.bytes, |frame| whole.push(frame.data.to_vec())).unwrap();
        let mut bytewise = Vec::new();
        let mut decoder = Decoder::new();
        for byte in case.bytes.chunks(1) {
            decoder.feed(byte, |frame| bytewise.push(frame.data.to_vec())).unwrap();
        }
        assert!(whole == bytewise, "{}: byte by byte", case.name);
        let mut from = 0;
        let mut frames = whole.iter();
        while from < case.bytes.len() {
            let end = memchr::memmem::find(&case.bytes[from..], b"\n\n").map_or(case.bytes.len(), |at| from + at + 2);
            let event = &case.bytes[from..end];
            let mut told = Vec::new();
            Decoder::new().feed(event, |frame| told.push(frame.data.to_vec())).unwrap();
            assert!(told.iter().all(|data| frames.next() == Some(data)), "{}: the event at {from} alone", case.name);
            // Far from both ends of a long event a cut falls into plain text like any other there.
            let far = 2048..event.len().saturating_sub(2048);
            for cut in (0..=event.len()).filter(|cut| !far.contains(cut) || cut % 61 == 0) {
                let mut seen = 0;
                let mut same = true;
                let mut decoder = Decoder::new();
                for chunk in [&event[..cut], &event[cut..]] {
                    let tell = |frame: turnwire::sse::Frame<'_>| {
                        same &= told.get(seen).is_some_and(|data| data == frame.data);
                        seen += 1;
                    };
                    decoder.feed(chunk, tell).unwrap();
                }
                assert!(same && seen == told.len(), "{}: cut at byte {}", case.name, from + cut);
                cuts += 1;
            }
            from = end;
        }
        assert!(frames.next().is_none(), "{}", case.name);
    }
    assert!(cuts > 3_000_000, "every byte was cut: {cuts}");
}

/// PROTOCOL NORM-3.
#[test]
fn an_event_told_twice_is_told_once() {
    for case in cases() {
        let raw = case.raw_events();
        let once = lines(&push_all(raw.iter().map(Vec::as_slice)));
        let snapshots_only = case.version() == "1.3.2";
        let delta = |raw: &[u8]| memchr::memmem::find(raw, b"message.part.delta").is_some();
        let twice = raw.iter().flat_map(|raw| {
            let times = if snapshots_only && delta(raw) { 1 } else { 2 };
            std::iter::repeat_n(raw.as_slice(), times)
        });
        assert_eq!(lines(&push_all(twice)), once, "{}: each event twice", case.name);
        if case.has_event_ids() {
            let again = raw.iter().chain(&raw).map(Vec::as_slice);
            assert_eq!(lines(&push_all(again)), once, "{}: the log twice", case.name);
        }
    }
}

/// PROTOCOL NORM-4.
#[test]
fn a_normalizer_started_between_two_turns_tells_the_later_ones_alike() {
    let mut starts = 0;
    for case in cases() {
        let raw = case.raw_events();
        let mut normalizer = Normalizer::new();
        let mut told = Vec::new();
        // How much was told before each event, where no turn was open and no prompt waited.
        let mut between = Vec::new();
        let (mut prompts, mut begun, mut counted) = (HashSet::new(), HashSet::new(), 0);
        for (at, json) in raw.iter().enumerate() {
            begun.extend(told[counted..].iter().map(|event: &Event| event.turn_id.message_id().to_string()));
            counted = told.len();
            if normalizer.open_turn().is_none() && prompts.is_subset(&begun) && !told.is_empty() {
                between.push((at, told.len()));
            }
            prompts.extend(new_prompt(json));
            normalizer.push(json, &mut told);
        }
        normalizer.finish(&mut told);
        for (at, before) in between {
            let late = push_all(raw[at..].iter().map(Vec::as_slice));
            assert_eq!(lines(&late), lines(&told[before..]), "{}: from event {at}", case.name);
            starts += usize::from(before < told.len());
        }
    }
    assert!(starts >= 20, "there were turns to tell: {starts}");
}

/// The id of the user's message that this event brings, if it brings one that may open a turn.
fn new_prompt(raw: &[u8]) -> Option<String> {
    let event: serde_json::Value = serde_json::from_slice(raw).ok()?;
    let event = if event["payload"].is_object() { &event["payload"] } else { &event };
    let info = &event["properties"]["info"];
    let new = event["type"] == "message.updated" && info["role"] == "user" && info["summary"].is_null();
    new.then(|| info["id"].as_str().unwrap().to_owned())
}

/// PROTOCOL STREAM-8.
#[test]
fn sessions_in_one_stream_do_not_mix() {
    // One recording of each session: some were recorded twice, over two streams.
    let mut sessions = HashSet::new();
    let mut chosen: Vec<(Case, Vec<Event>)> = Vec::new();
    for case in cases() {
        let events = normalize(&case.bytes);
        let own: HashSet<String> = case.oracle.sessions.keys().cloned().collect();
        if !case.name.contains('+') && own.is_disjoint(&sessions) {
            sessions.extend(own);
            chosen.push((case, events));
        }
    }
    assert!(chosen.len() > 90, "{}", chosen.len());
    for seed in 0..4 {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut logs: Vec<(Vec<Vec<u8>>, usize)> = chosen.iter().map(|(case, _)| (case.raw_events(), 0)).collect();
        let mut mixed: Vec<&[u8]> = Vec::new();
        let mut left: Vec<usize> = (0..logs.len()).collect();
        let mut order = Vec::new();
        while !left.is_empty() {
            let pick = random.usize(..left.len());
            let log = &mut logs[left[pick]];
            order.push((left[pick], log.1));
            log.1 += 1;
            if log.1 == log.0.len() {
                left.swap_remove(pick);
            }
        }
        mixed.extend(order.iter().map(|&(log, at)| logs[log].0[at].as_slice()));
        let mut by_chat: HashMap<String, Vec<Event>> = HashMap::new();
        for event in push_all(mixed) {
            by_chat.entry(event.chat_id.to_string()).or_default().push(event);
        }
        for (case, events) in &chosen {
            for chat in events.iter().map(|event| event.chat_id.as_str()).collect::<HashSet<_>>() {
                let alone: Vec<Event> = events.iter().filter(|event| event.chat_id == chat).cloned().collect();
                assert_eq!(lines(&by_chat[chat]), lines(&alone), "{}, seed {seed}", case.name);
            }
        }
    }
}

/// PROTOCOL STREAM-1, STREAM-5.
#[test]
fn a_log_cut_off_after_any_event_still_ends_every_turn() {
    for case in cases() {
        let mut normalizer = Normalizer::new();
        let mut rules = Rules::default();
        for (at, raw) in case.raw_events().iter().enumerate() {
            let mut told = Vec::new();
            normalizer.push(raw, &mut told);
            told.iter()
                .try_for_each(|event| rules.follow(event))
                .unwrap_or_else(|rule| panic!("{}: {rule}", case.name));
            if told.is_empty() && normalizer.open_turn().is_none() {
                continue;
            }
            let mut end = Vec::new();
            normalizer.clone().finish(&mut end);
            let mut ended = rules.clone();
            end.iter()
                .try_for_each(|event| ended.follow(event))
                .and_then(|()| ended.end())
                .unwrap_or_else(|rule| panic!("{}, cut off after event {at}: {rule}", case.name));
        }
    }
}
