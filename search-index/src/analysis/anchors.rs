//! Texts whose translations are known, as meeting points between languages.
//!
//! A text is represented by how much it resembles each anchor *in its own language*. Since an anchor says the same in all
//! languages, such likenesses compare across languages, whatever words the two texts use. This is cross-language explicit
//! semantic analysis (Gabrilovich and Markovitch, "Computing semantic relatedness using Wikipedia-based explicit semantic
//! analysis", 2007; Potthast, Stein and Anderka, "A Wikipedia-based multilingual retrieval model", 2008), with the
//! descriptions of the vocabulary's concepts as anchors.

use std::collections::{BTreeMap, HashMap};

use super::Language;
use crate::vocabulary::{Concept, ConceptNumber, Vocabulary};

/// Number of an anchor: its rank among all of one build of the vocabulary.
pub type AnchorNumber = u16;

/// How much a text resembles anchors: of length 1, sorted by anchor; empty for a text that resembles none.
pub type Likeness = Vec<(AnchorNumber, f32)>;

/// The anchors of all languages.
pub struct Anchors {
    /// The concept that each anchor describes.
    concepts: Vec<ConceptNumber>,
    spaces: Vec<Space>,
}

/// The anchors of one language by their words.
#[derive(Default)]
struct Space {
    terms: HashMap<String, Term>,
    /// How much each anchor resembles the others on average: what it owes to words that stand everywhere.
    background: Vec<f32>,
}

struct Term {
    idf: f32,
    postings: Vec<(AnchorNumber, f32)>,
}

impl Anchors {
    /// `terms` cuts a text of a language into its index terms.
    pub(super) fn new(vocabulary: &Vocabulary, terms: impl Fn(Language, &str) -> Vec<String>) -> Anchors {
        let described: Vec<(&Concept, usize)> = vocabulary
            .iter()
            .filter(|concept| !concept.invalid)
            .flat_map(|concept| (0..concept.descriptions()).map(move |at| (concept, at)))
            .collect();
        let described = described.get(..usize::from(AnchorNumber::MAX)).unwrap_or(&described);
        let spaces = Language::ALL
            .into_iter()
            .map(|language| {
                let texts = described.iter().map(|(concept, at)| text(concept, *at, language));
                let counted = texts.map(|text| {
                    let terms = terms(language, &text);
                    counts(terms.iter().map(|term| (term.as_str(), 1.0)))
                });
                Space::new(counted.collect())
            })
            .collect();
        Anchors { concepts: described.iter().map(|(concept, _)| concept.number).collect(), spaces }
    }

    /// The concept that an anchor describes.
    pub fn concept(&self, anchor: AnchorNumber) -> Option<ConceptNumber> {
        self.concepts.get(usize::from(anchor)).copied()
    }

    /// The `most` anchors that a text resembles most, given by the index terms of each of its languages and how often they
    /// occur. Every language of a text counts the same, because they are taken to say the same.
    pub fn likeness<'a>(
        &self,
        languages: impl Iterator<Item = (Language, &'a [(String, f32)])>,
        most: usize,
    ) -> Likeness {
        let mut sums = vec![0.0; self.concepts.len()];
        for (language, words) in languages {
            let Some(space) = self.spaces.get(language.index()) else { continue };
            let found = strongest(space.similarities(words, self.concepts.len()), most);
            for (anchor, value) in found {
                if let Some(sum) = sums.get_mut(usize::from(anchor)) {
                    *sum += value;
                }
            }
        }
        strongest(sums, most)
    }
}

/// What an anchor says in one language; its concept's names belong to its first description.
fn text(concept: &Concept, at: usize, language: Language) -> String {
    let names = if at == 0 { concept.labels(language.code()).join(" · ") } else { String::new() };
    let description = concept.description(language.code(), at).unwrap_or_default();
    format!("{names} · {description}")
}

/// How often each term and each beginning occurs; in a fixed order, so that sums over them come out the same every time.
fn counts<'a>(terms: impl Iterator<Item = (&'a str, f32)>) -> BTreeMap<String, f32> {
    let mut counts = BTreeMap::new();
    for (term, count) in terms {
        for part in parts(term) {
            *counts.entry(part).or_insert(0.0) += count;
        }
    }
    counts
}

/// A longer term also counts by its beginning, which inflected forms and compounds have in common.
const LONG: usize = 6;
const BEGINNING: usize = 5;

/// A term, and its beginning where it is long.
fn parts(term: &str) -> impl Iterator<Item = String> {
    let is_long = term.chars().nth(LONG).is_some();
    let beginning = is_long.then(|| format!("{}-", term.chars().take(BEGINNING).collect::<String>()));
    [term.to_owned()].into_iter().chain(beginning)
}

/// Logarithm of the frequency times rarity: `ltc` in the notation of the SMART system.
fn weight(count: f32, idf: f32) -> f32 {
    (1.0 + count.max(1.0).ln()) * idf
}

impl Space {
    fn new(texts: Vec<BTreeMap<String, f32>>) -> Space {
        let mut frequencies: HashMap<&str, f32> = HashMap::new();
        for term in texts.iter().flat_map(BTreeMap::keys) {
            *frequencies.entry(term).or_insert(0.0) += 1.0;
        }
        let total = texts.len() as f32;
        let idf = |term: &str| {
            let frequency = frequencies.get(term).copied().unwrap_or(0.0);
            ((total + 1.0) / (frequency + 0.5)).ln()
        };
        let mut space = Space::default();
        for (anchor, text) in (0..=AnchorNumber::MAX).zip(&texts) {
            let weights: Vec<(&String, f32)> =
                text.iter().map(|(term, count)| (term, weight(*count, idf(term)))).collect();
            let norm = length(weights.iter().map(|(_, weight)| *weight));
            for (term, weight) in weights.into_iter().filter(|_| norm > 0.0) {
                let idf = idf(term);
                let entry =
                    space.terms.entry(term.clone()).or_insert_with(|| Term { idf, postings: Vec::new() });
                entry.postings.push((anchor, weight / norm));
            }
        }
        space.background = space.average_likeness(&texts);
        space
    }

    /// Of each anchor to all others: its product with the sum of all, without itself.
    fn average_likeness(&self, texts: &[BTreeMap<String, f32>]) -> Vec<f32> {
        let others = texts.len().saturating_sub(1).max(1) as f32;
        let sum = |term: &Term| term.postings.iter().map(|(_, weight)| weight).sum::<f32>();
        let sums: HashMap<&String, f32> = self.terms.iter().map(|(name, term)| (name, sum(term))).collect();
        let of_term = |anchor: AnchorNumber, name: &String| {
            let (term, sum) = (self.terms.get(name)?, sums.get(name)?);
            let at = term.postings.binary_search_by_key(&anchor, |(anchor, _)| *anchor).ok()?;
            let (_, own) = term.postings.get(at)?;
            Some(own * (sum - own))
        };
        (0..=AnchorNumber::MAX)
            .zip(texts)
            .map(|(anchor, text)| text.keys().filter_map(|term| of_term(anchor, term)).sum::<f32>() / others)
            .collect()
    }

    /// The cosine of a text with each anchor beyond what any text would have.
    fn similarities(&self, words: &[(String, f32)], count: usize) -> Vec<f32> {
        let mut similarities = vec![0.0; count];
        let counted = counts(words.iter().map(|(term, count)| (term.as_str(), *count)));
        let known = counted.iter().filter_map(|(term, count)| Some((self.terms.get(term)?, *count)));
        let weighted: Vec<(&Term, f32)> =
            known.map(|(term, count)| (term, weight(count, term.idf))).collect();
        let norm = length(weighted.iter().map(|(_, weight)| *weight));
        for (term, weight) in weighted.iter().filter(|_| norm > 0.0) {
            for (anchor, of_anchor) in &term.postings {
                if let Some(similarity) = similarities.get_mut(usize::from(*anchor)) {
                    *similarity += weight * of_anchor / norm;
                }
            }
        }
        for (similarity, background) in similarities.iter_mut().zip(&self.background) {
            *similarity = (*similarity - background).max(0.0);
        }
        similarities
    }
}

fn length(weights: impl Iterator<Item = f32>) -> f32 {
    weights.map(|weight| weight * weight).sum::<f32>().sqrt()
}

/// The `most` largest values above 0 as a vector of length 1.
fn strongest(values: Vec<f32>, most: usize) -> Likeness {
    let mut found: Likeness = (0..=AnchorNumber::MAX).zip(values).filter(|(_, value)| *value > 0.0).collect();
    found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    found.truncate(most);
    found.sort_by_key(|(anchor, _)| *anchor);
    let norm = length(found.iter().map(|(_, value)| *value));
    found.iter_mut().for_each(|(_, value)| *value /= norm);
    found
}
