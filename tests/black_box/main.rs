//! The service from outside: over HTTP, on SQLite or PostgreSQL (see `common`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod accounts;
mod common;
mod contract;
mod profiles;
