//! All SQL of offerings.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::model::{Offering, OfferingStatus};
use crate::db::schema::{memberships, offerings, profiles};
use crate::db::{Conn, DbError, Part, from_code, from_json, to_json};
use crate::ids::{AccountId, OfferingId, ProfileId};
use crate::profiles::ProfileStatus;
use crate::values::HelpType;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = offerings)]
#[diesel(treat_none_as_null = true)]
struct OfferingRow {
    id: String,
    profile_id: String,
    type_: String,
    status: String,
    content: String,
    opens_at: Option<NaiveDateTime>,
    closes_at: Option<NaiveDateTime>,
    version: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl OfferingRow {
    fn of(offering: &Offering) -> Result<OfferingRow, DbError> {
        let content = &offering.content;
        Ok(OfferingRow {
            id: offering.id.to_string(),
            profile_id: content.profile.to_string(),
            type_: content.kind.to_string(),
            status: offering.status.to_string(),
            content: to_json(content)?,
            opens_at: content.opens_at().map(|at| at.naive_utc()),
            closes_at: content.closes_at().map(|at| at.naive_utc()),
            version: offering.version,
            created_at: offering.created_at.naive_utc(),
            updated_at: offering.updated_at.naive_utc(),
        })
    }

    fn offering(self) -> Result<Offering, DbError> {
        Ok(Offering {
            id: from_code(&self.id)?,
            status: from_code(&self.status)?,
            content: from_json(&self.content)?,
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

pub fn find(conn: &mut Conn, id: &OfferingId) -> Result<Option<Offering>, DbError> {
    let row: Option<OfferingRow> = offerings::table.find(id.as_str()).first(conn).optional()?;
    row.map(OfferingRow::offering).transpose()
}

pub fn insert(conn: &mut Conn, offering: &Offering) -> Result<(), DbError> {
    diesel::insert_into(offerings::table).values(OfferingRow::of(offering)?).execute(conn)?;
    Ok(())
}

/// Saves an offering that was read as `offering.version`, under the next version.
pub fn update(conn: &mut Conn, offering: &mut Offering, now: DateTime<Utc>) -> Result<(), DbError> {
    let read = offering.version;
    offering.version += 1;
    offering.updated_at = now;
    let target =
        offerings::table.filter(offerings::id.eq(offering.id.as_str())).filter(offerings::version.eq(read));
    let updated = diesel::update(target).set(OfferingRow::of(offering)?).execute(conn)?;
    if updated == 1 { Ok(()) } else { Err(DbError::Stale) }
}

/// What a list of offerings is narrowed to.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    pub status: Option<OfferingStatus>,
    pub kind: Option<HelpType>,
    pub profile: Option<ProfileId>,
    pub managed_by: Option<AccountId>,
    /// Only those of published profiles.
    pub published: bool,
}

/// Newest first.
pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_>) -> Result<Vec<Offering>, DbError> {
    let mut query = offerings::table.into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(offerings::status.eq(status.code()));
    }
    if let Some(kind) = filter.kind {
        query = query.filter(offerings::type_.eq(kind.code()));
    }
    if let Some(profile) = &filter.profile {
        query = query.filter(offerings::profile_id.eq(profile.as_str()));
    }
    if let Some(account) = &filter.managed_by {
        let managed = memberships::table
            .filter(memberships::account_id.eq(account.to_string()))
            .select(memberships::profile_id);
        query = query.filter(offerings::profile_id.eq_any(managed));
    }
    if filter.published {
        let published =
            profiles::table.filter(profiles::status.eq(ProfileStatus::Published.code())).select(profiles::id);
        query = query.filter(offerings::profile_id.eq_any(published));
    }
    query = match part {
        Part::After(None, limit) => query.limit(limit),
        Part::After(Some(key), limit) => query.filter(offerings::id.lt(key)).limit(limit),
        Part::Of(ids) => query.filter(offerings::id.eq_any(ids)),
    };
    let rows: Vec<OfferingRow> = query.order(offerings::id.desc()).load(conn)?;
    rows.into_iter().map(OfferingRow::offering).collect()
}

/// Ids of all offerings after `cursor`, in their order.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    Ok(offerings::table
        .filter(offerings::id.gt(cursor))
        .order(offerings::id)
        .limit(limit)
        .select(offerings::id)
        .load(conn)?)
}

/// Ids of all offerings of a profile, of any status.
pub fn ids_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    Ok(offerings::table
        .filter(offerings::profile_id.eq(profile.as_str()))
        .order(offerings::id)
        .select(offerings::id)
        .load(conn)?)
}

/// All open offerings of a profile, oldest first.
pub fn open_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<Offering>, DbError> {
    let rows: Vec<OfferingRow> = offerings::table
        .filter(offerings::profile_id.eq(profile.as_str()))
        .filter(offerings::status.eq(OfferingStatus::Open.code()))
        .order(offerings::id)
        .load(conn)?;
    rows.into_iter().map(OfferingRow::offering).collect()
}

/// Open offerings that closed by `now`, the longest overdue first.
pub fn list_due(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<Offering>, DbError> {
    let rows: Vec<OfferingRow> = offerings::table
        .filter(offerings::status.eq(OfferingStatus::Open.code()))
        .filter(offerings::closes_at.le(now.naive_utc()))
        .order((offerings::closes_at, offerings::id))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(OfferingRow::offering).collect()
}
