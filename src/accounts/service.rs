//! What can be done with an account; each function is called inside one transaction.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::mails;
use super::model::{
    Account, AccountError, AccountSettings, RegisterAccount, Role, TermsVersion, normalise_email,
};
use super::passwords::hash_now;
use super::store::{self, RefreshTokenRow};
use super::tokens::{LinkSubject, digest, new_refresh_token};
use crate::db::{Conn, DbError};
use crate::ids::AccountId;
use crate::mail;
use crate::values::Language;

/// Stands where there is no password: not the form of a hash, so none belongs to it.
const NO_PASSWORD: &str = "none";

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
        return register_again(conn, now, &known.id, new, password_hash);
    }
    let account = Account {
        id: AccountId::new(now),
        email: normalise_email(&new.email),
        password_hash: password_hash.clone(),
        display_name: new.display_name.clone(),
        language: new.language.clone(),
        role: Role::Member,
        email_verified_at: None,
        terms_version: new.accepted_terms.code().to_owned(),
        terms_accepted_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if store::insert(conn, &account)? {
        mail::enqueue(conn, now, mails::VERIFY_EMAIL, &account.id, &json!({}))?;
        return Ok(());
    }
    // Somebody registered the same address at the same moment.
    let known = find_by_email(conn, &new.email)?.ok_or(DbError::NotFound)?;
    register_again(conn, now, &known.id, new, password_hash)
}

/// The address has an account already. One that was never verified may be anybody's: it becomes that of whoever
/// registered last, and his mail's link, so that nobody can wait with his password for the owner to verify.
fn register_again(
    conn: &mut Conn,
    now: DateTime<Utc>,
    id: &AccountId,
    new: &RegisterAccount,
    password_hash: String,
) -> Result<(), AccountError> {
    store::lock(conn, id)?;
    let mut known = get(conn, id)?;
    if known.is_verified() {
        mail::enqueue(conn, now, mails::ADDRESS_KNOWN, &known.id, &json!({}))?;
        return Ok(());
    }
    known.password_hash = password_hash;
    known.display_name = new.display_name.clone();
    known.language = new.language.clone();
    known.terms_version = new.accepted_terms.code().to_owned();
    known.terms_accepted_at = now;
    store::update(conn, &mut known, now)?;
    store::revoke_all(conn, &known.id, now)?;
    mail::enqueue(conn, now, mails::VERIFY_EMAIL, &known.id, &json!({}))?;
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
    if let Some(mut known) = find_by_email(conn, email)? {
        if !known.is_verified() {
            // Whoever registered it has not shown that the address is his.
            known.password_hash = NO_PASSWORD.to_owned();
            known.email_verified_at = Some(now);
            store::update(conn, &mut known, now)?;
            store::revoke_all(conn, &known.id, now)?;
        }
        return Ok(known);
    }
    let password_hash = match password {
        Some(password) => hash_now(password)?,
        None => NO_PASSWORD.to_owned(),
    };
    let account = Account {
        id: AccountId::new(now),
        email: normalise_email(email),
        password_hash,
        display_name: display_name.to_owned(),
        language: language.clone(),
        role: Role::Member,
        email_verified_at: Some(now),
        terms_version: TermsVersion::November2026.code().to_owned(),
        terms_accepted_at: now,
        version: 1,
        created_at: now,
        updated_at: now,
    };
    if store::insert(conn, &account)? { Ok(account) } else { Err(DbError::Stale.into()) }
}

/// Follows the link of a verification mail; doing it twice changes nothing.
pub fn verify_email(
    conn: &mut Conn,
    now: DateTime<Utc>,
    link: &LinkSubject,
) -> Result<Account, AccountError> {
    let mut account = by_link(conn, link)?;
    link.in_state(&verification_state(&account))?;
    if !account.is_verified() {
        account.email_verified_at = Some(now);
        store::update(conn, &mut account, now)?;
    }
    Ok(account)
}

/// What a verification link is tied to: registering anew voids it.
pub fn verification_state(account: &Account) -> String {
    format!("{} {}", account.email, account.password_hash)
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

/// Sets a new password, ends all sessions and tells the owner. `verified` is the hash that the current password was
/// held against; if it was changed meanwhile, so was the password.
pub fn change_password(
    conn: &mut Conn,
    now: DateTime<Utc>,
    id: &AccountId,
    verified: &str,
    password_hash: String,
) -> Result<(), AccountError> {
    let account = still_with_hash(conn, id, verified)?;
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

/// Begins a session: a new family of refresh tokens. `account` is as it was when its password was verified.
pub fn begin_session(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &Account,
    lifetime: TimeDelta,
) -> Result<String, AccountError> {
    still_with_hash(conn, &account.id, &account.password_hash)?;
    let family = digest(&new_refresh_token());
    Ok(issue_refresh_token(conn, now, account.id.as_str(), &family, lifetime)?)
}

/// The account, locked until the end of the transaction, if its password is still the one that was verified: hashing
/// takes time, and a new password must end what began under the old one.
fn still_with_hash(conn: &mut Conn, id: &AccountId, hash: &str) -> Result<Account, AccountError> {
    store::lock(conn, id)?;
    let account = get(conn, id)?;
    if account.password_hash == hash { Ok(account) } else { Err(AccountError::CredentialsWrong) }
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
    // A new password revokes under the same lock, so it sees the token that is issued here, or this sees it revoked.
    store::lock(conn, &crate::db::from_code(&row.account_id)?)?;
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
        Some(row) => {
            store::lock(conn, &crate::db::from_code(&row.account_id)?)?;
            store::revoke_family(conn, &row.family, now)
        }
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

/// The account that a link belongs to, locked until the end of the transaction: a link may be followed twice at once.
fn by_link(conn: &mut Conn, link: &LinkSubject) -> Result<Account, AccountError> {
    let id = AccountId::parse(&link.subject).map_err(|_| AccountError::LinkInvalid)?;
    match store::lock(conn, &id) {
        Ok(()) => Ok(get(conn, &id)?),
        Err(DbError::NotFound) => Err(AccountError::LinkInvalid),
        Err(other) => Err(other.into()),
    }
}
