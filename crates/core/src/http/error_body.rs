//! Extracts the message of an error's body in any format: our server's, the hosted service's, a framework's, a proxy's.

use crate::numbers;
use serde_json::Value;
use std::fmt::Write as _;

/// The maximum length of a message from a service.
const MAX: usize = 600;
/// Of a list of problems so many are shown.
const MAX_PROBLEMS: usize = 5;
const DEEPEST: usize = 4;

/// The message in a body, for a person; `None` if it has none. `body` may be truncated.
pub(super) fn message(body: &str) -> Option<String> {
    let body = body.trim_start_matches('\u{feff}').trim();
    let found = match serde_json::from_str::<Value>(&numbers::readable(body)) {
        Ok(value) => of_value(&value, 0),
        // JSON that was cut, or never was whole, is shown as it is.
        Err(_) if looks_like_html(body) => of_html(body),
        Err(_) => Some(body.to_owned()),
    };
    found.map(|text| bounded(&text)).filter(|text| !text.is_empty())
}

fn of_value(value: &Value, depth: usize) -> Option<String> {
    if depth > DEEPEST {
        return None;
    }
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Array(problems) => {
            let shown: Vec<String> = problems.iter().filter_map(|problem| of_value(problem, depth + 1)).collect();
            let more = shown.len().saturating_sub(MAX_PROBLEMS);
            let mut text = shown.into_iter().take(MAX_PROBLEMS).collect::<Vec<_>>().join("; ");
            if more > 0 {
                let _ = write!(text, "; and {more} more");
            }
            Some(text).filter(|text| !text.is_empty())
        }
        Value::Object(fields) => {
            let field = |names: &[&str]| names.iter().find_map(|name| of_value(fields.get(*name)?, depth + 1));
            // FastAPI and pydantic say where.
            let place = fields.get("loc").or_else(|| fields.get("field")).or_else(|| fields.get("path")).and_then(path);
            let text = field(&["error"])
                .filter(|_| fields.get("error").is_some_and(Value::is_object))
                .or_else(|| field(&["message", "Message"]))
                .or_else(|| match (field(&["title"]), field(&["detail"])) {
                    // RFC 9457: the title is the kind, the detail the case.
                    (Some(title), Some(detail)) if title != detail => Some(format!("{title}: {detail}")),
                    (title, detail) => detail.or(title),
                })
                .or_else(|| field(&["error_description", "msg", "error", "reason", "description"]))
                .or_else(|| field(&["statusMessage"]));
            let errors = fields.get("errors").and_then(|errors| of_errors(errors, depth + 1));
            let text = match (text, errors) {
                // A bare `Validation failed` is of no use without what failed.
                (Some(text), Some(errors)) if !text.contains(&errors) && !errors.contains(&text) => {
                    Some(format!("{text}: {errors}"))
                }
                (text, errors) => errors.filter(|_| text.is_none()).or(text),
            }?;
            Some(match place {
                Some(place) => format!("{place}: {text}"),
                None => text,
            })
        }
        _ => None,
    }
}

/// `errors`: a list of problems, or the problems by field.
fn of_errors(errors: &Value, depth: usize) -> Option<String> {
    match errors {
        Value::Object(fields) => {
            let shown = fields.iter().take(MAX_PROBLEMS);
            let shown = shown.filter_map(|(name, value)| Some(format!("{name}: {}", of_value(value, depth + 1)?)));
            Some(shown.collect::<Vec<_>>().join("; ")).filter(|text| !text.is_empty())
        }
        other => of_value(other, depth),
    }
}

/// `["body", "parts", 0]` as `body.parts.0`.
fn path(value: &Value) -> Option<String> {
    let word = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    match value {
        Value::Array(words) => Some(words.iter().filter_map(word).collect::<Vec<_>>().join(".")),
        other => word(other),
    }
    .filter(|text| !text.is_empty())
}

fn looks_like_html(body: &str) -> bool {
    body.starts_with('<')
}

/// The title of a page, or its text if it has none.
fn of_html(page: &str) -> Option<String> {
    let lower = page.to_ascii_lowercase();
    let between = |open: &str, close: &str| {
        let from = lower.find(open)?;
        let from = from + lower[from..].find('>')? + 1;
        let to = from + lower[from..].find(close)?;
        Some(without_tags(&page[from..to])).filter(|text| !text.is_empty())
    };
    let title = between("<title", "</title");
    let heading = between("<h1", "</h1");
    match (title, heading) {
        (Some(title), Some(heading)) if title != heading => Some(format!("{title}: {heading}")),
        (title, heading) => title.or(heading).or_else(|| Some(without_tags(page)).filter(|text| !text.is_empty())),
    }
}

fn without_tags(text: &str) -> String {
    let mut out = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                out.push(' ');
            }
            c if !inside => out.push(c),
            _ => {}
        }
    }
    out.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One line, short, with nothing in it that a terminal would obey.
pub(super) fn bounded(text: &str) -> String {
    let mut out = String::new();
    for (count, word) in
        text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()).enumerate()
    {
        if count > 0 {
            out.push(' ');
        }
        out.push_str(word);
        if out.len() > MAX {
            let end = (0..=MAX).rev().find(|at| out.is_char_boundary(*at)).unwrap_or(0);
            out.truncate(end);
            out.push('…');
            break;
        }
    }
    out
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// PROTOCOL ERR-3.
    #[test]
    fn what_others_say_of_an_error_is_read() {
        for (body, expected) in [
            (r#"{"detail":"Not authenticated"}"#, "Not authenticated"),
            (
                r#"{"detail":[{"loc":["body","parts",0],"msg":"field required","type":"missing"},{"loc":["query"],"msg":"bad"}]}"#,
                "body.parts.0: field required; query: bad",
            ),
            (r#"{"errors":["one","two"]}"#, "one; two"),
            (r#"{"errors":[{"message":"one"},{"detail":"two"},{"title":"three"}]}"#, "one; two; three"),
            (r#"{"errors":{"title":["too long"],"parts":["missing"]}}"#, "parts: missing; title: too long"),
            (
                r#"{"message":"Validation failed","errors":[{"field":"title","message":"too long"}]}"#,
                "Validation failed: title: too long",
            ),
            (r#"{"message":["one","two"],"error":"Bad Request","statusCode":400}"#, "one; two"),
            (
                r#"{"type":"about:blank","title":"Out of credit","detail":"Your balance is 30."}"#,
                "Out of credit: Your balance is 30.",
            ),
            (r#"{"title":"Out of credit"}"#, "Out of credit"),
            (r#"{"error":{"code":404,"message":"No chat.","status":"NOT_FOUND"}}"#, "No chat."),
            (r#"{"error":"invalid_grant","error_description":"The token ended."}"#, "The token ended."),
            (r#"{"error":"No chat."}"#, "No chat."),
            (r#"{"error":["one"]}"#, "one"),
            (r#"{"error":{"errors":[{"reason":"quota"}]}}"#, "quota"),
            (r#"{"Message":"User is not authorized"}"#, "User is not authorized"),
            (r#""a bare string""#, "a bare string"),
            (r#"[{"message":"in a list"}]"#, "in a list"),
            ("upstream connect error or disconnect", "upstream connect error or disconnect"),
            ("  two\r\n lines \u{1b}[31mred", "two lines [31mred"),
            (
                "<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>",
                "502 Bad Gateway: nginx",
            ),
            ("<!DOCTYPE html><p>Sign&nbsp;in <b>first</b></p>", "Sign&nbsp;in first"),
            ("<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>", "AccessDenied"),
            (r#"{"error":{"message":"cut he"#, r#"{"error":{"message":"cut he"#),
        ] {
            assert_eq!(message(body).as_deref(), Some(expected), "{body}");
        }
        for none in ["", "   ", "{}", "null", "[]", "12", r#"{"detail":""}"#, r#"{"error":{}}"#, "<html></html>"] {
            assert_eq!(message(none), None, "{none}");
        }
    }

    #[test]
    fn what_is_said_is_bounded() {
        let long = "wörd ".repeat(100_000);
        for body in [
            long.clone(),
            serde_json::json!({"detail": long}).to_string(),
            serde_json::json!({"errors": [long, long]}).to_string(),
        ] {
            assert!(message(&body).unwrap().len() < 700);
        }
        let many: Vec<_> = (0..1000).map(|number| number.to_string()).collect();
        assert_eq!(message(&serde_json::json!({"errors": many}).to_string()).unwrap(), "0; 1; 2; 3; 4; and 995 more");
        let deep = format!("{}\"x\"{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(message(&deep), None);
    }
}
