//! The change feed: which rows changed, in the order of their commits, written in the transaction of the change.
//!
//! The index follows it, and so do clients that keep a copy of a list (see `followed`). An entry carries the key, and who
//! may hear of it; whoever reads it loads the current row, so that reading an entry twice changes nothing.
//!
//! PostgreSQL hands out sequence numbers before commit, so a reader of `seq > last` would miss what commits late. There
//! each entry carries its transaction id, the order is `(tx, seq)`, and only entries below the oldest running
//! transaction are read. SQLite has one writer: `tx` is always 0 and `seq` is the order of commits.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::connection::{Conn, each};
use super::error::DbError;
use super::schema::{changes, meta};
use crate::ids::ProfileId;

/// How long entries are kept; an index or a copy that stands further back starts anew.
pub const FEED_KEPT: TimeDelta = TimeDelta::days(30);

/// One entry: the row of `kind` with this id is new, changed or gone.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Change {
    #[diesel(sql_type = BigInt)]
    tx: i64,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub id: String,
}

impl Change {
    pub fn position(&self) -> Position {
        Position { tx: self.tx, seq: self.seq }
    }
}

/// A place in the feed; everything up to and with it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Position {
    pub(super) tx: i64,
    pub(super) seq: i64,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.tx, self.seq)
    }
}

impl FromStr for Position {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Position, Self::Err> {
        const FORM: &str = "a position in the change feed is `<transaction>.<sequence>`";
        let (tx, seq) = text.split_once('.').ok_or(FORM)?;
        let number = |text: &str| text.parse().ok().filter(|number: &i64| *number >= 0).ok_or(FORM);
        Ok(Position { tx: number(tx)?, seq: number(seq)? })
    }
}

/// What an entry says.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    pub kind: &'static str,
    pub id: &'a str,
    /// The profile that the row belongs to: those who manage it may hear of the change.
    pub profile: &'a ProfileId,
    /// Whether everybody may hear of the change: everybody can see the row now, or could before.
    pub public: bool,
}

/// Notes in the current transaction that a row changed.
pub fn record(conn: &mut Conn, now: DateTime<Utc>, entry: Entry<'_>) -> Result<(), DbError> {
    let row = (
        changes::kind.eq(entry.kind),
        changes::id.eq(entry.id),
        changes::at.eq(now.naive_utc()),
        changes::profile_id.eq(entry.profile.as_str()),
        changes::public.eq(entry.public),
    );
    diesel::insert_into(changes::table).values(row).execute(conn)?;
    Ok(())
}

impl Position {
    /// The end of the feed: what any transaction that began before now may still add comes after it.
    pub fn latest(conn: &mut Conn) -> Result<Position, DbError> {
        #[derive(QueryableByName)]
        struct Latest {
            #[diesel(sql_type = BigInt)]
            tx: i64,
            #[diesel(sql_type = BigInt)]
            seq: i64,
        }
        let latest: Latest = match conn {
            // Not the largest `seq` that is left: where all entries were trimmed, that would be a lost position.
            Conn::Sqlite(c) => diesel::sql_query(
                "SELECT 0 AS tx, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS seq",
            )
            .get_result(c)?,
            // All of the oldest running transaction is still to come: stand just before its first entry.
            Conn::Postgres(c) => diesel::sql_query(
                "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS tx, 0::bigint AS seq",
            )
            .get_result(c)?,
        };
        Ok(Position { tx: latest.tx, seq: latest.seq })
    }

    /// The next entries, at most `limit`, oldest first.
    pub fn next(self, conn: &mut Conn, limit: i64) -> Result<Vec<Change>, DbError> {
        Ok(match conn {
            Conn::Sqlite(c) => diesel::sql_query(
                "SELECT 0 AS tx, seq, kind, id FROM changes WHERE seq > ? ORDER BY seq LIMIT ?",
            )
            .bind::<BigInt, _>(self.seq)
            .bind::<BigInt, _>(limit)
            .load(c)?,
            Conn::Postgres(c) => diesel::sql_query(
                "SELECT tx::text::bigint AS tx, seq, kind, id FROM changes \
                 WHERE (tx, seq) > ($1::text::xid8, $2) AND tx < pg_snapshot_xmin(pg_current_snapshot()) \
                 ORDER BY changes.tx, seq LIMIT $3",
            )
            .bind::<Text, _>(self.tx.to_string())
            .bind::<BigInt, _>(self.seq)
            .bind::<BigInt, _>(limit)
            .load(c)?,
        })
    }

    /// Whether the feed no longer holds what comes after this position, or never held it: its reader starts anew.
    pub fn is_lost(self, conn: &mut Conn) -> Result<bool, DbError> {
        Ok(self < trimmed(conn)? || self.is_ahead(conn)?)
    }

    /// Whether the feed has not come this far yet.
    pub(super) fn is_ahead(self, conn: &mut Conn) -> Result<bool, DbError> {
        #[derive(QueryableByName)]
        struct Ahead {
            #[diesel(sql_type = diesel::sql_types::Bool)]
            ahead: bool,
        }
        let found: Ahead = match conn {
            Conn::Sqlite(c) => diesel::sql_query(
                "SELECT ? > coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS ahead",
            )
            .bind::<BigInt, _>(self.seq)
            .get_result(c)?,
            Conn::Postgres(c) => {
                diesel::sql_query("SELECT $1::text::xid8 > pg_snapshot_xmax(pg_current_snapshot()) AS ahead")
                    .bind::<Text, _>(self.tx.to_string())
                    .get_result(c)?
            }
        };
        Ok(found.ahead)
    }
}

const TRIMMED: &str = "changes_trimmed_to";
const INCARNATION: &str = "incarnation";

/// Everything up to and with this position has been trimmed away.
pub(super) fn trimmed(conn: &mut Conn) -> Result<Position, DbError> {
    let text: Option<String> = meta::table.find(TRIMMED).select(meta::value).first(conn).optional()?;
    text.map_or(Ok(Position::default()), |text| super::from_code(&text))
}

/// Deletes entries older than `before`; a reader that stands further back rebuilds.
pub fn trim(conn: &mut Conn, before: DateTime<Utc>) -> Result<usize, DbError> {
    #[derive(QueryableByName)]
    struct Oldest {
        #[diesel(sql_type = BigInt)]
        tx: i64,
        #[diesel(sql_type = BigInt)]
        seq: i64,
    }
    let query = match conn {
        Conn::Sqlite(_) => "SELECT 0 AS tx, seq FROM changes WHERE at < ? ORDER BY seq DESC LIMIT 1",
        Conn::Postgres(_) => {
            "SELECT tx::text::bigint AS tx, seq FROM changes WHERE at < $1 \
             ORDER BY changes.tx DESC, seq DESC LIMIT 1"
        }
    };
    let last: Option<Oldest> = each!(conn, c => diesel::sql_query(query)
        .bind::<diesel::sql_types::Timestamp, _>(before.naive_utc())
        .get_result(c)
        .optional())?;
    let Some(last) = last else { return Ok(0) };
    let position = Position { tx: last.tx, seq: last.seq };
    set_meta(conn, TRIMMED, &position.to_string())?;
    Ok(diesel::delete(changes::table.filter(changes::at.lt(before.naive_utc()))).execute(conn)?)
}

/// An id of this database's life. A restored dump keeps it, a new database has another: an index that followed another
/// incarnation is rebuilt.
pub fn incarnation(conn: &mut Conn, now: DateTime<Utc>) -> Result<String, DbError> {
    if let Some(found) = find_incarnation(conn)? {
        return Ok(found);
    }
    let fresh = format!("{}-{:016x}", now.timestamp(), rand::random::<u64>());
    let row = (meta::key.eq(INCARNATION), meta::value.eq(&fresh));
    each!(conn, c => diesel::insert_into(meta::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(meta::table.find(INCARNATION).select(meta::value).first(conn)?)
}

pub(super) fn find_incarnation(conn: &mut Conn) -> Result<Option<String>, DbError> {
    Ok(meta::table.find(INCARNATION).select(meta::value).first(conn).optional()?)
}

/// Whether this is the first transaction that asks for `key`; one that asks at the same time waits.
pub fn first(conn: &mut Conn, key: &str) -> Result<bool, DbError> {
    let row = (meta::key.eq(key), meta::value.eq(""));
    let inserted =
        each!(conn, c => diesel::insert_into(meta::table).values(row).on_conflict_do_nothing().execute(c))?;
    Ok(inserted == 1)
}

fn set_meta(conn: &mut Conn, key: &str, value: &str) -> Result<(), DbError> {
    let row = (meta::key.eq(key), meta::value.eq(value));
    each!(conn, c => diesel::insert_into(meta::table)
        .values(row)
        .on_conflict(meta::key)
        .do_update()
        .set(meta::value.eq(value))
        .execute(c))?;
    Ok(())
}
