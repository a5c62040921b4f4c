//! Reading files line by line, and what can be wrong with them.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use search_index::matching::ReasonsError;
use search_index::{IndexError, VocabularyError};

use crate::vocabulary::{FormatError, ImportError};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    /// `line` counts from 1.
    #[error("{}, line {line}: {detail}", path.display())]
    Line { path: PathBuf, line: usize, detail: String },
    /// `queries` holds no text for a query that is judged.
    #[error("{} lacks the query `{query}`, which {} judges", queries.display(), judgements.display())]
    MissingQuery { query: String, queries: PathBuf, judgements: PathBuf },
    #[error("{} judges no document as relevant, so there is nothing to measure", .0.display())]
    NothingRelevant(PathBuf),
    /// The options name nothing that could be measured; the command line refuses them before.
    #[error("give a corpus, or a run and its judgements")]
    NothingGiven,
    #[error("no folder for the index: {0}")]
    Folder(io::Error),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Vocabulary(#[from] VocabularyError),
    #[error(transparent)]
    Format(#[from] FormatError),
    #[error(transparent)]
    Concepts(#[from] ImportError),
    #[error(transparent)]
    Reasons(#[from] ReasonsError),
}

impl EvaluationError {
    /// Turns a failure of the file system into one that names the file.
    pub fn of(path: &Path) -> impl Fn(io::Error) -> EvaluationError {
        |source| EvaluationError::File { path: path.to_owned(), source }
    }
}

/// Gives every line of a file to `read`, in order and without its end; blank lines are passed over.
///
/// # Errors
/// If the file cannot be opened, and [`EvaluationError::Line`] for the first line that is not UTF-8 or that `read`
/// refuses.
pub fn each_line(
    path: &Path,
    mut read: impl FnMut(&str) -> Result<(), LineError>,
) -> Result<(), EvaluationError> {
    let file = File::open(path).map_err(EvaluationError::of(path))?;
    for (line, text) in (1..).zip(BufReader::new(file).lines()) {
        let fault = |detail: String| EvaluationError::Line { path: path.to_owned(), line, detail };
        let text = text.map_err(|error| fault(error.to_string()))?;
        if text.trim().is_empty() {
            continue;
        }
        match read(&text) {
            Ok(()) => {}
            Err(LineError::Faulty(detail)) => return Err(fault(detail)),
            Err(LineError::Other(error)) => return Err(error),
        }
    }
    Ok(())
}

/// Why reading stops at a line.
pub enum LineError {
    /// What is wrong with the line itself.
    Faulty(String),
    /// What failed when the line was used.
    Other(EvaluationError),
}

impl From<String> for LineError {
    fn from(detail: String) -> LineError {
        LineError::Faulty(detail)
    }
}

impl From<EvaluationError> for LineError {
    fn from(error: EvaluationError) -> LineError {
        LineError::Other(error)
    }
}

impl From<IndexError> for LineError {
    fn from(error: IndexError) -> LineError {
        LineError::Other(error.into())
    }
}
