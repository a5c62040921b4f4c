//! Events: dated offerings of hubs, factories and organisations, and the calendar entries that follow them.

mod calendar;
pub mod links;
mod mails;
mod model;
pub mod routes;
mod service;
mod steps;
mod store;
#[cfg(test)]
mod tests;

pub use mails::compose;
pub use model::{Audience, Event, EventContent, EventError, EventStatus, Venue};
pub use service::{find, hold_due, ids_of_profile, list_ids, put_imported, seen_or_hidden};
