//! What is asked of matching, and what it answers.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::explain::Match;
use super::parameters::Parameters;
use super::rules::Blocker;
use crate::document::{Audience, Document, Kind};
use crate::search::Filters;

/// The most matches on a page.
pub const MAX_LIMIT: usize = 50;
const SECONDS_A_DAY: i64 = 86_400;

/// Which face of the asking side is looked up first. Both directions are scored either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// What it seeks, among what others offer: a need looks for providers.
    #[default]
    Seeks,
    /// What it offers, among what others seek: a mentor looks for needs.
    Offers,
}

/// A question: who fits this document?
#[derive(Debug, Clone)]
pub struct MatchRequest {
    /// The asking side: a stored row, or one made up from a pasted description.
    pub seeker: Document,
    pub mode: Mode,
    /// Kinds and categories of answers; empty means any.
    pub want: Vec<Kind>,
    pub categories: Vec<String>,
    /// Further conditions; its own kinds and categories are used where `want` and `categories` are empty.
    pub filters: Filters,
    /// Profiles that are kept out with all they own, and why.
    pub exclude: HashMap<String, Blocker>,
    /// Whether both sides would work through an interpreter, so that no shared language is needed.
    pub interpreter: bool,
    /// Both sides are scored and explained by what this reader may see of them.
    pub reader: Audience,
    /// The reader's languages, ISO 639-1, the preferred first.
    pub languages: Vec<String>,
    /// Validated, see [`Parameters::validated`].
    pub parameters: Parameters,
    pub now: DateTime<Utc>,
    /// How many matches, 1 to [`MAX_LIMIT`].
    pub limit: usize,
}

impl MatchRequest {
    /// A question with nothing but a seeker: any kind of answer for a member, in English.
    pub fn new(seeker: Document, now: DateTime<Utc>) -> MatchRequest {
        MatchRequest {
            seeker,
            mode: Mode::Seeks,
            want: Vec::new(),
            categories: Vec::new(),
            filters: Filters::default(),
            exclude: HashMap::new(),
            interpreter: false,
            reader: Audience::Members,
            languages: vec!["en".to_owned()],
            parameters: Parameters::default(),
            now,
            limit: 20,
        }
    }

    /// All conditions on an answer together.
    pub(super) fn filters(&self) -> Filters {
        let mut filters = Filters { unpaused: true, ..self.filters.clone() };
        if !self.want.is_empty() {
            filters.kinds.clone_from(&self.want);
        }
        if !self.categories.is_empty() {
            filters.categories.clone_from(&self.categories);
        }
        filters
    }

    /// Days since 1 January 1970.
    pub(super) fn today(&self) -> i32 {
        i32::try_from(self.now.timestamp().div_euclid(SECONDS_A_DAY)).unwrap_or(i32::MAX)
    }
}

/// The best answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MatchPage {
    /// The best first.
    pub matches: Vec<Match>,
    /// How many candidates were scored exactly.
    pub considered: usize,
    pub parameters_version: String,
}

/// One candidate in an order that is not explained.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub id: String,
    /// In [0, 1]. The order takes scores to a millionth, so it may look unsorted below that.
    pub score: f64,
}

/// Why one candidate stands where it stands, or why it is not there.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Why {
    /// As it would be returned; scored also where it is blocked.
    pub candidate: Match,
    /// Its place among the candidates, from 1; absent where it is blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1)]
    pub rank: Option<usize>,
    /// What keeps it out, if something does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocker: Option<Blocker>,
    /// How many candidates were scored exactly.
    pub considered: usize,
    /// The version of the parameters that ranked them.
    #[schema(min_length = 1)]
    pub parameters_version: String,
}
