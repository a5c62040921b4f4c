//! Concepts by the beginning of a word of one of their labels, in any language, while somebody types.
//!
//! Every word of every label is an entry of one sorted list, so that what begins alike stands together, and a beginning
//! is found by bisection.

use std::collections::HashMap;

use super::fold::fold;
use crate::vocabulary::{COMMON_LANGUAGE, Concept, ConceptNumber, Vocabulary};

/// A concept, and the label whose beginning was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Completion<'a> {
    pub concept: &'a Concept,
    /// Of the label, ISO 639-1.
    pub language: &'a str,
    pub label: &'a str,
}

/// All labels of a vocabulary, ready to be compared with what is typed.
pub(super) struct Labels {
    labels: Vec<Label>,
    /// The languages that labels refer to.
    languages: Vec<String>,
    /// Where each word of each label begins, sorted by the label's text from there on.
    words: Vec<WordStart>,
}

struct Label {
    folded: Box<str>,
    concept: ConceptNumber,
    /// Its place in [`Labels::languages`].
    language: u16,
    /// Its place among the concept's labels in that language; the preferred one is 0.
    place: u16,
}

#[derive(Clone, Copy)]
struct WordStart {
    /// Its place in [`Labels::labels`].
    label: u32,
    /// In bytes of the folded label.
    offset: u32,
}

/// What makes one label a better answer than another; the least is the best.
type Rank<'a> = (LanguageRank, bool, bool, usize, &'a str, u32);

/// The reader's languages in his order, then English, then all others.
type LanguageRank = usize;

impl Labels {
    pub(super) fn new(vocabulary: &Vocabulary) -> Labels {
        let mut labels = Labels { labels: Vec::new(), languages: Vec::new(), words: Vec::new() };
        let mut known: HashMap<String, u16> = HashMap::new();
        for concept in vocabulary.iter().filter(|concept| !concept.invalid) {
            for language in concept.languages() {
                let next = known.len() as u16;
                let number = *known.entry(language.to_owned()).or_insert(next);
                for (place, label) in (0..=u16::MAX).zip(concept.labels(language)) {
                    let folded = typed_form(label).into_boxed_str();
                    labels.labels.push(Label { folded, concept: concept.number, language: number, place });
                }
            }
        }
        let mut languages: Vec<(String, u16)> = known.into_iter().collect();
        languages.sort_by_key(|(_, number)| *number);
        labels.languages = languages.into_iter().map(|(language, _)| language).collect();
        labels.sort_words();
        labels
    }

    fn sort_words(&mut self) {
        let mut words = Vec::new();
        for (number, label) in (0..=u32::MAX).zip(&self.labels) {
            words.extend(word_starts(&label.folded).map(|offset| WordStart { label: number, offset }));
        }
        words.sort_by(|a, b| self.from(*a).cmp(self.from(*b)).then(a.label.cmp(&b.label)));
        self.words = words;
    }

    /// A label's folded text from the beginning of a word on.
    fn from(&self, word: WordStart) -> &str {
        let label = self.labels.get(word.label as usize);
        label.and_then(|label| label.folded.get(word.offset as usize..)).unwrap_or("")
    }

    /// The concepts that have a label in which a word begins with what was typed; see
    /// [`super::Analysis::complete`].
    pub(super) fn complete<'a>(
        &'a self,
        vocabulary: &'a Vocabulary,
        typed: &str,
        languages: &[&str],
        limit: usize,
    ) -> Vec<Completion<'a>> {
        let typed = typed_form(typed);
        if typed.is_empty() {
            return Vec::new();
        }
        let ranks = self.language_ranks(languages);
        let first = self.words.partition_point(|word| self.from(*word) < typed.as_str());
        let mut best: HashMap<ConceptNumber, Rank<'_>> = HashMap::new();
        for word in self.words.iter().skip(first).take_while(|word| self.from(**word).starts_with(&typed)) {
            let Some((label, rank)) = self.rank(*word, &ranks) else { continue };
            let kept = best.entry(label.concept).or_insert(rank);
            *kept = rank.min(*kept);
        }
        let mut best: Vec<Rank<'_>> = best.into_values().collect();
        best.sort_unstable();
        best.truncate(limit);
        best.into_iter().filter_map(|(.., label)| self.completion(vocabulary, label)).collect()
    }

    fn language_ranks(&self, languages: &[&str]) -> Vec<LanguageRank> {
        let rank = |language: &String| {
            let own = languages.iter().position(|own| own == language);
            own.unwrap_or(languages.len() + usize::from(language != COMMON_LANGUAGE))
        };
        self.languages.iter().map(rank).collect()
    }

    /// The label that a word belongs to, and how good an answer it is: by its language; preferred labels before synonyms;
    /// those whose first word was typed before others; short ones first; then by alphabet.
    fn rank(&self, word: WordStart, ranks: &[LanguageRank]) -> Option<(&Label, Rank<'_>)> {
        let label = self.labels.get(word.label as usize)?;
        let language = *ranks.get(usize::from(label.language))?;
        let folded = &*label.folded;
        Some((label, (language, label.place > 0, word.offset > 0, folded.len(), folded, word.label)))
    }

    fn completion<'a>(&'a self, vocabulary: &'a Vocabulary, label: u32) -> Option<Completion<'a>> {
        let label = self.labels.get(label as usize)?;
        let concept = vocabulary.by_number(label.concept)?;
        let language = self.languages.get(usize::from(label.language))?;
        let text = concept.labels(language).get(usize::from(label.place))?;
        Some(Completion { concept, language, label: text })
    }
}

/// Labels and what is typed in one form: folded, with one space between words, whether they were apart or hyphenated.
fn typed_form(text: &str) -> String {
    let folded = fold(&text.to_lowercase());
    let parts = folded.split(|c: char| c.is_whitespace() || matches!(c, '-' | '‐' | '‑' | '–' | '/'));
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Where words begin: at the start, and wherever a letter or digit follows something else.
fn word_starts(folded: &str) -> impl Iterator<Item = u32> {
    let mut inside = false;
    let starts = folded.char_indices().filter(move |(at, c)| {
        let before = std::mem::replace(&mut inside, c.is_alphanumeric());
        *at == 0 || (inside && !before)
    });
    starts.filter_map(|(at, _)| u32::try_from(at).ok())
}
