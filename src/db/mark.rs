//! A place in the change feed as it is kept outside of the database: by an index, and by a client that has written.

use std::fmt;
use std::str::FromStr;

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::changes::{self, Position};
use super::connection::Conn;
use super::error::DbError;

/// A position with the incarnation of the database that it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    pub incarnation: String,
    pub position: Position,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.incarnation, self.position)
    }
}

impl FromStr for Mark {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Mark, Self::Err> {
        let (incarnation, position) = text.split_once('@').ok_or("a mark is `<incarnation>@<position>`")?;
        Ok(Mark { incarnation: incarnation.to_owned(), position: position.parse()? })
    }
}

impl Mark {
    /// Whether who has followed the feed up to this mark has seen the other one's entry.
    pub fn covers(&self, other: &Mark) -> bool {
        self.incarnation == other.incarnation && self.position >= other.position
    }

    /// Whether this database has written the entry: neither another one, nor this one in a life that a restored backup
    /// has ended.
    pub fn is_known(&self, conn: &mut Conn) -> Result<bool, DbError> {
        Ok(changes::find_incarnation(conn)?.is_some_and(|known| known == self.incarnation)
            && !self.position.is_ahead(conn)?)
    }
}

/// Does `work`; the mark is that of the last entry that it has added to the feed, if it has added any.
pub fn recorded<T, E: From<DbError>>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<(T, Option<Mark>), E> {
    let before = own_last(conn)?;
    let done = work(conn)?;
    let after = own_last(conn)?;
    Ok((done, after.filter(|mark| before.as_ref() != Some(mark))))
}

/// The mark of the last entry that this transaction has written. SQLite has one writer, so there it is the last entry of
/// all.
fn own_last(conn: &mut Conn) -> Result<Option<Mark>, DbError> {
    #[derive(QueryableByName)]
    struct Last {
        #[diesel(sql_type = Text)]
        incarnation: String,
        #[diesel(sql_type = BigInt)]
        tx: i64,
        #[diesel(sql_type = BigInt)]
        seq: i64,
    }
    let last: Option<Last> = match conn {
        Conn::Sqlite(c) => diesel::sql_query(
            "SELECT value AS incarnation, 0 AS tx, seq FROM meta, sqlite_sequence \
             WHERE key = 'incarnation' AND name = 'changes'",
        )
        .get_result(c)
        .optional()?,
        Conn::Postgres(c) => diesel::sql_query(
            "SELECT value AS incarnation, tx::text::bigint AS tx, seq FROM meta, changes \
             WHERE key = 'incarnation' AND tx = pg_current_xact_id_if_assigned() ORDER BY seq DESC LIMIT 1",
        )
        .get_result(c)
        .optional()?,
    };
    Ok(last.map(|last| Mark {
        incarnation: last.incarnation,
        position: Position { tx: last.tx, seq: last.seq },
    }))
}
