//! The weights of the ranking, readable and changeable from outside.
//!
//! Whoever is ranked may know how: the parameters in force are published under a version, a request may override single
//! weights, and every answer names the weight that each of its parts had.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::openapi::schema::{AdditionalProperties, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The largest share of a direction's score that a newcomer's boost may have.
pub const MAX_NEWCOMER_WEIGHT: f64 = 0.02;
/// The largest weight that a request may give, before all are scaled.
pub const MAX_WEIGHT: f64 = 1_000.0;
/// The most candidates that are scored exactly for one request.
pub const MAX_CANDIDATES: usize = 2_000;

/// One reason why a candidate stands where it stands. Each is a number in [0, 1].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    Expertise,
    Topic,
    Text,
    TrackRecord,
    Sector,
    Stage,
    Region,
    Language,
    Format,
    Freshness,
    Newcomer,
    /// A constant: all there is in a direction in which nothing in particular is sought, and elsewhere a share that
    /// keeps a wish whose words are not met from deciding alone.
    Neutral,
}

impl Feature {
    pub const ALL: [Feature; 12] = [
        Feature::Expertise,
        Feature::Topic,
        Feature::Text,
        Feature::TrackRecord,
        Feature::Sector,
        Feature::Stage,
        Feature::Region,
        Feature::Language,
        Feature::Format,
        Feature::Freshness,
        Feature::Newcomer,
        Feature::Neutral,
    ];

    /// The wire code.
    pub fn code(self) -> &'static str {
        match self {
            Feature::Expertise => "expertise",
            Feature::Topic => "topic",
            Feature::Text => "text",
            Feature::TrackRecord => "track_record",
            Feature::Sector => "sector",
            Feature::Stage => "stage",
            Feature::Region => "region",
            Feature::Language => "language",
            Feature::Format => "format",
            Feature::Freshness => "freshness",
            Feature::Newcomer => "newcomer",
            Feature::Neutral => "neutral",
        }
    }

    /// What the feature measures, in one English sentence for whoever reads the published parameters.
    pub fn description(self) -> &'static str {
        match self {
            Feature::Expertise => {
                "Share of the sought concepts that is offered, weighted by rarity, with part credit along the concept tree."
            }
            Feature::Topic => {
                "Whether both sides are about the same, in whatever language: how alike they are to texts whose translations are known."
            }
            Feature::Text => {
                "Similarity of the words on both sides, in the same language, after stemming, rare words counting more."
            }
            Feature::TrackRecord => "The past case that is most similar to what is sought.",
            Feature::Sector => "Share of the sectors concerned in which the other side works.",
            Feature::Stage => "Whether the stages of the two sides fit each other's wishes.",
            Feature::Region => {
                "Nearness: same region, country, neighbouring country, a country that is served, or online."
            }
            Feature::Language => "Whether the two sides share a working language.",
            Feature::Format => "Whether the two sides can meet in the same way, online or on site.",
            Feature::Freshness => {
                "How recently the entry was confirmed or changed; halves with each half-life."
            }
            Feature::Newcomer => {
                "A small boost in the first weeks of a new profile, so that newcomers are seen."
            }
            Feature::Neutral => {
                "A constant, alone where nothing in particular is sought, and else a share beside what is compared."
            }
        }
    }
}

/// Weights by feature. A feature that is not named weighs nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Weights(BTreeMap<Feature, f64>);

impl PartialSchema for Weights {
    /// One optional member for each feature, so that clients know their names.
    fn schema() -> RefOr<Schema> {
        let weights = Feature::ALL.into_iter().fold(ObjectBuilder::new(), |weights, feature| {
            let weight = ObjectBuilder::new()
                .schema_type(Type::Number)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Double)))
                .description(Some(feature.description()))
                .minimum(Some(0))
                .maximum(Some(MAX_WEIGHT));
            weights.property(feature.code(), weight)
        });
        weights
            .description(Some("Weights by feature; one that is not named weighs nothing."))
            .additional_properties(Some(AdditionalProperties::FreeForm(false)))
            .into()
    }
}

impl ToSchema for Weights {}

impl Weights {
    pub fn new(weights: impl IntoIterator<Item = (Feature, f64)>) -> Weights {
        Weights(weights.into_iter().collect())
    }

    /// The weight of a feature, 0 if it is not named.
    pub fn of(&self, feature: Feature) -> f64 {
        self.0.get(&feature).copied().unwrap_or(0.0)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Feature, f64)> + '_ {
        self.0.iter().map(|(feature, weight)| (*feature, *weight))
    }

    /// These weights with some of them replaced; the rest stay as they are.
    fn with(&self, overrides: &BTreeMap<Feature, f64>) -> Weights {
        let mut weights = self.0.clone();
        weights.extend(overrides);
        Weights(weights)
    }

    /// Checks the weights and scales them so that they sum to 1.
    fn normalised(&self, direction: &'static str) -> Result<Weights, ParametersError> {
        for (feature, weight) in self.iter() {
            if !(0.0..=MAX_WEIGHT).contains(&weight) {
                return Err(ParametersError::OutOfRange { direction, feature, weight });
            }
        }
        let total: f64 = self.0.values().sum();
        if total <= 0.0 {
            return Err(ParametersError::AllZero { direction });
        }
        let scaled = Weights::new(self.iter().map(|(feature, weight)| (feature, weight / total)));
        if scaled.of(Feature::Newcomer) > MAX_NEWCOMER_WEIGHT + 1e-9 {
            return Err(ParametersError::NewcomerTooHeavy { direction });
        }
        Ok(scaled)
    }
}

/// Weights that one request wants to be different; they are normalised together with those that stay.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WeightOverrides {
    pub forward: BTreeMap<Feature, f64>,
    pub backward: BTreeMap<Feature, f64>,
}

impl WeightOverrides {
    pub fn is_empty(&self) -> bool {
        self.forward.is_empty() && self.backward.is_empty()
    }
}

/// Everything that the order of the answers depends on besides the documents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    /// Names these numbers; a request with overrides is answered with `+custom` appended.
    #[schema(min_length = 1, example = "1")]
    pub version: String,
    /// How well the candidate's offers meet what the asking side seeks. Sums to 1.
    pub forward: Weights,
    /// How well the asking side's offers meet what the candidate seeks. Sums to 1.
    pub backward: Weights,
    /// Value of the constant feature `neutral`.
    #[schema(minimum = 0.01, maximum = 1)]
    pub neutral: f64,
    /// Days after which the freshness of an untouched entry has halved, at least 1.
    #[schema(minimum = 1, maximum = 36500)]
    pub freshness_half_life_days: f64,
    /// Days until a newcomer's boost has faded to nothing, at least 1.
    #[schema(minimum = 1, maximum = 36500)]
    pub newcomer_days: f64,
    /// The cosine of two texts that counts as a half.
    #[schema(minimum = 0.001, maximum = 1)]
    pub text_midpoint: f64,
    /// Share of the topic's value that stands in for similar words where two texts share no language, in [0, 1].
    #[schema(minimum = 0, maximum = 1)]
    pub cross_language: f64,
    /// How many candidates are scored exactly.
    #[schema(minimum = 1, maximum = 2000)]
    pub candidates: usize,
}

impl Default for Parameters {
    /// The parameters in force when nothing is configured.
    fn default() -> Parameters {
        use Feature::*;
        let forward = [
            (Expertise, 0.20),
            (Topic, 0.32),
            (Text, 0.12),
            (TrackRecord, 0.13),
            (Sector, 0.06),
            (Stage, 0.03),
            (Region, 0.05),
            (Language, 0.03),
            (Format, 0.01),
            (Freshness, 0.04),
            (Newcomer, 0.01),
        ];
        let backward = [
            (Expertise, 0.22),
            (Topic, 0.16),
            (Text, 0.08),
            (TrackRecord, 0.05),
            (Sector, 0.12),
            (Stage, 0.08),
            (Region, 0.05),
            (Language, 0.03),
            (Format, 0.01),
            (Neutral, 0.20),
        ];
        Parameters {
            version: "2".to_owned(),
            forward: Weights::new(forward),
            backward: Weights::new(backward),
            neutral: 0.4,
            freshness_half_life_days: 180.0,
            newcomer_days: 60.0,
            text_midpoint: 0.15,
            cross_language: 0.5,
            candidates: 300,
        }
    }
}

impl Parameters {
    /// Checks every bound and scales both sets of weights to a sum of 1.
    ///
    /// # Errors
    /// Names the first number that is out of bounds.
    pub fn validated(self) -> Result<Parameters, ParametersError> {
        let within = |name: &'static str, value: f64, low: f64, high: f64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err(ParametersError::OutOfBounds { name, value, low, high })
            }
        };
        within("neutral", self.neutral, 0.01, 1.0)?;
        within("freshness_half_life_days", self.freshness_half_life_days, 1.0, 36_500.0)?;
        within("newcomer_days", self.newcomer_days, 1.0, 36_500.0)?;
        within("text_midpoint", self.text_midpoint, 0.001, 1.0)?;
        within("cross_language", self.cross_language, 0.0, 1.0)?;
        within("candidates", self.candidates as f64, 1.0, MAX_CANDIDATES as f64)?;
        let forward = self.forward.normalised("forward")?;
        let backward = self.backward.normalised("backward")?;
        Ok(Parameters { forward, backward, ..self })
    }

    /// These parameters with the weights of one request.
    ///
    /// # Errors
    /// Names the first weight that is out of bounds.
    pub fn with_overrides(&self, overrides: &WeightOverrides) -> Result<Parameters, ParametersError> {
        if overrides.is_empty() {
            return Ok(self.clone());
        }
        Parameters {
            version: format!("{}+custom", self.version),
            forward: self.forward.with(&overrides.forward),
            backward: self.backward.with(&overrides.backward),
            ..self.clone()
        }
        .validated()
    }
}

/// Why parameters are refused.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ParametersError {
    #[error("the {direction} weight of `{}` is {weight}; it must lie between 0 and 1000", feature.code())]
    OutOfRange { direction: &'static str, feature: Feature, weight: f64 },
    #[error("all {direction} weights are 0")]
    AllZero { direction: &'static str },
    #[error("the {direction} weight of `newcomer` may be at most {MAX_NEWCOMER_WEIGHT} of the sum")]
    NewcomerTooHeavy { direction: &'static str },
    #[error("`{name}` is {value}; it must lie between {low} and {high}")]
    OutOfBounds { name: &'static str, value: f64, low: f64, high: f64 },
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
mod tests {
    use super::*;

    fn override_forward(feature: Feature, weight: f64) -> WeightOverrides {
        WeightOverrides { forward: BTreeMap::from([(feature, weight)]), ..Default::default() }
    }

    #[test]
    fn defaults_are_valid_and_sum_to_one() {
        let parameters = Parameters::default().validated().unwrap();
        for weights in [&parameters.forward, &parameters.backward] {
            let sum: f64 = weights.iter().map(|(_, weight)| weight).sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
        let defaults: f64 = Parameters::default().forward.iter().map(|(_, weight)| weight).sum();
        assert!((defaults - 1.0).abs() < 1e-12, "the published defaults read as shares of one");
    }

    #[test]
    fn an_override_is_normalised_and_changes_the_version() {
        let changed =
            Parameters::default().with_overrides(&override_forward(Feature::Expertise, 1.2)).unwrap();
        assert_eq!(changed.version, "2+custom");
        assert!((changed.forward.of(Feature::Expertise) - 0.6).abs() < 1e-12);
        assert!((changed.backward.of(Feature::Text) - 0.08).abs() < 1e-12);
    }

    #[test]
    fn bad_weights_are_refused() {
        let parameters = Parameters::default();
        for weight in [-0.1, f64::NAN, f64::INFINITY] {
            let refused = parameters.with_overrides(&override_forward(Feature::Text, weight));
            assert!(matches!(refused, Err(ParametersError::OutOfRange { .. })), "{weight}");
        }
        let refused = parameters.with_overrides(&override_forward(Feature::Newcomer, 0.5));
        assert_eq!(refused, Err(ParametersError::NewcomerTooHeavy { direction: "forward" }));
        let nothing = WeightOverrides {
            backward: Feature::ALL.into_iter().map(|feature| (feature, 0.0)).collect(),
            ..Default::default()
        };
        assert_eq!(
            parameters.with_overrides(&nothing),
            Err(ParametersError::AllZero { direction: "backward" })
        );
        let refused = Parameters { candidates: 0, ..parameters }.validated();
        assert!(matches!(refused, Err(ParametersError::OutOfBounds { name: "candidates", .. })));
    }

    #[test]
    fn parameters_survive_json() {
        let parameters = Parameters::default();
        let json = serde_json::to_string(&parameters).unwrap();
        assert!(json.contains("\"track_record\":0.13"));
        assert_eq!(serde_json::from_str::<Parameters>(&json).unwrap(), parameters);
    }
}
