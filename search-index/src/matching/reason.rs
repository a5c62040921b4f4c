//! One sentence that says why, in the reader's language, made of the strongest parts of a match.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::explain::{SharedConcept, SharedTopic};
use super::features::nearness;
use super::parameters::Feature;
use super::score::Direction;
use crate::document::Kind;

/// The frames by language; the first is the fallback.
const FRAMES: [(&str, &str); 24] = [
    ("en", include_str!("reasons/en.toml")),
    ("bg", include_str!("reasons/bg.toml")),
    ("cs", include_str!("reasons/cs.toml")),
    ("da", include_str!("reasons/da.toml")),
    ("de", include_str!("reasons/de.toml")),
    ("el", include_str!("reasons/el.toml")),
    ("es", include_str!("reasons/es.toml")),
    ("et", include_str!("reasons/et.toml")),
    ("fi", include_str!("reasons/fi.toml")),
    ("fr", include_str!("reasons/fr.toml")),
    ("ga", include_str!("reasons/ga.toml")),
    ("hr", include_str!("reasons/hr.toml")),
    ("hu", include_str!("reasons/hu.toml")),
    ("it", include_str!("reasons/it.toml")),
    ("lt", include_str!("reasons/lt.toml")),
    ("lv", include_str!("reasons/lv.toml")),
    ("mt", include_str!("reasons/mt.toml")),
    ("nl", include_str!("reasons/nl.toml")),
    ("pl", include_str!("reasons/pl.toml")),
    ("pt", include_str!("reasons/pt.toml")),
    ("ro", include_str!("reasons/ro.toml")),
    ("sk", include_str!("reasons/sk.toml")),
    ("sl", include_str!("reasons/sl.toml")),
    ("sv", include_str!("reasons/sv.toml")),
];

/// How many concepts a sentence names.
const NAMED: usize = 3;
/// From this value on a feature is a reason to be named.
const STRONG: f64 = 0.8;
/// From this value on similar words are a reason by themselves.
const WORDS_ALIKE: f64 = 0.25;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Frame {
    and: String,
    open: String,
    close: String,
    lead: Lead,
    tail: Tail,
    features: BTreeMap<Feature, String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Lead {
    offers_and_case: String,
    offers: String,
    event: String,
    case: String,
    seeks: String,
    topic: String,
    alike: String,
    text: String,
    setting: String,
    general: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    mutual: String,
    region: String,
    country: String,
    neighbour: String,
}

/// A file of sentence frames that cannot be read; a test keeps it from happening.
#[derive(Debug, Error)]
#[error("the sentence frames in `{language}` cannot be read: {source}")]
pub struct ReasonsError {
    language: &'static str,
    source: toml::de::Error,
}

/// What a sentence is made of.
pub(super) struct Grounds<'a> {
    pub kind: Kind,
    /// What is sought and the candidate offers, the strongest first.
    pub offered: &'a [SharedConcept],
    /// What the candidate seeks and is offered, the strongest first.
    pub sought: &'a [SharedConcept],
    /// What both sides write about, the strongest first.
    pub topics: &'a [SharedTopic],
    /// Title of the similar past case.
    pub case: Option<&'a str>,
    pub forward: &'a Direction,
}

/// The sentence frames of all languages.
#[derive(Debug, Clone)]
pub struct Reasons {
    frames: Vec<(&'static str, Frame)>,
}

impl Reasons {
    /// # Errors
    /// If an embedded file is faulty.
    pub fn embedded() -> Result<Reasons, ReasonsError> {
        let parse = |(language, text): (&'static str, &str)| match toml::from_str(text) {
            Ok(frame) => Ok((language, frame)),
            Err(source) => Err(ReasonsError { language, source }),
        };
        Ok(Reasons { frames: FRAMES.into_iter().map(parse).collect::<Result<_, _>>()? })
    }

    /// The sentence in the first of the reader's languages that has frames, else in English.
    pub(super) fn sentence(&self, languages: &[&str], grounds: &Grounds<'_>) -> String {
        let of = |language: &&str| self.frames.iter().find(|(code, _)| code == language);
        match languages.iter().find_map(of).or(self.frames.first()) {
            Some((_, frame)) => frame.sentence(grounds),
            None => String::new(),
        }
    }
}

impl Frame {
    fn sentence(&self, grounds: &Grounds<'_>) -> String {
        let (lead, names_sought) = self.lead(grounds);
        let tail = self.tail(grounds, names_sought).unwrap_or_default();
        format!("{lead}{tail}.")
    }

    /// The main clause, and whether it already names what the candidate seeks.
    fn lead(&self, grounds: &Grounds<'_>) -> (String, bool) {
        let lead = &self.lead;
        let offered = self.concepts(grounds.offered);
        let sought = self.concepts(grounds.sought);
        let case = grounds.case.map(|title| format!("{}{title}{}", self.open, self.close));
        let with = |frame: &str, concepts: &str| frame.replace("{concepts}", concepts);
        let clause = match (grounds.kind, offered, sought, case) {
            (Kind::Need, _, Some(sought), _) => return (with(&lead.seeks, &sought), true),
            (Kind::Need, Some(topic), None, _) => with(&lead.topic, &topic),
            (Kind::Event, Some(offered), ..) => with(&lead.event, &offered),
            (_, Some(offered), _, Some(case)) => {
                with(&lead.offers_and_case, &offered).replace("{case}", &case)
            }
            (_, Some(offered), _, None) => with(&lead.offers, &offered),
            (_, None, _, Some(case)) => lead.case.replace("{case}", &case),
            (_, None, Some(sought), None) => return (with(&lead.seeks, &sought), true),
            (_, None, None, None) => self.without_concepts(grounds),
        };
        (clause, false)
    }

    fn without_concepts(&self, grounds: &Grounds<'_>) -> String {
        let forward = grounds.forward;
        let labels: Vec<&str> = grounds.topics.iter().take(NAMED).map(|topic| topic.label.as_str()).collect();
        if let Some(topics) = self.list(&labels) {
            return self.lead.alike.replace("{concepts}", &topics);
        }
        if forward.value(Feature::Text).is_some_and(|value| value >= WORDS_ALIKE) {
            return self.lead.text.clone();
        }
        let strong = forward.parts.iter().filter(|part| part.value >= STRONG);
        let names: Vec<&str> = strong
            .filter_map(|part| self.features.get(&part.feature).map(String::as_str))
            .take(NAMED)
            .collect();
        match self.list(&names) {
            Some(features) => self.lead.setting.replace("{features}", &features),
            None => self.lead.general.clone(),
        }
    }

    fn tail(&self, grounds: &Grounds<'_>, names_sought: bool) -> Option<String> {
        if let Some(sought) = self.concepts(grounds.sought).filter(|_| !names_sought) {
            return Some(self.tail.mutual.replace("{concepts}", &sought));
        }
        let near = grounds.forward.value(Feature::Region)?;
        if near >= nearness::SAME_PART {
            Some(self.tail.region.clone())
        } else if near >= nearness::SAME_COUNTRY {
            Some(self.tail.country.clone())
        } else if near >= nearness::NEIGHBOUR {
            Some(self.tail.neighbour.clone())
        } else {
            None
        }
    }

    /// The labels of the strongest concepts as a list.
    fn concepts(&self, shared: &[SharedConcept]) -> Option<String> {
        let mut labels: Vec<&str> = Vec::new();
        for concept in shared {
            if labels.len() < NAMED && !labels.contains(&concept.label.as_str()) {
                labels.push(&concept.label);
            }
        }
        self.list(&labels)
    }

    fn list(&self, items: &[&str]) -> Option<String> {
        let (last, others) = items.split_last()?;
        if others.is_empty() {
            return Some((*last).to_owned());
        }
        Some(format!("{}{}{last}", others.join(", "), self.and))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn concept(label: &str) -> SharedConcept {
        SharedConcept {
            sought: label.to_owned(),
            offered: label.to_owned(),
            label: label.to_owned(),
            credit: 1.0,
            words: None,
        }
    }

    #[test]
    fn every_language_says_everything() {
        let reasons = Reasons::embedded().unwrap();
        for (language, frame) in &reasons.frames {
            let lead = &frame.lead;
            for with_concepts in [
                &lead.offers_and_case,
                &lead.offers,
                &lead.event,
                &lead.seeks,
                &lead.topic,
                &lead.alike,
                &frame.tail.mutual,
            ] {
                assert_eq!(with_concepts.matches("{concepts}").count(), 1, "{language}");
            }
            for with_case in [&lead.offers_and_case, &lead.case] {
                assert_eq!(with_case.matches("{case}").count(), 1, "{language}");
            }
            assert_eq!(lead.setting.matches("{features}").count(), 1, "{language}");
            let plain = [&lead.text, &lead.general, &frame.tail.region, &frame.tail.country];
            assert!(plain.iter().all(|text| !text.contains('{')), "{language}");
            assert_eq!(frame.features.len(), 5, "{language}");
        }
    }

    #[test]
    fn the_sentence_names_the_strongest_grounds_in_the_readers_language() {
        let reasons = Reasons::embedded().unwrap();
        let offered = [concept("Bildverarbeitung"), concept("Robotik")];
        let neutral = Direction::neutral(0.4);
        let mut grounds = Grounds {
            kind: Kind::Profile,
            offered: &offered,
            sought: &[],
            topics: &[],
            case: Some("Ausschussprüfung"),
            forward: &neutral,
        };
        assert_eq!(
            reasons.sentence(&["de"], &grounds),
            "Bietet Bildverarbeitung und Robotik und hat einen ähnlichen Fall bearbeitet: „Ausschussprüfung“."
        );
        grounds.case = None;
        assert_eq!(reasons.sentence(&["nb", "fr"], &grounds), "Propose : Bildverarbeitung et Robotik.");
        grounds.kind = Kind::Need;
        grounds.sought = &offered[..1];
        assert_eq!(reasons.sentence(&["nb"], &grounds), "Seeks Bildverarbeitung, which is offered here.");
        grounds.offered = &[];
        grounds.sought = &[];
        assert_eq!(reasons.sentence(&["en"], &grounds), "No close match in content, but open to requests.");
    }
}
