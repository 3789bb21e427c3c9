//! Numbers that no strict reader takes, such as `1e999`: a reader of Rust refuses all of the JSON that holds one.

use std::borrow::Cow;

/// A number of more digits than these before its point may be beyond what a float holds.
const MAX_DIGITS: usize = 308;

/// The JSON with `null` for every number that is beyond what a float holds, so that it costs only its own field.
pub(crate) fn readable(json: &str) -> Cow<'_, str> {
    if !suspicious(json.as_bytes()) {
        return Cow::Borrowed(json);
    }
    let bytes = json.as_bytes();
    let (mut out, mut copied, mut at) = (String::new(), 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = after_text(bytes, at),
            b'-' | b'0'..=b'9' => {
                let end = at + number(&bytes[at..]);
                if json[at..end].parse::<f64>().is_ok_and(f64::is_infinite) {
                    out.push_str(&json[copied..at]);
                    out.push_str("null");
                    copied = end;
                }
                at = end;
            }
            _ => at += 1,
        }
    }
    if copied == 0 { Cow::Borrowed(json) } else { Cow::Owned(out + &json[copied..]) }
}

/// Whether there may be such a number: an exponent of several digits, or very many digits. The first look has no branch, as nearly
/// all JSON has neither.
fn suspicious(json: &[u8]) -> bool {
    let is = |yes: bool| u8::from(yes);
    let exponents = json.windows(4).fold(0, |found, four| {
        let exponent = is(four[0].is_ascii_digit()) & is(four[1] | 0x20 == b'e');
        let long = (is(four[2].is_ascii_digit()) | is(four[2] == b'+')) & is(four[3].is_ascii_digit());
        found | exponent & long
    });
    exponents > 0 || json.iter().step_by(MAX_DIGITS).any(u8::is_ascii_digit) && long_run(json)
}

fn long_run(json: &[u8]) -> bool {
    json.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() > MAX_DIGITS)
}

/// Where the text that begins at `start` has ended.
fn after_text(json: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(found) = memchr::memchr2(b'"', b'\\', json.get(at..).unwrap_or_default()) {
        at += found;
        if json[at] == b'"' {
            return at + 1;
        }
        at += 2;
    }
    json.len()
}

fn number(json: &[u8]) -> usize {
    let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    json.iter().take_while(|byte| part(byte)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_number_beyond_a_float_is_taken_out() {
        let long = "9".repeat(MAX_DIGITS + 2);
        for (json, expected) in [
            (r#"{"a":1e999,"b":[-1E+400,2]}"#.to_owned(), r#"{"a":null,"b":[null,2]}"#),
            (format!(r#"{{"a":{long}}}"#), r#"{"a":null}"#),
            (format!("[-{long}.5,1]"), "[null,1]"),
            ("1e999".into(), "null"),
        ] {
            assert_eq!(readable(&json), expected);
            assert!(serde_json::from_str::<serde_json::Value>(expected).is_ok());
        }
        for same in [
            r#"{"a":"1e999","b":1e-999,"c":"\"1e999","d":1.5e300}"#.to_owned(),
            format!(r#"{{"a":"{long}"}}"#),
            r#"{"id":"ses_66d3e999","a":1e5}"#.into(),
            r#"{"a":"1e999"#.into(),
            "\"1e999\\".into(),
            String::new(),
        ] {
            assert!(matches!(readable(&same), Cow::Borrowed(_)), "{same}");
        }
    }
}
