//! The mails about a profile, made when they are sent.

use serde::Deserialize;
use serde_json::json;

use super::model::{PROFILE_LIFETIME, ProfileStatus};
use super::store;
use crate::accounts::Account;
use crate::db::{Conn, DbError};
use crate::ids::ProfileId;
use crate::mail::{Letter, Queued};

pub const PROFILE_PUBLISHED: &str = "profile_published";
pub const PROFILE_REJECTED: &str = "profile_rejected";
pub const PROFILE_REMINDER: &str = "profile_reminder";

#[derive(Deserialize)]
struct Keys {
    profile: ProfileId,
}

/// Makes the mail, or nothing if the profile is gone or has moved on.
pub fn compose(conn: &mut Conn, account: &Account, mail: &Queued) -> Result<Option<Letter>, DbError> {
    let keys: Keys =
        serde_json::from_value(mail.keys.clone()).map_err(|fault| DbError::Corrupt(fault.to_string()))?;
    let Some(profile) = store::find(conn, &keys.profile)? else { return Ok(None) };
    let (name, path) = (&profile.content.name, format!("/api/v1/profiles/{}", profile.id));
    let (template, context) = match (mail.kind.as_str(), profile.status) {
        (PROFILE_PUBLISHED, ProfileStatus::Published) => {
            (PROFILE_PUBLISHED, json!({ "profile": name, "path": path }))
        }
        (PROFILE_REJECTED, ProfileStatus::Rejected) => (
            PROFILE_REJECTED,
            json!({ "profile": name, "reason": profile.status_reason.unwrap_or_default() }),
        ),
        (PROFILE_REMINDER, ProfileStatus::Published) => {
            let expires_on = (profile.confirmed_at + PROFILE_LIFETIME).date_naive();
            (PROFILE_REMINDER, json!({ "profile": name, "expires_on": expires_on, "path": path }))
        }
        _ => return Ok(None),
    };
    Ok(Some(Letter::new(template, account.language.clone(), &account.display_name, &account.email, context)))
}
