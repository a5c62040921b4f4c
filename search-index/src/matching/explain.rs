//! Why a candidate stands where it stands: the concepts both sides share, the words that gave them, the best evidence.
//!
//! Everything here is read from the layers and the passages that the reader may see, and from nothing else. It costs
//! more than a score, so it is made only for the matches that are returned.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde::Serialize;
use utoipa::ToSchema;

use super::features::{CHANCE, best_credit, dot, products};
use super::parameters::Feature;
use super::reason::{Grounds, Reasons};
use super::score::{Direction, Measure, Score};
use super::vector::{FaceVector, Mention, Source, Vector, term_hash};
use crate::analysis::{Analysis, AnchorNumber};
use crate::document::{Audience, Document, Face, Kind, Passage};
use crate::vocabulary::ConceptNumber;

/// A weaker relation of two concepts, such as that of siblings, is not worth a mention.
const WORTH_NAMING: f64 = 0.35;
/// How many shared concepts are listed for each direction.
const MOST_CONCEPTS: usize = 8;
/// How many shared topics are named at most, and what share of the likeness each must have.
const MOST_TOPICS: usize = 3;
const LEAST_SHARE: f64 = 0.1;
/// From this similarity on a past case is called similar.
const SIMILAR_CASE: f64 = 0.25;
/// From this value on similar words are evidence.
const SIMILAR_TEXT: f64 = 0.15;
/// Most bytes of a quoted passage.
const EXCERPT_BYTES: usize = 240;
/// Most bytes of a case title inside a sentence.
const TITLE_BYTES: usize = 100;
/// How many passages are looked through for the one that is most alike.
const MOST_PASSAGES: usize = 8;

/// A text and the language it is in, where that is stated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Text {
    /// ISO 639-1.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[a-z]{2}$", example = "fr")]
    pub language: Option<String>,
    #[schema(min_length = 1)]
    pub text: String,
}

/// One answer, explained.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Match {
    /// Of a profile, need, offering or event.
    #[schema(pattern = "^[a-z]{3}_[0-7][0-9A-HJKMNP-TV-Z]{25}$", example = "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N")]
    pub id: String,
    pub kind: Kind,
    /// The finer kind: of a profile its kind, of a need or offering its type.
    #[schema(pattern = "^[a-z_]{1,40}$", example = "mentor")]
    pub category: String,
    /// Id of the profile that it belongs to.
    #[schema(pattern = "^[a-z]{3}_[0-7][0-9A-HJKMNP-TV-Z]{25}$", example = "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N")]
    pub profile: String,
    pub title: Text,
    /// Harmonic mean of both directions, in [0, 1].
    #[schema(minimum = 0, maximum = 1)]
    pub score: f64,
    /// How well the candidate offers what is sought.
    pub forward: Direction,
    /// How well the asking side offers what the candidate seeks.
    pub backward: Direction,
    /// What is sought and the candidate offers, the weightiest first.
    pub concepts: Vec<SharedConcept>,
    /// What the candidate seeks and the asking side offers, the weightiest first.
    pub concepts_in_return: Vec<SharedConcept>,
    /// What both sides write about, in whatever words and languages, the strongest first; empty where they do not.
    pub topics: Vec<SharedTopic>,
    /// The most telling piece of the candidate; absent where nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Evidence>,
    /// One sentence in the reader's language.
    #[schema(min_length = 1)]
    pub reason: String,
}

/// A concept that both sides have, or two that lie close in the tree.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SharedConcept {
    /// Id of the concept that is sought; `GET /api/v1/vocabulary/concepts/{id}` says more of it.
    #[schema(pattern = "^[a-z][a-z0-9_]{1,79}$", example = "predictive_maintenance")]
    pub sought: String,
    /// Id of the concept that is offered: the same, or one that lies close in the tree.
    #[schema(pattern = "^[a-z][a-z0-9_]{1,79}$", example = "predictive_maintenance")]
    pub offered: String,
    /// Label of the candidate's own one, in the reader's language.
    #[schema(min_length = 1, example = "predictive maintenance")]
    pub label: String,
    /// How far the one meets the other, in (0, 1].
    #[schema(minimum = 0, maximum = 1)]
    pub credit: f64,
    /// The words of the candidate that name the concept; absent where it was declared or comes from a past case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Text>,
}

/// A concept whose description both texts resemble.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct SharedTopic {
    /// Id of the concept.
    #[schema(pattern = "^[a-z][a-z0-9_]{1,79}$", example = "predictive_maintenance")]
    pub concept: String,
    /// Its label, in the reader's language.
    #[schema(min_length = 1, example = "predictive maintenance")]
    pub label: String,
    /// Its share of what makes the two texts alike, in (0, 1].
    #[schema(minimum = 0, maximum = 1)]
    pub share: f64,
}

/// What evidence is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EvidenceKind {
    Case,
    Passage,
}

/// The most telling piece of the candidate, in its own language.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Evidence {
    pub kind: EvidenceKind,
    /// Key of the past case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Title of the case in the language nearest to the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<Text>,
    /// An excerpt, plain text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Text>,
    /// Year of the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1950, maximum = 2100, example = 2024)]
    pub year: Option<i32>,
}

/// Which of two related concepts is the candidate's.
#[derive(Clone, Copy)]
enum Named {
    Offered,
    Sought,
}

/// Explains matches to one reader.
pub(super) struct Explainer<'a> {
    pub analysis: &'a Analysis,
    pub reasons: &'a Reasons,
    pub measure: Measure<'a>,
    /// ISO 639-1, the preferred first.
    pub languages: &'a [&'a str],
}

impl Explainer<'_> {
    pub fn explain(&self, seeker: &Vector, candidate: &Vector, document: &Document, score: Score) -> Match {
        let reader = self.measure.reader;
        let gives_task = std::ptr::eq(candidate.giving(reader), &candidate.seeks);
        let face = if gives_task { &document.seeks } else { &document.offers };
        let named = |face| move |mention: &Mention| self.words(document, face, mention);
        let concepts = self.shared(&seeker.seeks, candidate.giving(reader), Named::Offered, named(face));
        let concepts_in_return =
            self.shared(&candidate.seeks, seeker.giving(reader), Named::Sought, named(&document.seeks));
        let topics = self.topics(seeker.seeks.likeness(reader), candidate.giving(reader).likeness(reader));
        let evidence = self.evidence(seeker, candidate, document, face, &score);
        let case = evidence.as_ref().filter(|evidence| evidence.kind == EvidenceKind::Case);
        let case = case.and_then(|case| case.title.as_ref()).map(|t| shorten(&t.text, TITLE_BYTES));
        let reason = self.reasons.sentence(
            self.languages,
            &Grounds {
                kind: document.kind,
                offered: &concepts,
                sought: &concepts_in_return,
                topics: &topics,
                case: case.as_deref(),
                forward: &score.forward,
            },
        );
        let title = self.nearest(&document.titles, reader);
        Match {
            id: document.id.clone(),
            kind: document.kind,
            category: document.category.clone(),
            profile: document.profile.clone(),
            title: title.unwrap_or(Text { language: None, text: String::new() }),
            score: score.score,
            forward: score.forward,
            backward: score.backward,
            concepts,
            concepts_in_return,
            topics,
            evidence,
            reason,
        }
    }

    /// The concepts that one face seeks and another offers, the weightiest first.
    fn shared(
        &self,
        seeks: &FaceVector,
        gives: &FaceVector,
        named: Named,
        words: impl Fn(&Mention) -> Option<Text>,
    ) -> Vec<SharedConcept> {
        let reader = self.measure.reader;
        let offered = gives.concepts(reader);
        let mut found: Vec<(f64, &Mention, f64, &Mention)> = seeks
            .concepts(reader)
            .iter()
            .filter_map(|sought| {
                let (credit, given) = best_credit(sought, offered, self.measure.closeness)?;
                let importance = f64::from(sought.weight) * self.measure.rarity.of(sought.concept);
                Some((importance * credit, sought, credit, given))
            })
            .filter(|(_, _, credit, _)| *credit >= WORTH_NAMING)
            .collect();
        found.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.concept.cmp(&other.1.concept)));
        found.truncate(MOST_CONCEPTS);
        found
            .into_iter()
            .filter_map(|(_, sought, credit, offered)| {
                let mention = match named {
                    Named::Offered => offered,
                    Named::Sought => sought,
                };
                let vocabulary = self.analysis.vocabulary();
                Some(SharedConcept {
                    sought: vocabulary.by_number(sought.concept)?.id.clone(),
                    offered: vocabulary.by_number(offered.concept)?.id.clone(),
                    label: vocabulary.by_number(mention.concept)?.label(self.languages).to_owned(),
                    credit,
                    words: words(mention),
                })
            })
            .collect()
    }

    /// The concepts whose descriptions make two texts alike, if they are.
    fn topics(&self, sought: &[(AnchorNumber, f32)], given: &[(AnchorNumber, f32)]) -> Vec<SharedTopic> {
        let total = dot(sought, given);
        if total < CHANCE {
            return Vec::new();
        }
        let mut shares: BTreeMap<ConceptNumber, f64> = BTreeMap::new();
        for (anchor, product) in products(sought, given) {
            if let Some(concept) = self.analysis.anchors().concept(*anchor) {
                *shares.entry(concept).or_insert(0.0) += product / total;
            }
        }
        let mut shares: Vec<(ConceptNumber, f64)> = shares.into_iter().collect();
        shares.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
        let vocabulary = self.analysis.vocabulary();
        shares
            .into_iter()
            .take(MOST_TOPICS)
            .take_while(|(_, share)| *share >= LEAST_SHARE)
            .filter_map(|(concept, share)| {
                let concept = vocabulary.by_number(concept)?;
                let label = concept.label(self.languages).to_owned();
                Some(SharedTopic { concept: concept.id.clone(), label, share: share.min(1.0) })
            })
            .collect()
    }

    /// The words that a concept was found in, if the reader may see them.
    fn words(&self, document: &Document, face: &Face, mention: &Mention) -> Option<Text> {
        let (passage, range) = self.place(document, face, mention)?;
        let words = passage.text.get(range)?;
        Some(Text { language: passage.language.clone(), text: one_line(words) })
    }

    fn place<'d>(
        &self,
        document: &'d Document,
        face: &'d Face,
        mention: &Mention,
    ) -> Option<(&'d Passage, Range<usize>)> {
        let passage = match mention.source {
            Source::Title(index) => document.titles.get(usize::from(index))?,
            Source::Passage(index) => face.passages.get(usize::from(index))?,
            Source::Claim | Source::Case(_) => return None,
        };
        let start = usize::from(mention.start);
        let visible = self.measure.reader.may_see(passage.audience) && mention.length > 0;
        visible.then(|| (passage, start..start + usize::from(mention.length)))
    }

    fn evidence(
        &self,
        seeker: &Vector,
        candidate: &Vector,
        document: &Document,
        face: &Face,
        score: &Score,
    ) -> Option<Evidence> {
        let reader = self.measure.reader;
        let gives = candidate.giving(reader);
        self.case_evidence(&seeker.seeks, gives, face)
            .or_else(|| self.concept_evidence(&seeker.seeks, gives, document, face))
            .or_else(|| self.text_evidence(&seeker.seeks, face, &score.forward))
    }

    fn case_evidence(&self, seeks: &FaceVector, gives: &FaceVector, face: &Face) -> Option<Evidence> {
        let best = self.measure.best_case(seeks, gives);
        let (_, best) = best.filter(|(similarity, _)| *similarity >= SIMILAR_CASE)?;
        self.case(face, best.index)
    }

    /// A past case as evidence, if the reader may see it.
    fn case(&self, face: &Face, index: u16) -> Option<Evidence> {
        let case = face.cases.get(usize::from(index))?;
        if !self.measure.reader.may_see(case.audience) {
            return None;
        }
        let text = self.nearest(&case.texts, self.measure.reader);
        let text = text.map(|text| Text { text: shorten(&text.text, EXCERPT_BYTES), ..text });
        let title = self.nearest(&case.titles, self.measure.reader);
        let (key, year) = (Some(case.key.clone()), case.year);
        Some(Evidence { kind: EvidenceKind::Case, key, title, text, year })
    }

    /// Where the weightiest shared concept was found: the passage around the words that name it, or a past case.
    fn concept_evidence(
        &self,
        seeks: &FaceVector,
        gives: &FaceVector,
        document: &Document,
        face: &Face,
    ) -> Option<Evidence> {
        let reader = self.measure.reader;
        let found_in = |given: &Mention| match given.source {
            Source::Case(index) => self.case(face, index),
            _ => {
                let (passage, range) = self.place(document, face, given)?;
                Some(passage_evidence(passage, excerpt(&passage.text, range)))
            }
        };
        let mut credited: Vec<(f64, &Mention)> = seeks
            .concepts(reader)
            .iter()
            .filter_map(|sought| {
                let (credit, given) = best_credit(sought, gives.concepts(reader), self.measure.closeness)?;
                let weight = credit * f64::from(sought.weight) * self.measure.rarity.of(sought.concept);
                (credit >= WORTH_NAMING).then_some((weight, given))
            })
            .collect();
        credited.sort_by(|one, other| other.0.total_cmp(&one.0));
        credited.into_iter().find_map(|(_, given)| found_in(given))
    }

    /// The passage with the most and weightiest words in common.
    fn text_evidence(&self, seeks: &FaceVector, face: &Face, forward: &Direction) -> Option<Evidence> {
        forward.value(Feature::Text).filter(|value| *value >= SIMILAR_TEXT)?;
        let sought = seeks.texts(self.measure.reader);
        let visible = face.passages.iter().filter(|p| self.measure.reader.may_see(p.audience));
        let alike = visible.take(MOST_PASSAGES).filter_map(|passage| {
            let reading = self.analysis.read(passage.language.as_deref(), &passage.text);
            let code = reading.language.code().as_bytes();
            let vector = sought.iter().find(|vector| vector.language == code)?;
            let present: HashSet<u32> = reading.terms.iter().map(|term| term_hash(term)).collect();
            let common = vector.terms.iter().filter(|(term, _)| present.contains(term));
            let weight: f32 = common.map(|(_, weight)| *weight).sum();
            (weight > 0.0).then_some((weight, passage))
        });
        let best = alike.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let (_, passage) = best?;
        Some(passage_evidence(passage, shorten(&passage.text, EXCERPT_BYTES)))
    }

    /// The passage in the first of the reader's languages, else the first; among those that `audience` may see.
    fn nearest(&self, passages: &[Passage], audience: Audience) -> Option<Text> {
        let visible = || passages.iter().filter(|passage| audience.may_see(passage.audience));
        let in_language =
            |language: &&str| visible().find(|passage| passage.language.as_deref() == Some(*language));
        let passage = self.languages.iter().find_map(in_language).or_else(|| visible().next())?;
        Some(Text { language: passage.language.clone(), text: one_line(&passage.text) })
    }
}

fn passage_evidence(passage: &Passage, text: String) -> Evidence {
    let text = Some(Text { language: passage.language.clone(), text });
    Evidence { kind: EvidenceKind::Passage, key: None, title: None, text, year: None }
}

/// White space and control characters become single spaces.
fn one_line(text: &str) -> String {
    let plain = text.replace(char::is_control, " ");
    plain.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The beginning of a text, cut between words.
fn shorten(text: &str, most: usize) -> String {
    let text = one_line(text);
    if text.len() <= most {
        return text;
    }
    let head = text.get(..text.floor_char_boundary(most)).unwrap_or(&text);
    let head = head.rsplit_once(' ').map_or(head, |(whole_words, _)| whole_words);
    format!("{head}…")
}

/// The surroundings of some words, cut between words.
fn excerpt(text: &str, words: Range<usize>) -> String {
    let around = EXCERPT_BYTES.saturating_sub(words.len()) / 2;
    let from = text.floor_char_boundary(words.start.saturating_sub(around));
    let from = match text.get(from..words.start).and_then(|before| before.find(' ')) {
        Some(space) if from > 0 => from + space + 1,
        _ => from,
    };
    let to = text.floor_char_boundary((words.end + around).min(text.len()));
    let to = match text.get(words.end..to).and_then(|after| after.rfind(' ')) {
        Some(space) if to < text.len() => words.end + space,
        _ => to,
    };
    let middle = one_line(text.get(from..to).unwrap_or_default());
    let before = if from > 0 { "…" } else { "" };
    let after = if to < text.len() { "…" } else { "" };
    format!("{before}{middle}{after}")
}
