//! Keeps the search index equal to the database: follows the change feed, loads current rows, commits its position
//! with them.
//!
//! The position is stored inside the index's own commit, so that index and position can't part: a crash anywhere
//! replays what was not committed, and replaying changes nothing. This module knows no domain; a [`Source`] turns rows
//! into documents.

mod follower;

pub use follower::{Follower, IndexingError};

use search_index::{Document, Kind};

use crate::db::{Conn, DbError};

/// Where documents come from.
pub trait Source: Send + Sync {
    /// The documents that must be made anew when the row changes: its own, and those that repeat parts of it.
    fn affected(&self, conn: &mut Conn, kind: &str, id: &str) -> Result<Vec<(Kind, String)>, DbError>;

    /// The document of a row as it is now; `None` if the row is gone or nobody but its managers may know of it.
    fn load(&self, conn: &mut Conn, kind: Kind, id: &str) -> Result<Option<Document>, DbError>;

    /// Ids of all rows of a kind after `cursor`, in their order.
    fn list(&self, conn: &mut Conn, kind: Kind, cursor: &str, limit: i64) -> Result<Vec<String>, DbError>;
}
