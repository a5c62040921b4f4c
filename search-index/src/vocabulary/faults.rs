//! What can be wrong with a vocabulary.

use std::collections::{HashMap, HashSet};
use std::fmt;

use super::COMMON_LANGUAGE;
use super::source::Entry;

/// What is wrong with a vocabulary: every fault, each in a sentence that names the concept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the vocabulary has {} fault(s): {}", faults.len(), faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct VocabularyError {
    pub faults: Vec<VocabularyFault>,
}

/// One fault of a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VocabularyFault {
    /// A source is not TOML of the expected form: `tree 0` (its position), or `labels de`.
    Unreadable {
        source: String,
        detail: String,
    },
    BadId(String),
    DuplicateId(String),
    UnknownParent {
        concept: String,
        parent: String,
    },
    Cycle(String),
    NoEnglishLabel(String),
    /// Labels for a concept that no tree has.
    UnknownConcept {
        concept: String,
        language: String,
    },
    EmptyLabel {
        concept: String,
        language: String,
    },
    /// Two concepts share a label in one language, so that a text could mean either.
    AmbiguousLabel {
        language: String,
        label: String,
        first: String,
        second: String,
    },
    /// A language describes a concept more or less often than English does.
    UnevenDescriptions {
        concept: String,
        language: String,
    },
    TooMany(usize),
}

impl fmt::Display for VocabularyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { source, detail } => {
                write!(f, "{source} is unreadable: {detail}")
            }
            Self::BadId(id) => write!(f, "`{id}` is not snake_case"),
            Self::DuplicateId(id) => write!(f, "`{id}` is defined twice"),
            Self::UnknownParent { concept, parent } => {
                write!(f, "`{concept}` has the unknown parent `{parent}`")
            }
            Self::Cycle(id) => write!(f, "`{id}` is its own ancestor"),
            Self::NoEnglishLabel(id) => write!(f, "`{id}` has no English label"),
            Self::UnknownConcept { concept, language } => {
                write!(f, "`{concept}` has labels in `{language}`, but is in no tree")
            }
            Self::EmptyLabel { concept, language } => {
                write!(f, "`{concept}` has an empty label in `{language}`")
            }
            Self::AmbiguousLabel { language, label, first, second } => {
                write!(f, "`{label}` in `{language}` names both `{first}` and `{second}`")
            }
            Self::UnevenDescriptions { concept, language } => {
                write!(f, "`{concept}` has not as many descriptions in `{language}` as in English")
            }
            Self::TooMany(count) => write!(f, "{count} concepts are more than a number of 16 bits can count"),
        }
    }
}

pub(super) fn of_ids(concepts: &[Entry]) -> Vec<VocabularyFault> {
    let mut faults = Vec::new();
    let parents: HashMap<&str, Option<&str>> =
        concepts.iter().map(|c| (c.id.as_str(), c.parent.as_deref())).collect();
    for (previous, concept) in concepts.iter().zip(concepts.iter().skip(1)) {
        if previous.id == concept.id {
            faults.push(VocabularyFault::DuplicateId(concept.id.clone()));
        }
    }
    for concept in concepts {
        if !is_snake_case(&concept.id) {
            faults.push(VocabularyFault::BadId(concept.id.clone()));
        }
        if let Some(parent) = concept.parent.as_deref().filter(|p| !parents.contains_key(p)) {
            faults.push(VocabularyFault::UnknownParent {
                concept: concept.id.clone(),
                parent: parent.to_owned(),
            });
        }
        if is_own_ancestor(&concept.id, &parents) {
            faults.push(VocabularyFault::Cycle(concept.id.clone()));
        }
    }
    faults
}

pub(super) fn of_number(concepts: &[Entry]) -> Option<VocabularyFault> {
    (concepts.len() > usize::from(u16::MAX)).then_some(VocabularyFault::TooMany(concepts.len()))
}

fn is_snake_case(id: &str) -> bool {
    id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_own_ancestor(id: &str, parents: &HashMap<&str, Option<&str>>) -> bool {
    let mut seen = HashSet::new();
    let mut next = parents.get(id).copied().flatten();
    while let Some(parent) = next {
        if parent == id {
            return true;
        }
        if !seen.insert(parent) {
            return false; // a cycle further up: reported at its own members
        }
        next = parents.get(parent).copied().flatten();
    }
    false
}

pub(super) fn of_labels(concepts: &[Entry]) -> Vec<VocabularyFault> {
    let mut faults = Vec::new();
    let mut owners: HashMap<(&str, String), &str> = HashMap::new();
    for concept in concepts {
        if concept.labels.get(COMMON_LANGUAGE).is_none_or(Vec::is_empty) {
            faults.push(VocabularyFault::NoEnglishLabel(concept.id.clone()));
        }
        for (language, labels) in &concept.labels {
            for label in labels {
                if label.trim().is_empty() {
                    faults.push(VocabularyFault::EmptyLabel {
                        concept: concept.id.clone(),
                        language: language.clone(),
                    });
                    continue;
                }
                let key = (language.as_str(), label.trim().to_lowercase());
                let first = *owners.entry(key).or_insert(&concept.id);
                if first != concept.id {
                    faults.push(VocabularyFault::AmbiguousLabel {
                        language: language.clone(),
                        label: label.clone(),
                        first: first.to_owned(),
                        second: concept.id.clone(),
                    });
                }
            }
        }
    }
    faults
}

/// Descriptions are compared across languages by their order.
pub(super) fn of_descriptions(concepts: &[Entry]) -> Vec<VocabularyFault> {
    let mut faults = Vec::new();
    for concept in concepts {
        let in_english = concept.descriptions.get(COMMON_LANGUAGE).map_or(0, Vec::len);
        for (language, _) in concept.descriptions.iter().filter(|(_, texts)| texts.len() != in_english) {
            let (concept, language) = (concept.id.clone(), language.clone());
            faults.push(VocabularyFault::UnevenDescriptions { concept, language });
        }
    }
    faults
}
