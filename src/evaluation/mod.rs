//! How good the ranking is: ranked answers against judgements.
//!
//! A corpus is indexed and asked through the very parts that serve requests, or a run of anybody's is read; either is
//! measured the same way.
//!
//! | module | what it does |
//! | --- | --- |
//! | `input` | files line by line, and what can be wrong with them |
//! | [`corpus`] | BEIR folders: records, and how they become documents |
//! | [`trec`] | run and qrels files |
//! | [`measures`] | nDCG@10, MAP, P@30, R@100, MRR, H@k, AUC of one answer |
//! | [`compare`] | the paired bootstrap of two runs |
//! | `rank` | a corpus in an index, queries ranked by search or by matching |
//! | [`report`] | means, standard errors and differences, as a table or as JSON |

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use search_index::Analysis;

pub mod compare;
pub mod corpus;
mod input;
pub mod measures;
mod rank;
pub mod report;
#[cfg(test)]
mod tests;
pub mod trec;

pub use input::EvaluationError;
pub use rank::Mode;
pub use report::Report;

use corpus::{Corpus, each_record};
use rank::Ranker;
use report::has_relevant;
use trec::{Judgements, Run, read_judgements};

use crate::values::Language;
use crate::vocabulary;

/// The last column of the runs that are written.
const TAG: &str = "aihub";

/// What to evaluate.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// Index this folder in the form of BEIR (corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv) and rank its queries
    #[arg(long, value_name = "FOLDER", required_unless_present = "run", conflicts_with_all = ["run", "qrels"])]
    pub corpus: Option<PathBuf>,
    /// Which judgements of the folder
    #[arg(long, default_value = "test", requires = "corpus")]
    pub split: String,
    /// How the queries are asked
    #[arg(long, value_enum, default_value_t = Mode::Search, requires = "corpus")]
    pub mode: Mode,
    /// ISO 639-1 code of the texts that do not state their language [default: detected]
    #[arg(long, value_name = "CODE", requires = "corpus")]
    pub language: Option<Language>,
    /// Files of a classification to extend the vocabulary by, as `aihub vocabulary import` takes them
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "corpus")]
    pub vocabulary: Vec<PathBuf>,
    /// How many documents of each answer are kept; matching scores some hundred candidates and gives no more
    #[arg(long, value_name = "NUMBER", default_value_t = 1_000, value_parser = positive, requires = "corpus")]
    pub top: usize,
    /// Write the ranked answers as a TREC run
    #[arg(long, value_name = "FILE", requires = "corpus")]
    pub run_out: Option<PathBuf>,
    /// Measure this TREC run, whoever made it
    #[arg(long, value_name = "FILE", requires = "qrels")]
    pub run: Option<PathBuf>,
    /// The judgements to measure it by, in the form of TREC or of BEIR
    #[arg(long, value_name = "FILE", requires = "run")]
    pub qrels: Option<PathBuf>,
    /// Compare with this TREC run: difference, 95 % interval and p of a paired bootstrap, above 0 where the other is worse
    #[arg(long, value_name = "FILE")]
    pub compare: Option<PathBuf>,
    /// Print JSON instead of tables
    #[arg(long)]
    pub json: bool,
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "must be a whole number above 0".to_owned())
}

/// Ranks where a corpus is given, and measures. `progress` hears how far it is.
///
/// # Errors
/// Names the file, and the line, that cannot be read or written; or says why the index failed.
pub fn evaluate(options: &Options, progress: &dyn Fn(&str)) -> Result<Report, EvaluationError> {
    let compared = options.compare.as_deref().map(Run::read).transpose()?;
    let (run, judgements, missing) = match (&options.corpus, &options.run, &options.qrels) {
        (Some(folder), ..) => ranked(&Corpus(folder.clone()), options, progress)?,
        (None, Some(run), Some(qrels)) => (Run::read(run)?, relevant_judgements(qrels)?, 0),
        _ => return Err(EvaluationError::NothingGiven),
    };
    let mut report = Report::new(&run, &judgements, compared.as_ref());
    report.note("judged documents that the corpus lacks, counted as not found where relevant", missing);
    Ok(report)
}

/// The answers of a corpus, its judgements, and how many judged documents it lacks.
fn analysis(options: &Options) -> Result<Arc<Analysis>, EvaluationError> {
    let concepts = vocabulary::concepts_of("evaluated", vocabulary::read(&options.vocabulary)?)?;
    Ok(Analysis::extended(concepts)?)
}

fn ranked(
    corpus: &Corpus,
    options: &Options,
    progress: &dyn Fn(&str),
) -> Result<(Run, Judgements, usize), EvaluationError> {
    let judgements = relevant_judgements(&corpus.judgements(&options.split))?;
    let ranker = Ranker::new(corpus, options.language.clone(), analysis(options)?, progress)?;
    let mut run = Run::default();
    let mut answered = 0;
    let mut unanswered: Vec<&String> = judgements.keys().collect();
    each_record(&corpus.queries(), |query| {
        let Ok(place) = unanswered.binary_search(&&query.id) else { return Ok(()) };
        if query.words().trim().is_empty() {
            return Err("the query has no text".to_owned().into());
        }
        unanswered.remove(place);
        let id = query.id.clone();
        run.insert(id, ranker.answer(query, options.mode, options.top)?);
        answered += 1;
        progress(&format!("{answered} of {} queries ranked", judgements.len()));
        Ok(())
    })?;
    if let Some(query) = unanswered.first() {
        return Err(EvaluationError::MissingQuery {
            query: (*query).clone(),
            queries: corpus.queries(),
            judgements: corpus.judgements(&options.split),
        });
    }
    if let Some(path) = &options.run_out {
        run.write(path, TAG)?;
    }
    let judged: BTreeSet<&String> = judgements.values().flat_map(|judged| judged.keys()).collect();
    let missing = judged.into_iter().filter(|document| !ranker.holds(document)).count();
    Ok((run, judgements, missing))
}

/// Judgements by which something can be measured.
fn relevant_judgements(path: &Path) -> Result<Judgements, EvaluationError> {
    let judgements = read_judgements(path)?;
    if judgements.values().any(has_relevant) {
        Ok(judgements)
    } else {
        Err(EvaluationError::NothingRelevant(path.to_owned()))
    }
}
