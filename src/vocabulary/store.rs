//! All SQL of imported concepts.

use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::db::schema::concepts;
use crate::db::{Conn, DbError, each};

/// An imported concept; `content` is the JSON of what the classification says of it.
#[derive(Debug, Clone, PartialEq, Queryable, Insertable, AsChangeset)]
#[diesel(table_name = concepts, treat_none_as_null = true)]
pub struct ConceptRow {
    pub id: String,
    pub scheme: String,
    pub content: String,
    pub version: i32,
    pub invalidated_at: Option<NaiveDateTime>,
    pub created_at: NaiveDateTime,
    pub updated_at: NaiveDateTime,
}

/// All of them, by id.
pub fn list(conn: &mut Conn) -> Result<Vec<ConceptRow>, DbError> {
    Ok(concepts::table.order(concepts::id).load(conn)?)
}

pub fn put(conn: &mut Conn, row: &ConceptRow) -> Result<(), DbError> {
    each!(conn, c => diesel::insert_into(concepts::table)
        .values(row)
        .on_conflict(concepts::id)
        .do_update()
        .set(row)
        .execute(c))?;
    Ok(())
}
