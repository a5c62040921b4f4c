//! Databases for tests, on SQLite or PostgreSQL.

use std::path::PathBuf;

use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection};
use tempfile::TempDir;

/// A database with nothing in it, gone at the end: a file, or one on the server that `AIHUB_TEST_POSTGRES_URL` names
/// (without a database's name at its end).
pub enum EmptyDatabase {
    Sqlite(TempDir),
    Postgres { server: String, name: String },
}

impl EmptyDatabase {
    pub fn create() -> EmptyDatabase {
        let Ok(server) = std::env::var("AIHUB_TEST_POSTGRES_URL") else {
            return EmptyDatabase::Sqlite(tempfile::tempdir().unwrap());
        };
        let name = format!("aihub_{:016x}", rand::random::<u64>());
        let mut conn =
            PgConnection::establish(&format!("{server}/postgres")).expect("the test server answers");
        conn.batch_execute(&format!("CREATE DATABASE {name}")).unwrap();
        EmptyDatabase::Postgres { server, name }
    }

    pub fn url(&self) -> String {
        match self {
            EmptyDatabase::Sqlite(folder) => {
                format!("sqlite://{}", folder.path().join("test.sqlite").display())
            }
            EmptyDatabase::Postgres { server, name } => format!("{server}/{name}"),
        }
    }

    /// The file, if it is one.
    pub fn file(&self) -> Option<PathBuf> {
        self.url().strip_prefix("sqlite://").map(PathBuf::from)
    }
}

impl Drop for EmptyDatabase {
    fn drop(&mut self) {
        if let EmptyDatabase::Postgres { server, name } = self
            && let Ok(mut conn) = PgConnection::establish(&format!("{server}/postgres"))
        {
            let _ = conn.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}
