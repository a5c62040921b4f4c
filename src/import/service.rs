//! Importing: each line in a savepoint of its own, so that a bad one takes nothing with it.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::record::{Record, RecordKind};
use super::store::{self, Imported};
use crate::accounts;
use crate::clock::Clock;
use crate::db::{Conn, Db, DbError, from_code, in_transaction};
use crate::events::{self, EventContent};
use crate::faults::{Fault, Faults};
use crate::http::contract::Contract;
use crate::http::problem::Problem;
use crate::ids::ProfileId;
use crate::needs::{self, NeedContent};
use crate::offerings::{self, OfferingContent};
use crate::profiles::{self, ProfileContent};

/// Lines that share a transaction.
const BATCH: usize = 200;

/// Imports lines of one source.
pub struct Importer {
    pub db: Db,
    pub contract: Arc<Contract>,
    /// Keys are unique within a source.
    pub source: String,
    pub clock: Clock,
}

/// What became of an import.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub created: usize,
    pub updated: usize,
    pub unchanged: usize,
    pub refused: Vec<Refusal>,
}

/// A line that was not imported.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Counted from 1.
    pub line: usize,
    pub key: Option<String>,
    pub faults: Vec<Fault>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(key) = &self.key {
            write!(f, " ({key})")?;
        }
        for fault in &self.faults {
            let place = if fault.pointer.is_empty() { "the line" } else { &fault.pointer };
            write!(f, "\n    {place}: {}", fault.detail)?;
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy)]
enum Outcome {
    Created,
    Updated,
    Unchanged,
}

/// A good frame with the number of its line and the hash of its text.
#[derive(Clone)]
struct Line {
    number: usize,
    fingerprint: String,
    record: Record,
}

impl Importer {
    /// Imports all lines, profiles before what belongs to them; `progress` hears how many lines are done.
    ///
    /// # Errors
    /// Only failures of the database; bad lines are in the report.
    pub fn run(self: &Arc<Self>, text: &str, progress: &dyn Fn(usize)) -> Result<Report, DbError> {
        let mut report = Report::default();
        let (mut first, mut second, now) = (Vec::new(), Vec::new(), self.clock.now());
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let number = index + 1;
            match Record::parse(line, now) {
                Ok(record) => {
                    let fingerprint = fingerprint(line);
                    let later = record.kind != RecordKind::Profile;
                    let target = if later { &mut second } else { &mut first };
                    target.push(Line { number, fingerprint, record });
                }
                Err(Faults(faults)) => {
                    report.refused.push(Refusal { line: number, key: None, faults });
                }
            }
        }
        let mut done = report.refused.len();
        first.append(&mut second);
        for batch in first.chunks(BATCH) {
            let (importer, lines) = (Arc::clone(self), batch.to_vec());
            let outcomes = self.db.write_now(move |conn| importer.batch(conn, lines))?;
            outcomes.into_iter().for_each(|outcome| report.add(outcome));
            done += batch.len();
            progress(done);
        }
        report.refused.sort_by_key(|refusal| refusal.line);
        Ok(report)
    }

    /// The time is the transaction's own: what is written must not be much older than what others have written before.
    fn batch(&self, conn: &mut Conn, lines: Vec<Line>) -> Result<Vec<Result<Outcome, Refusal>>, DbError> {
        let now = self.clock.now();
        lines.into_iter().map(|line| self.line(conn, now, line)).collect()
    }

    /// One line: the outer failure is the database's, the inner one the line's.
    fn line(
        &self,
        conn: &mut Conn,
        now: DateTime<Utc>,
        line: Line,
    ) -> Result<Result<Outcome, Refusal>, DbError> {
        let (number, key) = (line.number, line.record.key.clone());
        match in_transaction(conn, |conn| self.import(conn, now, line)) {
            Ok(outcome) => Ok(Ok(outcome)),
            Err(problem) if problem.code.status().is_server_error() => {
                Err(DbError::Unavailable(problem.to_string()))
            }
            Err(problem) => {
                let mut faults = problem.errors;
                if faults.is_empty() {
                    faults.extend(Faults::one("", problem.code.code(), problem.detail).0);
                }
                Ok(Err(Refusal { line: number, key: Some(key), faults }))
            }
        }
    }

    fn import(&self, conn: &mut Conn, now: DateTime<Utc>, line: Line) -> Result<Outcome, Problem> {
        let Line { fingerprint, record, .. } = line;
        let known = store::find(conn, &self.source, &record.key)?;
        if let Some(known) = &known {
            if known.fingerprint == fingerprint {
                return Ok(Outcome::Unchanged);
            }
            if known.kind != record.kind.code() {
                let detail = format!("this key was imported as a {} before", known.kind);
                return Err(Faults::one("/key", "key", detail).into());
            }
        }
        let (kind, key) = (record.kind.to_string(), record.key.clone());
        let outcome = if known.is_some() { Outcome::Updated } else { Outcome::Created };
        let id = self.put(conn, now, record, known.map(|known| known.id))?;
        store::put(conn, now, &self.source, &key, &Imported { kind, id, fingerprint })?;
        Ok(outcome)
    }

    /// Writes the row of a record; returns its id.
    fn put(
        &self,
        conn: &mut Conn,
        now: DateTime<Utc>,
        mut record: Record,
        known: Option<String>,
    ) -> Result<String, Problem> {
        if record.kind == RecordKind::Profile {
            return self.put_profile(conn, now, record, known);
        }
        let owner = self.profile_of(conn, &record)?;
        record.body.insert("profile".to_owned(), json!(owner));
        let body = Value::Object(record.body);
        Ok(match record.kind {
            RecordKind::Need => {
                let known = known.as_deref().map(from_code).transpose()?;
                let content: NeedContent = self.typed(body)?;
                needs::put_imported(conn, now, known.as_ref(), content)?.id.to_string()
            }
            RecordKind::Offering => {
                let known = known.as_deref().map(from_code).transpose()?;
                let content: OfferingContent = self.typed(body)?;
                offerings::put_imported(conn, now, known.as_ref(), content)?.id.to_string()
            }
            RecordKind::Event | RecordKind::Profile => {
                let known = known.as_deref().map(from_code).transpose()?;
                let content: EventContent = self.typed(body)?;
                events::put_imported(conn, now, known.as_ref(), content)?.id.to_string()
            }
        })
    }

    fn put_profile(
        &self,
        conn: &mut Conn,
        now: DateTime<Utc>,
        record: Record,
        known: Option<String>,
    ) -> Result<String, Problem> {
        let content: ProfileContent = self.typed(Value::Object(record.body))?;
        let owner = match (&record.owner, content.languages.first()) {
            (Some(email), Some(language)) => {
                let contact = content.contact.as_ref().and_then(|contact| contact.name.as_deref());
                let name = contact.unwrap_or(&content.name);
                // Nobody knows a password of the account before a reset.
                Some(accounts::ensure(conn, now, email, name, language, None)?.id)
            }
            _ => None,
        };
        let known = known.as_deref().map(from_code).transpose()?;
        let profile =
            profiles::put_imported(conn, now, known.as_ref(), owner.as_ref(), content, record.fictional)?;
        Ok(profile.id.to_string())
    }

    fn profile_of(&self, conn: &mut Conn, record: &Record) -> Result<ProfileId, Problem> {
        let key = record.profile.as_deref().unwrap_or_default();
        match store::find(conn, &self.source, key)? {
            Some(found) if found.kind == RecordKind::Profile.code() => Ok(from_code(&found.id)?),
            _ => {
                let detail = format!("no profile with the key `{key}` was imported from this source");
                Err(Faults::one("/profile", "unknown_profile", detail).into())
            }
        }
    }

    /// Holds a body against the contract's schema, as the API does.
    fn typed<T: DeserializeOwned + ToSchema>(&self, body: Value) -> Result<T, Problem> {
        self.contract.check::<T>(&body)?;
        serde_json::from_value(body).map_err(|fault| Faults::one("", "type", fault.to_string()).into())
    }
}

impl Report {
    fn add(&mut self, outcome: Result<Outcome, Refusal>) {
        match outcome {
            Ok(Outcome::Created) => self.created += 1,
            Ok(Outcome::Updated) => self.updated += 1,
            Ok(Outcome::Unchanged) => self.unchanged += 1,
            Err(refusal) => self.refused.push(refusal),
        }
    }
}

fn fingerprint(line: &str) -> String {
    Sha256::digest(line.trim().as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
