//! Extracts the reason of an error from an answer of `OpenCode`, for our own messages.

use crate::runtime::{RuntimeError, RuntimeFault};
use serde_json::Value;
use std::path::Path;

/// The maximum length of a reason.
const LONGEST: usize = 300;

/// The text on one line, without colours.
pub(super) fn said(text: &str) -> String {
    turnwire::plain(text).split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// An answer with a status that is no success, to a call for `directory`.
pub(super) fn refusal(status: u16, body: &str, directory: Option<&Path>) -> RuntimeError {
    let body: Value = serde_json::from_str(body).unwrap_or_else(|_| Value::from(body));
    let (data, name) = (&body["data"], body["name"].as_str().unwrap_or_default());
    if name.starts_with("Config")
        && let Some(file) = data["path"].as_str()
    {
        return wrong_configuration(Path::new(file), &reason(&body), directory);
    }
    let kind = match status {
        404 => RuntimeFault::SessionGone,
        400..=499 => RuntimeFault::Refused,
        _ => RuntimeFault::Unavailable,
    };
    RuntimeError::new(kind, format!("OpenCode refused ({status}): {}", reason(&body)))
}

/// A file of the workspace is named to its owner, who can fix it. The path of any other file is the operator's and is not shown.
fn wrong_configuration(file: &Path, why: &str, directory: Option<&Path>) -> RuntimeError {
    if let Some(file) = directory.and_then(|directory| file.strip_prefix(directory).ok()) {
        let file = file.display();
        let what = format!("OpenCode cannot use {file} in this chat's workspace; replace or delete it: {why}");
        return RuntimeError::new(RuntimeFault::Workspace, what);
    }
    let file = file.file_name().unwrap_or_default().to_string_lossy();
    RuntimeError::unavailable(format!(
        "OpenCode cannot use the configuration {file} of the server; its operator can mend it: {why}"
    ))
}

fn reason(body: &Value) -> String {
    let data = &body["data"];
    let issues: Vec<String> = data["issues"].as_array().into_iter().flatten().filter_map(issue).collect();
    let text = |value: &Value| value.as_str().map(said).filter(|text| !text.is_empty());
    if !issues.is_empty() {
        return said(&issues.join("; "));
    }
    // A page is no reason.
    let page = body.as_str().is_some_and(|text| text.trim_start().starts_with('<'));
    let found = [
        &data["message"],
        &body["message"],
        &body["error"]["message"],
        &body["error"],
        body,
        &body["name"],
        &body["_tag"],
    ];
    let found = found.into_iter().filter(|_| !page).find_map(text);
    found.unwrap_or_else(|| "it gave no reason; its own log may".to_owned())
}

/// One issue, with its location.
fn issue(issue: &Value) -> Option<String> {
    let message = issue["message"].as_str()?;
    let at = issue["path"].as_array().into_iter().flatten();
    let at: Vec<String> = at.map(|step| step.as_str().map_or_else(|| step.to_string(), str::to_owned)).collect();
    Some(if at.is_empty() { message.to_owned() } else { format!("{}: {message}", at.join(".")) })
}

#[cfg(test)]
mod tests {
    use super::refusal;
    use crate::runtime::RuntimeFault;
    use std::path::Path;

    fn told(status: u16, body: &str) -> (RuntimeFault, String) {
        let error = refusal(status, body, Some(Path::new("/data/workspaces/chat_1")));
        (error.kind, error.message)
    }

    #[test]
    fn what_opencode_says_is_passed_on() {
        let issues = r#"{"name":"ConfigInvalidError","data":{"path":"/data/workspaces/chat_1/.opencode/agent/x.md","issues":[
            {"path":["model"],"message":"Expected string, got 7"},{"path":["mcp",0],"message":"Missing key"}]}}"#;
        let (kind, message) = told(400, issues);
        assert_eq!(kind, RuntimeFault::Workspace);
        assert_eq!(
            message,
            "OpenCode cannot use .opencode/agent/x.md in this chat's workspace; replace or delete it: \
             model: Expected string, got 7; mcp.0: Missing key"
        );
        let theirs = r#"{"name":"ConfigJsonError","data":{"path":"/home/anna/.config/opencode/opencode.json",
            "message":"\n--- JSONC Input ---\n{ no\n--- Errors ---\n\u001b[31mInvalidSymbol\u001b[0m"}}"#;
        let (kind, message) = told(400, theirs);
        assert_eq!(kind, RuntimeFault::Unavailable, "whoever asks cannot mend it");
        assert!(message.ends_with("--- JSONC Input --- { no --- Errors --- InvalidSymbol"), "{message}");
        assert!(message.contains("opencode.json") && !message.contains("anna"), "{message}");
    }

    #[test]
    fn whatever_shape_a_reason_has_it_is_found() {
        for (body, expected) in [
            (r#"{"data":{"message":"One."}}"#, "One."),
            (r#"{"message":"\u001b[91mTwo.\u001b[0m"}"#, "Two."),
            (r#"{"error":{"message":"Three."}}"#, "Three."),
            (r#"{"error":"Four."}"#, "Four."),
            (r#"{"_tag":"BadRequest"}"#, "BadRequest"),
            (r#"{"name":"UnknownError","data":{"message":""}}"#, "UnknownError"),
            ("Five,\n in plain words", "Five, in plain words"),
            ("", "it gave no reason; its own log may"),
            ("<!doctype html><p>Six", "it gave no reason; its own log may"),
        ] {
            assert_eq!(told(500, body).1, format!("OpenCode refused (500): {expected}"), "{body}");
        }
        assert_eq!(told(404, "{}").0, RuntimeFault::SessionGone);
    }
}
