//! Profiles: who takes part, with two faces, what it offers and what it seeks.

mod mails;
mod model;
pub mod routes;
mod service;
mod store;

pub use mails::compose;
pub use model::{
    Case, Contact, FieldVisibility, PROFILE_LIFETIME, Profile, ProfileContent, ProfileError,
    ProfileKind, ProfileStatus, Reader, Wish,
};
pub use service::{
    create, find, follow, followers, get, is_follower, is_hub_staff, is_manager, keep_fresh, list_ids, lock, managed,
    managed_by, managers, put_imported, reader, replace, staff, stop_following, visible,
};
