//! Concepts that an operator adds to those of the build, from a published classification.

use std::collections::{BTreeMap, HashSet};

use serde::{Deserialize, Serialize};

use super::COMMON_LANGUAGE;
use super::source::Entry;

/// A concept of a classification, as an operator has imported it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportedConcept {
    /// Snake case, and unlike that of any other concept.
    pub id: String,
    /// Id of the wider concept; one that is not known is left out.
    pub parent: Option<String>,
    /// By language (ISO 639-1), the preferred one first. A label that names another concept already is left out.
    pub labels: BTreeMap<String, Vec<String>>,
    /// By language: what texts of different languages are compared by.
    pub descriptions: BTreeMap<String, String>,
    /// No longer part of its classification: it keeps its name, and is found in no text.
    pub invalid: bool,
}

/// Adds imported concepts to the entries of the build, which are sorted by id and stay so.
pub(super) fn add(entries: &mut Vec<Entry>, imported: Vec<ImportedConcept>) {
    let mut ids: HashSet<String> = entries.iter().map(|entry| entry.id.clone()).collect();
    let mut named: HashSet<(String, String)> = HashSet::new();
    for (language, labels) in entries.iter().flat_map(|entry| &entry.labels) {
        named.extend(labels.iter().map(|label| (language.clone(), label.trim().to_lowercase())));
    }
    let fresh: Vec<ImportedConcept> =
        imported.into_iter().filter(|concept| ids.insert(concept.id.clone())).collect();
    for concept in fresh {
        let mut labels = concept.labels;
        for (language, labels) in &mut labels {
            // The name that an explanation shows may be another's too; in texts the first concept has it.
            let shown = usize::from(language == COMMON_LANGUAGE);
            let mut position = 0;
            labels.retain(|label| {
                position += 1;
                let is_new = named.insert((language.clone(), label.trim().to_lowercase()));
                is_new || position <= shown
            });
        }
        labels.retain(|_, labels| !labels.is_empty());
        let descriptions = concept.descriptions.into_iter().map(|(language, text)| (language, vec![text]));
        entries.push(Entry {
            parent: concept.parent.filter(|parent| ids.contains(parent)),
            id: concept.id,
            eu: Vec::new(),
            labels,
            descriptions: descriptions.collect(),
            invalid: concept.invalid,
        });
    }
    entries.sort_by(|one, other| one.id.cmp(&other.id));
}
