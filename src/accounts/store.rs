//! All SQL of accounts.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::model::Account;
use crate::db::schema::{accounts, refresh_tokens, signing_keys};
use crate::db::{Conn, DbError, each, from_code};
use crate::ids::AccountId;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = accounts)]
struct AccountRow {
    id: String,
    email: String,
    password_hash: String,
    display_name: String,
    language: String,
    role: String,
    email_verified_at: Option<NaiveDateTime>,
    terms_version: String,
    terms_accepted_at: NaiveDateTime,
    version: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl AccountRow {
    fn of(account: &Account) -> AccountRow {
        AccountRow {
            id: account.id.to_string(),
            email: account.email.clone(),
            password_hash: account.password_hash.clone(),
            display_name: account.display_name.clone(),
            language: account.language.to_string(),
            role: account.role.to_string(),
            email_verified_at: account.email_verified_at.map(|at| at.naive_utc()),
            terms_version: account.terms_version.clone(),
            terms_accepted_at: account.terms_accepted_at.naive_utc(),
            version: account.version,
            created_at: account.created_at.naive_utc(),
            updated_at: account.updated_at.naive_utc(),
        }
    }

    fn account(self) -> Result<Account, DbError> {
        Ok(Account {
            id: from_code(&self.id)?,
            email: self.email,
            password_hash: self.password_hash,
            display_name: self.display_name,
            language: from_code(&self.language)?,
            role: from_code(&self.role)?,
            email_verified_at: self.email_verified_at.map(|at| at.and_utc()),
            terms_version: self.terms_version,
            terms_accepted_at: self.terms_accepted_at.and_utc(),
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

pub fn find(conn: &mut Conn, id: &AccountId) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> = accounts::table.find(id.as_str()).first(conn).optional()?;
    row.map(AccountRow::account).transpose()
}

pub fn find_by_email(conn: &mut Conn, email: &str) -> Result<Option<Account>, DbError> {
    let row: Option<AccountRow> = accounts::table.filter(accounts::email.eq(email)).first(conn).optional()?;
    row.map(AccountRow::account).transpose()
}

/// Stores a new account; false if its address has one. Waits for another transaction that is storing the same address.
pub fn insert(conn: &mut Conn, account: &Account) -> Result<bool, DbError> {
    let row = AccountRow::of(account);
    let inserted = each!(conn, c => diesel::insert_into(accounts::table)
        .values(row)
        .on_conflict(accounts::email)
        .do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Saves an account that was read as `account.version`, under the next version.
pub fn update(conn: &mut Conn, account: &mut Account, now: DateTime<Utc>) -> Result<(), DbError> {
    let read = account.version;
    account.version += 1;
    account.updated_at = now;
    let target =
        accounts::table.filter(accounts::id.eq(account.id.as_str())).filter(accounts::version.eq(read));
    let updated = diesel::update(target).set(AccountRow::of(account)).execute(conn)?;
    if updated == 1 { Ok(()) } else { Err(DbError::Stale) }
}

/// Takes the row's lock until the end of the transaction, on both databases.
pub fn lock(conn: &mut Conn, id: &AccountId) -> Result<(), DbError> {
    let locked = diesel::update(accounts::table.find(id.as_str()))
        .set(accounts::version.eq(accounts::version))
        .execute(conn)?;
    if locked == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// A refresh token as it is stored.
#[derive(Queryable, Insertable)]
#[diesel(table_name = refresh_tokens)]
pub struct RefreshTokenRow {
    pub token_hash: String,
    pub family: String,
    pub account_id: String,
    pub created_at: NaiveDateTime,
    pub expires_at: NaiveDateTime,
    pub used_at: Option<NaiveDateTime>,
    pub revoked_at: Option<NaiveDateTime>,
}

pub fn insert_refresh_token(conn: &mut Conn, row: RefreshTokenRow) -> Result<(), DbError> {
    diesel::insert_into(refresh_tokens::table).values(row).execute(conn)?;
    Ok(())
}

pub fn find_refresh_token(conn: &mut Conn, hash: &str) -> Result<Option<RefreshTokenRow>, DbError> {
    Ok(refresh_tokens::table.find(hash).first(conn).optional()?)
}

/// Marks a token as used; false if somebody else was first.
pub fn use_refresh_token(conn: &mut Conn, hash: &str, now: DateTime<Utc>) -> Result<bool, DbError> {
    let unused = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(hash))
        .filter(refresh_tokens::used_at.is_null())
        .filter(refresh_tokens::revoked_at.is_null());
    let updated = diesel::update(unused).set(refresh_tokens::used_at.eq(now.naive_utc())).execute(conn)?;
    Ok(updated == 1)
}

pub fn revoke_family(conn: &mut Conn, family: &str, now: DateTime<Utc>) -> Result<(), DbError> {
    let family = refresh_tokens::table.filter(refresh_tokens::family.eq(family));
    diesel::update(family).set(refresh_tokens::revoked_at.eq(now.naive_utc())).execute(conn)?;
    Ok(())
}

pub fn revoke_all(conn: &mut Conn, account: &AccountId, now: DateTime<Utc>) -> Result<(), DbError> {
    let all = refresh_tokens::table.filter(refresh_tokens::account_id.eq(account.as_str()));
    diesel::update(all).set(refresh_tokens::revoked_at.eq(now.naive_utc())).execute(conn)?;
    Ok(())
}

/// Forgets refresh tokens that expired before `now`.
pub fn forget_expired(conn: &mut Conn, now: DateTime<Utc>) -> Result<usize, DbError> {
    let expired = refresh_tokens::table.filter(refresh_tokens::expires_at.lt(now.naive_utc()));
    Ok(diesel::delete(expired).execute(conn)?)
}

/// Key id and secret of all signing keys, oldest first.
pub fn signing_keys(conn: &mut Conn) -> Result<Vec<(String, String)>, DbError> {
    let keys = signing_keys::table
        .order((signing_keys::created_at, signing_keys::kid))
        .select((signing_keys::kid, signing_keys::secret));
    Ok(keys.load(conn)?)
}

pub fn insert_signing_key(
    conn: &mut Conn,
    kid: &str,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = (
        signing_keys::kid.eq(kid),
        signing_keys::secret.eq(secret),
        signing_keys::created_at.eq(now.naive_utc()),
    );
    diesel::insert_into(signing_keys::table).values(row).execute(conn)?;
    Ok(())
}
