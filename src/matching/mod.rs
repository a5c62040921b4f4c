//! Matching: who fits whom, and why. The ranking itself is `search_index::matching`; here it meets accounts, profiles
//! and introductions.

pub mod routes;
mod service;

pub use service::MatchReasons;
