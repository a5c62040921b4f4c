//! What every door of the service shares: one form of failure, one way to read a body, a query, an `If-Match`, an
//! `Idempotency-Key`, and one contract that says so.

pub mod answer;
pub mod body;
pub mod capacity;
pub mod codes;
pub mod conditional;
pub mod connection;
pub mod contract;
pub mod docs;
pub mod examples;
pub mod failures;
pub mod headers;
pub mod html;
pub mod idempotency;
pub mod index_token;
pub mod languages;
pub mod limits;
pub mod negotiation;
pub mod notes;
pub mod operations;
pub mod origins;
pub mod page;
pub mod patches;
pub mod problem;
pub mod query;
pub mod request;
pub mod schemas;
pub mod server;
pub mod sync;
pub mod text;
pub mod yaml;
