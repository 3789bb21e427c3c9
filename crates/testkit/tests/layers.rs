//! The modules of a crate import one another in one direction: no circle of `crate::…` paths.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{files, root};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

type Graph = BTreeMap<String, BTreeSet<String>>;

/// The layers of the client, each of which imports only those before it.
const LAYERS: [&str; 4] = ["http", "operations", "stream", "chat"];

/// The modules that a source names by `crate::…`, those in braces included.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().filter_map(|line| line.split("//").next()).flat_map(|line| [line, "\n"]).collect();
    let word =
        |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            found.insert(word(rest));
            continue;
        };
        let mut depth = 0;
        let mut start = true;
        for (at, letter) in group.char_indices() {
            if start && depth == 0 {
                found.insert(word(&group[at..]));
            }
            start = letter == ',' || (start && letter.is_whitespace());
            match letter {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    found.retain(|name| !name.is_empty());
    found
}

/// Which top-level module of a crate imports which.
fn graph(folder: &Path) -> Graph {
    let files = files(folder, &["rs"]);
    let module = |file: &Path| {
        let first = file.strip_prefix(folder).unwrap().components().next().unwrap();
        first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned()
    };
    let names: BTreeSet<_> = files.iter().map(|file| module(file)).collect();
    let mut graph = Graph::new();
    for file in &files {
        let own = module(file);
        // What a crate exports at its root is not a module of its own.
        if own == "lib" || own == "main" {
            continue;
        }
        let imported = imports(&fs::read_to_string(file).unwrap());
        let others = imported.into_iter().filter(|name| *name != own && names.contains(name));
        graph.entry(own.clone()).or_default().extend(others);
    }
    graph
}

/// A circle, as the path that leads around it.
fn circle(graph: &Graph) -> Option<Vec<&str>> {
    fn visit<'a>(graph: &'a Graph, at: &'a str, path: &mut Vec<&'a str>, done: &mut BTreeSet<&'a str>) -> bool {
        if done.contains(at) {
            return false;
        }
        let begun = path.contains(&at);
        path.push(at);
        if begun || graph.get(at).is_some_and(|next| next.iter().any(|next| visit(graph, next, path, done))) {
            return true;
        }
        path.pop();
        done.insert(at);
        false
    }
    let (mut path, mut done) = (Vec::new(), BTreeSet::new());
    graph.keys().any(|start| visit(graph, start, &mut path, &mut done)).then_some(path)
}

#[test]
fn neither_the_core_nor_a_binding_has_a_circle_of_imports() {
    for folder in [
        "crates/core",
        "crates/bridge",
        "bindings/python",
        "bindings/node",
        "crates/practice",
        "crates/cli",
        "crates/testkit",
    ] {
        let graph = graph(&root().join(folder).join("src"));
        assert!(graph.len() > 1, "{folder} has modules");
        assert_eq!(circle(&graph), None, "in {folder}");
    }
}

#[test]
fn a_layer_of_the_client_imports_only_those_before_it() {
    let graph = graph(&root().join("crates/core/src"));
    for (at, layer) in LAYERS.iter().enumerate() {
        let later: Vec<_> = LAYERS[at + 1..].iter().filter(|later| graph[*layer].contains(**later)).collect();
        assert!(later.is_empty(), "{layer} imports {later:?}");
    }
    for (module, imported) in graph.iter().filter(|(module, _)| !LAYERS.contains(&module.as_str())) {
        let client: Vec<_> = LAYERS.iter().filter(|layer| imported.contains(**layer)).collect();
        assert!(client.is_empty(), "{module} works without the client, and imports {client:?}");
    }
}

#[test]
fn a_circle_is_found_wherever_it_begins() {
    let parse = |text: &str| imports(text).into_iter().collect::<Vec<_>>();
    assert_eq!(parse("use crate::{a::{B, c}, d};\nfn f() { crate::e::g() } // crate::h"), ["a", "d", "e"]);
    let graph = |edges: &[(&str, &str)]| {
        let mut graph = Graph::new();
        for (from, to) in edges {
            graph.entry((*from).into()).or_default().insert((*to).into());
        }
        graph
    };
    assert_eq!(circle(&graph(&[("a", "b"), ("b", "c"), ("c", "b")])), Some(vec!["a", "b", "c", "b"]));
    assert_eq!(circle(&graph(&[("a", "b"), ("a", "c"), ("b", "c")])), None);
}
