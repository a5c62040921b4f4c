//! The mails about an account, made when they are sent.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::model::{Account, AccountError};
use super::service::verification_state;
use super::tokens::{LinkPurpose, Tokens};
use crate::db::{Conn, DbError};
use crate::mail::{Letter, Queued};

pub const VERIFY_EMAIL: &str = "verify_email";
pub const ADDRESS_KNOWN: &str = "address_known";
pub const RESET_PASSWORD: &str = "reset_password";
pub const PASSWORD_CHANGED: &str = "password_changed";

/// How long the link of a mail works.
const LINK_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// Makes the mail, or nothing if it is not one of an account or not wanted any more.
pub fn compose(
    _conn: &mut Conn,
    now: DateTime<Utc>,
    tokens: &Tokens,
    account: &Account,
    mail: &Queued,
) -> Result<Option<Letter>, AccountError> {
    let link = |purpose, state: &str, path: &str| {
        let token = tokens.link(purpose, account.id.as_str(), state, now + LINK_LIFETIME)?;
        Ok::<_, AccountError>(json!({ "path": format!("{path}?token={token}") }))
    };
    let (template, context) = match mail.kind.as_str() {
        VERIFY_EMAIL if account.is_verified() => return Ok(None),
        VERIFY_EMAIL => (
            VERIFY_EMAIL,
            link(LinkPurpose::VerifyEmail, &verification_state(account), "/links/verify-email")?,
        ),
        RESET_PASSWORD => (
            RESET_PASSWORD,
            link(LinkPurpose::ResetPassword, &account.password_hash, "/links/reset-password")?,
        ),
        ADDRESS_KNOWN => (ADDRESS_KNOWN, json!({})),
        PASSWORD_CHANGED => (PASSWORD_CHANGED, json!({})),
        other => return Err(DbError::Corrupt(format!("no mail is called {other}")).into()),
    };
    Ok(Some(Letter::new(template, account.language.clone(), &account.display_name, &account.email, context)))
}
