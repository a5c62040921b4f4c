//! What can be indexed: the types that the service and the index both know.
//!
//! A [`Document`] is a snapshot of one row of the service (a profile, a need, an offering or an event) together with its
//! two [`Face`]s: what it seeks and what it offers. Matching meets one document's `seeks` with another's `offers`, in
//! both directions, and is special to no pair of kinds.

use std::fmt;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a document is. The wire code is the lower-case name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Profile,
    Need,
    Offering,
    Event,
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Profile, Kind::Need, Kind::Offering, Kind::Event];

    pub fn code(self) -> &'static str {
        match self {
            Kind::Profile => "profile",
            Kind::Need => "need",
            Kind::Offering => "offering",
            Kind::Event => "event",
        }
    }

    pub fn from_code(code: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Who may see a piece of a document. What fewer people than all members may see is never handed to the index.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Anybody, also without an account.
    #[default]
    Public,
    /// Anybody who is logged in.
    Members,
}

impl Audience {
    /// Whether a reader of this audience may see a piece that is meant for `piece`.
    pub fn may_see(self, piece: Audience) -> bool {
        piece <= self
    }
}

/// A text, in one language, that a given audience may see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Passage {
    /// ISO 639-1 code as its author stated it; `None` lets the index detect it.
    pub language: Option<String>,
    pub text: String,
    pub audience: Audience,
}

/// A concept of the vocabulary that the author named himself, over and above those found in his texts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    /// Concept id, for example `predictive_maintenance`; unknown ids are ignored.
    pub concept: String,
    pub audience: Audience,
}

/// One past case of a provider: what it did before, for whom. The best similar case is named as evidence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Case {
    /// Position or id inside its profile, stable as long as the case is.
    pub key: String,
    /// Titles by language; the explanation shows the one nearest to the reader.
    pub titles: Vec<Passage>,
    pub texts: Vec<Passage>,
    pub claims: Vec<Claim>,
    /// NACE Rev. 2.1 section letters.
    pub sectors: Vec<String>,
    pub year: Option<i32>,
    pub audience: Audience,
}

/// One side of a document: what it seeks, or what it offers. An empty face is neutral: it matches anything a little.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Face {
    pub passages: Vec<Passage>,
    pub claims: Vec<Claim>,
    /// Past cases; meaningful on the offering side only.
    pub cases: Vec<Case>,
    /// NACE Rev. 2.1 section letters; empty means any.
    pub sectors: Vec<String>,
    /// Stage codes (`idea` … `established`); empty means any.
    pub stages: Vec<String>,
    /// ISO 3166-1 alpha-2 codes that this side wants or serves; empty means any.
    pub countries: Vec<String>,
    /// Size codes (`micro` … `large`); empty means any.
    pub sizes: Vec<String>,
    /// `online`, `on_site`, `hybrid`; empty means any.
    pub formats: Vec<String>,
    /// Whether `countries`, `stages` and `sizes` are conditions that exclude, not wishes that weigh (an offering's
    /// eligibility).
    pub strict: bool,
    /// Who may see the wishes above, from `sectors` to `formats`. Conditions (`strict`) hold for everybody.
    #[serde(default)]
    pub audience: Audience,
}

/// Where a document is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// ISO 3166-1 alpha-2.
    pub country: Option<String>,
    /// NUTS 2024 code, 2 to 5 characters.
    pub region: Option<String>,
    pub city: Option<String>,
    /// Latitude and longitude, WGS 84, degrees.
    pub point: Option<(f64, f64)>,
}

/// One row of the service as the index keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Document {
    /// The row's id, for example `prf_01J…`.
    pub id: String,
    pub kind: Kind,
    /// The finer kind: a profile's kind (`startup`, `mentor`, …), a need's or offering's type, `event` for events.
    pub category: String,
    /// Id of the profile it belongs to; its own id where it is a profile.
    pub profile: String,
    /// Who may know that the document exists at all.
    pub audience: Audience,
    /// Display names or titles; the first is the main one.
    pub titles: Vec<Passage>,
    /// All texts that words are searched in, with their audience.
    pub texts: Vec<Passage>,
    pub seeks: Face,
    pub offers: Face,
    pub place: Place,
    /// What the document itself is, as opposed to whom it looks for: its sectors (NACE letters) …
    pub sectors: Vec<String>,
    /// … its stage code …
    pub stage: Option<String>,
    /// … and its size code.
    pub size: Option<String>,
    /// Working languages, ISO 639-1; empty means not stated.
    pub languages: Vec<String>,
    /// `online`, `on_site`, `hybrid`; empty means not stated.
    pub formats: Vec<String>,
    /// Event status, offering access and the like are not the index's business; whether it takes requests now is.
    pub paused: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// Start of an event, opening of an offering.
    pub starts_at: Option<DateTime<Utc>>,
    /// After this moment the document is found no more: end of an event, expiry of a need, closing of an offering.
    pub ends_at: Option<DateTime<Utc>>,
}
