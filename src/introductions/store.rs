//! All SQL of introductions and of what their sides tell about them.

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::model::{DeclineIntroduction, Introduction, IntroductionStatus, Outcome, Side};
use crate::db::schema::{introduction_feedback, introductions, memberships, profiles};
use crate::db::{Conn, DbError, from_code, from_json, to_json};
use crate::ids::{AccountId, IntroductionId, ProfileId};
use crate::profiles::ProfileStatus;

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = introductions)]
#[diesel(treat_none_as_null = true)]
struct IntroductionRow {
    id: String,
    requester_id: String,
    target_id: String,
    need_id: Option<String>,
    requested_by: String,
    status: String,
    note: String,
    reason: Option<String>,
    decline_code: Option<String>,
    decline_message: Option<String>,
    expires_at: NaiveDateTime,
    decided_at: Option<NaiveDateTime>,
    disclosed_at: Option<NaiveDateTime>,
    version: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl IntroductionRow {
    fn of(introduction: &Introduction) -> Result<IntroductionRow, DbError> {
        let declined = introduction.declined.as_ref();
        Ok(IntroductionRow {
            id: introduction.id.to_string(),
            requester_id: introduction.requester.to_string(),
            target_id: introduction.target.to_string(),
            need_id: introduction.need.as_ref().map(ToString::to_string),
            requested_by: introduction.requested_by.to_string(),
            status: introduction.status.to_string(),
            note: introduction.note.clone(),
            reason: (!introduction.reason.is_empty()).then(|| to_json(&introduction.reason)).transpose()?,
            decline_code: declined.map(|declined| declined.code.to_string()),
            decline_message: declined.and_then(|declined| declined.message.clone()),
            expires_at: introduction.expires_at.naive_utc(),
            decided_at: introduction.decided_at.map(|at| at.naive_utc()),
            disclosed_at: introduction.disclosed_at.map(|at| at.naive_utc()),
            version: introduction.version,
            created_at: introduction.created_at.naive_utc(),
            updated_at: introduction.updated_at.naive_utc(),
        })
    }

    fn introduction(self) -> Result<Introduction, DbError> {
        let code = self.decline_code.as_deref().map(from_code).transpose()?;
        let message = self.decline_message;
        Ok(Introduction {
            id: from_code(&self.id)?,
            requester: from_code(&self.requester_id)?,
            target: from_code(&self.target_id)?,
            need: self.need_id.as_deref().map(from_code).transpose()?,
            requested_by: from_code(&self.requested_by)?,
            status: from_code(&self.status)?,
            note: self.note,
            reason: self.reason.as_deref().map(from_json).transpose()?.unwrap_or_default(),
            declined: code.map(|code| DeclineIntroduction { code, message }),
            expires_at: self.expires_at.and_utc(),
            decided_at: self.decided_at.map(|at| at.and_utc()),
            disclosed_at: self.disclosed_at.map(|at| at.and_utc()),
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

fn all(rows: Vec<IntroductionRow>) -> Result<Vec<Introduction>, DbError> {
    rows.into_iter().map(IntroductionRow::introduction).collect()
}

pub fn find(conn: &mut Conn, id: &IntroductionId) -> Result<Option<Introduction>, DbError> {
    let row: Option<IntroductionRow> = introductions::table.find(id.as_str()).first(conn).optional()?;
    row.map(IntroductionRow::introduction).transpose()
}

/// The introduction, with its row locked until the end of the transaction: whoever answers it at the same time waits.
pub fn find_locked(conn: &mut Conn, id: &IntroductionId) -> Result<Option<Introduction>, DbError> {
    diesel::update(introductions::table.find(id.as_str()))
        .set(introductions::version.eq(introductions::version))
        .execute(conn)?;
    find(conn, id)
}

pub fn insert(conn: &mut Conn, introduction: &Introduction) -> Result<(), DbError> {
    diesel::insert_into(introductions::table).values(IntroductionRow::of(introduction)?).execute(conn)?;
    Ok(())
}

/// Saves an introduction that was read as `introduction.version`, under the next version.
pub fn update(conn: &mut Conn, introduction: &mut Introduction, now: DateTime<Utc>) -> Result<(), DbError> {
    let read = introduction.version;
    introduction.version += 1;
    introduction.updated_at = now;
    let target = introductions::table
        .filter(introductions::id.eq(introduction.id.as_str()))
        .filter(introductions::version.eq(read));
    let updated = diesel::update(target).set(IntroductionRow::of(introduction)?).execute(conn)?;
    if updated == 1 { Ok(()) } else { Err(DbError::Stale) }
}

/// What a list of introductions is narrowed to.
#[derive(Debug, Clone)]
pub struct Filter {
    /// Only those with a profile of this account on a side.
    pub managed_by: AccountId,
    /// Which side that is; `None` means either.
    pub role: Option<Side>,
    pub status: Option<IntroductionStatus>,
    /// Only those in which this profile takes part.
    pub profile: Option<ProfileId>,
}

/// Newest first, after (older than) `cursor`.
pub fn list(
    conn: &mut Conn,
    filter: &Filter,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Vec<Introduction>, DbError> {
    let own = || {
        memberships::table
            .filter(memberships::account_id.eq(filter.managed_by.to_string()))
            .select(memberships::profile_id)
    };
    let mut query = introductions::table.into_boxed();
    query = match filter.role {
        Some(Side::Requester) => query.filter(introductions::requester_id.eq_any(own())),
        Some(Side::Target) => query.filter(introductions::target_id.eq_any(own())),
        None => {
            query.filter(introductions::requester_id.eq_any(own()).or(introductions::target_id.eq_any(own())))
        }
    };
    if let Some(status) = filter.status {
        query = query.filter(introductions::status.eq(status.code()));
    }
    if let Some(profile) = &filter.profile {
        let (requester, target) = (profile.to_string(), profile.to_string());
        query =
            query.filter(introductions::requester_id.eq(requester).or(introductions::target_id.eq(target)));
    }
    if let Some(cursor) = cursor {
        query = query.filter(introductions::id.lt(cursor.to_owned()));
    }
    all(query.order(introductions::id.desc()).limit(limit).load(conn)?)
}

/// All introductions between two profiles, in either direction.
pub fn between(conn: &mut Conn, one: &ProfileId, other: &ProfileId) -> Result<Vec<Introduction>, DbError> {
    let there = introductions::requester_id.eq(one.as_str()).and(introductions::target_id.eq(other.as_str()));
    let back = introductions::requester_id.eq(other.as_str()).and(introductions::target_id.eq(one.as_str()));
    all(introductions::table.filter(there.or(back)).order(introductions::id).load(conn)?)
}

/// The introductions of a profile, on either side, that can block another one: those that are not over, and its requests
/// that were declined after `declined_since`.
pub fn list_blocking(
    conn: &mut Conn,
    profile: &ProfileId,
    declined_since: DateTime<Utc>,
) -> Result<Vec<Introduction>, DbError> {
    use IntroductionStatus::{Accepted, Declined, Met, Requested};
    let either =
        introductions::requester_id.eq(profile.as_str()).or(introductions::target_id.eq(profile.as_str()));
    let lasting = introductions::status.eq_any([Requested, Accepted, Met].map(IntroductionStatus::code));
    let declined = introductions::status
        .eq(Declined.code())
        .and(introductions::decided_at.gt(declined_since.naive_utc()).assume_not_null());
    all(introductions::table
        .filter(either)
        .filter(lasting.or(declined))
        .order(introductions::id)
        .load(conn)?)
}

/// How many requests that a profile made (or that wait for it) are open.
pub fn count_open(conn: &mut Conn, side: Side, profile: &ProfileId) -> Result<i64, DbError> {
    let open = introductions::table
        .filter(introductions::status.eq(IntroductionStatus::Requested.code()))
        .into_boxed();
    let of_profile = match side {
        Side::Requester => open.filter(introductions::requester_id.eq(profile.as_str())),
        Side::Target => open.filter(introductions::target_id.eq(profile.as_str())),
    };
    Ok(of_profile.count().get_result(conn)?)
}

/// Whether the account manages a published profile that is on the other side of a disclosed introduction with
/// `profile`: who was taken down since sees no more of others than anybody.
pub fn is_matched(conn: &mut Conn, profile: &ProfileId, account: &AccountId) -> Result<bool, DbError> {
    let own = || {
        memberships::table
            .inner_join(profiles::table)
            .filter(memberships::account_id.eq(account.as_str()))
            .filter(profiles::status.eq(ProfileStatus::Published.code()))
            .select(memberships::profile_id)
    };
    let asked = introductions::requester_id.eq(profile.as_str()).and(introductions::target_id.eq_any(own()));
    let was_asked =
        introductions::target_id.eq(profile.as_str()).and(introductions::requester_id.eq_any(own()));
    let matches: i64 = introductions::table
        .filter(introductions::disclosed_at.is_not_null())
        .filter(asked.or(was_asked))
        .count()
        .get_result(conn)?;
    Ok(matches > 0)
}

/// The other sides of a profile's disclosed introductions.
pub fn acquaintances(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<ProfileId>, DbError> {
    let sides: Vec<(String, String)> = introductions::table
        .filter(introductions::disclosed_at.is_not_null())
        .filter(
            introductions::requester_id
                .eq(profile.as_str())
                .or(introductions::target_id.eq(profile.as_str())),
        )
        .order(introductions::id)
        .select((introductions::requester_id, introductions::target_id))
        .load(conn)?;
    let other = |(requester, target): (String, String)| {
        from_code(if requester == profile.as_str() { &target } else { &requester })
    };
    sides.into_iter().map(other).collect()
}

/// Ids of open requests whose time ran out by `now`, the longest overdue first; with `of`, only those in which one of
/// these profiles takes part.
pub fn list_due(
    conn: &mut Conn,
    now: DateTime<Utc>,
    of: Option<[&ProfileId; 2]>,
    limit: i64,
) -> Result<Vec<IntroductionId>, DbError> {
    let mut query = introductions::table
        .filter(introductions::status.eq(IntroductionStatus::Requested.code()))
        .filter(introductions::expires_at.le(now.naive_utc()))
        .into_boxed();
    if let Some(profiles) = of {
        let ids = profiles.map(ProfileId::as_str);
        query =
            query.filter(introductions::requester_id.eq_any(ids).or(introductions::target_id.eq_any(ids)));
    }
    let ids: Vec<String> = query
        .order((introductions::expires_at, introductions::id))
        .limit(limit)
        .select(introductions::id)
        .load(conn)?;
    ids.iter().map(|id| from_code(id)).collect()
}

/// What the side of a profile told about an introduction.
pub fn find_outcome(
    conn: &mut Conn,
    id: &IntroductionId,
    profile: &ProfileId,
) -> Result<Option<Outcome>, DbError> {
    let row: Option<(bool, Option<i32>, Option<String>)> = introduction_feedback::table
        .find((id.as_str(), profile.as_str()))
        .select((introduction_feedback::met, introduction_feedback::rating, introduction_feedback::comment))
        .first(conn)
        .optional()?;
    Ok(row.map(|(met, rating, comment)| Outcome { met, rating, comment }))
}

pub fn insert_outcome(
    conn: &mut Conn,
    id: &IntroductionId,
    profile: &ProfileId,
    outcome: &Outcome,
    now: DateTime<Utc>,
) -> Result<(), DbError> {
    let row = (
        introduction_feedback::introduction_id.eq(id.as_str()),
        introduction_feedback::profile_id.eq(profile.as_str()),
        introduction_feedback::met.eq(outcome.met),
        introduction_feedback::rating.eq(outcome.rating),
        introduction_feedback::comment.eq(outcome.comment.as_deref()),
        introduction_feedback::created_at.eq(now.naive_utc()),
    );
    diesel::insert_into(introduction_feedback::table).values(row).execute(conn)?;
    Ok(())
}
