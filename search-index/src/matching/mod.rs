//! Who fits whom, and why: a seek that meets an offer, in both directions.
//!
//! # The way of a question
//! `request` asks; `build` turns the asking side into a vector, as it did with every document when it
//! was indexed; `candidates` finds some hundred documents worth a closer look; `rules` keeps out what may not be
//! matched; `features` compare, `score` sums up; `rank` orders; `explain` and `reason` say why, for one page only.
//!
//! # What always holds
//! - Both sides take part with what the reader may see of them, in the score as in the explanation.
//! - Every score is in [0, 1] and is what its parts make it; nothing else moves anybody.
//! - The same index, request and day give the same answer. Among equals the order is drawn anew every day.

mod build;
mod candidates;
mod codec;
pub mod concepts;
mod explain;
pub mod features;
mod history;
pub mod parameters;
mod rank;
mod reason;
mod region;
mod request;
mod rules;
pub mod score;
mod vector;

#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod ranking_tests;
#[cfg(test)]
mod tests;

pub(crate) use build::encode;
pub(crate) use candidates::strongest;
pub use codec::VERSION as VECTOR_VERSION;
pub use explain::{Evidence, EvidenceKind, Match, SharedConcept, Text};
pub use history::{Release, history};
pub use parameters::{Feature, Parameters, ParametersError, WeightOverrides, Weights};
pub use rank::Matcher;
pub use reason::ReasonsError;
pub use request::{MAX_LIMIT, MatchPage, MatchRequest, Mode, Placed, Why};
pub use rules::Blocker;
pub use score::{Direction, Part};
pub(crate) use vector::{FaceVector, Readers};
