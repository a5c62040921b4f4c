//! The service from outside: over HTTP, on SQLite or PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod accounts;
mod common;
mod contract;
mod event_lists;
mod events;
mod examples;
mod import;
mod indexing;
mod links;
mod main_job;
mod matching;
mod migrations;
mod needs;
mod offerings;
mod profiles;
mod search;
#[path = "../support/mod.rs"]
mod support;
mod visibility;
