//! The form of the files: trees and labels.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Sources, VocabularyFault};

/// A concept as its sources describe it.
pub(super) struct Entry {
    pub id: String,
    pub parent: Option<String>,
    pub eu: Vec<String>,
    /// By language (ISO 639-1), the preferred one first.
    pub labels: BTreeMap<String, Vec<String>>,
    /// By language, in the same order in each.
    pub descriptions: BTreeMap<String, Vec<String>>,
    /// No longer part of the classification that it came from.
    pub invalid: bool,
}

/// What a tree says of a concept, under its id. Labels may stand here too.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    parent: Option<String>,
    #[serde(default)]
    eu: Vec<String>,
    #[serde(default)]
    labels: BTreeMap<String, Vec<String>>,
}

/// Reads all sources: what could be read, sorted by id, and what was wrong.
pub(super) fn read(sources: &Sources<'_>) -> (Vec<Entry>, Vec<VocabularyFault>) {
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    for (position, text) in sources.trees.iter().enumerate() {
        let nodes = parse::<Node>(format!("tree {position}"), text, &mut faults);
        entries.extend(nodes.into_iter().map(|(id, node)| {
            let Node { parent, eu, labels } = node;
            Entry { id, parent, eu, labels, descriptions: BTreeMap::new(), invalid: false }
        }));
    }
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    for (language, text) in sources.labels {
        let labels = parse(format!("labels {language}"), text, &mut faults);
        add(&mut entries, language, labels, &mut faults, |entry| &mut entry.labels);
    }
    for (language, text) in sources.descriptions {
        let descriptions = parse(format!("descriptions {language}"), text, &mut faults);
        add(&mut entries, language, descriptions, &mut faults, |entry| &mut entry.descriptions);
    }
    (entries, faults)
}

/// Adds what one language says of each concept.
fn add(
    entries: &mut [Entry],
    language: &str,
    said: BTreeMap<String, Vec<String>>,
    faults: &mut Vec<VocabularyFault>,
    place: impl Fn(&mut Entry) -> &mut BTreeMap<String, Vec<String>>,
) {
    for (id, texts) in said {
        let known = entries.binary_search_by(|entry| entry.id.cmp(&id)).ok();
        match known.and_then(|at| entries.get_mut(at)) {
            Some(entry) => {
                place(entry).insert(language.to_owned(), texts);
            }
            None => {
                let language = language.to_owned();
                faults.push(VocabularyFault::UnknownConcept { concept: id, language });
            }
        }
    }
}

/// What a source says of each concept.
fn parse<T: DeserializeOwned>(
    source: String,
    text: &str,
    faults: &mut Vec<VocabularyFault>,
) -> BTreeMap<String, T> {
    toml::from_str(text).unwrap_or_else(|error| {
        faults.push(VocabularyFault::Unreadable { source, detail: error.to_string() });
        BTreeMap::new()
    })
}
