//! All SQL of imports: which record of which source became which row.

use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::db::schema::imported_records;
use crate::db::{Conn, DbError, each};

/// What a record became, and what it looked like then.
#[derive(Queryable)]
pub struct Imported {
    pub kind: String,
    pub id: String,
    pub fingerprint: String,
}

pub fn find(conn: &mut Conn, source: &str, key: &str) -> Result<Option<Imported>, DbError> {
    Ok(imported_records::table
        .find((source, key))
        .select((imported_records::kind, imported_records::id, imported_records::fingerprint))
        .first(conn)
        .optional()?)
}

pub fn put(
    conn: &mut Conn,
    now: DateTime<Utc>,
    source: &str,
    key: &str,
    record: &Imported,
) -> Result<(), DbError> {
    let row = (
        imported_records::source.eq(source),
        imported_records::key.eq(key),
        imported_records::kind.eq(&record.kind),
        imported_records::id.eq(&record.id),
        imported_records::fingerprint.eq(&record.fingerprint),
        imported_records::imported_at.eq(now.naive_utc()),
    );
    each!(conn, c => diesel::insert_into(imported_records::table)
        .values(row)
        .on_conflict((imported_records::source, imported_records::key))
        .do_update()
        .set((
            imported_records::fingerprint.eq(&record.fingerprint),
            imported_records::imported_at.eq(now.naive_utc()),
        ))
        .execute(c))?;
    Ok(())
}
