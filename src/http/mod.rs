//! What every door of the service shares: one form of failure, one way to read a body, a query, an `If-Match`, an
//! `Idempotency-Key`, and one contract that says so.

pub mod answer;
pub mod body;
pub mod codes;
pub mod conditional;
pub mod contract;
pub mod docs;
pub mod failures;
pub mod html;
pub mod idempotency;
pub mod languages;
pub mod limits;
pub mod page;
pub mod patches;
pub mod problem;
pub mod query;
pub mod request;
pub mod text;
