//! From features to one number: two directions, each the sum of its parts, and their harmonic mean.

use serde::Serialize;
use utoipa::ToSchema;

use super::concepts::{Closeness, Rarity};
use super::features;
use super::parameters::{Feature, Parameters, Weights};
use super::vector::{CaseVector, FaceVector, TermVector, Vector, Wishes};
use crate::analysis::AnchorNumber;
use crate::document::{Audience, Kind};

/// One feature's share of a direction: `contribution = value · weight`.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Part {
    pub feature: Feature,
    /// In [0, 1].
    #[schema(minimum = 0, maximum = 1)]
    pub value: f64,
    /// In [0, 1]; the weights of a direction sum to 1.
    #[schema(minimum = 0, maximum = 1)]
    pub weight: f64,
    #[schema(minimum = 0, maximum = 1)]
    pub contribution: f64,
}

/// How well one side's offers meet what the other seeks. The contributions of the parts add up to the score.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Direction {
    /// In [0, 1].
    #[schema(minimum = 0, maximum = 1)]
    pub score: f64,
    /// Whether nothing in particular is sought, so that the score is a constant.
    pub neutral: bool,
    pub parts: Vec<Part>,
}

impl Direction {
    /// The direction in which nothing in particular is sought.
    pub fn neutral(value: f64) -> Direction {
        let part = Part { feature: Feature::Neutral, value, weight: 1.0, contribution: value };
        Direction { score: value, neutral: true, parts: vec![part] }
    }

    /// Weighs the values. The weights of features that say nothing go to the others in proportion; the newcomer's boost
    /// keeps its own, so that it stays as small as it is. `None` if no feature with a weight says anything.
    pub fn weighed(values: &[(Feature, Option<f64>)], weights: &Weights) -> Option<Direction> {
        let said = |(feature, value): &(Feature, Option<f64>)| {
            let weight = weights.of(*feature);
            value.filter(|_| weight > 0.0).map(|value| (*feature, value, weight))
        };
        let said: Vec<(Feature, f64, f64)> = values.iter().filter_map(said).collect();
        let of = |newcomer: bool| {
            said.iter()
                .filter(|(feature, ..)| (*feature == Feature::Newcomer) == newcomer)
                .map(|(.., weight)| weight)
                .sum::<f64>()
        };
        let (boost, others) = (of(true), of(false));
        if others <= 0.0 {
            return None;
        }
        let scale = (1.0 - boost) / others;
        let parts: Vec<Part> = said
            .iter()
            .map(|&(feature, value, weight)| {
                let scaled = if feature == Feature::Newcomer { weight } else { weight * scale };
                Part { feature, value, weight: scaled, contribution: value * scaled }
            })
            .collect();
        let score = parts.iter().map(|part| part.contribution).sum::<f64>().clamp(0.0, 1.0);
        Some(Direction { score, neutral: false, parts })
    }

    /// The value of a feature, if it is a part.
    pub fn value(&self, feature: Feature) -> Option<f64> {
        self.parts.iter().find(|part| part.feature == feature).map(|part| part.value)
    }
}

/// `2ab / (a + b)`, 0 where both are 0. Of the ways to join two sides it punishes a one-sided match without letting the
/// worse side decide alone.
pub fn harmonic_mean(a: f64, b: f64) -> f64 {
    if a + b > 0.0 { (2.0 * a * b / (a + b)).clamp(0.0, 1.0) } else { 0.0 }
}

/// The score of one candidate.
#[derive(Debug, Clone, PartialEq)]
pub struct Score {
    /// In [0, 1], comparable between queries and days.
    pub score: f64,
    pub forward: Direction,
    pub backward: Direction,
}

/// What every comparison of one request has in common.
#[derive(Debug, Clone, Copy)]
pub struct Measure<'a> {
    pub closeness: &'a Closeness,
    pub rarity: &'a Rarity,
    pub parameters: &'a Parameters,
    /// Days since 1 January 1970.
    pub today: i32,
    /// Both sides are compared by what this reader may see of them.
    pub reader: Audience,
}

impl Measure<'_> {
    /// Scores a candidate for a seeker.
    pub fn score(&self, seeker: &Vector, candidate: &Vector) -> Score {
        let forward = self.direction(seeker, candidate, &self.parameters.forward);
        let backward = self.direction(candidate, seeker, &self.parameters.backward);
        Score { score: harmonic_mean(forward.score, backward.score), forward, backward }
    }

    /// How well `giver` meets what `seeker` seeks.
    fn direction(&self, seeker: &Vector, giver: &Vector, weights: &Weights) -> Direction {
        let neutral = || Direction::neutral(self.parameters.neutral);
        if seeker.seeks.is_empty(self.reader) {
            return neutral();
        }
        Direction::weighed(&self.values(seeker, giver), weights).unwrap_or_else(neutral)
    }

    fn values(&self, seeker: &Vector, giver: &Vector) -> [(Feature, Option<f64>); 12] {
        let (seeks, gives) = (&seeker.seeks, giver.giving(self.reader));
        let nothing = Wishes::default();
        let wanted = seeks.visible_wishes(self.reader).unwrap_or(&nothing);
        let given = gives.visible_wishes(self.reader);
        let (here, there) = (&seeker.own, &giver.own);
        let expertise = features::expertise(
            seeks.concepts(self.reader),
            gives.concepts(self.reader),
            self.closeness,
            self.rarity,
        );
        let topic = self.topic(seeks, gives.likeness(self.reader));
        let text = self.text(seeks, gives.texts(self.reader), topic);
        let parameters = self.parameters;
        let newcomer = match giver.kind {
            Kind::Profile => features::newcomer(there.created_day, self.today, parameters.newcomer_days),
            _ => 0.0,
        };
        let half_life = parameters.freshness_half_life_days;
        [
            (Feature::Expertise, expertise),
            (Feature::Topic, topic),
            (Feature::Text, text),
            (Feature::TrackRecord, self.track_record(seeks, giver)),
            (Feature::Sector, features::sector(wanted.sectors, here, given, there)),
            (Feature::Stage, features::stage(wanted.stages, here, given, there)),
            (Feature::Region, features::region(&wanted.countries, here, given, there)),
            (Feature::Language, features::language(here, there)),
            (Feature::Format, features::format(wanted.formats, here, given, there)),
            (Feature::Freshness, Some(features::freshness(there.updated_day, self.today, half_life))),
            (Feature::Newcomer, Some(newcomer)),
            (Feature::Neutral, Some(parameters.neutral)),
        ]
    }

    fn topic(&self, seeks: &FaceVector, given: &[(AnchorNumber, f32)]) -> Option<f64> {
        features::topic(seeks.likeness(self.reader), given)
    }

    fn text(&self, seeks: &FaceVector, given: &[TermVector], topic: Option<f64>) -> Option<f64> {
        let stand_in = self.parameters.cross_language * topic.unwrap_or(0.0);
        features::text(seeks.texts(self.reader), given, self.parameters.text_midpoint, stand_in)
    }

    /// Asked of profiles, which could have past cases, and of whatever else has some.
    fn track_record(&self, seeks: &FaceVector, giver: &Vector) -> Option<f64> {
        let layer = seeks.layer(self.reader)?;
        if layer.concepts.is_empty() && layer.texts.is_empty() {
            return None;
        }
        let best = self.best_case(seeks, giver.giving(self.reader));
        let best = best.map(|(value, _)| value.max(features::UNKNOWN));
        best.or((giver.kind == Kind::Profile).then_some(features::UNKNOWN))
    }

    /// The past case that is most similar to what is sought, with its similarity.
    pub fn best_case<'v>(&self, seeks: &FaceVector, gives: &'v FaceVector) -> Option<(f64, &'v CaseVector)> {
        let sought = seeks.concepts(self.reader);
        features::best_case(gives.cases(self.reader), |case| {
            let concepts = features::expertise(sought, &case.concepts, self.closeness, self.rarity);
            let topic = self.topic(seeks, &case.likeness);
            features::case_similarity(concepts, topic, self.text(seeks, &case.texts, topic))
        })
    }
}
