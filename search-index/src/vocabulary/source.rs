//! The form of the files: trees and labels.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::VocabularyFault;

/// A concept as its sources describe it.
pub(super) struct Entry {
    pub id: String,
    pub parent: Option<String>,
    pub eu: Vec<String>,
    /// By language (ISO 639-1), the preferred one first.
    pub labels: BTreeMap<String, Vec<String>>,
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
pub(super) fn read(trees: &[&str], labels: &[(&str, &str)]) -> (Vec<Entry>, Vec<VocabularyFault>) {
    let (mut entries, mut faults) = (Vec::new(), Vec::new());
    for (position, text) in trees.iter().enumerate() {
        let nodes = parse::<Node>(format!("tree {position}"), text, &mut faults);
        entries.extend(nodes.into_iter().map(|(id, node)| {
            let Node { parent, eu, labels } = node;
            Entry { id, parent, eu, labels }
        }));
    }
    entries.sort_by(|a, b| a.id.cmp(&b.id));
    for (language, text) in labels {
        for (id, named) in parse::<Vec<String>>(format!("labels {language}"), text, &mut faults) {
            match entries.binary_search_by(|entry| entry.id.cmp(&id)).ok().and_then(|at| entries.get_mut(at))
            {
                Some(entry) => {
                    entry.labels.insert((*language).to_owned(), named);
                }
                None => {
                    let language = (*language).to_owned();
                    faults.push(VocabularyFault::UnknownConcept { concept: id, language });
                }
            }
        }
    }
    (entries, faults)
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
