//! Needs: one concrete thing that a profile seeks.

mod model;
pub mod routes;
mod service;
mod store;

pub use model::{Need, NeedContent, NeedError, NeedStatus};
pub use service::{
    expire_due, find, ids_of_profile, list_ids, open_of_profile, put_imported, seen_or_hidden, visible,
};
