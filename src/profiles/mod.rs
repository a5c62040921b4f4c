//! Profiles: who takes part, with two faces, what it offers and what it seeks.

mod mails;
mod model;
pub mod routes;
mod service;
mod store;

pub use mails::compose;
pub use model::{
    Case, Contact, ContactVisibility, FieldVisibility, PROFILE_LIFETIME, Profile, ProfileContent,
    ProfileError, ProfileKind, ProfileStatus, Reader, Wish,
};
pub use service::{
    find, follow, followers, get, is_follower, is_manager, is_published, is_published_locked, keep_fresh,
    list_follower, list_ids, lock, looks_different_to, managed, managed_by, managers, may_manage,
    put_imported, reader, staff, stop_following, visible,
};

use chrono::{DateTime, Utc};

use crate::db::{Conn, DbError};
use crate::ids::{AccountId, ProfileId};

/// Says who has met whom. Introductions can; profiles stand to the left of them.
pub trait Acquaintances: Send + Sync {
    /// Whether the account manages a profile with an accepted introduction to this one.
    fn are_matched(&self, conn: &mut Conn, profile: &ProfileId, account: &AccountId)
    -> Result<bool, DbError>;
}

/// Notes in the change feed what everybody begins or ceases to see with a profile that is published or taken down. The
/// domains that a profile's things belong to can; profiles stand to the left of them.
#[derive(Debug, Clone, Copy)]
pub struct Belongings(pub fn(&mut Conn, DateTime<Utc>, &ProfileId) -> Result<(), DbError>);
