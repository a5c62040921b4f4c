//! What can go wrong in a database, with constraints named alike on both.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A unique constraint refused a row; `0` is its name as in [`CONSTRAINTS`], or the database's own words.
    #[error("a row with the same {0} exists")]
    Unique(String),
    /// A row refers to one that is not there.
    #[error("a row refers to one that does not exist")]
    ForeignKey,
    #[error("row not found")]
    NotFound,
    /// Another transaction changed the row since this one read it.
    #[error("the row has changed meanwhile")]
    Stale,
    /// The database did not answer in time, or is locked by another program.
    #[error("the database is busy or cannot be reached: {0}")]
    Unavailable(String),
    /// A stored value can't be read back.
    #[error("a stored value cannot be read: {0}")]
    Corrupt(String),
    #[error("migration failed: {0}")]
    Migration(String),
    #[error(transparent)]
    Other(DieselError),
}

/// PostgreSQL names the violated constraint, SQLite the columns: both map to the first column's name here.
const CONSTRAINTS: &[(&str, &str, &str)] = &[
    // name, PostgreSQL's constraint, SQLite's columns
    ("accounts_email", "accounts_email_key", "accounts.email"),
    (
        "introductions_open_pair",
        "introductions_open_pair",
        "introductions.requester_id, introductions.target_id",
    ),
    ("idempotency_keys", "idempotency_keys_pkey", "idempotency_keys.scope, idempotency_keys.key"),
    ("memberships", "memberships_pkey", "memberships.profile_id, memberships.account_id"),
];

impl From<DieselError> for DbError {
    fn from(error: DieselError) -> DbError {
        match error {
            DieselError::NotFound => DbError::NotFound,
            DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => {
                DbError::Unique(constraint(info.constraint_name(), info.message()))
            }
            DieselError::DatabaseError(DatabaseErrorKind::ForeignKeyViolation, _) => DbError::ForeignKey,
            DieselError::DatabaseError(DatabaseErrorKind::ClosedConnection, info) => {
                DbError::Unavailable(info.message().to_owned())
            }
            DieselError::DatabaseError(DatabaseErrorKind::SerializationFailure, info) => {
                DbError::Unavailable(info.message().to_owned())
            }
            DieselError::DatabaseError(_, ref info) if is_busy(info.message()) => {
                DbError::Unavailable(info.message().to_owned())
            }
            other => DbError::Other(other),
        }
    }
}

fn is_busy(message: &str) -> bool {
    [
        "database is locked",
        "database table is locked",
        "database or disk is full",
        "disk I/O error",
        "deadlock detected",
        "lock timeout",
        "statement timeout",
        "server closed the connection",
        "terminating connection",
        // What is left to say once SQLite has given up a transaction for want of room.
        "no such savepoint",
        "no transaction is active",
    ]
    .iter()
    .any(|known| message.contains(known))
}

fn constraint(name: Option<&str>, message: &str) -> String {
    CONSTRAINTS
        .iter()
        .find(|(_, postgres, sqlite)| name == Some(*postgres) || message.ends_with(sqlite))
        .map_or_else(|| name.unwrap_or(message).to_owned(), |(ours, ..)| (*ours).to_owned())
}

impl DbError {
    /// Whether the unique constraint of this name (see [`CONSTRAINTS`]) refused the row.
    pub fn is_unique(&self, name: &str) -> bool {
        matches!(self, DbError::Unique(constraint) if constraint == name)
    }
}
