//! Offerings: one concrete thing that a profile offers.

mod model;
pub mod routes;
mod service;
mod store;

pub use model::{
    ClientKind, Eligibility, Maturity, Offering, OfferingContent, OfferingError, OfferingStatus, Pillar,
    Price,
};
pub use service::{
    expire_due, find, ids_of_profile, list_ids, open_of_profile, put_imported, seen_or_hidden,
};
