//! The contract, as the server serves it, and whether an answer fits it.

use super::Answer;
use jsonschema::Validator;
use serde_json::{Value, json};
use std::collections::HashMap;

pub struct Spec {
    openapi: Value,
    /// By pointer into the document.
    validators: HashMap<String, Validator>,
    event: Validator,
}

impl Spec {
    /// From the two documents, put into one so that every reference stands in it.
    pub fn new(openapi: &str, events: &str) -> Self {
        let openapi = openapi.replace("events.schema.json#/$defs/", "#/$defs/");
        let mut openapi: Value = serde_json::from_str(&openapi).unwrap();
        let events: Value = serde_json::from_str(events).unwrap();
        openapi["$defs"] = events["$defs"].clone();
        let validators = HashMap::new();
        let event = jsonschema::validator_for(&events).unwrap();
        let mut spec = Self { openapi, validators, event };
        spec.compile();
        spec
    }

    fn compile(&mut self) {
        let root = json!({ "components": self.openapi["components"], "$defs": self.openapi["$defs"] });
        for (_, operations) in self.openapi["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                for response in operation["responses"].as_object().into_iter().flat_map(serde_json::Map::values) {
                    if let Some(schema) = schema_of(&self.openapi, response) {
                        let key = schema.to_string();
                        let mut whole = root.clone();
                        whole["allOf"] = json!([schema]);
                        self.validators.entry(key).or_insert_with(|| jsonschema::validator_for(&whole).unwrap());
                    }
                }
            }
        }
    }

    /// Whether an answer is one the contract has for this call.
    pub fn check(&self, method: &str, path: &str, answer: &Answer) {
        assert_eq!(answer.header("turnwire-contract"), "1", "{method} {path}");
        assert!(answer.header("x-request-id").starts_with("req_"), "{method} {path}");
        let path = path.split('?').next().unwrap().replace("/agent/v1/", "/agent/v2/");
        let paths = self.openapi["paths"].as_object().unwrap();
        let exact = paths.keys().find(|template| **template == path);
        let Some(template) = exact.or_else(|| paths.keys().find(|template| fits(template, &path))) else {
            return;
        };
        let responses = &self.openapi["paths"][template][method.to_lowercase()]["responses"];
        if responses.is_null() {
            return;
        }
        let response = responses.get(answer.status.to_string()).or_else(|| responses.get("default"));
        let response = response.unwrap_or_else(|| panic!("{method} {path}: the contract has no {}", answer.status));
        if let Some(schema) = schema_of(&self.openapi, response) {
            assert_eq!(answer.header("content-type"), "application/json", "{method} {path}");
            let body = answer.json();
            let errors: Vec<_> =
                self.validators[&schema.to_string()].iter_errors(&body).map(|e| e.to_string()).collect();
            assert!(errors.is_empty(), "{method} {path} {}: {errors:?}\n{body:#}", answer.status);
        }
    }

    /// Whether a turn's event is one the contract has.
    pub fn check_event(&self, data: &str) {
        let event: Value = serde_json::from_str(data).unwrap();
        let errors: Vec<_> = self.event.iter_errors(&event).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:?}\n{event:#}");
    }
}

fn schema_of(openapi: &Value, response: &Value) -> Option<Value> {
    let response = match response["$ref"].as_str() {
        Some(reference) => openapi.pointer(reference.trim_start_matches('#')).unwrap(),
        None => response,
    };
    response["content"]["application/json"].get("schema").cloned()
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
