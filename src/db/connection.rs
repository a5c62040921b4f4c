//! One connection type for both databases, and the `Db` that hands them out.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, Connection as _, SimpleConnection, TransactionManager};
use diesel::r2d2::{ManageConnection, Pool};
use diesel::{PgConnection, SqliteConnection};
use tokio::sync::{Notify, Semaphore, oneshot};

use super::writer::Writer;
use super::{DbError, migrations};

/// A connection to either database. Stores write their queries against it once.
#[derive(diesel::MultiConnection)]
pub enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Runs one body for each concrete connection, for the parts of the query builder that the enum does not carry
/// (`ON CONFLICT`, inserts of many rows).
#[macro_export]
macro_rules! each_connection {
    ($conn:expr, $name:ident => $body:expr) => {
        match $conn {
            $crate::db::Conn::Sqlite($name) => $body,
            $crate::db::Conn::Postgres($name) => $body,
        }
    };
}
pub use each_connection as each;

/// How long a SQLite connection waits for the write lock of another program, and a request for a free connection.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a request waits for its turn at the database.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens connections to the database that the URL names.
#[derive(Clone, Debug)]
pub(super) struct Manager {
    url: String,
}

impl Manager {
    /// Opens one connection, set up as all are.
    pub(super) fn open(&self) -> Result<Conn, DbError> {
        let unavailable = |fault: diesel::ConnectionError| DbError::Unavailable(fault.to_string());
        if let Some(path) = self.url.strip_prefix("sqlite://") {
            let named = |fault: &dyn std::fmt::Display| DbError::Unavailable(format!("{path}: {fault}"));
            let mut conn = SqliteConnection::establish(path).map_err(|fault| named(&fault))?;
            // The order matters: without the timeout first, switching to WAL can fail on a busy file.
            conn.batch_execute(&format!(
                "PRAGMA busy_timeout = {}; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
                 PRAGMA foreign_keys = ON;",
                BUSY_TIMEOUT.as_millis()
            ))
            .map_err(|fault| named(&fault))?;
            keep_private(Path::new(path)).map_err(|fault| named(&fault))?;
            Ok(Conn::Sqlite(conn))
        } else {
            let mut conn = PgConnection::establish(&self.url).map_err(unavailable)?;
            conn.batch_execute(
                "SET TIME ZONE 'UTC'; SET idle_in_transaction_session_timeout = '60s'; \
                 SET statement_timeout = '60s'; SET lock_timeout = '10s';",
            )?;
            Ok(Conn::Postgres(conn))
        }
    }
}

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = DbError;

    fn connect(&self) -> Result<Conn, DbError> {
        self.open()
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), DbError> {
        Ok(conn.batch_execute("SELECT 1")?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        match conn {
            Conn::Sqlite(_) => false,
            Conn::Postgres(conn) => AnsiTransactionManager::is_broken_transaction_manager(conn),
        }
    }
}

/// The database. Cheap to clone; every clone is the same pool.
#[derive(Clone)]
pub struct Db {
    pool: Pool<Manager>,
    manager: Manager,
    /// SQLite has one writer; PostgreSQL writes through the pool.
    writer: Option<Arc<Writer>>,
    /// As many turns as there are connections. Requests queue for them in order and without a thread each; the pool's
    /// own queue is unfair, and lets the unlucky wait until they fail.
    turns: Arc<Semaphore>,
    committed: Arc<Notify>,
}

impl Db {
    /// Connects, without migrating. `connections` bounds the pool, and with it the requests that ask the database at the
    /// same time.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] where the scheme is unknown, the file can't be opened or the server can't be reached.
    pub fn connect(url: &str, connections: u32) -> Result<Db, DbError> {
        let sqlite = match url.split_once("://") {
            Some(("sqlite", path)) => {
                create_folder(path)?;
                true
            }
            Some(("postgres" | "postgresql", _)) => false,
            _ => {
                let known = "the database URL must start with sqlite:// or postgres://";
                return Err(DbError::Unavailable(known.to_owned()));
            }
        };
        let manager = Manager { url: url.to_owned() };
        // The pool retries a wrong password for its whole timeout; one plain connection says it at once.
        drop(manager.open()?);
        let pool = Pool::builder()
            .max_size(connections)
            .connection_timeout(BUSY_TIMEOUT)
            .test_on_check_out(!sqlite)
            .build(manager.clone())
            .map_err(|fault| DbError::Unavailable(fault.to_string()))?;
        let writer = sqlite.then(|| Writer::start(manager.clone())).transpose()?.map(Arc::new);
        let turns = Arc::new(Semaphore::new(usize::try_from(connections).unwrap_or(1)));
        Ok(Db { pool, manager, writer, turns, committed: Arc::new(Notify::new()) })
    }

    /// Brings the schema up to date; returns the names of the migrations that ran.
    pub fn migrate(&self) -> Result<Vec<String>, DbError> {
        migrations::run(&mut self.manager.open()?)
    }

    /// Names of the migrations that have not run yet.
    pub fn pending_migrations(&self) -> Result<Vec<String>, DbError> {
        migrations::pending(&mut self.manager.open()?)
    }

    /// Takes every migration back, newest first.
    pub fn revert_migrations(&self) -> Result<Vec<String>, DbError> {
        migrations::revert(&mut self.manager.open()?)
    }

    /// A connection outside the pool, for long scans.
    pub fn dedicated(&self) -> Result<Conn, DbError> {
        self.manager.open()
    }

    /// Is told after each committed write; the followers wait on it.
    pub fn committed(&self) -> Arc<Notify> {
        Arc::clone(&self.committed)
    }

    /// Runs `work` on a connection of the pool, on a blocking thread.
    pub async fn read<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let db = self.clone();
        self.blocking(move || db.read_now(work)).await?
    }

    /// Runs `work` in one write transaction, on a blocking thread, and wakes the followers after the commit. An error
    /// of `work` rolls all of it back.
    pub async fn write<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => {
                let (answer, answered) = oneshot::channel();
                writer.submit(work, move |result| drop(answer.send(result)))?;
                let result = answered.await.unwrap_or_else(|_| Err(stopped().into()));
                self.after(result)
            }
            None => {
                let db = self.clone();
                self.blocking(move || db.write_now(work)).await?
            }
        }
    }

    /// Runs `work`, which may ask the database one thing after the other, on a blocking thread once it is its turn.
    ///
    /// # Errors
    /// [`DbError::Unavailable`] where its turn does not come in time.
    pub async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, DbError> {
        let unavailable = |fault: &dyn std::fmt::Display| DbError::Unavailable(fault.to_string());
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn
            .map_err(|_| unavailable(&"too many requests wait for a connection"))?
            .map_err(|fault| unavailable(&fault))?;
        // A client that goes away drops this future but not the work, which keeps its turn to its end.
        let work = move || {
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|fault| unavailable(&fault))
    }

    /// [`Db::read`] for callers that are on a thread of their own.
    pub fn read_now<T, E: From<DbError>>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E>,
    ) -> Result<T, E> {
        let mut conn = self.pool.get().map_err(|fault| DbError::Unavailable(fault.to_string()))?;
        work(&mut conn)
    }

    /// [`Db::write`] for callers that are on a thread of their own.
    pub fn write_now<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let result = match &self.writer {
            Some(writer) => {
                let (answer, answered) = std::sync::mpsc::sync_channel(1);
                writer.submit(work, move |result| drop(answer.send(result)))?;
                answered.recv().unwrap_or_else(|_| Err(stopped().into()))
            }
            None => self.read_now(|conn| in_transaction(conn, work)),
        };
        self.after(result)
    }

    fn after<T, E>(&self, result: Result<T, E>) -> Result<T, E> {
        if result.is_ok() {
            self.committed.notify_waiters();
        }
        result
    }
}

fn stopped() -> DbError {
    DbError::Unavailable("the writer has stopped".to_owned())
}

/// Runs `work` in a transaction; inside another one that is a savepoint, and its failure undoes only what it did.
pub fn in_transaction<T, E: From<DbError>>(
    conn: &mut Conn,
    work: impl FnOnce(&mut Conn) -> Result<T, E>,
) -> Result<T, E> {
    enum Failed<E> {
        Work(E),
        Database(diesel::result::Error),
    }
    impl<E> From<diesel::result::Error> for Failed<E> {
        fn from(error: diesel::result::Error) -> Self {
            Failed::Database(error)
        }
    }
    conn.transaction(|conn| work(conn).map_err(Failed::Work)).map_err(|failed| match failed {
        Failed::Work(error) => error,
        Failed::Database(error) => DbError::from(error).into(),
    })
}

/// The file holds people's data and the signing key: it is its owner's alone. What SQLite puts beside it follows.
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

fn create_folder(path: &str) -> Result<(), DbError> {
    match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => std::fs::create_dir_all(folder)
            .map_err(|fault| DbError::Unavailable(format!("{}: {fault}", folder.display()))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn requests_take_turns_in_order_and_keep_them_when_their_caller_leaves() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&format!("sqlite://{}/test.sqlite", folder.path().display()), 1).unwrap();
        let (began, has_begun) = oneshot::channel();
        let (end, ended) = mpsc::channel::<()>();
        let first = db.clone();
        let first = tokio::spawn(async move {
            first.read(move |_| Ok::<_, DbError>(began.send(()).is_ok() && ended.recv().is_ok())).await
        });
        has_begun.await.unwrap();
        first.abort();
        assert!(first.await.unwrap_err().is_cancelled());

        let (note, order) = mpsc::channel();
        let next = |number: usize| {
            let (db, note) = (db.clone(), note.clone());
            tokio::spawn(async move { db.read(move |_| Ok::<_, DbError>(note.send(number).is_ok())).await })
        };
        let waiting: Vec<_> = (0..50).map(next).collect();
        tokio::task::yield_now().await;
        assert!(order.try_recv().is_err(), "the first still has the connection");
        end.send(()).unwrap();
        for one in waiting {
            assert!(one.await.unwrap().unwrap());
        }
        assert!(order.try_iter().eq(0..50));
    }
}
