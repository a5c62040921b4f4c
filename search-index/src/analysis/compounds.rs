//! Parts of compounds: `Bildverarbeitungssystem` also says `Bildverarbeitung`.
//!
//! The known words are those of the vocabulary's labels, so nothing but a term of the field is ever
//! split off. The compound itself stays; its parts are added.

use std::collections::HashMap;

use super::chain::Stems;
use super::fold::fold;
use super::words::words;
use crate::vocabulary::Vocabulary;

/// Languages that write compounds as one word.
const COMPOUNDING: [&str; 7] = ["da", "de", "et", "fi", "hu", "nl", "sv"];

/// Shorter words are found inside too many others by chance.
const SHORTEST_PART: usize = 5;

/// What is left of a compound besides a part has at least so many letters; less is an ending.
const SHORTEST_REST: usize = 4;

/// Letters that may link two parts, longest first; the last stands for none.
const LINKS: [&str; 5] = ["en", "es", "n", "s", ""];

/// One part of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Where it stands in the folded compound, in bytes.
    pub start: usize,
    pub end: usize,
    /// Its index term.
    pub term: String,
}

/// The words of one language that may be parts, with their terms.
pub(super) struct Compounds {
    german: bool,
    terms: HashMap<String, String>,
    longest: usize,
}

impl Compounds {
    pub(super) fn new(stems: Stems, vocabulary: &Vocabulary) -> Compounds {
        let code = stems.language.code();
        let mut compounds = Compounds { german: code == "de", terms: HashMap::new(), longest: 0 };
        if COMPOUNDING.contains(&code) {
            let labels =
                vocabulary.iter().filter(|concept| !concept.invalid).flat_map(|concept| concept.labels(code));
            for word in labels.flat_map(|label| words(label, false)) {
                let key = compounds.key(&word.text);
                if key.len() >= SHORTEST_PART && key.bytes().all(|b| b.is_ascii_alphabetic()) {
                    compounds.longest = compounds.longest.max(key.len());
                    compounds.terms.insert(key, stems.stem(&word.text));
                }
            }
        }
        compounds
    }

    /// One spelling for `ä` and `ae`, for known words and for compounds alike.
    fn key(&self, word: &str) -> String {
        let folded = fold(word);
        if !self.german {
            return folded;
        }
        folded.replace("ae", "a").replace("oe", "o").replace("ue", "u")
    }

    /// The known words inside a lower-case word, in its order, without the word itself.
    pub(super) fn parts(&self, word: &str) -> Vec<Part> {
        if self.terms.is_empty() || word.len() < SHORTEST_PART + SHORTEST_REST {
            return Vec::new();
        }
        let key = self.key(word);
        if !key.is_ascii() {
            return Vec::new();
        }
        let mut parts = Vec::new();
        let mut at = 0;
        while let Some(part) = self.part_at(&key, at) {
            at = self.after_link(&key, part.end);
            parts.push(part);
        }
        if parts.last().is_none_or(|part| part.end < key.len()) {
            parts.extend(self.part_at_end(&key, at));
        }
        parts
    }

    /// The longest known word that starts here and leaves enough of the compound, or all the rest.
    fn part_at(&self, key: &str, start: usize) -> Option<Part> {
        let last = key.len().min(start + self.longest);
        (start + SHORTEST_PART..=last)
            .rev()
            .filter(|end| {
                let rest = key.len() - end;
                rest >= SHORTEST_REST || (start > 0 && is_ending(key.get(*end..)))
            })
            .find_map(|end| self.part(key, start, end))
    }

    /// Where the next part starts: after a linking letter if a known word follows it there.
    fn after_link(&self, key: &str, end: usize) -> usize {
        LINKS
            .iter()
            .filter(|link| key.get(end..).is_some_and(|rest| rest.starts_with(**link)))
            .map(|link| end + link.len())
            .find(|start| self.part_at(key, *start).is_some())
            .unwrap_or(end)
    }

    /// The longest known word that ends the compound, possibly inflected, with enough before it.
    fn part_at_end(&self, key: &str, after: usize) -> Option<Part> {
        let first = after.max(SHORTEST_REST);
        LINKS.iter().rev().find_map(|ending| {
            let end = key.strip_suffix(ending)?.len();
            let first = first.max(end.saturating_sub(self.longest));
            (first..=end.checked_sub(SHORTEST_PART)?).find_map(|start| self.part(key, start, end))
        })
    }

    fn part(&self, key: &str, start: usize, end: usize) -> Option<Part> {
        let term = self.terms.get(key.get(start..end)?)?;
        Some(Part { start, end, term: term.clone() })
    }
}

fn is_ending(rest: Option<&str>) -> bool {
    rest.is_some_and(|rest| LINKS.contains(&rest))
}
