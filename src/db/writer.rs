//! SQLite's one writer: a queue that is served in order, many writes to a commit.
//!
//! SQLite lets one connection write at a time and lets the others spin; with `synchronous = FULL` each commit also waits
//! for the disk. One thread that takes what is waiting, runs each write in a savepoint of its own, and commits them
//! together is fair and makes the disk's wait cheap. A write is answered only after the commit that carries it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::result::Error as DieselError;

use super::connection::{Conn, Manager, in_transaction};
use super::error::DbError;

/// At most this many writes share a commit, so that the first of them does not wait for long.
const BATCH: usize = 64;
/// At most this many writes wait; they are written within a second or two. One more is refused, since a client that goes
/// away leaves its write in the queue and may come again with another.
const QUEUE: usize = 1024;

/// Runs a write, or refuses it where no transaction could be begun, and returns what answers its caller once the
/// commit is known to have worked or not.
type Job = Box<dyn FnOnce(Result<&mut Conn, DbError>) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<(), DbError>) + Send>;

pub(super) struct Writer {
    jobs: SyncSender<Job>,
}

impl Writer {
    pub(super) fn start(manager: Manager) -> Result<Writer, DbError> {
        let conn = manager.open()?;
        let (jobs, queue) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("db-writer".to_owned())
            .spawn(move || serve(&manager, conn, &queue))
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
        self.jobs.try_send(job).map_err(|refused| {
            let why = match refused {
                TrySendError::Full(_) => "too many writes wait",
                TrySendError::Disconnected(_) => "the writer has stopped",
            };
            DbError::Unavailable(why.to_owned())
        })
    }
}

fn serve(manager: &Manager, mut conn: Conn, queue: &Receiver<Job>) {
    while let Ok(first) = queue.recv() {
        // What comes while the batch runs waits for the next: it may have heard of a failure in this one.
        let batch: Vec<Job> = std::iter::once(first).chain(queue.try_iter().take(BATCH - 1)).collect();
        if let Err(fault) = commit_together(&mut conn, batch) {
            log::error!("a batch of writes failed: {fault}");
            // What state the connection is in nobody knows; a fresh one begins anew. Where none can be had, the old
            // one refuses what comes until one can.
            match manager.open() {
                Ok(fresh) => conn = fresh,
                Err(fault) => log::error!("the database cannot be opened again: {fault}"),
            }
        }
    }
}

/// Runs every job in a savepoint and commits them together. Once anything has failed that is not a job's own matter,
/// nothing of the batch happens: a full disk lets SQLite give up the whole transaction, and what ran afterwards would
/// be committed alone.
fn commit_together(conn: &mut Conn, batch: Vec<Job>) -> Result<(), DieselError> {
    let mut outcome = begin(conn);
    let mut answers = Vec::new();
    for job in batch {
        outcome = outcome.and_then(|()| still_open(conn));
        match &outcome {
            Ok(()) => match catch_unwind(AssertUnwindSafe(|| job(Ok(&mut *conn)))) {
                Ok(answer) => answers.push(answer),
                // Its caller hears that the answer was dropped.
                Err(_) => outcome = Err(DieselError::RollbackTransaction),
            },
            Err(fault) => answers.push(job(Err(unavailable(fault)))),
        }
    }
    let outcome = outcome.and_then(|()| still_open(conn)).and_then(|()| commit(conn));
    for answer in answers {
        answer(outcome.as_ref().copied().map_err(unavailable));
    }
    outcome
}

fn unavailable(fault: &DieselError) -> DbError {
    DbError::Unavailable(fault.to_string())
}

/// Takes the write lock at once: a transaction that begins as a reader can't wait for it later.
fn begin(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        Conn::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?,
        Conn::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn)?,
    }
    conn.batch_execute("SAVEPOINT batch")
}

/// Fails where the transaction is gone: the savepoint went with it.
fn still_open(conn: &mut Conn) -> Result<(), DieselError> {
    conn.batch_execute("RELEASE SAVEPOINT batch; SAVEPOINT batch")
}

fn commit(conn: &mut Conn) -> Result<(), DieselError> {
    match conn {
        Conn::Sqlite(conn) => AnsiTransactionManager::commit_transaction(conn),
        Conn::Postgres(conn) => AnsiTransactionManager::commit_transaction(conn),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use diesel::prelude::*;
    use futures_util::future::{FutureExt, join_all};

    use super::*;
    use crate::db::Db;
    use crate::db::schema::meta;

    fn put(db: &Db, key: &'static str, value: String) -> Result<(), DbError> {
        db.write_now(move |conn| {
            let row = (meta::key.eq(key), meta::value.eq(value));
            diesel::insert_into(meta::table).values(row).execute(conn)?;
            Ok(())
        })
    }

    fn keys(db: &Db) -> Vec<String> {
        db.read_now(|conn| Ok::<_, DbError>(meta::table.order(meta::key).select(meta::key).load(conn)?))
            .unwrap()
    }

    fn database() -> (tempfile::TempDir, Db) {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::connect(&format!("sqlite://{}/test.sqlite", folder.path().display()), 2).unwrap();
        db.migrate().unwrap();
        (folder, db)
    }

    #[test]
    fn a_job_that_panics_takes_nobody_with_it() {
        let (_folder, db) = database();
        let failed: Result<(), DbError> = db.write_now(|_| panic!("on purpose"));
        assert!(matches!(failed, Err(DbError::Unavailable(_))));
        put(&db, "after", "x".to_owned()).unwrap();
        assert_eq!(keys(&db), ["after"]);
    }

    #[test]
    fn a_full_disk_refuses_and_is_forgotten_once_there_is_room() {
        let (_folder, db) = database();
        put(&db, "before", "x".to_owned()).unwrap();
        let full: Result<(), DbError> = db.write_now(|conn| {
            // As full as it is: the limit belongs to the connection, which is not used again.
            conn.batch_execute("PRAGMA max_page_count = 1")?;
            let row = (meta::key.eq("large"), meta::value.eq("x".repeat(1_000_000)));
            diesel::insert_into(meta::table).values(row).execute(conn)?;
            Ok(())
        });
        assert!(matches!(full, Err(DbError::Unavailable(_))), "{full:?}");
        put(&db, "later", "x".repeat(1_000_000)).unwrap();
        assert_eq!(keys(&db), ["before", "later"]);
    }
    #[tokio::test]
    async fn a_queue_that_is_full_refuses_and_keeps_what_it_has_taken() {
        let (_folder, db) = database();
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (busy, slow) = (db.clone(), move || began.send(()).is_ok() && ended.recv().is_ok());
        let busy = std::thread::spawn(move || busy.write_now(move |_| Ok::<_, DbError>(slow())));
        has_begun.await.unwrap();
        let write = || Box::pin(db.write(|_| Ok::<_, DbError>(())));
        let mut writes: Vec<_> = std::iter::repeat_with(write).take(QUEUE + 3).collect();
        // Each is sent when it is first polled.
        let refused = writes.iter_mut().filter_map(FutureExt::now_or_never).collect::<Vec<_>>();
        assert_eq!(refused.len(), 3);
        assert!(refused.iter().all(|answer| matches!(answer, Err(DbError::Unavailable(_)))));
        end.send(()).unwrap();
        assert!(busy.join().unwrap().unwrap());
        writes.truncate(QUEUE);
        assert!(join_all(writes).await.iter().all(Result::is_ok));
        put(&db, "after", "x".to_owned()).unwrap();
    }
}
