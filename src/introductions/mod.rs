//! Introductions: a request that two profiles meet. Contact details are shown to nobody before both sides agreed.

pub mod links;
mod mails;
mod model;
pub mod routes;
mod service;
mod store;

#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod service_tests;

pub use mails::compose;
pub use model::{Block, DeclineCode, Introduction, IntroductionError, IntroductionStatus, Side};
pub use service::{blocks, expire_due, seen_or_hidden};

use chrono::{DateTime, Utc};

use crate::db::{Conn, DbError};
use crate::ids::{AccountId, NeedId, ProfileId};
use crate::profiles::Acquaintances;
use crate::values::Language;

/// Says why two profiles fit. Matching can; introductions stand to the left of it.
pub trait Reasons: Send + Sync {
    /// One sentence in `language`, made only of what both sides may see, or `None` where matching would not recommend
    /// `target` for `need` (or, without one, for what `requester` seeks in general). May read the database.
    fn reason(
        &self,
        now: DateTime<Utc>,
        requester: &ProfileId,
        need: Option<&NeedId>,
        target: &ProfileId,
        language: &Language,
    ) -> Option<String>;
}

/// Those who were introduced and agreed.
pub struct Introduced;

impl Acquaintances for Introduced {
    fn are_matched(
        &self,
        conn: &mut Conn,
        profile: &ProfileId,
        account: &AccountId,
    ) -> Result<bool, DbError> {
        service::is_matched(conn, profile, account)
    }
}
