//! The change feed for clients that keep a copy of a list: what has changed, of what they may hear.
//!
//! A time alone can't be followed: an entry carries the time at which its request began, and requests commit in another
//! order. So a time only finds the way in, and the feed's own order leads on.

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::dsl::min;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Text, Timestamp};

use super::changes::{FEED_KEPT, Position, trimmed};
use super::connection::{Conn, each};
use super::error::DbError;
use super::schema::changes;
use super::to_json;
use crate::ids::ProfileId;

/// How much later than its time an entry is readable at most: longer than any request may wait for its turn, for a lock
/// and for its statements, with room for clocks of several servers that disagree.
const LATENESS: TimeDelta = TimeDelta::minutes(5);

/// A part of a list.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a, Key = &'a str> {
    /// In the order of the list, so many after the one with this key.
    After(Option<Key>, i64),
    /// Those of these ids that are in the list.
    Of(&'a [String]),
}

/// Somebody who follows a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Follower {
    pub audience: Audience,
    /// What he is, as far as the list shows more or other things to him than to others. Where it changes, things come
    /// and go that have not changed themselves, and no entry tells of them.
    pub standing: String,
}

/// Of which changes somebody may hear: of those that one of the first three lets him.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audience {
    /// Of all there are.
    pub all: bool,
    /// Of what everybody can see, or could see before.
    pub public: bool,
    /// Of what belongs to these profiles.
    pub profiles: Vec<ProfileId>,
    /// And of nothing but what belongs to this one.
    pub only: Option<ProfileId>,
}

/// An entry of the feed, for somebody who may hear of it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct News {
    #[diesel(sql_type = BigInt)]
    tx: i64,
    #[diesel(sql_type = BigInt)]
    seq: i64,
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = Timestamp)]
    pub at: NaiveDateTime,
}

impl News {
    fn position(&self) -> Position {
        Position { tx: self.tx, seq: self.seq }
    }
}

impl Position {
    /// Just before the first entry that may be of `time` or later, at most some minutes too early; `None` where the feed
    /// does not reach back so far.
    pub fn since(
        conn: &mut Conn,
        now: DateTime<Utc>,
        time: DateTime<Utc>,
    ) -> Result<Option<Position>, DbError> {
        let time = time.min(now) - LATENESS;
        let trimmed = trimmed(conn)?;
        if trimmed != Position::default() && time < now - FEED_KEPT {
            return Ok(None);
        }
        // What is still to be committed comes after this, and may come before what is there already.
        let end = Position::latest(conn)?;
        let first = first_since(conn, time.naive_utc())?.unwrap_or(end);
        Ok(Some(first.min(end).max(trimmed)))
    }

    /// What of a kind comes next for this audience, at most `limit` entries, and where to go on from.
    ///
    /// `changes_kind` leads to the entries of the kind from here on; those for others are passed over. Where none is
    /// left, the end of the whole feed is where to go on from, so that nothing is passed over twice.
    pub fn news(
        self,
        conn: &mut Conn,
        kind: &str,
        audience: &Audience,
        limit: u32,
    ) -> Result<(Vec<News>, Position), DbError> {
        // Taken first: everything up to here is seen by the query that follows.
        let end = Position::latest(conn)?;
        let news = self.load(conn, kind, audience, i64::from(limit))?;
        let last = news.last().map_or(self, News::position);
        let full = news.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
        Ok((news, if full { last } else { last.max(end) }))
    }

    fn load(
        self,
        conn: &mut Conn,
        kind: &str,
        audience: &Audience,
        limit: i64,
    ) -> Result<Vec<News>, DbError> {
        let profiles = to_json(&audience.profiles)?;
        let only = audience.only.as_ref().map_or("", ProfileId::as_str);
        Ok(match conn {
            Conn::Sqlite(c) => diesel::sql_query(
                "SELECT 0 AS tx, seq, id, at FROM changes WHERE kind = ?1 AND seq > ?2 \
                 AND (?3 OR (?4 AND public) OR profile_id IN (SELECT value FROM json_each(?5))) \
                 AND (?6 = '' OR profile_id = ?6) ORDER BY seq LIMIT ?7",
            )
            .bind::<Text, _>(kind)
            .bind::<BigInt, _>(self.seq)
            .bind::<Bool, _>(audience.all)
            .bind::<Bool, _>(audience.public)
            .bind::<Text, _>(profiles)
            .bind::<Text, _>(only)
            .bind::<BigInt, _>(limit)
            .load(c)?,
            Conn::Postgres(c) => diesel::sql_query(
                "SELECT tx::text::bigint AS tx, seq, id, at FROM changes \
                 WHERE kind = $1 AND (tx, seq) > ($2::text::xid8, $3) \
                 AND tx < pg_snapshot_xmin(pg_current_snapshot()) \
                 AND ($4 OR ($5 AND public) OR profile_id IN (SELECT jsonb_array_elements_text($6::jsonb))) \
                 AND ($7 = '' OR profile_id = $7) ORDER BY changes.tx, seq LIMIT $8",
            )
            .bind::<Text, _>(kind)
            .bind::<Text, _>(self.tx.to_string())
            .bind::<BigInt, _>(self.seq)
            .bind::<Bool, _>(audience.all)
            .bind::<Bool, _>(audience.public)
            .bind::<Text, _>(profiles)
            .bind::<Text, _>(only)
            .bind::<BigInt, _>(limit)
            .load(c)?,
        })
    }
}

/// Just before the first entry, in the feed's order, of those of `time` or later. None that is more than [`LATENESS`]
/// younger than the oldest of them can stand before it, so that few need to be sorted.
fn first_since(conn: &mut Conn, time: NaiveDateTime) -> Result<Option<Position>, DbError> {
    #[derive(QueryableByName)]
    struct First {
        #[diesel(sql_type = BigInt)]
        tx: i64,
        #[diesel(sql_type = BigInt)]
        seq: i64,
    }
    let oldest: Option<NaiveDateTime> =
        changes::table.filter(changes::at.ge(time)).select(min(changes::at)).first(conn)?;
    let Some(oldest) = oldest else { return Ok(None) };
    let query = match conn {
        Conn::Sqlite(_) => {
            "WITH near AS MATERIALIZED (SELECT seq FROM changes WHERE at BETWEEN ? AND ?) \
             SELECT 0 AS tx, seq FROM near ORDER BY seq LIMIT 1"
        }
        Conn::Postgres(_) => {
            "WITH near AS MATERIALIZED (SELECT tx, seq FROM changes WHERE at BETWEEN $1 AND $2) \
             SELECT near.tx::text::bigint AS tx, seq FROM near ORDER BY near.tx, seq LIMIT 1"
        }
    };
    let first: Option<First> = each!(conn, c => diesel::sql_query(query)
        .bind::<Timestamp, _>(oldest)
        .bind::<Timestamp, _>(oldest + LATENESS)
        .get_result(c)
        .optional())?;
    Ok(first.map(|first| Position { tx: first.tx, seq: first.seq - 1 }))
}
