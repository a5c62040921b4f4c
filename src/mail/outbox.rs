//! All SQL of the outbox.
//!
//! A mail is claimed with a lease and sent with no transaction open. `attempts` counts claims, so the pair of
//! status and attempts names one claim: whoever held an earlier one changes nothing any more.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;
use serde_json::Value;

use super::Queued;
use super::model::{Claimed, MailStatus, Stored};
use crate::db::schema::mails;
use crate::db::{Conn, DbError, from_code, from_json, to_json};
use crate::ids::{AccountId, MailId};

#[derive(Queryable)]
struct MailRow {
    id: String,
    kind: String,
    account_id: String,
    subject_keys: String,
    status: String,
    attempts: i32,
    due_at: NaiveDateTime,
    _leased_until: Option<NaiveDateTime>,
    last_error: Option<String>,
    created_at: NaiveDateTime,
    sent_at: Option<NaiveDateTime>,
}

impl MailRow {
    fn queued(self) -> Result<Queued, DbError> {
        Ok(Queued {
            id: from_code(&self.id)?,
            kind: self.kind,
            account: from_code(&self.account_id)?,
            keys: from_json(&self.subject_keys)?,
        })
    }

    fn stored(self) -> Result<Stored, DbError> {
        Ok(Stored {
            id: from_code(&self.id)?,
            kind: self.kind,
            status: from_code(&self.status)?,
            attempts: self.attempts,
            due_at: self.due_at.and_utc(),
            last_error: self.last_error,
            created_at: self.created_at.and_utc(),
            sent_at: self.sent_at.map(|at| at.and_utc()),
        })
    }
}

/// Queues a mail in the current transaction.
pub fn enqueue(
    conn: &mut Conn,
    now: DateTime<Utc>,
    kind: &str,
    account: &AccountId,
    keys: &Value,
) -> Result<MailId, DbError> {
    let id = MailId::new(now);
    let row = (
        mails::id.eq(id.as_str()),
        mails::kind.eq(kind),
        mails::account_id.eq(account.as_str()),
        mails::subject_keys.eq(to_json(keys)?),
        mails::status.eq(MailStatus::Pending.code()),
        mails::attempts.eq(0),
        mails::due_at.eq(now.naive_utc()),
        mails::created_at.eq(now.naive_utc()),
    );
    diesel::insert_into(mails::table).values(row).execute(conn)?;
    Ok(id)
}

/// Mails that wait and are due, or whose worker let its lease run out; the longest due first.
fn claimable(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<MailRow>, DbError> {
    let waiting = mails::status.eq(MailStatus::Pending.code()).and(mails::due_at.le(now.naive_utc()));
    let abandoned = mails::status.eq(MailStatus::Sending.code()).and(mails::leased_until.le(now.naive_utc()));
    let rows = mails::table
        .filter(waiting.or(abandoned))
        .order((mails::due_at, mails::id))
        .limit(limit)
        .load(conn)?;
    Ok(rows)
}

/// Whether a claim would find a mail now. Reads only: a worker that asks while nothing is due writes nothing.
pub fn is_any_due(conn: &mut Conn, now: DateTime<Utc>) -> Result<bool, DbError> {
    Ok(!claimable(conn, now, 1)?.is_empty())
}

/// Takes up to `limit` mails that are due, for the time of `lease`. Each goes to one worker only: the update
/// counts where the row is still as it was read, and of two transactions the second one finds it changed.
pub fn claim(
    conn: &mut Conn,
    now: DateTime<Utc>,
    lease: TimeDelta,
    limit: i64,
) -> Result<Vec<Claimed>, DbError> {
    let mut claimed = Vec::new();
    for row in claimable(conn, now, limit)? {
        let taken = diesel::update(mails::table.find(&row.id))
            .filter(mails::status.eq(&row.status))
            .filter(mails::attempts.eq(row.attempts))
            .set((
                mails::status.eq(MailStatus::Sending.code()),
                mails::attempts.eq(row.attempts + 1),
                mails::leased_until.eq((now + lease).naive_utc()),
            ))
            .execute(conn)?;
        if taken == 1 {
            claimed.extend(read_or_bury(conn, row)?);
        }
    }
    Ok(claimed)
}

/// A row that can't be read is given up: else it would be claimed for ever, and stop those behind it.
fn read_or_bury(conn: &mut Conn, row: MailRow) -> Result<Option<Claimed>, DbError> {
    let (id, attempts, created_at) = (row.id.clone(), row.attempts + 1, row.created_at.and_utc());
    match row.queued() {
        Ok(queued) => Ok(Some(Claimed { queued, attempts, created_at })),
        Err(fault) => {
            log::error!("mail {id} cannot be read: {fault}");
            let dead = End::new(MailStatus::Dead).error("the row cannot be read");
            diesel::update(mails::table.find(&id)).set(dead).execute(conn)?;
            Ok(None)
        }
    }
}

/// How a claim ends. The lease always does; what is absent stays as it is, apart from the error.
#[derive(AsChangeset)]
#[diesel(table_name = mails)]
struct End<'a> {
    status: &'static str,
    due_at: Option<NaiveDateTime>,
    #[diesel(treat_none_as_null = true)]
    leased_until: Option<NaiveDateTime>,
    #[diesel(treat_none_as_null = true)]
    last_error: Option<&'a str>,
    sent_at: Option<NaiveDateTime>,
}

impl<'a> End<'a> {
    fn new(status: MailStatus) -> End<'a> {
        let status = status.code();
        End { status, due_at: None, leased_until: None, last_error: None, sent_at: None }
    }

    fn error(self, error: &'a str) -> End<'a> {
        End { last_error: Some(error), ..self }
    }
}

/// Ends a claim that is still held; says whether it was.
fn end(conn: &mut Conn, claimed: &Claimed, end: End<'_>) -> Result<bool, DbError> {
    let changed = diesel::update(mails::table.find(claimed.queued.id.as_str()))
        .filter(mails::status.eq(MailStatus::Sending.code()))
        .filter(mails::attempts.eq(claimed.attempts))
        .set(end)
        .execute(conn)?;
    Ok(changed == 1)
}

/// Notes that a mail has left; also for whom the lease has run out meanwhile, since it did leave.
pub fn mark_sent(conn: &mut Conn, now: DateTime<Utc>, id: &MailId) -> Result<(), DbError> {
    let sent = End { sent_at: Some(now.naive_utc()), ..End::new(MailStatus::Sent) };
    diesel::update(mails::table.find(id.as_str())).set(sent).execute(conn)?;
    Ok(())
}

/// Lets a claimed mail wait until `due`. Says whether the claim was still held.
pub fn retry_later(
    conn: &mut Conn,
    claimed: &Claimed,
    due: DateTime<Utc>,
    error: &str,
) -> Result<bool, DbError> {
    let waits = End { due_at: Some(due.naive_utc()), ..End::new(MailStatus::Pending) };
    end(conn, claimed, waits.error(error))
}

/// Gives a claimed mail up. Says whether the claim was still held.
pub fn mark_dead(conn: &mut Conn, claimed: &Claimed, error: &str) -> Result<bool, DbError> {
    end(conn, claimed, End::new(MailStatus::Dead).error(error))
}

/// Ends a claimed mail that nobody wants any more. Says whether the claim was still held.
pub fn drop_unwanted(conn: &mut Conn, claimed: &Claimed) -> Result<bool, DbError> {
    end(conn, claimed, End::new(MailStatus::Dropped))
}

/// Mails, newest first: those in a state (or in all) that come after the id `after`, at most `limit`.
pub fn list(
    conn: &mut Conn,
    status: Option<MailStatus>,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Stored>, DbError> {
    let mut query = mails::table.order(mails::id.desc()).limit(limit).into_boxed();
    if let Some(status) = status {
        query = query.filter(mails::status.eq(status.code()));
    }
    if let Some(after) = after {
        query = query.filter(mails::id.lt(after));
    }
    query.load::<MailRow>(conn)?.into_iter().map(MailRow::stored).collect()
}

/// Queues a dead mail again, with all its attempts before it. Says whether it was dead.
///
/// # Errors
/// [`DbError::NotFound`] where there is no such mail.
pub fn requeue(conn: &mut Conn, now: DateTime<Utc>, id: &MailId) -> Result<bool, DbError> {
    let anew = End { due_at: Some(now.naive_utc()), ..End::new(MailStatus::Pending) };
    let changed = diesel::update(mails::table.find(id.as_str()))
        .filter(mails::status.eq(MailStatus::Dead.code()))
        .set((anew, mails::attempts.eq(0)))
        .execute(conn)?;
    if changed == 0 {
        let _exists: String = mails::table.find(id.as_str()).select(mails::id).first(conn)?;
    }
    Ok(changed == 1)
}

/// How many mails are in each state; every state is listed.
pub fn counts(conn: &mut Conn) -> Result<Vec<(MailStatus, i64)>, DbError> {
    let found: Vec<(String, i64)> =
        mails::table.group_by(mails::status).select((mails::status, diesel::dsl::count_star())).load(conn)?;
    let count = |status: MailStatus| {
        found.iter().find(|(code, _)| code == status.code()).map_or(0, |(_, count)| *count)
    };
    Ok(MailStatus::ALL.iter().map(|status| (*status, count(*status))).collect())
}
