//! The two file forms of TREC: runs (who was ranked where) and qrels (who is relevant).

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use super::input::{EvaluationError, each_line};

/// One document of a ranked answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Retrieved {
    pub document: String,
    /// Greater is better. Single precision, because that is what `trec_eval` reads scores into.
    pub score: f32,
}

/// Ranked answers by query.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Run(BTreeMap<String, Vec<Retrieved>>);

impl Run {
    /// Puts an answer in the order that `trec_eval` gives it: by score, and of equals the last id first. The ranks of a
    /// file do not count there either.
    pub fn insert(&mut self, query: String, mut answer: Vec<Retrieved>) {
        answer.sort_by(|one, other| {
            other.score.total_cmp(&one.score).then_with(|| other.document.cmp(&one.document))
        });
        self.0.insert(query, answer);
    }

    /// What was retrieved for a query, the best first.
    pub fn of(&self, query: &str) -> &[Retrieved] {
        self.0.get(query).map_or(&[], Vec::as_slice)
    }

    pub fn queries(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Reads lines of `query Q0 document rank score tag`.
    ///
    /// # Errors
    /// Names the first line of another form, or that retrieves a document a second time.
    pub fn read(path: &Path) -> Result<Run, EvaluationError> {
        let mut answers: BTreeMap<String, Vec<Retrieved>> = BTreeMap::new();
        let mut known = HashSet::new();
        each_line(path, |line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [query, _, document, _, score, _] = columns.as_slice() else {
                let found = columns.len();
                return Err(
                    format!("query, Q0, document, rank, score and tag make 6 columns, not {found}").into()
                );
            };
            let score: f32 = score
                .parse()
                .ok()
                .filter(|score: &f32| !score.is_nan())
                .ok_or_else(|| format!("the score `{score}` is not a number"))?;
            if !known.insert((query.to_string(), document.to_string())) {
                return Err(format!("`{document}` is retrieved twice for `{query}`").into());
            }
            let retrieved = Retrieved { document: document.to_string(), score };
            answers.entry(query.to_string()).or_default().push(retrieved);
            Ok(())
        })?;
        let mut run = Run::default();
        for (query, answer) in answers {
            run.insert(query, answer);
        }
        Ok(run)
    }

    /// Writes what [`Run::read`] reads; `tag` names the system that ranked.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write(&self, path: &Path, tag: &str) -> Result<(), EvaluationError> {
        let write = || {
            let mut file = BufWriter::new(File::create(path)?);
            for (query, answer) in &self.0 {
                for (rank, Retrieved { document, score }) in (1..).zip(answer) {
                    writeln!(file, "{query} Q0 {document} {rank} {score} {tag}")?;
                }
            }
            file.flush()
        };
        write().map_err(EvaluationError::of(path))
    }
}

/// The grades that people gave to documents, by query and document: above 0 is relevant, the more the better.
pub type Judgements = BTreeMap<String, BTreeMap<String, i64>>;

/// Reads judgements in the form of TREC (`query 0 document grade`) or of BEIR (`query document grade` under a heading).
///
/// # Errors
/// Names the first line of another form, or that contradicts one before.
pub fn read_judgements(path: &Path) -> Result<Judgements, EvaluationError> {
    let mut judgements = Judgements::new();
    each_line(path, |line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let (query, document, grade) = match columns.as_slice() {
            ["query-id", ..] => return Ok(()),
            [query, document, grade] | [query, _, document, grade] => (*query, *document, *grade),
            other => {
                let found = other.len();
                return Err(format!(
                    "query, document and grade make 3 columns (with 0 second 4), not {found}"
                )
                .into());
            }
        };
        let grade = grade.parse().map_err(|_| format!("the grade `{grade}` is not a whole number"))?;
        let before = judgements.entry(query.to_owned()).or_default().insert(document.to_owned(), grade);
        match before {
            Some(before) if before != grade => {
                Err(format!("`{document}` was judged {before} for `{query}` before").into())
            }
            _ => Ok(()),
        }
    })?;
    Ok(judgements)
}
