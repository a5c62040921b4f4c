//! What can be done with an account; each function is called inside one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::mails;
use super::model::{
    Account, AccountError, AccountSettings, RegisterAccount, Role, TERMS_VERSION, normalise_email,
};
use super::passwords::hash_now;
use super::store::{self, RefreshTokenRow};
use super::tokens::{LinkSubject, digest, new_refresh_token};
use crate::db::{Conn, DbError};
use crate::ids::AccountId;
use crate::mail;
use crate::values::Language;

pub fn find(conn: &mut Conn, id: &AccountId) -> Result<Option<Account>, DbError> {
    store::find(conn, id)
}

pub fn get(conn: &mut Conn, id: &AccountId) -> Result<Account, DbError> {
    store::find(conn, id)?.ok_or(DbError::NotFound)
}

pub fn find_by_email(conn: &mut Conn, email: &str) -> Result<Option<Account>, DbError> {
    store::find_by_email(conn, &normalise_email(email))
}

/// Makes an account and asks its owner to verify the address. Where the address has an account already, that one is
/// told instead: the answer must not tell a stranger who is registered here.
pub fn register(
    conn: &mut Conn,
    now: DateTime<Utc>,
    new: &RegisterAccount,
    password_hash: String,
) -> Result<(), AccountError> {
    if let Some(known) = find_by_email(conn, &new.email)? {
        let kind = if known.is_verified() { mails::ADDRESS_KNOWN } else { mails::VERIFY_EMAIL };
        mail::enqueue(conn, now, kind, &known.id, &json!({}))?;
        return Ok(());
    }
    let account = Account {
        id: AccountId::new(now),
        email: normalise_email(&new.email),
        password_hash,
        display_name: new.display_name.clone(),
        language: new.language.clone(),
        role: Role::Member,
        email_verified_at: None,
        terms_version: new.accepted_terms.clone(),
        terms_accepted_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    store::insert(conn, &account)?;
    mail::enqueue(conn, now, mails::VERIFY_EMAIL, &account.id, &json!({}))?;
    Ok(())
}

/// The account with this address, made and verified where it is missing. For imports and the demo: its password is
/// unknown to anybody, or the one given.
pub fn ensure(
    conn: &mut Conn,
    now: DateTime<Utc>,
    email: &str,
    display_name: &str,
    language: &Language,
    password: Option<&str>,
) -> Result<Account, AccountError> {
    if let Some(known) = find_by_email(conn, email)? {
        return Ok(known);
    }
    let password_hash = match password {
        Some(password) => hash_now(password)?,
        // Not the form of a hash: no password belongs to it.
        None => "none".to_owned(),
    };
    let account = Account {
        id: AccountId::new(now),
        email: normalise_email(email),
        password_hash,
        display_name: display_name.to_owned(),
        language: language.clone(),
        role: Role::Member,
        email_verified_at: Some(now),
        terms_version: TERMS_VERSION.to_owned(),
        terms_accepted_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    store::insert(conn, &account)?;
    Ok(account)
}

/// Follows the link of a verification mail; doing it twice changes nothing.
pub fn verify_email(
    conn: &mut Conn,
    now: DateTime<Utc>,
    link: &LinkSubject,
) -> Result<Account, AccountError> {
    let mut account = by_link(conn, link)?;
    link.in_state(&account.email)?;
    if !account.is_verified() {
        account.email_verified_at = Some(now);
        store::update(conn, &mut account, now)?;
    }
    Ok(account)
}

/// Sends the verification mail again, if the address has an account that needs it.
pub fn resend_verification(conn: &mut Conn, now: DateTime<Utc>, email: &str) -> Result<(), DbError> {
    match find_by_email(conn, email)? {
        Some(account) if !account.is_verified() => {
            mail::enqueue(conn, now, mails::VERIFY_EMAIL, &account.id, &json!({})).map(drop)
        }
        _ => Ok(()),
    }
}

/// Mails a link that sets a new password, if the address has an account.
pub fn request_password_reset(conn: &mut Conn, now: DateTime<Utc>, email: &str) -> Result<(), DbError> {
    match find_by_email(conn, email)? {
        Some(account) => mail::enqueue(conn, now, mails::RESET_PASSWORD, &account.id, &json!({})).map(drop),
        None => Ok(()),
    }
}

/// Follows the link of a reset mail: it works once, since the old hash is part of it.
pub fn reset_password(
    conn: &mut Conn,
    now: DateTime<Utc>,
    link: &LinkSubject,
    password_hash: String,
) -> Result<(), AccountError> {
    let mut account = by_link(conn, link)?;
    link.in_state(&account.password_hash)?;
    // Whoever reads the mail owns the address.
    account.email_verified_at = account.email_verified_at.or(Some(now));
    set_password(conn, now, account, password_hash)
}

/// Sets a new password, ends all sessions and tells the owner.
pub fn change_password(
    conn: &mut Conn,
    now: DateTime<Utc>,
    id: &AccountId,
    password_hash: String,
) -> Result<(), AccountError> {
    let account = get(conn, id)?;
    set_password(conn, now, account, password_hash)
}

fn set_password(
    conn: &mut Conn,
    now: DateTime<Utc>,
    mut account: Account,
    password_hash: String,
) -> Result<(), AccountError> {
    account.password_hash = password_hash;
    store::update(conn, &mut account, now)?;
    store::revoke_all(conn, &account.id, now)?;
    mail::enqueue(conn, now, mails::PASSWORD_CHANGED, &account.id, &json!({}))?;
    Ok(())
}

/// Changes what the owner may change at will.
pub fn change_settings(
    conn: &mut Conn,
    now: DateTime<Utc>,
    mut account: Account,
    settings: AccountSettings,
) -> Result<Account, DbError> {
    account.display_name = settings.display_name;
    account.language = settings.language;
    store::update(conn, &mut account, now)?;
    Ok(account)
}

/// Begins a session: a new family of refresh tokens.
pub fn begin_session(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &AccountId,
    lifetime: TimeDelta,
) -> Result<String, DbError> {
    let family = digest(&new_refresh_token());
    issue_refresh_token(conn, now, account.as_str(), &family, lifetime)
}

fn issue_refresh_token(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &str,
    family: &str,
    lifetime: TimeDelta,
) -> Result<String, DbError> {
    let token = new_refresh_token();
    store::insert_refresh_token(
        conn,
        RefreshTokenRow {
            token_hash: digest(&token),
            family: family.to_owned(),
            account_id: account.to_owned(),
            created_at: now.naive_utc(),
            expires_at: (now + lifetime).naive_utc(),
            used_at: None,
            revoked_at: None,
        },
    )?;
    Ok(token)
}

/// What became of a refresh token. A reused one must revoke its family, and that must be committed although the caller
/// is refused, so it is an answer and not an error.
pub enum Refreshed {
    Session { account: Box<Account>, refresh_token: String },
    Refused,
}

/// Exchanges a refresh token for the next one of its family.
pub fn refresh(
    conn: &mut Conn,
    now: DateTime<Utc>,
    token: &str,
    lifetime: TimeDelta,
) -> Result<Refreshed, DbError> {
    let hash = digest(token);
    let Some(row) = store::find_refresh_token(conn, &hash)? else { return Ok(Refreshed::Refused) };
    if row.expires_at <= now.naive_utc() {
        return Ok(Refreshed::Refused);
    }
    if !store::use_refresh_token(conn, &hash, now)? {
        // Somebody has used it before: whoever holds the family may be a thief.
        store::revoke_family(conn, &row.family, now)?;
        return Ok(Refreshed::Refused);
    }
    let Some(account) = store::find(conn, &crate::db::from_code(&row.account_id)?)? else {
        return Ok(Refreshed::Refused);
    };
    let refresh_token = issue_refresh_token(conn, now, &row.account_id, &row.family, lifetime)?;
    Ok(Refreshed::Session { account: Box::new(account), refresh_token })
}

/// Ends the session that a refresh token belongs to; an unknown token changes nothing.
pub fn end_session(conn: &mut Conn, now: DateTime<Utc>, token: &str) -> Result<(), DbError> {
    match store::find_refresh_token(conn, &digest(token))? {
        Some(row) => store::revoke_family(conn, &row.family, now),
        None => Ok(()),
    }
}

/// Makes the account with this address an administrator; it must exist and be verified.
pub fn grant_administrator(conn: &mut Conn, now: DateTime<Utc>, email: &str) -> Result<Account, DbError> {
    let mut account = find_by_email(conn, email)?.filter(Account::is_verified).ok_or(DbError::NotFound)?;
    account.role = Role::Administrator;
    store::update(conn, &mut account, now)?;
    Ok(account)
}

/// Forgets what has expired.
pub fn forget_expired(conn: &mut Conn, now: DateTime<Utc>) -> Result<usize, DbError> {
    store::forget_expired(conn, now)
}

fn by_link(conn: &mut Conn, link: &LinkSubject) -> Result<Account, AccountError> {
    let id = AccountId::parse(&link.subject).map_err(|_| AccountError::LinkInvalid)?;
    store::find(conn, &id)?.ok_or(AccountError::LinkInvalid)
}
