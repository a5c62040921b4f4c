//! `aihub`: start-ups, mentors and hubs find each other, and see why.
//!
//! The map, in dependency order; each may use what stands above it.

pub mod clock;
pub mod config;
pub mod faults;
pub mod ids;
pub mod values;

pub mod db;
pub mod http;

pub mod mail;

pub mod accounts;
pub mod profiles;
pub mod needs;
pub mod offerings;

pub mod events;

pub mod introductions;
