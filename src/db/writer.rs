//! SQLite's one writer: a queue that is served in order, many writes to a commit.
//!
//! SQLite lets one connection write at a time and lets the others spin; with `synchronous = FULL` each commit also waits
//! for the disk. One thread that takes what is waiting, runs each write in a savepoint of its own, and commits them
//! together is fair and makes the disk's wait cheap. A write is answered only after the commit that carries it.

use std::sync::mpsc::{Receiver, Sender, channel};

use diesel::connection::{AnsiTransactionManager, TransactionManager};
use diesel::result::Error as DieselError;

use super::connection::{Conn, Manager, in_transaction};
use super::error::DbError;

/// At most this many writes share a commit, so that the first of them does not wait for long.
const BATCH: usize = 64;

/// Runs a write, or refuses it where no transaction could be begun, and returns what answers its caller once the
/// commit is known to have worked or not.
type Job = Box<dyn FnOnce(Result<&mut Conn, DbError>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), DbError>) + Send>;

pub(super) struct Writer {
    jobs: Sender<Job>,
}

impl Writer {
    pub(super) fn start(manager: Manager) -> Result<Writer, DbError> {
        let conn = manager.open()?;
        let (jobs, queue) = channel();
        std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || serve(conn, &queue))
            .map_err(|fault| DbError::Unavailable(fault.to_string()))?;
        Ok(Writer { jobs })
    }

    /// Queues `work`; `answer` is called on the writer's thread, after the commit.
    pub(super) fn submit<T, E>(
        &self,
        work: impl FnOnce(&mut Conn) -> Result<T, E> + Send + 'static,
        answer: impl FnOnce(Result<T, E>) + Send + 'static,
    ) -> Result<(), DbError>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
    {
        let job: Job = Box::new(move |conn| {
            let result = match conn {
                Ok(conn) => in_transaction(conn, work),
                Err(fault) => Err(E::from(fault)),
            };
            Box::new(move |committed| {
                answer(result.and_then(|value| committed.map(|()| value).map_err(E::from)));
            })
        });
        self.jobs.send(job).map_err(|_| DbError::Unavailable("the writer has stopped".to_owned()))
    }
}

fn serve(mut conn: Conn, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        let batch = std::iter::once(first).chain(queue.try_iter().take(BATCH - 1));
        commit_together(&mut conn, batch);
    }
}

fn commit_together(conn: &mut Conn, batch: impl Iterator<Item = Job>) {
    let (answers, committed): (Vec<Answer>, _) = match begin(conn) {
        Ok(()) => {
            let answers = batch.map(|job| job(Ok(conn))).collect();
            (answers, commit(conn))
        }
        Err(fault) => (batch.map(|job| job(Err(unavailable(&fault)))).collect(), Ok(())),
    };
    for answer in answers {
        answer(committed.as_ref().copied().map_err(unavailable));
    }
}

fn unavailable(fault: &DieselError) -> DbError {
    DbError::Unavailable(fault.to_string())
}

/// Takes the write lock at once: a transaction that begins as a reader can't wait for it later.
fn begin(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE"),
        Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn),
    }
}

fn commit(conn: &mut Conn) -> Result<(), DieselError> {
    let result = match conn {
        Conn::Sqlite(conn) => AnsiTransactionManager::commit_transaction(conn),
        Conn::Postgres(conn) => AnsiTransactionManager::commit_transaction(conn),
    };
    if result.is_err() {
        // A commit that failed (a full disk, say) must not leave the transaction open for the next batch.
        let _ = match conn {
            Conn::Sqlite(conn) => AnsiTransactionManager::rollback_transaction(conn),
            Conn::Postgres(conn) => AnsiTransactionManager::rollback_transaction(conn),
        };
    }
    result
}
