//! The features: pure functions of two sides into [0, 1].
//!
//! `None` means that the feature says nothing here because the seeking side gave no ground for it; its weight then goes to
//! the others. A gap on the giving side is never `None` but a value in the middle, so that silence neither wins nor
//! takes the candidate out of comparison.

use super::concepts::{Closeness, Rarity};
use super::region::are_neighbours;
use super::vector::{Attributes, CaseVector, Code, Mention, TermVector, Wishes};
use crate::analysis::AnchorNumber;

/// The value where the giving side does not say.
pub const UNKNOWN: f64 = 0.5;

/// What share of the sought concepts is offered, each weighted by its rarity and by how prominently it is sought:
/// `Σ wₛ·idfₛ·max(creditₛₒ·wₒ) / Σ wₛ·idfₛ` over sought `s` and offered `o`. `None` if no concept is sought.
pub fn expertise(
    sought: &[Mention],
    offered: &[Mention],
    closeness: &Closeness,
    rarity: &Rarity,
) -> Option<f64> {
    let (mut met, mut total) = (0.0, 0.0);
    for wanted in sought {
        let importance = f64::from(wanted.weight) * rarity.of(wanted.concept);
        total += importance;
        met += importance * best_credit(wanted, offered, closeness).map_or(0.0, |(credit, _)| credit);
    }
    (total > 0.0).then(|| (met / total).clamp(0.0, 1.0))
}

/// The offered concept that earns most credit where `wanted` is sought, if any earns some.
pub fn best_credit<'a>(
    wanted: &Mention,
    offered: &'a [Mention],
    closeness: &Closeness,
) -> Option<(f64, &'a Mention)> {
    offered
        .iter()
        .map(|given| (closeness.credit(wanted.concept, given.concept) * f64::from(given.weight), given))
        .filter(|(credit, _)| *credit > 0.0)
        // The first of equals stays, so the answer does not depend on the order of comparison.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// The best cosine of two texts in one language, in [0, 1]. `None` where they share no language.
///
/// With one side weighted `ltc` and the other `lnc` (Salton and Buckley, "Term-weighting approaches in automatic text
/// retrieval", 1988) the cosine is normalised by the query itself, so its values compare between queries.
pub fn cosine(one: &[TermVector], other: &[TermVector]) -> Option<f64> {
    one.iter()
        .filter_map(|left| {
            let right = other.iter().find(|right| right.language == left.language)?;
            Some(dot(&left.terms, &right.terms))
        })
        .reduce(f64::max)
}

/// The scalar product of two vectors sorted by their keys, in [0, 1].
pub fn dot<Key: Ord>(one: &[(Key, f32)], other: &[(Key, f32)]) -> f64 {
    products(one, other).map(|(_, product)| product).sum::<f64>().clamp(0.0, 1.0)
}

/// The products that make it up, by their keys.
pub fn products<'a, Key: Ord>(
    one: &'a [(Key, f32)],
    other: &'a [(Key, f32)],
) -> impl Iterator<Item = (&'a Key, f64)> {
    let mut right = other.iter().peekable();
    one.iter().filter_map(move |(key, weight)| {
        while right.next_if(|(next, _)| next < key).is_some() {}
        let (_, other_weight) = right.next_if(|(next, _)| next == key)?;
        Some((key, f64::from(*weight) * f64::from(*other_weight)))
    })
}

/// The cosine that two texts may have by chance: below it they are not about the same.
pub const CHANCE: f64 = 0.1;

/// How far two texts are about the same, in [0, 1]: the cosine of their likenesses to the anchors beyond chance. `None`
/// where nothing is sought in words.
pub fn topic(sought: &[(AnchorNumber, f32)], given: &[(AnchorNumber, f32)]) -> Option<f64> {
    (!sought.is_empty()).then(|| (dot(sought, given) - CHANCE).max(0.0) / (1.0 - CHANCE))
}

/// Spreads cosines, which are small even for good answers, over [0, 1]: `c·(1 + m) / (c + m)`, monotone, with 0 → 0,
/// 1 → 1 and `m` → about ½.
pub fn stretch(cosine: f64, midpoint: f64) -> f64 {
    (cosine * (1.0 + midpoint) / (cosine + midpoint)).clamp(0.0, 1.0)
}

/// Similarity of two texts. Where they share no language the words cannot be compared: `stand_in`, a value got from what
/// the texts are about, takes their place, so that a text is neither punished nor favoured for its language.
pub fn text(sought: &[TermVector], given: &[TermVector], midpoint: f64, stand_in: f64) -> Option<f64> {
    if sought.is_empty() {
        return None;
    }
    Some(cosine(sought, given).map_or(stand_in, |cosine| stretch(cosine, midpoint)))
}

/// How a case's similarity is mixed from concepts, topic and words.
const CASE_SHARES: [f64; 3] = [0.4, 0.35, 0.25];

/// How similar one past case is to what is sought: the mean of the share of sought concepts, the topic and the likeness of
/// words, as far as each says anything.
pub fn case_similarity(concepts: Option<f64>, topic: Option<f64>, text: Option<f64>) -> Option<f64> {
    let said = CASE_SHARES.into_iter().zip([concepts, topic, text]);
    let (sum, total) = said
        .filter_map(|(share, value)| value.map(|value| (share, value)))
        .fold((0.0, 0.0), |(sum, total), (share, value)| (sum + share * value, total + share));
    (total > 0.0).then(|| sum / total)
}

/// The best of the cases by the similarity given; the first of equals.
pub fn best_case<'a>(
    cases: impl Iterator<Item = &'a CaseVector>,
    similarity: impl Fn(&CaseVector) -> Option<f64>,
) -> Option<(f64, &'a CaseVector)> {
    cases
        .filter_map(|case| similarity(case).map(|value| (value, case)))
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
}

/// Share of the wanted sectors in which the other side works. A side that wants none in particular wants its own.
pub fn sector(wanted: u32, seeker: &Attributes, given: Option<&Wishes>, giver: &Attributes) -> Option<f64> {
    let wanted = if wanted == 0 { seeker.sectors } else { wanted };
    if wanted == 0 {
        return None;
    }
    let has = giver.sectors | given.map_or(0, |wishes| wishes.sectors);
    if has == 0 {
        return Some(UNKNOWN);
    }
    Some(f64::from((wanted & has).count_ones()) / f64::from(wanted.count_ones()))
}

/// Whether the stages fit: the mean of "the giver is at a stage that the seeker wants" and "the seeker is at a stage
/// that the giver serves", as far as either is asked.
pub fn stage(wanted: u8, seeker: &Attributes, given: Option<&Wishes>, giver: &Attributes) -> Option<f64> {
    let giver_fits = (wanted != 0).then(|| stage_fit(wanted, giver.stage));
    let seeker_fits = (seeker.stage != 0).then(|| {
        let served = given.map_or(0, |wishes| wishes.stages);
        if served == 0 { UNKNOWN } else { stage_fit(served, seeker.stage) }
    });
    match (giver_fits, seeker_fits) {
        (Some(one), Some(other)) => Some((one + other) / 2.0),
        (one, other) => one.or(other),
    }
}

/// 1 for a wanted stage, ½ for one next to it, 0 for others.
fn stage_fit(wanted: u8, stage: u8) -> f64 {
    if stage == 0 {
        UNKNOWN
    } else if wanted & stage != 0 {
        1.0
    } else if wanted & (stage << 1 | stage >> 1) != 0 {
        0.5
    } else {
        0.0
    }
}

/// Rungs of nearness, from the same region down to meeting online.
pub mod nearness {
    pub const SAME_REGION: f64 = 1.0;
    pub const SAME_PART: f64 = 0.9;
    pub const SAME_COUNTRY: f64 = 0.8;
    pub const NEIGHBOUR: f64 = 0.6;
    pub const SERVED: f64 = 0.5;
    pub const ONLINE: f64 = 0.4;
    pub const UNKNOWN: f64 = 0.3;
}

/// Nearness of the giver to where help is wanted: the best rung that holds. `None` if the seeker neither says where he
/// is nor which countries he wants.
pub fn region(
    wanted: &[Code],
    seeker: &Attributes,
    given: Option<&Wishes>,
    giver: &Attributes,
) -> Option<f64> {
    if wanted.is_empty() && seeker.country.is_none() {
        return None;
    }
    let serves = |country: &Code| given.is_some_and(|wishes| wishes.countries.contains(country));
    let online =
        giver.formats & ONLINE_BITS != 0 || given.is_some_and(|wishes| wishes.formats & ONLINE_BITS != 0);
    let mut value: f64 = if giver.country.is_none() { nearness::UNKNOWN } else { 0.0 };
    if online {
        value = value.max(nearness::ONLINE);
    }
    if seeker.country.iter().chain(wanted).any(serves) {
        value = value.max(nearness::SERVED);
    }
    if let Some(country) = giver.country {
        if wanted.contains(&country) {
            value = value.max(nearness::SAME_COUNTRY);
        }
        if wanted.is_empty() || wanted.contains(&country) {
            value = value.max(distance_rung(seeker, giver));
        }
    }
    Some(value)
}

/// Online or hybrid, by position in [`super::vector::FORMATS`].
const ONLINE_BITS: u8 = 0b101;
const ON_SITE_BITS: u8 = 0b110;

/// The rung of two places by country and by how many leading characters of their NUTS codes agree.
fn distance_rung(seeker: &Attributes, giver: &Attributes) -> f64 {
    let (Some(here), Some(there)) = (seeker.country, giver.country) else {
        return 0.0;
    };
    if here != there {
        return if are_neighbours(here, there) { nearness::NEIGHBOUR } else { 0.0 };
    }
    let pairs = seeker.region.iter().zip(&giver.region);
    let agreed = pairs.take_while(|(one, other)| one == other && **one != 0).count();
    match agreed {
        4.. => nearness::SAME_REGION,
        3 => nearness::SAME_PART,
        _ => nearness::SAME_COUNTRY,
    }
}

/// 1 with a shared working language, 0 without (which passes only with an interpreter). `None` if the seeker names
/// none.
pub fn language(seeker: &Attributes, giver: &Attributes) -> Option<f64> {
    if seeker.languages.is_empty() {
        None
    } else if giver.languages.is_empty() {
        Some(UNKNOWN)
    } else {
        Some(if share_a_language(seeker, giver) { 1.0 } else { 0.0 })
    }
}

pub fn share_a_language(one: &Attributes, other: &Attributes) -> bool {
    one.languages.iter().any(|language| other.languages.contains(language))
}

/// 1 if the two can meet in the same way, 0 if not; hybrid goes with both others.
pub fn format(wanted: u8, seeker: &Attributes, given: Option<&Wishes>, giver: &Attributes) -> Option<f64> {
    let wanted = if wanted == 0 { seeker.formats } else { wanted };
    let has = giver.formats | given.map_or(0, |wishes| wishes.formats);
    if wanted == 0 {
        return None;
    }
    if has == 0 {
        return Some(UNKNOWN);
    }
    let meets = |bits: u8| wanted & bits != 0 && has & bits != 0;
    Some(if meets(ONLINE_BITS) || meets(ON_SITE_BITS) { 1.0 } else { 0.0 })
}

/// Exponential decay of the age: 1 today, ½ after one half-life.
pub fn freshness(updated_day: i32, today: i32, half_life_days: f64) -> f64 {
    let age = f64::from(today.saturating_sub(updated_day).max(0));
    0.5_f64.powf(age / half_life_days).clamp(0.0, 1.0)
}

/// 1 on the day of arrival, falling in a straight line to 0 after `days`.
pub fn newcomer(created_day: i32, today: i32, days: f64) -> f64 {
    let age = f64::from(today.saturating_sub(created_day).max(0));
    (1.0 - age / days).clamp(0.0, 1.0)
}
