//! How close two concepts are, and how much a concept says.

use std::collections::HashMap;

use crate::vocabulary::{ConceptNumber, Vocabulary};

/// Credit for an offered concept that lies below the sought one, by distance: who offers object detection offers
/// computer vision, nearly in full.
const CHILD: f32 = 0.95;
const DESCENDANT: f32 = 0.9;
/// Credit for the parent of what is sought; each step further up halves it. Somebody who offers computer vision may or
/// may not know object detection.
const PARENT: f32 = 0.5;
/// A root is so general that it earns half of what another ancestor would.
const ROOT: f32 = 0.5;
/// Credit for a concept with the same parent, unless that is a root.
const SIBLING: f32 = 0.2;

/// The credit that each concept earns where another is sought, for all pairs of the vocabulary.
///
/// The idea that concepts are the closer the deeper their common ancestor lies is that of Wu and Palmer, "Verbs semantics
/// and lexical selection" (1994). It is made asymmetric here, because a seeker is served by something narrower than
/// asked and less by something wider.
///
/// Only pairs that earn any credit are kept: the relatives of each concept, sorted.
#[derive(Debug, Clone)]
pub struct Closeness {
    credits: Vec<Vec<(ConceptNumber, f32)>>,
}

impl Closeness {
    pub fn new(vocabulary: &Vocabulary) -> Closeness {
        let parents: Vec<Option<usize>> =
            vocabulary.iter().map(|concept| concept.parent.map(|parent| usize::from(parent.0))).collect();
        let lines: Vec<Vec<usize>> = (0..parents.len()).map(|concept| line(&parents, concept)).collect();
        let mut families: HashMap<usize, Vec<(ConceptNumber, &[usize])>> = HashMap::new();
        for (concept, line) in vocabulary.iter().zip(&lines) {
            // Whoever earns credit for a concept stands above it, below it, or below the same parent.
            for ancestor in line {
                families.entry(*ancestor).or_default().push((concept.number, line));
            }
        }
        let credits = lines.iter().map(|sought| relatives(sought, &families)).collect();
        Closeness { credits }
    }

    /// Credit in [0, 1] for `offered` where `sought` is wanted; 0 for numbers outside the vocabulary.
    pub fn credit(&self, sought: ConceptNumber, offered: ConceptNumber) -> f64 {
        let credit = self.credits.get(usize::from(sought.0)).and_then(|relatives| {
            let at = relatives.binary_search_by_key(&offered, |(concept, _)| *concept).ok()?;
            relatives.get(at)
        });
        credit.map_or(0.0, |(_, credit)| f64::from(*credit))
    }
}

/// Every concept that earns credit where this one is sought, sorted.
fn relatives(
    sought: &[usize],
    families: &HashMap<usize, Vec<(ConceptNumber, &[usize])>>,
) -> Vec<(ConceptNumber, f32)> {
    let family = sought.iter().take(2).filter_map(|concept| families.get(concept)).flatten();
    let above = sought
        .iter()
        .filter_map(|concept| families.get(concept)?.iter().find(|(_, line)| line.first() == Some(concept)));
    let mut found: Vec<(ConceptNumber, f32)> =
        family.chain(above).map(|(concept, offered)| (*concept, credit(sought, offered))).collect();
    found.retain(|(_, credit)| *credit > 0.0);
    found.sort_by_key(|(concept, _)| *concept);
    found.dedup_by_key(|(concept, _)| *concept);
    found
}

/// A concept, its parent, and so on up to its root.
fn line(parents: &[Option<usize>], concept: usize) -> Vec<usize> {
    std::iter::successors(Some(concept), |at| parents.get(*at).copied().flatten())
        .take(parents.len())
        .collect()
}

/// The credit for two concepts given by their lines to the root.
fn credit(sought: &[usize], offered: &[usize]) -> f32 {
    let (Some(wanted), Some(given)) = (sought.first(), offered.first()) else {
        return 0.0;
    };
    if let Some(distance) = offered.iter().position(|concept| concept == wanted) {
        return match distance {
            0 => 1.0,
            1 => CHILD,
            _ => DESCENDANT,
        };
    }
    if let Some(distance) = sought.iter().position(|concept| concept == given) {
        let general = if offered.len() == 1 { ROOT } else { 1.0 };
        return general * PARENT.powi(i32::try_from(distance).unwrap_or(i32::MAX));
    }
    let parent_is_no_root = sought.len() > 2;
    if parent_is_no_root && sought.get(1) == offered.get(1) { SIBLING } else { 0.0 }
}

/// How much each concept says: its inverse document frequency among the documents searched.
///
/// The form is that of BM25 (Robertson and Walker, 1994) with one added inside the logarithm, which keeps it positive:
/// `ln(1 + (N − n + ½) / (n + ½))` for a concept that `n` of `N` documents offer.
#[derive(Debug, Clone, Default)]
pub struct Rarity {
    values: HashMap<ConceptNumber, f64>,
}

impl Rarity {
    /// `frequencies` of concepts, out of `documents`.
    pub fn new(documents: u64, frequencies: impl IntoIterator<Item = (ConceptNumber, u64)>) -> Rarity {
        let values =
            frequencies.into_iter().map(|(concept, count)| (concept, idf(documents, count))).collect();
        Rarity { values }
    }

    /// The rarity of a concept, above 0; 1 where nothing is known about it.
    pub fn of(&self, concept: ConceptNumber) -> f64 {
        self.values.get(&concept).copied().unwrap_or(1.0)
    }
}

/// Inverse document frequency as described at [`Rarity`], for terms and concepts alike; always above 0.
pub fn idf(documents: u64, frequency: u64) -> f64 {
    let frequency = frequency.min(documents) as f64;
    (1.0 + (documents as f64 - frequency + 0.5) / (frequency + 0.5)).ln()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;
    use crate::vocabulary::Sources;

    const TREE: &str = r#"
    ai = { labels = { en = ["artificial intelligence"] } }
    vision = { parent = "ai", labels = { en = ["computer vision"] } }
    detection = { parent = "vision", labels = { en = ["object detection"] } }
    segmentation = { parent = "vision", labels = { en = ["segmentation"] } }
    speech = { parent = "ai", labels = { en = ["speech recognition"] } }
"#;

    #[test]
    fn credit_follows_the_tree() {
        let vocabulary = Vocabulary::parse(Sources { trees: &[TREE], ..Sources::default() }).unwrap();
        let closeness = Closeness::new(&vocabulary);
        let credit = |sought: &str, offered: &str| {
            let number = |id: &str| vocabulary.number(id).unwrap();
            closeness.credit(number(sought), number(offered))
        };
        assert_eq!(credit("vision", "vision"), 1.0);
        let (child, parent, sibling, root) = (
            credit("vision", "detection"),
            credit("detection", "vision"),
            credit("detection", "segmentation"),
            credit("detection", "ai"),
        );
        assert!(1.0 > child && child > parent && parent > sibling && sibling > root && root > 0.0);
        assert_eq!(credit("vision", "speech"), 0.0, "siblings under a root share little");
        assert_eq!(closeness.credit(ConceptNumber(2), ConceptNumber(99)), 0.0);
    }

    #[test]
    fn rare_concepts_say_more() {
        let rarity = Rarity::new(100, (0..).map(ConceptNumber).zip([1, 10, 100, 0]));
        let of = |number| rarity.of(ConceptNumber(number));
        assert!(of(3) > of(0) && of(0) > of(1) && of(1) > of(2) && of(2) > 0.0);
    }
}
