//! The links of the documentation: every page is in the index, and every relative link leads somewhere.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{files, root};
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::PathBuf;

/// The lines of a page outside its code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence && !line.starts_with("    ")
    })
}

/// The targets of the links of a page.
fn links(text: &str) -> Vec<String> {
    let prose: String = prose(text).flat_map(|line| [line, "\n"]).collect();
    let targets = prose.split("](").skip(1).map(|rest| rest.split(')').next().unwrap().to_owned());
    targets.filter(|target| !target.contains("://")).collect()
}

/// The anchors of a page's headings, spelled as GitHub spells them.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut seen: HashMap<String, usize> = HashMap::new();
    let headings = prose(text).filter(|line| line.starts_with('#'));
    let anchors = headings.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
        let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
        let count = seen.entry(anchor.clone()).or_default();
        *count += 1;
        if *count == 1 { anchor } else { format!("{anchor}-{}", *count - 1) }
    });
    anchors.collect()
}

#[test]
fn the_index_links_every_page_of_docs_and_spec() {
    let text = fs::read_to_string(root().join("docs/README.md")).unwrap();
    let linked: BTreeSet<PathBuf> = links(&text)
        .iter()
        .filter_map(|link| root().join("docs").join(link.split('#').next().unwrap()).canonicalize().ok())
        .collect();
    for folder in ["docs", "spec"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let itself = path.ends_with("docs/README.md");
            assert!(itself || linked.contains(&path), "docs/README.md does not link {}", path.display());
        }
    }
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let pages = files(&root(), &["md"]);
    let (mut count, mut broken) = (0, Vec::new());
    for page in &pages {
        let text = fs::read_to_string(page).unwrap();
        for link in links(&text) {
            count += 1;
            let (path, anchor) = link.split_once('#').map_or((&*link, None), |(path, anchor)| (path, Some(anchor)));
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(path) };
            let good = match anchor {
                None => target.exists(),
                Some(anchor) => fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !good {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(count > 50, "only {count} links were found in {} pages", pages.len());
}
