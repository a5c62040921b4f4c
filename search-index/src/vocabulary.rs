//! Concepts of expertise, their labels in many languages, and the tree they form.
//!
//! The vocabulary is data: TOML files in `vocabulary/`, embedded in the build. A fault in them is found by
//! [`Vocabulary::parse`], which names every fault at once, not only the first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use serde::Deserialize;

use crate::fingerprint::Fingerprint;

/// The embedded files; one an area.
const EMBEDDED: &[&str] = &[
    include_str!("../vocabulary/techniques.toml"),
    include_str!("../vocabulary/problems.toml"),
    include_str!("../vocabulary/technologies.toml"),
    include_str!("../vocabulary/sectors.toml"),
    include_str!("../vocabulary/help.toml"),
];

/// The language that every concept has a label in.
const COMMON_LANGUAGE: &str = "en";

/// A concept as a small number: its rank among all ids in alphabetical order. Stable for one build of the vocabulary,
/// whatever the order of its files; never stored without the vocabulary's fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConceptNumber(pub u16);

impl ConceptNumber {
    fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Concept {
    pub id: String,
    pub number: ConceptNumber,
    pub parent: Option<ConceptNumber>,
    labels: BTreeMap<String, Vec<String>>,
}

impl Concept {
    /// The labels in one language (ISO 639-1), the preferred one first; empty where the language has none.
    pub fn labels(&self, language: &str) -> &[String] {
        self.labels.get(language).map_or(&[], Vec::as_slice)
    }

    /// Every language that has labels, in alphabetical order.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.labels.keys().map(String::as_str)
    }

    /// The preferred label in the first of these languages that has one, else in English, else in any.
    pub fn label(&self, languages: &[&str]) -> &str {
        languages
            .iter()
            .chain([&COMMON_LANGUAGE])
            .find_map(|language| self.labels(language).first())
            .or_else(|| self.labels.values().find_map(|labels| labels.first()))
            .map_or(self.id.as_str(), String::as_str)
    }
}

/// What is wrong with a vocabulary: every fault, each in a sentence that names the concept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the vocabulary has {} fault(s): {}", faults.len(), faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct VocabularyError {
    pub faults: Vec<VocabularyFault>,
}

/// One fault of a vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum VocabularyFault {
    /// The source with this position (from 0) is not TOML of the expected form.
    Unreadable {
        source: usize,
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
    TooMany(usize),
}

impl fmt::Display for VocabularyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable { source, detail } => {
                write!(f, "source {source} is unreadable: {detail}")
            }
            Self::BadId(id) => write!(f, "`{id}` is not snake_case"),
            Self::DuplicateId(id) => write!(f, "`{id}` is defined twice"),
            Self::UnknownParent { concept, parent } => {
                write!(f, "`{concept}` has the unknown parent `{parent}`")
            }
            Self::Cycle(id) => write!(f, "`{id}` is its own ancestor"),
            Self::NoEnglishLabel(id) => write!(f, "`{id}` has no English label"),
            Self::EmptyLabel { concept, language } => {
                write!(f, "`{concept}` has an empty label in `{language}`")
            }
            Self::AmbiguousLabel { language, label, first, second } => {
                write!(f, "`{label}` in `{language}` names both `{first}` and `{second}`")
            }
            Self::TooMany(count) => write!(f, "{count} concepts are more than a number of 16 bits can count"),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    #[serde(default)]
    concept: Vec<SourceConcept>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SourceConcept {
    id: String,
    parent: Option<String>,
    labels: BTreeMap<String, Vec<String>>,
}

/// All concepts, by id and by number.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    concepts: Vec<Concept>,
    numbers: HashMap<String, ConceptNumber>,
    children: Vec<Vec<ConceptNumber>>,
    fingerprint: u64,
}

impl Vocabulary {
    /// The vocabulary of this build.
    ///
    /// # Errors
    /// As [`Vocabulary::parse`]; a test keeps the embedded files free of faults.
    pub fn embedded() -> Result<Vocabulary, VocabularyError> {
        Vocabulary::parse(EMBEDDED)
    }

    /// Reads TOML sources; a parent may stand in another source than its child.
    ///
    /// # Errors
    /// Names every fault found, in a stable order.
    pub fn parse(sources: &[&str]) -> Result<Vocabulary, VocabularyError> {
        let mut faults = Vec::new();
        let mut read = Vec::new();
        for (source, text) in sources.iter().enumerate() {
            match toml::from_str::<Source>(text) {
                Ok(parsed) => read.extend(parsed.concept),
                Err(error) => {
                    faults.push(VocabularyFault::Unreadable { source, detail: error.to_string() });
                }
            }
        }
        read.sort_by(|a, b| a.id.cmp(&b.id));
        faults.extend(faults_of_ids(&read));
        faults.extend(faults_of_labels(&read));
        if faults.is_empty() { Ok(build(read)) } else { Err(VocabularyError { faults }) }
    }

    pub fn len(&self) -> usize {
        self.concepts.len()
    }

    pub fn is_empty(&self) -> bool {
        self.concepts.is_empty()
    }

    /// All concepts in the order of their ids, which is that of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = &Concept> {
        self.concepts.iter()
    }

    pub fn concept(&self, id: &str) -> Option<&Concept> {
        self.number(id).and_then(|number| self.by_number(number))
    }

    pub fn number(&self, id: &str) -> Option<ConceptNumber> {
        self.numbers.get(id).copied()
    }

    pub fn by_number(&self, number: ConceptNumber) -> Option<&Concept> {
        self.concepts.get(number.index())
    }

    /// The preferred label of a concept in the first of these languages that has one, else in English; `None` for an
    /// unknown id.
    pub fn label(&self, id: &str, languages: &[&str]) -> Option<&str> {
        self.concept(id).map(|concept| concept.label(languages))
    }

    /// The parent, its parent and so on; nearest first, without the concept itself.
    pub fn ancestors(&self, id: &str) -> Vec<&Concept> {
        let mut found = Vec::new();
        let mut next = self.concept(id).and_then(|concept| concept.parent);
        while let Some(concept) = next.and_then(|number| self.by_number(number)) {
            found.push(concept);
            next = concept.parent;
        }
        found
    }

    /// The direct children, in the order of their ids.
    pub fn children(&self, id: &str) -> Vec<&Concept> {
        self.number(id)
            .and_then(|number| self.children.get(number.index()))
            .into_iter()
            .flatten()
            .filter_map(|child| self.by_number(*child))
            .collect()
    }

    /// All concepts below one, without the concept itself.
    pub fn descendants(&self, id: &str) -> Vec<&Concept> {
        let mut found = self.children(id);
        let mut next = 0;
        while let Some(concept) = found.get(next).copied() {
            found.extend(self.children(&concept.id));
            next += 1;
        }
        found
    }

    /// Changes whenever an id, a parent or a label does.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

fn faults_of_ids(concepts: &[SourceConcept]) -> Vec<VocabularyFault> {
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
    if concepts.len() > usize::from(u16::MAX) {
        faults.push(VocabularyFault::TooMany(concepts.len()));
    }
    faults
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

fn faults_of_labels(concepts: &[SourceConcept]) -> Vec<VocabularyFault> {
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

/// Builds from sources without faults, sorted by id.
fn build(read: Vec<SourceConcept>) -> Vocabulary {
    let numbers: HashMap<String, ConceptNumber> =
        (0..=u16::MAX).zip(&read).map(|(n, c)| (c.id.clone(), ConceptNumber(n))).collect();
    let mut fingerprint = Fingerprint::new();
    let mut children = vec![Vec::new(); read.len()];
    let mut concepts = Vec::with_capacity(read.len());
    for (number, source) in (0..=u16::MAX).map(ConceptNumber).zip(read) {
        let parent = source.parent.as_ref().and_then(|parent| numbers.get(parent)).copied();
        fingerprint = fingerprint.add(&source.id).add(source.parent.as_deref().unwrap_or(""));
        for (language, labels) in &source.labels {
            fingerprint = labels.iter().fold(fingerprint.add(language), |sum, label| sum.add(label));
        }
        if let Some(siblings) = parent.and_then(|parent| children.get_mut(parent.index())) {
            siblings.push(number);
        }
        concepts.push(Concept { id: source.id, number, parent, labels: source.labels });
    }
    Vocabulary { concepts, numbers, children, fingerprint: fingerprint.value() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    const TREE: &str = r#"
        [[concept]]
        id = "vision"
        parent = "ai"
        labels = { en = ["computer vision", "CV"], de = ["Bildverarbeitung"] }
        [[concept]]
        id = "ai"
        labels = { en = ["artificial intelligence"], de = ["künstliche Intelligenz"] }
        [[concept]]
        id = "detection"
        parent = "vision"
        labels = { en = ["object detection"] }
    "#;

    fn ids(concepts: Vec<&Concept>) -> Vec<&str> {
        concepts.into_iter().map(|c| c.id.as_str()).collect()
    }

    #[test]
    fn the_embedded_vocabulary_has_no_fault() {
        let vocabulary = Vocabulary::embedded().unwrap();
        assert!(vocabulary.len() >= 200, "only {} concepts", vocabulary.len());
    }

    #[test]
    fn the_tree_can_be_walked_both_ways() {
        let vocabulary = Vocabulary::parse(&[TREE]).unwrap();
        assert_eq!(ids(vocabulary.ancestors("detection")), ["vision", "ai"]);
        assert_eq!(ids(vocabulary.children("ai")), ["vision"]);
        assert_eq!(ids(vocabulary.descendants("ai")), ["vision", "detection"]);
        assert!(vocabulary.ancestors("nothing").is_empty());
    }

    #[test]
    fn labels_fall_back_to_english() {
        let vocabulary = Vocabulary::parse(&[TREE]).unwrap();
        assert_eq!(vocabulary.label("vision", &["de"]), Some("Bildverarbeitung"));
        assert_eq!(vocabulary.label("detection", &["fr", "de"]), Some("object detection"));
        assert_eq!(vocabulary.label("nothing", &["de"]), None);
    }

    #[test]
    fn numbers_and_fingerprint_do_not_depend_on_the_order_of_sources() {
        let more = "[[concept]]\nid = \"speech\"\nlabels = { en = [\"speech\"] }";
        let one = Vocabulary::parse(&[TREE, more]).unwrap();
        let other = Vocabulary::parse(&[more, TREE]).unwrap();
        assert_eq!(one.fingerprint(), other.fingerprint());
        assert_eq!(one.number("vision"), other.number("vision"));
        assert_ne!(one.fingerprint(), Vocabulary::parse(&[TREE]).unwrap().fingerprint());
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faulty = r#"
            [[concept]]
            id = "Bad"
            labels = { en = ["bad"] }
            [[concept]]
            id = "twin"
            labels = { en = ["twin"] }
            [[concept]]
            id = "twin"
            labels = { de = ["Zwilling"] }
            [[concept]]
            id = "orphan"
            parent = "nobody"
            labels = { en = ["Twin", " "] }
            [[concept]]
            id = "hen"
            parent = "egg"
            labels = { en = ["hen"] }
            [[concept]]
            id = "egg"
            parent = "hen"
            labels = { en = ["egg"] }
        "#;
        let faults = Vocabulary::parse(&[faulty, "not toml"]).unwrap_err().faults;
        let has = |test: fn(&VocabularyFault) -> bool| faults.iter().any(test);
        assert!(has(|f| matches!(f, VocabularyFault::Unreadable { source: 1, .. })));
        assert!(has(|f| matches!(f, VocabularyFault::BadId(id) if id == "Bad")));
        assert!(has(|f| matches!(f, VocabularyFault::DuplicateId(id) if id == "twin")));
        assert!(has(|f| matches!(f, VocabularyFault::NoEnglishLabel(id) if id == "twin")));
        assert!(has(|f| matches!(f, VocabularyFault::UnknownParent { .. })));
        assert!(has(|f| matches!(f, VocabularyFault::EmptyLabel { .. })));
        assert!(has(|f| matches!(f, VocabularyFault::AmbiguousLabel { .. })));
        assert_eq!(faults.iter().filter(|f| matches!(f, VocabularyFault::Cycle(_))).count(), 2);
    }
}
