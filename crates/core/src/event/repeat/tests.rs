//! The fast reader and the general one read the same, whatever the JSON.

#![allow(clippy::unwrap_used)]

use super::super::fields::Ids;
use super::*;
use proptest::prelude::*;
use proptest::sample::select;

/// Numbers, and what stands in their place.
fn seq() -> impl Strategy<Value = String> {
    let odd = [
        "0",
        "-0",
        "-1",
        "007",
        "1.0",
        "1e3",
        "\"12\"",
        "null",
        "true",
        "[]",
        "{}",
        "1 ",
        "",
        "+1",
        "9999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "99999999999999999999999",
    ];
    prop_oneof![3 => any::<u32>().prop_map(|seq| seq.to_string()), 1 => select(odd.to_vec()).prop_map(str::to_owned)]
}

/// Strings as JSON has them, and what stands in their place.
fn delta() -> impl Strategy<Value = String> {
    let pieces = [
        "word ",
        "caf\u{e9}",
        "\u{1f680}",
        "\\n",
        "\\t",
        "\\\"",
        "\\\\",
        "\\/",
        "\\b",
        "\\f",
        "\\r",
        "\\u00e9",
        "\\u0000",
        "\\u+041",
        "\\u00",
        "\\x",
        "\\",
        "\"",
        "\n",
        "\u{1}",
        "\u{7f}",
        "\\ud83d",
        "\\ude80",
        "\\ud83d\\ude80",
        "\\\\ud83d",
        "\",\"kind\":\"summary",
        "\"}",
        ",",
        " ",
    ];
    let odd = ["null", "7", "true", "[\"a\"]", "{\"delta\":\"a\"}", "", "\"a\",\"part\":null", "\"a\"\"b\""];
    prop_oneof![
        5 => prop::collection::vec(select(pieces.to_vec()), 0..5).prop_map(|pieces| format!("\"{}\"", pieces.concat())),
        1 => select(odd.to_vec()).prop_map(str::to_owned),
    ]
}

/// All around the number and the text: members in any order and spelling, twice, and with blanks.
fn shape() -> impl Strategy<Value = String> {
    let usual = [
        r#""type":"message.part.updated""#,
        r#""seq":SEQ"#,
        r#""chatId":"chat_1""#,
        r#""turnId":"turn_1""#,
        r#""messageId":"msg_1""#,
        r#""partId":"prt_1""#,
        r#""partType":"text""#,
        r#""delta":DELTA"#,
    ];
    let more = [
        r#""partId":"prt_2""#,
        r#""part_id":"prt_3""#,
        r#""partType":"hologram""#,
        r#""partType":"reasoning""#,
        r#""kind":"summary""#,
        r#""kind":"answer""#,
        r#""parentPartId":"prt_0""#,
        r#""time":{"start":1}"#,
        r#""delta":"first""#,
        r#""d\u0065lta":"spelled""#,
        r#""seq":5"#,
        r#""part":null"#,
        r#""part":{"id":"prt_1","type":"text","text":"whole"}"#,
        r#""type":"turn.status""#,
        r#""messageId":"\ud83d""#,
        r#""chatId":"a\"b""#,
        "",
    ];
    let order = prop_oneof![
        3 => Just(usual.to_vec()),
        1 => Just(usual.to_vec()).prop_shuffle(),
        1 => prop::sample::subsequence(usual.to_vec(), 3..8),
    ];
    let between = prop_oneof![3 => Just(","), 1 => Just(" ,\n\t"), 1 => Just(", ")];
    let extra = prop_oneof![2 => Just(vec![]), 2 => prop::collection::vec((0..9_usize, select(more.to_vec())), 1..3)];
    let ends =
        prop_oneof![4 => Just(("{", "}")), 1 => Just((" { ", " } ")), 1 => Just(("{", "")), 1 => Just(("[{", "}]"))];
    (order, extra, between, ends).prop_map(|(mut members, extra, between, (open, close))| {
        for (at, member) in extra {
            members.insert(at.min(members.len()), member);
        }
        format!("{open}{}{close}", members.join(between))
    })
}

/// Streams of a few shapes, each of which comes often.
fn stream() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(shape(), 1..4).prop_flat_map(|shapes| {
        let event = (select(shapes), seq(), delta());
        let event = event.prop_map(|(shape, seq, delta)| shape.replace("SEQ", &seq).replace("DELTA", &delta));
        prop::collection::vec(event, 2..20)
    })
}

fn read_of(event: serde_json::Result<Event>) -> Option<(Event, String, String, bool)> {
    let event = event.ok()?;
    let (json, frame, plain) = (event.to_json(), event.to_frame(), event.is_plain());
    Some((event, json, frame, plain))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn both_readers_read_the_same(stream in stream(), named in any::<bool>()) {
        let name = named.then_some("message.part.updated");
        let (mut fast, mut general) = (Ids::default(), Ids::default());
        for json in &stream {
            general.forget_repeats();
            let read = read_of(Event::parse_among(&mut fast, json, name));
            prop_assert_eq!(read, read_of(Event::parse_among(&mut general, json, name)), "{}", json);
        }
    }
}

fn json(part: &str, seq: u64, delta: &str) -> String {
    format!(
        r#"{{"type":"message.part.updated","seq":{seq},"chatId":"chat_1","turnId":"turn_1","messageId":"msg_1","partId":"{part}","partType":"text","delta":"{delta}"}}"#
    )
}

#[test]
fn parts_that_grow_in_turn_are_each_known() {
    let mut ids = Ids::default();
    let parts: Vec<String> = (0..PATTERNS).map(|part| format!("prt_{part}")).collect();
    for part in &parts {
        assert!(ids.repeated(&json(part, 1, "a")).is_none());
        Event::parse_among(&mut ids, &json(part, 1, "a"), None).unwrap();
    }
    for seq in 2..20 {
        for part in &parts {
            let event = ids.repeated(&json(part, seq, "say \\\"b\\\"")).unwrap();
            assert_eq!((event.seq, event.text_delta()), (seq, Some("say \"b\"")));
            assert_eq!(event.raw(), Some(&*json(part, seq, "say \\\"b\\\"")));
        }
    }
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut ids = Ids::default();
    for part in 0..10_000 {
        Event::parse_among(&mut ids, &json(&format!("prt_{part}"), 1, "a"), None).unwrap();
    }
    let long = json(&"p".repeat(MAX_PATTERN), 1, "a");
    Event::parse_among(&mut ids, &long, None).unwrap();
    assert!(ids.repeated(&long).is_none());
    assert_eq!(ids.patterns(), PATTERNS);
}
