//! All SQL of needs.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::model::{Need, NeedStatus};
use crate::db::schema::{memberships, needs, profiles};
use crate::db::{Conn, DbError, Part, from_code, from_json, to_json};
use crate::ids::{AccountId, NeedId, ProfileId};
use crate::profiles::ProfileStatus;
use crate::values::HelpType;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = needs)]
struct NeedRow {
    id: String,
    profile_id: String,
    type_: String,
    status: String,
    content: String,
    expires_at: NaiveDateTime,
    version: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl NeedRow {
    fn of(need: &Need) -> Result<NeedRow, DbError> {
        Ok(NeedRow {
            id: need.id.to_string(),
            profile_id: need.content.profile.to_string(),
            type_: need.content.kind.to_string(),
            status: need.status.to_string(),
            content: to_json(&need.content)?,
            expires_at: need.expires_at.naive_utc(),
            version: need.version,
            created_at: need.created_at.naive_utc(),
            updated_at: need.updated_at.naive_utc(),
        })
    }

    fn need(self) -> Result<Need, DbError> {
        Ok(Need {
            id: from_code(&self.id)?,
            status: from_code(&self.status)?,
            content: from_json(&self.content)?,
            expires_at: self.expires_at.and_utc(),
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

pub fn find(conn: &mut Conn, id: &NeedId) -> Result<Option<Need>, DbError> {
    let row: Option<NeedRow> = needs::table.find(id.as_str()).first(conn).optional()?;
    row.map(NeedRow::need).transpose()
}

pub fn insert(conn: &mut Conn, need: &Need) -> Result<(), DbError> {
    diesel::insert_into(needs::table).values(NeedRow::of(need)?).execute(conn)?;
    Ok(())
}

/// Saves a need that was read as `need.version`, under the next version.
pub fn update(conn: &mut Conn, need: &mut Need, now: DateTime<Utc>) -> Result<(), DbError> {
    let read = need.version;
    need.version += 1;
    need.updated_at = now;
    let target = needs::table.filter(needs::id.eq(need.id.as_str())).filter(needs::version.eq(read));
    let updated = diesel::update(target).set(NeedRow::of(need)?).execute(conn)?;
    if updated == 1 { Ok(()) } else { Err(DbError::Stale) }
}

/// What a list of needs is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<NeedStatus>,
    pub kind: Option<HelpType>,
    pub profile: Option<ProfileId>,
    pub managed_by: Option<AccountId>,
    /// Only those of published profiles.
    pub published: bool,
}

/// Newest first.
pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_>) -> Result<Vec<Need>, DbError> {
    let mut query = needs::table.into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(needs::status.eq(status.code()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(needs::type_.eq(kind.code()));
    }
    if let Some(profile) = &filter.profile {
        query = query.filter(needs::profile_id.eq(profile.as_str()));
    }
    if let Some(account) = &filter.managed_by {
        let managed = memberships::table
            .filter(memberships::account_id.eq(account.to_string()))
            .select(memberships::profile_id);
        query = query.filter(needs::profile_id.eq_any(managed));
    }
    if filter.published {
        let published =
            profiles::table.filter(profiles::status.eq(ProfileStatus::Published.code())).select(profiles::id);
        query = query.filter(needs::profile_id.eq_any(published));
    }
    query = match part {
        Part::After(None, limit) => query.limit(limit),
        Part::After(Some(key), limit) => query.filter(needs::id.lt(key)).limit(limit),
        Part::Of(ids) => query.filter(needs::id.eq_any(ids)),
    };
    let rows: Vec<NeedRow> = query.order(needs::id.desc()).load(conn)?;
    rows.into_iter().map(NeedRow::need).collect()
}

/// Ids of all needs after `cursor`, in their order.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    Ok(needs::table
        .filter(needs::id.gt(cursor))
        .order(needs::id)
        .limit(limit)
        .select(needs::id)
        .load(conn)?)
}

/// Ids of all needs of a profile, of any status.
pub fn ids_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    Ok(needs::table
        .filter(needs::profile_id.eq(profile.as_str()))
        .order(needs::id)
        .select(needs::id)
        .load(conn)?)
}

/// All open needs of a profile, oldest first.
pub fn open_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<Need>, DbError> {
    let rows: Vec<NeedRow> = needs::table
        .filter(needs::profile_id.eq(profile.as_str()))
        .filter(needs::status.eq(NeedStatus::Open.code()))
        .order(needs::id)
        .load(conn)?;
    rows.into_iter().map(NeedRow::need).collect()
}

/// Open needs whose time ran out by `now`, the longest overdue first.
pub fn list_due(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<Need>, DbError> {
    let rows: Vec<NeedRow> = needs::table
        .filter(needs::status.eq(NeedStatus::Open.code()))
        .filter(needs::expires_at.le(now.naive_utc()))
        .order((needs::expires_at, needs::id))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(NeedRow::need).collect()
}
