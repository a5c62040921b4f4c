//! Who fits whom, and why: a seek that meets an offer, in both directions.

mod build;
mod candidates;
mod codec;
pub mod concepts;
mod explain;
pub mod features;
pub mod parameters;
mod rank;
mod reason;
mod region;
mod request;
mod rules;
pub mod score;
mod vector;

#[cfg(test)]
mod ranking_tests;
#[cfg(test)]
mod tests;

pub use build::encode;
pub use codec::VERSION as VECTOR_VERSION;
pub use explain::{Evidence, EvidenceKind, Match, SharedConcept, Text};
pub use parameters::{Feature, Parameters, ParametersError, WeightOverrides, Weights};
pub use rank::Matcher;
pub use reason::ReasonsError;
pub use request::{MAX_LIMIT, MatchPage, MatchRequest, Mode, Why};
pub use rules::Blocker;
pub use score::{Direction, Part};
