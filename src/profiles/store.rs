//! All SQL of profiles, their managers and their followers.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::model::{Profile, ProfileKind, ProfileStatus};
use crate::db::schema::{follows, memberships, profiles};
use crate::db::{Conn, DbError, Part, each, from_code, from_json, to_json};
use crate::ids::{AccountId, ProfileId};
use crate::values::Country;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = profiles)]
#[diesel(treat_none_as_null = true)]
struct ProfileRow {
    id: String,
    kind: String,
    status: String,
    name: String,
    country: String,
    capacity: Option<i32>,
    content: String,
    status_reason: Option<String>,
    fictional: bool,
    version: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
    confirmed_at: NaiveDateTime,
    reminded_at: Option<NaiveDateTime>,
}

impl ProfileRow {
    fn of(profile: &Profile) -> Result<ProfileRow, DbError> {
        let content = &profile.content;
        Ok(ProfileRow {
            id: profile.id.to_string(),
            kind: content.kind.to_string(),
            status: profile.status.to_string(),
            name: content.name.clone(),
            country: content.country.to_string(),
            capacity: content.capacity,
            content: to_json(content)?,
            status_reason: profile.status_reason.clone(),
            fictional: profile.fictional,
            version: profile.version,
            created_at: profile.created_at.naive_utc(),
            updated_at: profile.updated_at.naive_utc(),
            confirmed_at: profile.confirmed_at.naive_utc(),
            reminded_at: profile.reminded_at.map(|at| at.naive_utc()),
        })
    }

    fn profile(self) -> Result<Profile, DbError> {
        Ok(Profile {
            id: from_code(&self.id)?,
            status: from_code(&self.status)?,
            content: from_json(&self.content)?,
            status_reason: self.status_reason,
            fictional: self.fictional,
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
            confirmed_at: self.confirmed_at.and_utc(),
            reminded_at: self.reminded_at.map(|at| at.and_utc()),
        })
    }
}

pub fn find(conn: &mut Conn, id: &ProfileId) -> Result<Option<Profile>, DbError> {
    let row: Option<ProfileRow> = profiles::table.find(id.as_str()).first(conn).optional()?;
    row.map(ProfileRow::profile).transpose()
}

pub fn insert(conn: &mut Conn, profile: &Profile) -> Result<(), DbError> {
    diesel::insert_into(profiles::table).values(ProfileRow::of(profile)?).execute(conn)?;
    Ok(())
}

/// Saves a profile that was read as `profile.version`, under the next version.
pub fn update(conn: &mut Conn, profile: &mut Profile, now: DateTime<Utc>) -> Result<(), DbError> {
    let read = profile.version;
    profile.version += 1;
    profile.updated_at = now;
    let target =
        profiles::table.filter(profiles::id.eq(profile.id.as_str())).filter(profiles::version.eq(read));
    let updated = diesel::update(target).set(ProfileRow::of(profile)?).execute(conn)?;
    if updated == 1 { Ok(()) } else { Err(DbError::Stale) }
}

/// Notes that its managers were reminded, which is no change of the profile; false if somebody else was first.
pub fn set_reminded(conn: &mut Conn, id: &ProfileId, now: DateTime<Utc>) -> Result<bool, DbError> {
    let unreminded = profiles::table.filter(profiles::id.eq(id.as_str())).filter(
        profiles::reminded_at.is_null().or(profiles::reminded_at.lt(profiles::confirmed_at.nullable())),
    );
    let updated = diesel::update(unreminded).set(profiles::reminded_at.eq(now.naive_utc())).execute(conn)?;
    Ok(updated == 1)
}

/// Takes the row's lock until the end of the transaction, on both databases.
pub fn lock(conn: &mut Conn, id: &ProfileId) -> Result<(), DbError> {
    let updated = diesel::update(profiles::table.find(id.as_str()))
        .set(profiles::version.eq(profiles::version))
        .execute(conn)?;
    if updated == 1 { Ok(()) } else { Err(DbError::NotFound) }
}

/// The status; whoever wants to change it waits for the end of the transaction. (SQLite has one writer anyway.)
pub fn find_status_locked(conn: &mut Conn, id: &ProfileId) -> Result<Option<ProfileStatus>, DbError> {
    let status = profiles::table.find(id.as_str()).select(profiles::status);
    let found: Option<String> = match conn {
        Conn::Sqlite(c) => status.get_result(c).optional()?,
        Conn::Postgres(c) => status.for_share().get_result(c).optional()?,
    };
    found.as_deref().map(from_code).transpose()
}

/// What a list of profiles is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<ProfileStatus>,
    pub kind: Option<ProfileKind>,
    pub country: Option<Country>,
    pub managed_by: Option<AccountId>,
}

/// Newest first.
pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_>) -> Result<Vec<Profile>, DbError> {
    let mut query = profiles::table.into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(profiles::status.eq(status.code()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(profiles::kind.eq(kind.code()));
    }
    if let Some(country) = &filter.country {
        query = query.filter(profiles::country.eq(country.as_str()));
    }
    if let Some(account) = &filter.managed_by {
        let managed = memberships::table
            .filter(memberships::account_id.eq(account.to_string()))
            .select(memberships::profile_id);
        query = query.filter(profiles::id.eq_any(managed));
    }
    query = match part {
        Part::After(None, limit) => query.limit(limit),
        Part::After(Some(key), limit) => query.filter(profiles::id.lt(key)).limit(limit),
        Part::Of(ids) => query.filter(profiles::id.eq_any(ids)),
    };
    let rows: Vec<ProfileRow> = query.order(profiles::id.desc()).load(conn)?;
    rows.into_iter().map(ProfileRow::profile).collect()
}

/// Ids of all profiles after `cursor`, in their order.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    Ok(profiles::table
        .filter(profiles::id.gt(cursor))
        .order(profiles::id)
        .limit(limit)
        .select(profiles::id)
        .load(conn)?)
}

/// Published profiles that were last confirmed before `before` and not reminded since.
pub fn list_unreminded(conn: &mut Conn, before: DateTime<Utc>, limit: i64) -> Result<Vec<Profile>, DbError> {
    let rows: Vec<ProfileRow> = profiles::table
        .filter(profiles::status.eq(ProfileStatus::Published.code()))
        .filter(profiles::confirmed_at.lt(before.naive_utc()))
        .filter(
            profiles::reminded_at.is_null().or(profiles::reminded_at.lt(profiles::confirmed_at.nullable())),
        )
        .order(profiles::id)
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(ProfileRow::profile).collect()
}

/// Published profiles that were reminded by `reminded_by` and not confirmed since.
pub fn list_unanswered(
    conn: &mut Conn,
    reminded_by: DateTime<Utc>,
    limit: i64,
) -> Result<Vec<Profile>, DbError> {
    let rows: Vec<ProfileRow> = profiles::table
        .filter(profiles::status.eq(ProfileStatus::Published.code()))
        .filter(profiles::reminded_at.le(reminded_by.naive_utc()))
        .filter(profiles::reminded_at.ge(profiles::confirmed_at.nullable()))
        .order(profiles::id)
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(ProfileRow::profile).collect()
}

pub fn add_manager(
    conn: &mut Conn,
    profile: &ProfileId,
    account: &AccountId,
    role: &str,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = (
        memberships::profile_id.eq(profile.as_str()),
        memberships::account_id.eq(account.as_str()),
        memberships::role.eq(role),
        memberships::created_at.eq(now.naive_utc()),
    );
    each!(conn, c => diesel::insert_into(memberships::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Removes a manager who is not the owner; false if there is none.
pub fn remove_staff(conn: &mut Conn, profile: &ProfileId, account: &AccountId) -> Result<bool, DbError> {
    let staff =
        memberships::table.find((profile.as_str(), account.as_str())).filter(memberships::role.ne("owner"));
    Ok(diesel::delete(staff).execute(conn)? == 1)
}

/// Account id and role of everybody who manages a profile.
pub fn managers(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<(String, String)>, DbError> {
    Ok(memberships::table
        .filter(memberships::profile_id.eq(profile.as_str()))
        .order(memberships::account_id)
        .select((memberships::account_id, memberships::role))
        .load(conn)?)
}

/// An account's right to manage a profile.
pub struct Membership {
    pub profile: ProfileId,
    /// It did not come with the profile itself.
    pub is_late: bool,
}

/// What an account manages, in the order of its ids.
pub fn memberships(conn: &mut Conn, account: &AccountId) -> Result<Vec<Membership>, DbError> {
    let rows: Vec<(String, String, NaiveDateTime, NaiveDateTime)> = memberships::table
        .inner_join(profiles::table)
        .filter(memberships::account_id.eq(account.as_str()))
        .order(profiles::id)
        .select((profiles::id, memberships::role, memberships::created_at, profiles::created_at))
        .load(conn)?;
    let membership = |(id, role, since, made): (String, String, _, _)| {
        Ok(Membership { profile: from_code(&id)?, is_late: role != "owner" || since > made })
    };
    rows.into_iter().map(membership).collect()
}

pub fn is_manager(conn: &mut Conn, profile: &ProfileId, account: &AccountId) -> Result<bool, DbError> {
    let row = memberships::table.find((profile.as_str(), account.as_str()));
    Ok(row.select(memberships::role).first::<String>(conn).optional()?.is_some())
}

/// Whether the account manages a published hub or factory.
pub fn is_hub_staff(conn: &mut Conn, account: &AccountId) -> Result<bool, DbError> {
    let hubs: i64 = memberships::table
        .inner_join(profiles::table)
        .filter(memberships::account_id.eq(account.as_str()))
        .filter(profiles::status.eq(ProfileStatus::Published.code()))
        .filter(profiles::kind.eq_any([ProfileKind::Hub.code(), ProfileKind::Factory.code()]))
        .count()
        .get_result(conn)?;
    Ok(hubs > 0)
}

pub fn follow(
    conn: &mut Conn,
    profile: &ProfileId,
    account: &AccountId,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = (
        follows::profile_id.eq(profile.as_str()),
        follows::account_id.eq(account.as_str()),
        follows::created_at.eq(now.naive_utc()),
    );
    each!(conn, c => diesel::insert_into(follows::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

pub fn unfollow(conn: &mut Conn, profile: &ProfileId, account: &AccountId) -> Result<(), DbError> {
    diesel::delete(follows::table.find((profile.as_str(), account.as_str()))).execute(conn)?;
    Ok(())
}

pub fn is_follower(conn: &mut Conn, profile: &ProfileId, account: &AccountId) -> Result<bool, DbError> {
    let row = follows::table.find((profile.as_str(), account.as_str()));
    Ok(row.select(follows::account_id).first::<String>(conn).optional()?.is_some())
}

/// Accounts that follow a profile.
pub fn followers(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    Ok(follows::table
        .filter(follows::profile_id.eq(profile.as_str()))
        .order(follows::account_id)
        .select(follows::account_id)
        .load(conn)?)
}
