//! The follower: from the change feed to the index.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use search_index::{Change, Index, IndexError, Kind};
use tokio::sync::watch;

use super::Source;
use crate::clock::Clock;
use crate::db::{self, Conn, Db, DbError, Mark, Position};

/// Entries of the feed, or rows of a scan, that are taken at a time.
const BATCH: i64 = 500;
/// How often the feed is read when nobody says that there is something to read: other processes write too.
const POLL: Duration = Duration::from_millis(150);
/// The least time between two commits of the index: each costs the same however much is in it.
const PAUSE: Duration = Duration::from_millis(50);
/// After a failure.
const RETRY: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
pub enum IndexingError {
    #[error(transparent)]
    Database(#[from] DbError),
    #[error(transparent)]
    Index(#[from] IndexError),
}

/// Follows the change feed into one index; every process has its own.
pub struct Follower {
    pub db: Db,
    pub index: Arc<Index>,
    pub source: Arc<dyn Source>,
    pub clock: Clock,
    /// How far the index has come, for those who wait for it; nowhere while it is built.
    progress: watch::Sender<Option<Mark>>,
}

impl Follower {
    pub fn new(db: Db, index: Arc<Index>, source: Arc<dyn Source>, clock: Clock) -> Follower {
        let progress = watch::Sender::new(mark_of(&index));
        Follower { db, index, source, clock, progress }
    }

    /// Tells how far the index has come, now and after each commit.
    pub fn progress(&self) -> watch::Receiver<Option<Mark>> {
        self.progress.subscribe()
    }

    /// Makes what was applied searchable, with the mark, and tells those who wait for it.
    fn commit(&self, mark: &Mark) -> Result<(), IndexError> {
        self.index.commit(&mark.to_string())?;
        self.progress.send_replace(Some(mark.clone()));
        Ok(())
    }

    /// Follows until `stop` says so.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let committed = self.db.committed();
        while !*stop.borrow() {
            let woken = committed.notified();
            let follower = Arc::clone(&self);
            let outcome = tokio::task::spawn_blocking(move || follower.catch_up()).await;
            let pause = match outcome {
                Ok(Ok(0)) => None,
                Ok(Ok(_)) => Some(PAUSE),
                Ok(Err(fault)) => {
                    log::error!("indexing: {fault}");
                    Some(RETRY)
                }
                Err(fault) => {
                    log::error!("indexing: {fault}");
                    Some(RETRY)
                }
            };
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => {
                    tokio::select! {
                        () = woken => {}
                        () = tokio::time::sleep(POLL) => {}
                        _ = stop.changed() => {}
                    }
                }
            }
        }
    }

    /// Indexes everything that the feed holds now; returns how many entries that were. Starts anew where the index is
    /// fresh, follows another incarnation of the database, or stands before what the feed still holds.
    pub fn catch_up(&self) -> Result<usize, IndexingError> {
        let now = self.clock.now();
        let mut read = 0;
        let Some(mut mark) = self.mark()? else {
            return self.rebuild(&mut |_, _| {});
        };
        loop {
            let position = mark.position;
            let (last, changes) = self.db.read_now(|conn| self.next(conn, position))?;
            let Some((last, count)) = last else { return Ok(read) };
            read += count;
            mark.position = last;
            self.index.apply(changes)?;
            self.commit(&mark)?;
            log::debug!(
                "indexed {count} changes up to {last} ({}us)",
                (self.clock.now() - now).num_microseconds().unwrap_or(0)
            );
        }
    }

    /// Where the index stands, unless it must start anew.
    fn mark(&self) -> Result<Option<Mark>, IndexingError> {
        let Some(mark) = mark_of(&self.index) else { return Ok(None) };
        let now = self.clock.now();
        let (incarnation, lost) = self
            .db
            .read_now(|conn| Ok::<_, DbError>((db::incarnation(conn, now)?, mark.position.is_lost(conn)?)))?;
        Ok(Some(mark).filter(|mark| mark.incarnation == incarnation && !lost))
    }

    /// The next entries: the last one's position with their number, and what they change in the index.
    #[allow(clippy::type_complexity, reason = "a private pair that is taken apart at once")]
    fn next(
        &self,
        conn: &mut Conn,
        position: Position,
    ) -> Result<(Option<(Position, usize)>, Vec<Change>), DbError> {
        let entries = position.next(conn, BATCH)?;
        let Some(last) = entries.last().map(db::Change::position) else {
            return Ok((None, Vec::new()));
        };
        let mut affected = BTreeSet::new();
        for entry in &entries {
            affected.extend(self.source.affected(conn, &entry.kind, &entry.id)?);
        }
        let changes = affected.into_iter().map(|(kind, id)| self.change(conn, kind, id));
        Ok((Some((last, entries.len())), changes.collect::<Result<_, _>>()?))
    }

    /// What makes the index equal to a row.
    fn change(&self, conn: &mut Conn, kind: Kind, id: String) -> Result<Change, DbError> {
        Ok(match self.source.load(conn, kind, &id)? {
            Some(document) => Change::Put(Box::new(document)),
            None => Change::Remove { kind, id },
        })
    }

    /// Fills the index from nothing; `progress` hears the kind and how many rows have been read. The position is taken
    /// before the scan, so that what changes meanwhile is followed afterwards.
    pub fn rebuild(&self, progress: &mut dyn FnMut(Kind, usize)) -> Result<usize, IndexingError> {
        let now = self.clock.now();
        let mark = self.db.read_now(|conn| {
            Ok::<_, DbError>(Mark {
                incarnation: db::incarnation(conn, now)?,
                position: Position::latest(conn)?,
            })
        })?;
        self.progress.send_replace(None);
        self.index.clear()?;
        let mut total = 0;
        for kind in Kind::ALL {
            let mut cursor = String::new();
            let mut read = 0;
            loop {
                let (last, changes) = self.db.read_now(|conn| self.scan(conn, kind, &cursor))?;
                let Some(last) = last else { break };
                cursor = last;
                read += changes.len();
                self.index.apply(changes)?;
                progress(kind, read);
            }
            total += read;
        }
        self.commit(&mark)?;
        log::info!("the index was built of {total} rows");
        Ok(total)
    }

    fn scan(
        &self,
        conn: &mut Conn,
        kind: Kind,
        cursor: &str,
    ) -> Result<(Option<String>, Vec<Change>), DbError> {
        let ids = self.source.list(conn, kind, cursor, BATCH)?;
        let last = ids.last().cloned();
        let changes = ids.into_iter().map(|id| self.change(conn, kind, id));
        Ok((last, changes.collect::<Result<_, _>>()?))
    }
}

/// How far an index has come; nowhere where it must be built.
fn mark_of(index: &Index) -> Option<Mark> {
    index.position()?.parse().ok()
}
