//! `aihub`: start-ups, mentors and hubs find each other, and see why.
//!
//! The map, in dependency order; each may use what stands above it.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`clock`] [`config`] [`ids`] [`values`] [`faults`] | time, settings, typed ids, controlled values, faults of an input |
//! | [`db`] | SQLite or PostgreSQL behind one type; the change feed |
//! | [`http`] | problems, bodies, pages, versions, idempotency, the contract |
//! | [`mail`] [`indexing`] | the two followers: from the outbox to mailboxes, from the change feed to the index |
//! | [`accounts`] [`profiles`] [`needs`] [`offerings`] [`events`] [`introductions`] | the domains, one folder each |
//! | [`vocabulary`] [`search`] [`matching`] | the read side: concepts, how rows become documents, what is asked of the index |
//! | [`import`] [`operation`] [`demo`] | JSON Lines in, health and metrics, the sample |
//! | [`evaluation`] | how good the ranking is, measured against judgements |
//! | [`app`] | the composition root |

pub mod clock;
pub mod config;
pub mod faults;
pub mod ids;
pub mod values;

pub mod db;
pub mod http;

pub mod indexing;
pub mod mail;

pub mod accounts;
pub mod profiles;

pub mod needs;
pub mod offerings;

pub mod events;

pub mod introductions;

pub mod matching;
pub mod search;
pub mod vocabulary;

pub mod demo;
pub mod evaluation;
pub mod import;
pub mod operation;

pub mod app;
