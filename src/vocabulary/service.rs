//! Importing a classification: what is new is added, what has changed gets a new version, and what is no longer part of
//! the classification is invalidated. Nothing is ever deleted, because profiles may refer to it.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use search_index::ImportedConcept;
use thiserror::Error;

use super::formats::{Classification, Published};
use super::store::{self, ConceptRow};
use crate::db::{Conn, DbError};

/// Characters of a classification's name, and of the part of an id that comes from a key: together they stay below what an
/// id may have.
const LONGEST_SCHEME: usize = 20;
const LONGEST_KEY: usize = 58;

/// What became of an import.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Imported {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub invalidated: usize,
}

/// Why a classification is not imported.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error("`{0}` has no English label, which every concept needs")]
    NoEnglishLabel(String),
    #[error(
        "`{0}` is not a name of a classification: a small letter, then small letters and digits, at most 20 in all"
    )]
    BadScheme(String),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// The imported concepts, with those that are no longer valid.
///
/// # Errors
/// Of the database, or if a row is damaged.
pub fn imported(conn: &mut Conn) -> Result<Vec<ImportedConcept>, ImportError> {
    store::list(conn)?.into_iter().map(|row| concept(&row)).collect()
}

fn concept(row: &ConceptRow) -> Result<ImportedConcept, ImportError> {
    let concept: ImportedConcept = serde_json::from_str(&row.content)?;
    Ok(ImportedConcept { invalid: row.invalidated_at.is_some(), ..concept })
}

/// Makes `classification` the whole of what is imported under the name `scheme`.
///
/// # Errors
/// Then nothing is changed.
pub fn import(
    conn: &mut Conn,
    now: DateTime<Utc>,
    scheme: &str,
    classification: Classification,
) -> Result<Imported, ImportError> {
    let now = now.naive_utc();
    let mut known: HashMap<String, ConceptRow> = store::list(conn)?
        .into_iter()
        .filter(|row| row.scheme == scheme)
        .map(|row| (row.id.clone(), row))
        .collect();
    let mut report = Imported::default();
    for concept in concepts_of(scheme, classification)? {
        let content = serde_json::to_string(&concept)?;
        let before = known.remove(&concept.id);
        let version = match &before {
            Some(row) if row.content == content && row.invalidated_at.is_none() => {
                report.unchanged += 1;
                continue;
            }
            Some(row) => row.version + 1,
            None => 1,
        };
        let counter = if before.is_some() { &mut report.updated } else { &mut report.created };
        *counter += 1;
        let created_at = before.map_or(now, |row| row.created_at);
        let (id, scheme) = (concept.id, scheme.to_owned());
        store::put(
            conn,
            &ConceptRow { id, scheme, content, version, invalidated_at: None, created_at, updated_at: now },
        )?;
    }
    for row in known.into_values().filter(|row| row.invalidated_at.is_none()) {
        report.invalidated += 1;
        let version = row.version + 1;
        store::put(conn, &ConceptRow { version, invalidated_at: Some(now), updated_at: now, ..row })?;
    }
    Ok(report)
}

/// The concepts of a classification that is known under the name `scheme`.
///
/// # Errors
/// If the name is none, or a concept lacks an English label.
pub fn concepts_of(
    scheme: &str,
    classification: Classification,
) -> Result<Vec<ImportedConcept>, ImportError> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let begins_well = scheme.starts_with(|c: char| c.is_ascii_lowercase());
    if scheme.len() > LONGEST_SCHEME || !begins_well || !scheme.chars().all(good) {
        return Err(ImportError::BadScheme(scheme.to_owned()));
    }
    classification.into_iter().map(|(key, published)| identified(scheme, &key, published)).collect()
}

fn identified(scheme: &str, key: &str, published: Published) -> Result<ImportedConcept, ImportError> {
    if published.labels.get("en").is_none_or(Vec::is_empty) {
        return Err(ImportError::NoEnglishLabel(key.to_owned()));
    }
    Ok(ImportedConcept {
        id: id_of(scheme, key),
        parent: published.broader.map(|broader| id_of(scheme, &broader)),
        labels: published.labels,
        descriptions: published.descriptions,
        invalid: false,
    })
}

/// The id of a concept: the classification's name and the last part of the key, which in a published one is a URI.
fn id_of(scheme: &str, key: &str) -> String {
    let last = key.trim_end_matches('/').rsplit(['/', '#']).next().unwrap_or(key);
    let plain: String =
        last.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect();
    format!("{scheme}_{}", plain.get(..plain.len().min(LONGEST_KEY)).unwrap_or_default())
}
