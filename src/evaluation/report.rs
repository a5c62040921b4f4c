//! What was measured: each measure's mean with its standard error, and how two runs differ.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde::Serialize;

use super::compare::{Difference, paired_bootstrap};
use super::measures::{Answer, Measure};
use super::trec::{Judgements, Run};

/// One measure over all queries that have a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Mean {
    pub measure: &'static str,
    /// Absent where no query has a value.
    pub mean: Option<f64>,
    /// Of the mean: standard deviation of a sample over the root of its size. Absent for fewer than two queries.
    pub standard_error: Option<f64>,
    pub queries: usize,
}

/// One measure's difference between the run and the one that it was compared with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub measure: &'static str,
    #[serde(flatten)]
    pub difference: Difference,
}

/// An evaluation, as a table or as JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    pub measures: Vec<Mean>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Vec<Comparison>>,
    /// What should be known before the numbers are believed.
    pub notes: Vec<String>,
}

impl Report {
    /// Measures a run; every judged query with a relevant document counts, answered or not.
    pub fn new(run: &Run, judgements: &Judgements, compared: Option<&Run>) -> Report {
        let answers = answers_of(run, judgements);
        let measures = Measure::ALL.map(|measure| mean(measure, &values(measure, &answers))).to_vec();
        let comparison = compared.map(|other| {
            let others = answers_of(other, judgements);
            let compare = |measure| {
                let pairs = values(measure, &answers).into_iter().zip(values(measure, &others));
                let differences: Vec<f64> = pairs.map(|(one, other)| one - other).collect();
                Some(Comparison { measure: measure.name(), difference: paired_bootstrap(&differences)? })
            };
            Measure::ALL.into_iter().filter_map(compare).collect()
        });
        let mut report = Report { measures, comparison, notes: Vec::new() };
        report.note_gaps("the run", run, judgements);
        if let Some(other) = compared {
            report.note_gaps("the run compared with", other, judgements);
        }
        let irrelevant = judgements.values().filter(|judged| !has_relevant(judged)).count();
        report.note("judged queries without a relevant document, left out", irrelevant);
        report
    }

    /// Says how many there are of something, unless there are none.
    pub fn note(&mut self, what: &str, count: usize) {
        if count > 0 {
            self.notes.push(format!("{what}: {count}"));
        }
    }

    fn note_gaps(&mut self, name: &str, run: &Run, judgements: &Judgements) {
        let unjudged = run.queries().filter(|query| !judgements.contains_key(*query)).count();
        self.note(&format!("queries of {name} without judgements, left out"), unjudged);
        let asked = judgements.iter().filter(|(_, judged)| has_relevant(judged));
        let unanswered = asked.filter(|(query, _)| run.of(query).is_empty()).count();
        self.note(
            &format!("judged queries without an answer in {name}, counted as nothing found"),
            unanswered,
        );
    }
}

/// Whether a query has an answer at all.
pub fn has_relevant(judged: &BTreeMap<String, i64>) -> bool {
    judged.values().any(|grade| *grade > 0)
}

/// The answers to all judged queries, in the order of the queries.
fn answers_of(run: &Run, judgements: &Judgements) -> Vec<Answer> {
    judgements.iter().map(|(query, judged)| Answer::new(run.of(query), judged)).collect()
}

/// One value for each answer that has one. Which have one depends on the judgements alone, so the values of two runs
/// belong together.
fn values(measure: Measure, answers: &[Answer]) -> Vec<f64> {
    answers.iter().filter_map(|answer| measure.of(answer)).collect()
}

fn mean(measure: Measure, values: &[f64]) -> Mean {
    let count = values.len() as f64;
    let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / count);
    let standard_error = mean.filter(|_| values.len() > 1).map(|mean| {
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        (squares / (count - 1.0) / count).sqrt()
    });
    Mean { measure: measure.name(), mean, standard_error, queries: values.len() }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.measures.iter().map(|Mean { measure, mean, standard_error, queries }| {
            vec![(*measure).to_owned(), number(*mean), number(*standard_error), queries.to_string()]
        });
        write!(f, "{}", table(["measure", "mean", "standard error", "queries"], rows))?;
        if let Some(comparison) = &self.comparison {
            let rows = comparison.iter().map(|Comparison { measure, difference }| {
                let [low, high] = difference.interval;
                let interval = format!("{} … {}", signed(low), signed(high));
                let mean = signed(difference.mean);
                vec![
                    (*measure).to_owned(),
                    mean,
                    interval,
                    format!("{:.4}", difference.p),
                    difference.queries.to_string(),
                ]
            });
            write!(f, "\n\n{}", table(["measure", "difference", "95 % interval", "p", "queries"], rows))?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(|| "–".to_owned(), |value| format!("{value:.4}"))
}

/// Nothing has no sign, not even after rounding.
fn signed(value: f64) -> String {
    let text = format!("{value:+.4}");
    if text == "-0.0000" { "+0.0000".to_owned() } else { text }
}

/// A table whose columns after the first hold numbers.
fn table<const COLUMNS: usize>(header: [&str; COLUMNS], rows: impl Iterator<Item = Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(header).add_rows(rows);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}
