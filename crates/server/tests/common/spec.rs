//! The contract as it stands in `spec/`, and whether an answer or a frame fits it. Every answer of every test is held against it.

use super::{Answer, Frame};
use http::HeaderMap;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::sync::LazyLock;

static SPEC: LazyLock<Spec> = LazyLock::new(Spec::read);
const OPENAPI: &str = include_str!("../../../../spec/openapi.yaml");
const EVENTS: &str = include_str!("../../../../spec/events.schema.json");

/// The contract.
pub fn spec() -> &'static Spec {
    &SPEC
}

/// The routes, as they are served: the file with its headers put in place.
pub fn openapi() -> Value {
    let mut openapi: serde_yaml_ng::Value = serde_yaml_ng::from_str(OPENAPI).unwrap();
    openapi.apply_merge().unwrap();
    serde_yaml_ng::from_value(openapi).unwrap()
}

/// The events, as they are served.
pub fn events() -> Value {
    serde_json::from_str(EVENTS).unwrap()
}

pub struct Spec {
    openapi: Value,
    /// By the text of their schema.
    validators: HashMap<String, Validator>,
    event: Validator,
    relayed: Validator,
    gap: Validator,
    reset: Validator,
}

impl Spec {
    /// From the two documents, put into one so that every reference stands in it.
    fn read() -> Self {
        let events = events();
        let text = openapi().to_string().replace("events.schema.json#/$defs/", "#/$defs/");
        let mut openapi: Value = serde_json::from_str(&text).unwrap();
        openapi["$defs"] = events["$defs"].clone();
        let of = |name: &str| {
            let whole = json!({ "$defs": events["$defs"], "$ref": format!("#/$defs/{name}") });
            jsonschema::validator_for(&whole).unwrap()
        };
        let (relayed, gap, reset) = (of("relay.event"), of("relay.gap"), of("relay.reset"));
        let event = jsonschema::validator_for(&events).unwrap();
        let mut spec = Self { openapi, validators: HashMap::new(), event, relayed, gap, reset };
        spec.compile();
        spec
    }

    fn compile(&mut self) {
        let root = json!({ "components": self.openapi["components"], "$defs": self.openapi["$defs"] });
        let mut schemas = vec![json!({ "$ref": "#/components/schemas/Error" })];
        for operations in self.openapi["paths"].as_object().unwrap().values() {
            for operation in operations.as_object().unwrap().values() {
                for response in operation["responses"].as_object().into_iter().flat_map(Map::values) {
                    let response = self.resolved(response);
                    schemas.extend(response["content"]["application/json"].get("schema").cloned());
                    for header in response["headers"].as_object().into_iter().flat_map(Map::values) {
                        schemas.push(self.resolved(header)["schema"].clone());
                    }
                }
            }
        }
        for schema in schemas {
            let mut whole = root.clone();
            whole["allOf"] = json!([schema]);
            self.validators.entry(schema.to_string()).or_insert_with(|| jsonschema::validator_for(&whole).unwrap());
        }
    }

    fn resolved<'a>(&'a self, place: &'a Value) -> &'a Value {
        match place["$ref"].as_str() {
            Some(reference) => self.openapi.pointer(reference.trim_start_matches('#')).unwrap(),
            None => place,
        }
    }

    /// Whether an answer, read to its end, is one the contract has for this call.
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        let what = format!("{method} {path}: {}", answer.status);
        let Some(response) = self.check_head(method, path, answer.status, &answer.headers) else { return };
        let Some(content) = response["content"].as_object() else {
            assert!(answer.body.is_empty(), "{what}: the contract has no body here, and there is {:?}", answer.body);
            return;
        };
        let kind = answer.header("content-type").split(';').next().unwrap();
        assert!(content.keys().any(|wanted| wanted == "*/*" || wanted == kind), "{what}: a body of the kind {kind:?}");
        if let Some(schema) = content.get("application/json").and_then(|json| json.get("schema")) {
            self.fits(schema, &answer.json(), &what);
        }
        if answer.status >= 400 {
            is_error(answer, &what);
        }
    }

    /// The same without the body, for what is read as it comes; gives what the contract has for it. `None`: a preflight, which
    /// is the browser's and not the contract's, or what never came to a route.
    pub fn check_head(&self, method: &str, path: &str, status: u16, headers: &HeaderMap) -> Option<&Value> {
        let what = format!("{method} {path}: {status}");
        // Headers that are too large nobody has read: no route, and no id, is known to who refuses them.
        if status == 431 {
            return None;
        }
        // PROTOCOL VER-1, HTTP-2.
        for (name, beginning) in [("turnwire-contract", "1"), ("x-request-id", "req_")] {
            let value = headers.get(name).unwrap_or_else(|| panic!("{what}: without {name}"));
            assert!(value.to_str().unwrap().starts_with(beginning), "{what}: {name}: {value:?}");
        }
        if method == "OPTIONS" {
            assert_eq!(status, 204, "{what}");
            return None;
        }
        let error = &self.openapi["components"]["responses"]["Error"];
        let response = if let Some(operation) = self.operation(method, path) {
            let responses = &operation["responses"];
            let response = responses.get(status.to_string()).or_else(|| responses.get("default"));
            self.resolved(response.unwrap_or_else(|| panic!("{what}: the contract has no such status")))
        } else {
            // No such route, or no such method of it: the rest of the contract holds all the same.
            assert!((400..500).contains(&status), "{what}: answered, though the contract does not have it");
            error
        };
        assert!(status < 400 || response["content"].get("application/json").is_some(), "{what}: an error as JSON");
        for (name, header) in response["headers"].as_object().into_iter().flatten() {
            let header = self.resolved(header);
            let Some(value) = headers.get(name) else {
                assert!(header["required"] != true, "{what}: without {name}");
                continue;
            };
            let value = value.to_str().unwrap();
            let number = if header["schema"]["type"] == "integer" { value.parse::<u64>().ok() } else { None };
            self.fits(&header["schema"], &number.map_or_else(|| json!(value), |number| json!(number)), &what);
        }
        Some(response)
    }

    /// The names of all operations.
    pub fn operations(&self) -> impl Iterator<Item = &str> {
        let paths = self.openapi["paths"].as_object().unwrap().values();
        paths.flat_map(|operations| {
            operations.as_object().unwrap().values().filter_map(|one| one["operationId"].as_str())
        })
    }

    /// The operation that is called, if the contract has it.
    pub fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        let path = path.split('?').next().unwrap();
        // The older prefix has the same routes, but for one.
        let old = path.starts_with("/agent/v1/");
        let path = path.replacen("/agent/v1/", "/agent/v2/", 1);
        if old && path.ends_with("/stream-token") {
            return None;
        }
        let paths = self.openapi["paths"].as_object().unwrap();
        let exact = paths.keys().find(|template| **template == path);
        let template = exact.or_else(|| paths.keys().find(|template| fits(template, &path)))?;
        paths[template].get(method.to_lowercase())
    }

    fn fits(&self, schema: &Value, value: &Value, what: &str) {
        let errors = self.validators[&schema.to_string()].iter_errors(value);
        let errors: Vec<_> = errors.map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{what}: {errors:?}\n{value:#}");
    }
}

/// A body of an error: what its code says in the one table, the same words and the same id in both of its shapes.
/// PROTOCOL ERR-1, ERR-2, LIMIT-2.
fn is_error(answer: &Answer, what: &str) {
    let body = answer.json();
    let code = body["error"]["code"].as_str().unwrap();
    let row = turnwire::error::lookup(code).unwrap_or_else(|| panic!("{what}: {code} is not in the table"));
    assert_eq!((row.status, row.wire_type), (answer.status, body["error"]["type"].as_str().unwrap()), "{what}");
    assert_eq!(body["statusCode"], answer.status, "{what}");
    assert_eq!(body["message"], body["error"]["message"], "{what}");
    assert_eq!(body["error"]["requestId"], answer.header("x-request-id"), "{what}");
    assert_eq!(body["error"].get("activeTurnId").is_some(), code == "turn_conflict", "{what}: {body}");
    if matches!(answer.status, 429 | 503) {
        assert!(!answer.header("retry-after").is_empty(), "{what}: without Retry-After");
    }
}

/// What a stream tells, and so what its frames must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// `respond`, and a turn's stream: events with their type and their number in the turn.
    Turn,
    /// The relay: raw events, each with its number in the log.
    Raw,
    /// The relay with `view=turns`: events without a type's line.
    Turns,
}

impl Told {
    pub fn of(path: &str) -> Self {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match path.ends_with("/stream") && !path.contains("/turns/") {
            true if query.split('&').any(|pair| pair == "view=turns") => Self::Turns,
            true => Self::Raw,
            false => Self::Turn,
        }
    }

    /// Whether a frame is one the contract has; `before`: the number of the frame before it, which the next one starts from.
    /// PROTOCOL EVENT-1, RELAY-1, RELAY-9.
    pub fn check(self, frame: &Frame, before: &mut Option<u64>) {
        let data: Value = serde_json::from_str(&frame.data).unwrap_or_else(|error| panic!("{error}: {frame:?}"));
        let number = || frame.id.parse::<u64>().unwrap_or_else(|_| panic!("no number: {frame:?}"));
        let spec = spec();
        let validator = match (self, frame.event.as_deref()) {
            (Self::Turn, event) => {
                assert_eq!(event, data["type"].as_str(), "its name is its type");
                assert_eq!(data["seq"], number(), "its number is its place in the turn");
                &spec.event
            }
            (_, Some("gap")) => &spec.gap,
            (_, Some("reset")) => &spec.reset,
            (_, Some(other)) => panic!("a frame of a relay has no name, and this one is {other:?}"),
            (Self::Raw, None) => {
                let last = before.replace(number());
                assert!(last.is_none_or(|last| number() > last), "{frame:?} comes after {last:?}");
                &spec.relayed
            }
            (Self::Turns, None) => {
                // A number stays until the next one comes.
                if !frame.id.is_empty() {
                    let last = before.replace(number());
                    assert!(last.is_none_or(|last| number() >= last), "{frame:?} comes after {last:?}");
                }
                &spec.event
            }
        };
        let errors: Vec<_> = validator.iter_errors(&data).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{data:#}");
    }
}

/// The bytes of a stream so far, to the letter: how it opens, one `data:` line a frame and last in it, comments as bare lines.
/// PROTOCOL FRAME-1, FRAME-2.
pub fn framing(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let opening = "retry: 1000\n: ok\n";
    assert!(
        text.starts_with(opening) || opening.starts_with(&*text),
        "{:?}",
        text.chars().take(40).collect::<String>()
    );
    assert!(!text.contains('\r'));
    // What follows the last empty line may have been cut off.
    for frame in text.split("\n\n").collect::<Vec<_>>().split_last().map_or(&[][..], |(_, whole)| whole) {
        let data = frame.lines().filter(|line| line.starts_with("data: ")).count();
        assert_eq!(data, 1, "one data line a frame: {frame:?}");
        assert!(frame.lines().last().is_some_and(|line| line.starts_with("data: ")), "it comes last: {frame:?}");
    }
}

fn fits(template: &str, path: &str) -> bool {
    let mut wanted = template.split('/');
    let mut given = path.split('/');
    loop {
        match (wanted.next(), given.next()) {
            (Some("{filePath}"), Some(_)) | (None, None) => return true,
            (Some(wanted), Some(given)) if wanted == given || (wanted.starts_with('{') && !given.is_empty()) => {}
            _ => return false,
        }
    }
}
