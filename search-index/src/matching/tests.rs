//! Promises of the score that hold for any two documents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::codec::tests::{mentions, vector};
use super::concepts::{Closeness, Rarity};
use super::parameters::{Feature, MAX_NEWCOMER_WEIGHT, Parameters};
use super::score::{Measure, Score, harmonic_mean};
use super::vector::{CLAIM_WEIGHT, Layer, Mention, Readers, Source, Vector};
use crate::document::{Audience, Kind};
use crate::vocabulary::{ConceptNumber, Sources, Vocabulary};

/// Forty concepts in a tree of three levels.
fn vocabulary() -> Vocabulary {
    let toml: String = (0..40)
        .map(|number| {
            let parent = match number {
                0 | 1 => String::new(),
                2..=9 => format!("parent = \"c{:02}\", ", number % 2),
                _ => format!("parent = \"c{:02}\", ", 2 + number % 8),
            };
            format!("c{number:02} = {{ {parent}labels = {{ en = [\"label {number}\"] }} }}\n")
        })
        .collect();
    Vocabulary::parse(Sources { trees: &[&toml], ..Sources::default() }).unwrap()
}

struct World {
    closeness: Closeness,
    rarity: Rarity,
    parameters: Parameters,
}

impl World {
    fn new() -> World {
        World {
            closeness: Closeness::new(&vocabulary()),
            rarity: Rarity::new(1_000, (0..40).map(|number| (ConceptNumber(number), u64::from(number) * 20))),
            parameters: Parameters::default().validated().unwrap(),
        }
    }

    fn score(&self, seeker: &Vector, candidate: &Vector, reader: Audience) -> Score {
        let measure = Measure {
            closeness: &self.closeness,
            rarity: &self.rarity,
            parameters: &self.parameters,
            today: 20_000,
            reader,
        };
        measure.score(seeker, candidate)
    }
}

fn offer(vector: &mut Vector, mention: Mention) {
    for layer in &mut vector.offers.layers {
        layer.concepts.retain(|other| other.concept != mention.concept);
        layer.concepts.push(mention);
        layer.concepts.sort_by_key(|mention| mention.concept);
        layer.speaks = true;
    }
}

proptest! {
    #[test]
    fn scores_are_bounded_and_are_the_sum_of_their_parts(one in vector(), other in vector()) {
        let world = World::new();
        let score = world.score(&one, &other, Audience::Members);
        prop_assert!((0.0..=1.0).contains(&score.score));
        for direction in [&score.forward, &score.backward] {
            prop_assert!((0.0..=1.0).contains(&direction.score));
            let sum: f64 = direction.parts.iter().map(|part| part.contribution).sum();
            prop_assert!((sum - direction.score).abs() < 1e-9);
            let weights: f64 = direction.parts.iter().map(|part| part.weight).sum();
            prop_assert!((weights - 1.0).abs() < 1e-9);
            for part in &direction.parts {
                prop_assert!((0.0..=1.0).contains(&part.value), "{part:?}");
                prop_assert!((part.value * part.weight - part.contribution).abs() < 1e-12);
                if part.feature == Feature::Newcomer {
                    prop_assert!(part.contribution <= MAX_NEWCOMER_WEIGHT);
                }
            }
        }
    }

    #[test]
    fn the_mean_of_two_sides_is_symmetric(a in 0.0..=1.0f64, b in 0.0..=1.0f64) {
        prop_assert_eq!(harmonic_mean(a, b), harmonic_mean(b, a));
        prop_assert!(harmonic_mean(a, b) <= (a + b) / 2.0 + 1e-12);
        prop_assert!(harmonic_mean(a, b) >= a.min(b) - 1e-12 || a.min(b) == 0.0);
    }

    #[test]
    fn swapping_the_sides_swaps_the_directions(one in vector(), other in vector()) {
        let mut world = World::new();
        world.parameters.backward = world.parameters.forward.clone();
        let here = world.score(&one, &other, Audience::Public);
        let there = world.score(&other, &one, Audience::Public);
        prop_assert_eq!(here.forward, there.backward);
        prop_assert_eq!(here.score, there.score);
    }

    #[test]
    fn offering_what_is_sought_never_lowers_a_score(
        seeker in vector(),
        candidate in vector(),
        pick: prop::sample::Index,
        mut sought in mentions(),
    ) {
        prop_assume!(!sought.is_empty() && candidate.kind != Kind::Need);
        let wanted = sought[pick.index(sought.len())];
        sought.sort_by_key(|mention| mention.concept);
        let mut seeker = seeker;
        let (texts, likeness) =
            seeker.seeks.layers.pop().map_or_else(Default::default, |layer| (layer.texts, layer.likeness));
        seeker.seeks.layers =
            vec![Layer { readers: Readers::Everybody, concepts: sought, texts, likeness, speaks: true }];
        let world = World::new();
        let before = world.score(&seeker, &candidate, Audience::Members);
        let mut better = candidate.clone();
        offer(&mut better, Mention { weight: CLAIM_WEIGHT, source: Source::Claim, ..wanted });
        let after = world.score(&seeker, &better, Audience::Members);
        prop_assert!(after.score >= before.score - 1e-12, "{before:?} {after:?}");
    }

    #[test]
    fn what_the_public_may_not_see_changes_nothing_for_it(
        seeker in vector(),
        candidate in vector(),
        secret in mentions(),
    ) {
        let world = World::new();
        let mut other = candidate.clone();
        for face in [&mut other.offers, &mut other.seeks] {
            for layer in face.layers.iter_mut().filter(|l| l.readers == Readers::MembersOnly) {
                layer.concepts = secret.clone();
                layer.texts.clear();
                layer.likeness.clear();
            }
            face.cases.retain(|case| case.readers != Readers::MembersOnly);
            if face.wishes.audience == Audience::Members {
                face.wishes.sectors ^= 1;
                face.wishes.stages ^= 1;
            }
        }
        prop_assert_eq!(
            world.score(&seeker, &candidate, Audience::Public),
            world.score(&seeker, &other, Audience::Public)
        );
    }
}
