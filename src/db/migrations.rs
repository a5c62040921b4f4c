//! Embedded migrations: the same names in `migrations/sqlite` and `migrations/postgres`.

use diesel::SqliteConnection;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::migration::Migration as _;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::Conn;
use super::error::DbError;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Any number that no other program takes as an advisory lock in our database.
const LOCK: i64 = 0x0061_6968_7562;

fn failed(fault: Box<dyn std::error::Error + Send + Sync>) -> DbError {
    DbError::Migration(fault.to_string())
}

/// Runs what is pending. Replicas that start together wait for the first one.
pub(super) fn run(conn: &mut Conn) -> Result<Vec<String>, DbError> {
    if let Conn::Postgres(conn) = conn {
        conn.batch_execute(&format!("SET lock_timeout = 0; SELECT pg_advisory_lock({LOCK})"))?;
    }
    let ran = match conn {
        Conn::Sqlite(conn) => run_on_sqlite(conn)?,
        Conn::Postgres(conn) => names(conn.run_pending_migrations(POSTGRES).map_err(failed)?),
    };
    if let Conn::Postgres(conn) = conn {
        conn.batch_execute(&format!("SELECT pg_advisory_unlock({LOCK})"))?;
    }
    Ok(ran)
}

/// All in one transaction that takes the write lock before it looks what is pending.
fn run_on_sqlite(conn: &mut SqliteConnection) -> Result<Vec<String>, DbError> {
    AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?;
    match conn.run_pending_migrations(SQLITE) {
        Ok(ran) => {
            let ran = names(ran);
            AnsiTransactionManager::commit_transaction(conn)?;
            Ok(ran)
        }
        Err(fault) => {
            AnsiTransactionManager::rollback_transaction(conn)?;
            Err(failed(fault))
        }
    }
}

pub(super) fn pending(conn: &mut Conn) -> Result<Vec<String>, DbError> {
    Ok(match conn {
        Conn::Sqlite(conn) => {
            conn.pending_migrations(SQLITE).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()
        }
        Conn::Postgres(conn) => {
            conn.pending_migrations(POSTGRES).map_err(failed)?.iter().map(|m| m.name().to_string()).collect()
        }
    })
}

pub(super) fn revert(conn: &mut Conn) -> Result<Vec<String>, DbError> {
    Ok(match conn {
        Conn::Sqlite(conn) => names(conn.revert_all_migrations(SQLITE).map_err(failed)?),
        Conn::Postgres(conn) => names(conn.revert_all_migrations(POSTGRES).map_err(failed)?),
    })
}

fn names(versions: Vec<diesel::migration::MigrationVersion<'_>>) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use diesel::migration::MigrationSource;
    use diesel::pg::Pg;
    use diesel::sqlite::Sqlite;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let sqlite: Vec<String> = MigrationSource::<Sqlite>::migrations(&SQLITE)
            .unwrap()
            .iter()
            .map(|m| m.name().to_string())
            .collect();
        let postgres: Vec<String> = MigrationSource::<Pg>::migrations(&POSTGRES)
            .unwrap()
            .iter()
            .map(|m| m.name().to_string())
            .collect();
        assert_eq!(sqlite, postgres);
    }
}
