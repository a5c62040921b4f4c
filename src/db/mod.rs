//! The database: SQLite or PostgreSQL behind one type, chosen by the scheme of the URL.
//!
//! - [`Db::read`] and [`Db::write`] are the only doors. Each runs one closure on a blocking thread; a write is one
//!   transaction, and everything that must happen together happens in its closure.
//! - Rows keep JSON as text, ids and enums as text, times as UTC without zone, truncated to microseconds, so that both
//!   databases store the same.
//! - Lists inside a profile, need, offering or event live in its JSON `content`: no SQL filters by them, the index does.
//!   (Events are listed by languages and topics too, so `event_tags` repeats those.)

mod changes;
mod connection;
mod error;
mod followed;
mod mark;
mod migrations;
pub mod schema;
mod writer;

pub use changes::{Change, Entry, FEED_KEPT, Position, first, incarnation, record, trim};
pub use connection::{Conn, Db, MultiBackend, each, in_transaction};
pub use error::DbError;
pub use followed::{Audience, Follower, News, Part};
pub use mark::{Mark, recorded};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// Reads a JSON column. A row that can't be read is a fault of the database, not of the caller.
pub fn from_json<T: DeserializeOwned>(text: &str) -> Result<T, DbError> {
    serde_json::from_str(text).map_err(|fault| DbError::Corrupt(fault.to_string()))
}

/// Writes a JSON column.
pub fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, DbError> {
    serde_json::to_string(value).map_err(|fault| DbError::Corrupt(fault.to_string()))
}

/// Reads a column that holds a code or an id of ours.
pub fn from_code<T: std::str::FromStr>(text: &str) -> Result<T, DbError>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|fault: T::Err| DbError::Corrupt(format!("`{text}`: {fault}")))
}
