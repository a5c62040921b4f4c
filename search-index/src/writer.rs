//! One writer for the life of the process: batches in, commits that carry a position out.
//!
//! The index is derived from a database and disposable. Every commit records how far the
//! database's feed of changes has been followed, in the same atomic step as the changes
//! themselves, so a crash at any moment only means that some changes are applied again.
//!
//! A root folder holds one folder for each fingerprint (schema, engine, analysis, vocabulary). An
//! index with another fingerprint stays beside until the new one is complete, and longer where another
//! process still writes to it: so a new version fills its index while the old version serves.
//! Until an index is complete it answers nothing, as nobody could tell a part from the whole.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use tantivy::directory::{Directory, INDEX_WRITER_LOCK, MmapDirectory};
use tantivy::merge_policy::LogMergePolicy;
use tantivy::schema::Schema;
use tantivy::{IndexReader, IndexWriter, ReloadPolicy, TantivyDocument, TantivyError, Term};

use crate::analysis::{Analysis, Language};
use crate::document::{Document, Kind};
use crate::entry::entry;
use crate::error::IndexError;
use crate::fingerprint::Fingerprint;
use crate::schema::{self, Fields, SCHEMA_VERSION};
use crate::search::{Searcher, Snapshot};

/// Folders of ours are called this and 16 hexadecimal digits.
const FOLDER_PREFIX: &str = "index-";

/// A segment with a larger share of deleted documents is rewritten.
const DELETED_SHARE_BEFORE_MERGE: f32 = 0.3;

/// So few changes are not worth another thread.
const LEAST_SHARE: usize = 16;

/// The least that the engine accepts for one thread, in bytes.
const LEAST_MEMORY: usize = 16 * 1024 * 1024;

/// What the writer may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterOptions {
    /// Bytes for changes that are not committed yet, over all threads; at least 16 MiB a thread.
    pub memory: usize,
    /// Indexing threads; at least 1.
    pub threads: usize,
}

impl Default for WriterOptions {
    fn default() -> Self {
        WriterOptions { memory: 128 * 1024 * 1024, threads: 2 }
    }
}

/// One change to the index.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Adds the document, or replaces the one of the same kind and id.
    Put(Box<Document>),
    Remove {
        kind: Kind,
        id: String,
    },
}

/// The index: its one writer, and the source of its searchers.
pub struct Index {
    root: PathBuf,
    folder: PathBuf,
    analysis: Arc<Analysis>,
    fields: Arc<Fields>,
    reader: IndexReader,
    snapshot: Arc<ArcSwap<Snapshot>>,
    searcher: Searcher,
    threads: usize,
    writing: Mutex<Writing>,
}

/// A change made ready: the key to delete by, and what to add after that.
type Prepared = (Term, Option<TantivyDocument>);

struct Writing {
    /// `None` once the index is closed.
    writer: Option<IndexWriter>,
    /// Whether anything was applied since the last commit.
    pending: bool,
    position: Option<String>,
}

impl Index {
    /// Opens the index under `root`, creating what is missing. It has no [`Index::position`] where it must be filled
    /// from the database before it can be followed: it is new, its predecessor had another fingerprint, or the last
    /// filling was never finished.
    ///
    /// # Errors
    /// [`IndexError::ForeignFolder`] if `root` holds anything that is not ours,
    /// [`IndexError::Locked`] if another process writes to it, and failures of the disk.
    pub fn open(root: &Path, analysis: Arc<Analysis>, options: WriterOptions) -> Result<Index, IndexError> {
        fs::create_dir_all(root)?;
        refuse_foreign(root)?;
        let folder = root.join(folder_name(&analysis));
        let (schema, fields) = schema::build();
        let index = open_or_replace(&folder, schema)?;
        analysis.register(index.tokenizers());
        let writer = writer(&index, options).map_err(|error| match error {
            TantivyError::LockFailure(..) => IndexError::Locked(folder.clone()),
            other => other.into(),
        })?;
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let position = index.load_metas()?.payload;
        let complete = position.is_some();
        let fields = Arc::new(fields);
        let snapshot = snapshot(&reader, &fields, position.clone())?;
        let snapshot = Arc::new(ArcSwap::from_pointee(snapshot));
        let searcher = Searcher::new(Arc::clone(&analysis), Arc::clone(&fields), Arc::clone(&snapshot));
        let index = Index {
            root: root.to_owned(),
            folder,
            analysis,
            fields,
            reader,
            snapshot,
            searcher,
            threads: options.threads.max(1),
            writing: Mutex::new(Writing { writer: Some(writer), pending: false, position }),
        };
        if complete {
            index.remove_others()?;
        }
        Ok(index)
    }

    /// Applies changes in their order. They are found only after a commit.
    ///
    /// # Errors
    /// If the index is closed or the disk fails; nothing of the batch may be relied on then, and
    /// the changes since the last commit must be applied again.
    pub fn apply(&self, batch: Vec<Change>) -> Result<(), IndexError> {
        let mut writing = self.writing();
        if batch.is_empty() {
            return Ok(());
        }
        let writer = writing.writer.as_ref().ok_or(IndexError::Closed)?;
        for (key, entry) in self.prepare(&batch)? {
            writer.delete_term(key);
            if let Some(entry) = entry {
                writer.add_document(entry)?;
            }
        }
        writing.pending = true;
        Ok(())
    }

    /// Makes the applied changes durable and searchable, and records that the feed has been followed up to
    /// `position`. The first commit declares the index complete. Returns `false`, and does nothing, where nothing was
    /// applied and the position is the recorded one.
    ///
    /// # Errors
    /// If the index is closed or the disk fails.
    pub fn commit(&self, position: &str) -> Result<bool, IndexError> {
        let mut writing = self.writing();
        if !writing.pending && writing.position.as_deref() == Some(position) {
            return Ok(false);
        }
        self.commit_as(&mut writing, Some(position))?;
        Ok(true)
    }

    /// The position of the last commit; `None` while the index is not complete.
    pub fn position(&self) -> Option<String> {
        self.writing().position.clone()
    }

    /// Removes every document and the position: the index is to be filled again.
    ///
    /// # Errors
    /// If the index is closed or the disk fails.
    pub fn clear(&self) -> Result<(), IndexError> {
        let mut writing = self.writing();
        writing.writer.as_ref().ok_or(IndexError::Closed)?.delete_all_documents()?;
        self.commit_as(&mut writing, None)
    }

    /// A handle for readers; cheap to clone, and always at the latest commit.
    pub fn searcher(&self) -> Searcher {
        self.searcher.clone()
    }

    pub fn analysis(&self) -> &Arc<Analysis> {
        &self.analysis
    }

    /// Waits for merges and lets go of the folder. What was not committed is dropped.
    ///
    /// # Errors
    /// If a merge failed.
    pub fn close(self) -> Result<(), IndexError> {
        let writer = self.writing().writer.take();
        if let Some(writer) = writer {
            writer.wait_merging_threads()?;
        }
        Ok(())
    }

    fn writing(&self) -> MutexGuard<'_, Writing> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The key of each change and the entry of what is put, in the order of the batch. Reading
    /// texts is most of the work, so it is shared among the threads.
    fn prepare(&self, batch: &[Change]) -> Result<Vec<Prepared>, IndexError> {
        let prepare = |change: &Change| match change {
            Change::Remove { kind, id } => Ok((self.key(*kind, id), None)),
            Change::Put(document) => {
                let entry = entry(document, &self.analysis, &self.fields)?;
                Ok((self.key(document.kind, &document.id), Some(entry)))
            }
        };
        let share = batch.len().div_ceil(self.threads).max(LEAST_SHARE);
        std::thread::scope(|scope| {
            let workers: Vec<_> = batch
                .chunks(share)
                .map(|part| scope.spawn(move || part.iter().map(prepare).collect()))
                .collect();
            let mut prepared = Vec::with_capacity(batch.len());
            for worker in workers {
                let part: Result<Vec<Prepared>, IndexError> =
                    worker.join().map_err(|_| IndexError::Closed)?;
                prepared.extend(part?);
            }
            Ok(prepared)
        })
    }

    fn key(&self, kind: Kind, id: &str) -> Term {
        Term::from_field_text(self.fields.key, &schema::key(kind, id))
    }

    fn commit_as(&self, writing: &mut Writing, position: Option<&str>) -> Result<(), IndexError> {
        let writer = writing.writer.as_mut().ok_or(IndexError::Closed)?;
        let mut commit = writer.prepare_commit()?;
        if let Some(position) = position {
            commit.set_payload(position);
        }
        commit.commit()?;
        let complete = writing.position.is_none() && position.is_some();
        writing.pending = false;
        writing.position = position.map(str::to_owned);
        self.reader.reload()?;
        let snapshot = snapshot(&self.reader, &self.fields, writing.position.clone())?;
        self.snapshot.store(Arc::new(snapshot));
        if complete {
            self.remove_others()?;
        }
        Ok(())
    }

    /// Removes our folders that have another fingerprint and no writer any more.
    fn remove_others(&self) -> Result<(), IndexError> {
        for entry in fs::read_dir(&self.root)? {
            let path = entry?.path();
            if path == self.folder || !is_ours(&path) {
                continue;
            }
            let directory = MmapDirectory::open(&path).map_err(TantivyError::from)?;
            let Ok(_lock) = directory.acquire_lock(&INDEX_WRITER_LOCK) else {
                log::info!("another version still serves from {}", path.display());
                continue;
            };
            log::info!("removing the outdated index {}", path.display());
            fs::remove_dir_all(&path)?;
        }
        Ok(())
    }
}

/// Opens the engine's index in a folder of ours; one that is damaged is replaced by an empty one, as
/// it can be filled again.
fn open_or_replace(folder: &Path, schema: Schema) -> Result<tantivy::Index, IndexError> {
    let open = || -> Result<tantivy::Index, TantivyError> {
        fs::create_dir_all(folder)?;
        let index = tantivy::Index::open_or_create(MmapDirectory::open(folder)?, schema.clone())?;
        index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(index)
    };
    match open() {
        Ok(index) => Ok(index),
        Err(error) if is_damage(&error) => {
            log::warn!("replacing the damaged index {}: {error}", folder.display());
            fs::remove_dir_all(folder)?;
            Ok(open()?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Whether an error says that the files are not what the engine once wrote.
fn is_damage(error: &TantivyError) -> bool {
    matches!(
        error,
        TantivyError::DataCorruption(_)
            | TantivyError::IncompatibleIndex(_)
            | TantivyError::SchemaError(_)
            | TantivyError::OpenReadError(_)
    )
}

fn writer(
    index: &tantivy::Index,
    options: WriterOptions,
) -> Result<IndexWriter<TantivyDocument>, TantivyError> {
    let threads = options.threads.max(1);
    let memory = options.memory.max(threads * LEAST_MEMORY);
    let writer = index.writer_with_num_threads(threads, memory)?;
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(DELETED_SHARE_BEFORE_MERGE);
    writer.set_merge_policy(Box::new(policy));
    Ok(writer)
}

fn snapshot(
    reader: &IndexReader,
    fields: &Fields,
    position: Option<String>,
) -> Result<Snapshot, TantivyError> {
    let searcher = reader.searcher();
    let mut languages = Vec::new();
    for language in Language::ALL {
        let Some(texts) = fields.texts(language) else {
            continue;
        };
        let mut used = false;
        for segment in searcher.segment_readers() {
            for field in [texts.title, texts.body, texts.members] {
                used |= segment.inverted_index(field)?.terms().num_terms() > 0;
            }
        }
        languages.extend(used.then_some(language));
    }
    Ok(Snapshot { searcher, languages, position })
}

fn folder_name(analysis: &Analysis) -> String {
    let fingerprint = Fingerprint::new()
        .add(SCHEMA_VERSION)
        .add(crate::matching::VECTOR_VERSION)
        .add(tantivy::version_string())
        .add(&analysis.fingerprint().to_string());
    format!("{FOLDER_PREFIX}{:016x}", fingerprint.value())
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    name.strip_prefix(FOLDER_PREFIX)
        .is_some_and(|digits| digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit()))
        && path.is_dir()
}

/// A root that holds anything but our folders is somebody else's; `lost+found` is no one's.
fn refuse_foreign(root: &Path) -> Result<(), IndexError> {
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !is_ours(&entry.path()) && name != "lost+found" {
            return Err(IndexError::ForeignFolder { root: root.to_owned(), entry: name });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
