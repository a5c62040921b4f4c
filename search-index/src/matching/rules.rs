//! The hard rules: what keeps a candidate out however well it fits, and is named when somebody asks why.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::features::share_a_language;
use super::vector::{Attributes, Vector, Wishes};
use crate::fingerprint::stable_hash;

/// Why a candidate is not among the matches. Whoever may not know of a document is told nothing at all instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Blocker {
    /// It belongs to the profile that asks.
    OwnProfile,
    /// An introduction is open, or both have met.
    AlreadyIntroduced,
    /// An introduction was declined within the time of rest.
    Declined,
    /// Not to be matched with each other, for a reason that is nobody's business.
    Unavailable,
    /// Takes no requests at present.
    Paused,
    /// Over, expired or closed.
    Ended,
    /// Both state their working languages, none is shared, and no interpreter is wanted.
    NoCommonLanguage,
    /// The country, the stage or the size does not meet the other side's conditions.
    IneligibleCountry,
    IneligibleStage,
    IneligibleSize,
    /// Of another kind than was asked for, or outside the filters of the request.
    OutsideFilters,
}

impl Blocker {
    pub const ALL: [Blocker; 11] = [
        Blocker::OwnProfile,
        Blocker::AlreadyIntroduced,
        Blocker::Declined,
        Blocker::Unavailable,
        Blocker::Paused,
        Blocker::Ended,
        Blocker::NoCommonLanguage,
        Blocker::IneligibleCountry,
        Blocker::IneligibleStage,
        Blocker::IneligibleSize,
        Blocker::OutsideFilters,
    ];

    /// The wire code.
    pub fn code(self) -> &'static str {
        match self {
            Blocker::OwnProfile => "own_profile",
            Blocker::AlreadyIntroduced => "already_introduced",
            Blocker::Declined => "declined",
            Blocker::Unavailable => "unavailable",
            Blocker::Paused => "paused",
            Blocker::Ended => "ended",
            Blocker::NoCommonLanguage => "no_common_language",
            Blocker::IneligibleCountry => "ineligible_country",
            Blocker::IneligibleStage => "ineligible_stage",
            Blocker::IneligibleSize => "ineligible_size",
            Blocker::OutsideFilters => "outside_filters",
        }
    }
}

/// The rules of one request, ready to be asked hundreds of times.
pub struct Rules {
    excluded: HashMap<u64, Blocker>,
    interpreter: bool,
    now: i64,
}

impl Rules {
    pub fn new(exclude: &HashMap<String, Blocker>, interpreter: bool, now: DateTime<Utc>) -> Rules {
        let excluded = exclude.iter().map(|(profile, blocker)| (stable_hash(profile), *blocker)).collect();
        Rules { excluded, interpreter, now: now.timestamp() }
    }

    /// The first rule that keeps the candidate from this seeker.
    pub fn blocker(&self, seeker: &Vector, candidate: &Vector) -> Option<Blocker> {
        if candidate.profile == seeker.profile {
            return Some(Blocker::OwnProfile);
        }
        if let Some(blocker) = self.excluded.get(&candidate.profile) {
            return Some(*blocker);
        }
        if candidate.own.ends_at.is_some_and(|end| end <= self.now) {
            return Some(Blocker::Ended);
        }
        if candidate.own.paused {
            return Some(Blocker::Paused);
        }
        if !self.interpreter && speak_past_each_other(&seeker.own, &candidate.own) {
            return Some(Blocker::NoCommonLanguage);
        }
        ineligible(candidate, seeker).or_else(|| ineligible(seeker, candidate))
    }
}

fn speak_past_each_other(one: &Attributes, other: &Attributes) -> bool {
    !one.languages.is_empty() && !other.languages.is_empty() && !share_a_language(one, other)
}

/// The first condition of `host` that `guest` does not meet.
fn ineligible(host: &Vector, guest: &Vector) -> Option<Blocker> {
    [&host.offers.wishes, &host.seeks.wishes]
        .into_iter()
        .filter(|wishes| wishes.strict)
        .find_map(|wishes| unmet_condition(wishes, &guest.own))
}

/// A condition on something that the other side does not state cannot be decided here and excludes nobody.
fn unmet_condition(conditions: &Wishes, own: &Attributes) -> Option<Blocker> {
    let countries = &conditions.countries;
    if !countries.is_empty() && own.country.is_some_and(|country| !countries.contains(&country)) {
        return Some(Blocker::IneligibleCountry);
    }
    let excludes = |allowed: u8, own: u8| allowed != 0 && own != 0 && allowed & own == 0;
    if excludes(conditions.stages, own.stage) {
        return Some(Blocker::IneligibleStage);
    }
    excludes(conditions.sizes, own.size).then_some(Blocker::IneligibleSize)
}
