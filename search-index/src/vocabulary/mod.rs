//! Concepts of expertise, their labels in many languages, and the tree they form.
//!
//! The vocabulary is data: TOML files in `vocabulary/`, embedded in the build. The tree stands in one file an area, the
//! labels and the descriptions in one file a language each, so that whoever translates works in one file. A fault in them
//! is found by [`Vocabulary::parse`], which names every fault at once, not only the first.

mod faults;
mod imported;
mod source;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

pub use faults::{VocabularyError, VocabularyFault};
pub use imported::ImportedConcept;

use crate::fingerprint::Fingerprint;
use source::Entry;

/// The embedded tree; one file an area.
const AREAS: &[&str] = &[
    include_str!("../../vocabulary/techniques.toml"),
    include_str!("../../vocabulary/problems.toml"),
    include_str!("../../vocabulary/technologies.toml"),
    include_str!("../../vocabulary/sectors.toml"),
    include_str!("../../vocabulary/help.toml"),
];

/// One file a language out of a folder.
macro_rules! by_language {
    ($folder:literal: $($language:literal)+) => {
        &[$(($language, include_str!(concat!("../../vocabulary/", $folder, "/", $language, ".toml")))),+]
    };
}

/// The embedded labels, by language.
const LABELS: &[(&str, &str)] = by_language! { "labels":
    "bg" "cs" "da" "de" "el" "en" "es" "et" "fi" "fr" "ga" "hr" "hu" "it" "lt" "lv" "mt" "nl" "pl" "pt" "ro" "sk" "sl" "sv"
};

/// The embedded descriptions, by language.
const DESCRIPTIONS: &[(&str, &str)] = by_language! { "descriptions":
    "bg" "cs" "da" "de" "el" "en" "es" "et" "fi" "fr" "ga" "hr" "hu" "it" "lt" "lv" "mt" "nl" "pl" "pt" "ro" "sk" "sl" "sv"
};

/// The texts that a vocabulary is read from: TOML.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sources<'a> {
    /// Concepts with their parents; they may refer to each other.
    pub trees: &'a [&'a str],
    /// Labels by language (ISO 639-1).
    pub labels: &'a [(&'a str, &'a str)],
    /// Descriptions by language; of each concept in the same order in all.
    pub descriptions: &'a [(&'a str, &'a str)],
}

/// The language that every concept has a label in.
pub(crate) const COMMON_LANGUAGE: &str = "en";

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
    /// What it is in lists of the EU: `list:code`, where the list is `eurovoc` or `euroscivoc`.
    pub eu: Vec<String>,
    /// No longer part of the classification that it was imported from: it keeps its name, and is found in no text.
    pub invalid: bool,
    labels: BTreeMap<String, Vec<String>>,
    descriptions: BTreeMap<String, Vec<String>>,
}

impl Concept {
    /// How many descriptions it has: of itself first, then of fields that belong to it.
    pub fn descriptions(&self) -> usize {
        self.descriptions.values().map(Vec::len).max().unwrap_or(0)
    }

    /// A description in one language (ISO 639-1).
    pub fn description(&self, language: &str, at: usize) -> Option<&str> {
        self.descriptions.get(language)?.get(at).map(String::as_str)
    }

    /// The labels in one language (ISO 639-1), the preferred one first; empty where the language has none.
    pub fn labels(&self, language: &str) -> &[String] {
        self.labels.get(language).map_or(&[], Vec::as_slice)
    }

    /// Every language that has labels, in alphabetical order.
    pub fn languages(&self) -> impl Iterator<Item = &str> {
        self.labels.keys().map(String::as_str)
    }

    /// What it is called in the first of these languages (ISO 639-1) that has a label, else in English.
    pub fn naming(&self, languages: &[&str]) -> Naming<'_> {
        let in_language = |language: &&str| {
            let (language, labels) = self.labels.get_key_value(*language)?;
            let (label, synonyms) = labels.split_first()?;
            Some(Naming { language, label, synonyms })
        };
        let named = languages.iter().chain([&COMMON_LANGUAGE]).find_map(in_language);
        // Every concept has an English label; its id stands for one that could not be.
        named.unwrap_or(Naming { language: COMMON_LANGUAGE, label: &self.id, synonyms: &[] })
    }

    /// The preferred label in the first of these languages that has one, else in English.
    pub fn label(&self, languages: &[&str]) -> &str {
        self.naming(languages).label
    }
}

/// What a concept is called in one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Naming<'a> {
    /// ISO 639-1.
    pub language: &'a str,
    /// The preferred label.
    pub label: &'a str,
    /// The other labels of the same language.
    pub synonyms: &'a [String],
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
        Vocabulary::parse(Sources { trees: AREAS, labels: LABELS, descriptions: DESCRIPTIONS })
    }

    /// The vocabulary of this build, and what an operator has imported.
    ///
    /// # Errors
    /// If there are more concepts than numbers for them.
    pub fn extended(imported: Vec<ImportedConcept>) -> Result<Vocabulary, VocabularyError> {
        let sources = Sources { trees: AREAS, labels: LABELS, descriptions: DESCRIPTIONS };
        Vocabulary::checked(sources, imported)
    }

    /// Reads all sources.
    ///
    /// # Errors
    /// Names every fault found, in a stable order.
    pub fn parse(sources: Sources<'_>) -> Result<Vocabulary, VocabularyError> {
        Vocabulary::checked(sources, Vec::new())
    }

    fn checked(sources: Sources<'_>, imported: Vec<ImportedConcept>) -> Result<Vocabulary, VocabularyError> {
        let (mut entries, mut faults) = source::read(&sources);
        faults.extend(faults::of_ids(&entries));
        faults.extend(faults::of_labels(&entries));
        faults.extend(faults::of_descriptions(&entries));
        imported::add(&mut entries, imported);
        faults.extend(faults::of_number(&entries));
        if faults.is_empty() { Ok(build(entries)) } else { Err(VocabularyError { faults }) }
    }

    /// The concepts that have no label in a language, by their ids.
    pub fn gaps(&self, language: &str) -> Vec<&str> {
        let unnamed = self.concepts.iter().filter(|concept| concept.labels(language).is_empty());
        unnamed.map(|concept| concept.id.as_str()).collect()
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

    /// Changes whenever an id, a parent, a label or a description does.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }
}

/// Builds from entries without faults, sorted by id.
fn build(read: Vec<Entry>) -> Vocabulary {
    let numbers: HashMap<String, ConceptNumber> =
        (0..=u16::MAX).zip(&read).map(|(n, c)| (c.id.clone(), ConceptNumber(n))).collect();
    let mut fingerprint = Fingerprint::new();
    let mut children = vec![Vec::new(); read.len()];
    let mut concepts = Vec::with_capacity(read.len());
    for (number, source) in (0..=u16::MAX).map(ConceptNumber).zip(read) {
        let parent = source.parent.as_ref().and_then(|parent| numbers.get(parent)).copied();
        fingerprint = fingerprint.add(&source.id).add(source.parent.as_deref().unwrap_or(""));
        fingerprint = if source.invalid { fingerprint.add("invalid") } else { fingerprint };
        for (language, labels) in &source.labels {
            fingerprint = labels.iter().fold(fingerprint.add(language), |sum, label| sum.add(label));
        }
        for (language, texts) in &source.descriptions {
            fingerprint = texts.iter().fold(fingerprint.add(language), |sum, text| sum.add(text));
        }
        if let Some(siblings) = parent.and_then(|parent| children.get_mut(parent.index())) {
            siblings.push(number);
        }
        let Entry { id, eu, labels, descriptions, invalid, .. } = source;
        concepts.push(Concept { id, number, parent, eu, invalid, labels, descriptions });
    }
    Vocabulary { concepts, numbers, children, fingerprint: fingerprint.value() }
}
