//! Folders in the form of BEIR (Thakur et al., "BEIR: a heterogeneous benchmark for zero-shot evaluation of information
//! retrieval models", 2021): `corpus.jsonl`, `queries.jsonl` and `qrels/<split>.tsv`.
//!
//! What makes a record a profile with a track record, or a need, stands in its `metadata`; see [`Metadata`]. A plain
//! corpus has none of it: its documents are profiles that describe themselves, its queries are needs. Beyond BEIR's form a
//! query may have a title, as the topics of TREC do.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use search_index::{Audience, Case, Claim, Document, Face, Kind, Passage, Place};
use serde::Deserialize;

use super::input::{EvaluationError, LineError, each_line};
use crate::values::{Country, Language};

/// The moment of every evaluation, 1 January 2026, so that the same corpus is ranked the same on any day.
pub const NOW: DateTime<Utc> = DateTime::from_timestamp_nanos(1_767_225_600_000_000_000);

/// The least age of every record: nobody is a newcomer, and nobody is fresher than others.
const AGE: TimeDelta = TimeDelta::days(365);

/// A folder of a corpus.
#[derive(Debug, Clone)]
pub struct Corpus(pub PathBuf);

impl Corpus {
    pub fn documents(&self) -> PathBuf {
        self.0.join("corpus.jsonl")
    }

    pub fn queries(&self) -> PathBuf {
        self.0.join("queries.jsonl")
    }

    pub fn judgements(&self, split: &str) -> PathBuf {
        self.0.join("qrels").join(format!("{split}.tsv"))
    }
}

/// One line of `corpus.jsonl` or `queries.jsonl`.
#[derive(Debug, Clone, Deserialize)]
pub struct Record {
    /// Without white space, since run files are split at it.
    #[serde(rename = "_id")]
    pub id: String,
    #[serde(default)]
    pub title: Option<String>,
    pub text: String,
    #[serde(default)]
    pub metadata: Option<Metadata>,
}

/// What is known of a record beside its text. Other members are passed over: corpora keep their own things here.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Metadata {
    /// What a document is; of a query it is not asked, since a query is always the other side.
    pub kind: RecordKind,
    /// The language of all its texts; detected where absent.
    pub language: Option<Language>,
    pub country: Option<Country>,
    /// Concept ids of the vocabulary that it names itself; the index passes over unknown ones.
    pub concepts: Vec<String>,
    /// The track record of a profile.
    pub cases: Vec<CaseRecord>,
    /// Of a query: ids of documents that take no part in its answer, for example because they ask.
    pub exclude: Vec<String>,
}

/// The two sides that can meet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    #[default]
    Profile,
    Need,
}

impl RecordKind {
    /// The side that asks for this one.
    pub fn opposite(self) -> RecordKind {
        match self {
            RecordKind::Profile => RecordKind::Need,
            RecordKind::Need => RecordKind::Profile,
        }
    }
}

/// One past case.
#[derive(Debug, Clone, Deserialize)]
pub struct CaseRecord {
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub text: String,
}

/// Gives every record of a file to `take`, in order.
///
/// # Errors
/// Names the first line that is no record, whose id cannot be used or was used before, or what `take` failed of.
pub fn each_record(
    path: &Path,
    mut take: impl FnMut(Record) -> Result<(), LineError>,
) -> Result<(), EvaluationError> {
    let mut known = HashSet::new();
    each_line(path, |line| {
        let record: Record = serde_json::from_str(line).map_err(|fault| fault.to_string())?;
        if record.id.is_empty() || record.id.contains(char::is_whitespace) {
            return Err(format!("the id `{}` is empty or has white space in it", record.id).into());
        }
        if !known.insert(record.id.clone()) {
            return Err(format!("the id `{}` was used before", record.id).into());
        }
        take(record)
    })
}

impl Record {
    /// What somebody would type to search for it: its title, and where it has none its text.
    pub fn words(&self) -> &str {
        self.title.as_deref().filter(|title| !title.trim().is_empty()).unwrap_or(&self.text)
    }

    /// The language that it states.
    pub fn language(&self) -> Option<&Language> {
        self.metadata.as_ref()?.language.as_ref()
    }

    pub fn kind(&self) -> RecordKind {
        self.metadata.as_ref().map(|metadata| metadata.kind).unwrap_or_default()
    }

    /// The record as the service would index it: what a profile says is what it offers, what a need says is what it
    /// seeks. `language` is that of texts which do not state theirs.
    pub fn document(self, kind: RecordKind, language: Option<&Language>) -> Document {
        let Record { id, title, text, metadata } = self;
        let Metadata { language: own, country, concepts, cases, .. } = metadata.unwrap_or_default();
        let writer = Writer { language: own.as_ref().or(language).map(ToString::to_string) };
        let titles = writer.passages([title.unwrap_or_default()]);
        let own_texts = writer.passages([text]);
        let claims = concepts.into_iter().map(|concept| Claim { concept, audience: Audience::Public });
        let place = Place { country: country.map(|country| country.to_string()), ..Place::default() };
        let face = Face { claims: claims.collect(), ..Face::default() };
        let base = blank(id, place);
        match kind {
            RecordKind::Profile => {
                let cases = writer.cases(cases);
                let told = cases.iter().flat_map(|case| case.titles.iter().chain(&case.texts));
                Document {
                    texts: own_texts.iter().chain(told).cloned().collect(),
                    offers: Face { passages: own_texts, cases, ..face },
                    titles,
                    ..base
                }
            }
            RecordKind::Need => Document {
                kind: Kind::Need,
                category: Kind::Need.code().to_owned(),
                seeks: Face { passages: titles.iter().chain(&own_texts).cloned().collect(), ..face },
                texts: own_texts,
                titles,
                ..base
            },
        }
    }
}

/// Writes texts in the language of one record.
struct Writer {
    language: Option<String>,
}

impl Writer {
    fn passages(&self, texts: impl IntoIterator<Item = String>) -> Vec<Passage> {
        let said = texts.into_iter().filter(|text| !text.trim().is_empty());
        said.map(|text| Passage { language: self.language.clone(), text, audience: Audience::Public })
            .collect()
    }

    fn cases(&self, cases: Vec<CaseRecord>) -> Vec<Case> {
        let case = |(index, case): (usize, CaseRecord)| Case {
            key: index.to_string(),
            titles: self.passages([case.title]),
            texts: self.passages([case.text]),
            claims: Vec::new(),
            sectors: Vec::new(),
            year: None,
            audience: Audience::Public,
        };
        cases.into_iter().enumerate().map(case).collect()
    }
}

/// A public profile that says nothing.
fn blank(id: String, place: Place) -> Document {
    Document {
        profile: id.clone(),
        id,
        kind: Kind::Profile,
        category: Kind::Profile.code().to_owned(),
        audience: Audience::Public,
        titles: Vec::new(),
        texts: Vec::new(),
        seeks: Face::default(),
        offers: Face::default(),
        place,
        sectors: Vec::new(),
        stage: None,
        size: None,
        languages: Vec::new(),
        formats: Vec::new(),
        paused: false,
        created_at: NOW - AGE,
        updated_at: NOW - AGE,
        starts_at: None,
        ends_at: None,
    }
}
