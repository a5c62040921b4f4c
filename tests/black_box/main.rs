//! The service from outside: over HTTP, on SQLite or PostgreSQL.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod accounts;
mod codes;
mod common;
mod contract;
mod cursors;
mod event_lists;
mod events;
mod examples;
mod import;
mod index_tokens;
mod indexing;
mod links;
mod main_job;
mod matching;
mod migrations;
mod needs;
mod offerings;
mod operations;
mod players;
mod pressure;
mod problems;
mod profiles;
mod relevance;
mod replica;
mod requests;
mod search;
#[path = "../support/mod.rs"]
mod support;
mod sync;
mod sync_random;
mod visibility;
mod vocabulary;
mod writes;
