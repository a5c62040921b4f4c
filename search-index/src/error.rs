//! What can go wrong between a caller and the index.

use std::path::PathBuf;

use tantivy::TantivyError;

use crate::vocabulary::VocabularyError;

/// Every failure of this crate.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// The folder given as the index's root holds something that is not an index of ours.
    #[error("{} is not an index folder: it holds `{entry}`; give an empty folder", root.display())]
    ForeignFolder { root: PathBuf, entry: String },
    /// Another process writes to this folder.
    #[error("{} is in use by another process", .0.display())]
    Locked(PathBuf),
    #[error("the index folder cannot be used: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    /// The cursor is not one that a search with this order gave out.
    #[error("the cursor is not valid for this search")]
    BadCursor,
    /// An order by distance needs a point to measure from.
    #[error("sorting by distance needs a point to measure from")]
    NoPoint,
    /// The index is being filled, and a part of it is no answer.
    #[error("the search index is being built")]
    Incomplete,
    /// The index was closed, or its writer failed before and must be opened anew.
    #[error("the index is closed")]
    Closed,
    /// A stored document cannot be read back.
    #[error("a stored document is damaged: {0}")]
    Damaged(#[from] serde_json::Error),
    #[error("the search engine failed: {0}")]
    Engine(#[from] TantivyError),
}
