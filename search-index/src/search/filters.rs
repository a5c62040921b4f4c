//! Conditions that a document meets or does not; they never change a score.

use std::ops::Bound;

use chrono::{DateTime, Utc};
use tantivy::query::doc_predicate_query::{DocPredicateQuery, FunctionPredicate};
use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Occur, Query, RangeQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, SegmentReader, Term};

use super::geography::{Point, bounding_box, distance_km};
use crate::document::{Audience, Kind};
use crate::schema::{Fields, PUBLIC, column};

/// What a document must be. Values of one list are alternatives; the lists hold together. An empty
/// list asks for nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filters {
    pub kinds: Vec<Kind>,
    pub categories: Vec<String>,
    /// Ids of the profiles that documents belong to.
    pub profiles: Vec<String>,
    /// ISO 3166-1 alpha-2.
    pub countries: Vec<String>,
    /// NUTS codes or their beginnings of at least 2 characters: `DE2` finds `DE21`.
    pub regions: Vec<String>,
    /// ISO 639-1.
    pub languages: Vec<String>,
    /// NACE Rev. 2.1 section letters.
    pub sectors: Vec<String>,
    /// Concept ids; each stands for itself and all that is below it.
    pub concepts: Vec<String>,
    pub stages: Vec<String>,
    pub formats: Vec<String>,
    /// `starts_at` not before this moment.
    pub starts_from: Option<DateTime<Utc>>,
    /// `starts_at` before this moment.
    pub starts_before: Option<DateTime<Utc>>,
    pub near: Option<Near>,
    /// Only documents that take requests now.
    pub unpaused: bool,
}

/// A circle on the Earth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Near {
    pub point: Point,
    /// Radius in kilometres.
    pub km: f64,
}

/// A clause of a boolean query.
pub(crate) type Clause = (Occur, Box<dyn Query>);

impl Filters {
    /// The clauses that documents meet which this reader may know of, which have not ended, and
    /// which pass the filters. None of them scores.
    pub(crate) fn clauses(
        &self,
        searcher: &tantivy::Searcher,
        fields: &Fields,
        reader: Audience,
        now: DateTime<Utc>,
    ) -> Vec<Clause> {
        let concepts = match reader {
            Audience::Public => fields.concepts_public,
            Audience::Members => fields.concepts_all,
        };
        let kinds: Vec<String> = self.kinds.iter().map(|kind| kind.code().to_owned()).collect();
        let lists = [
            (fields.kind, &kinds),
            (fields.category, &self.categories),
            (fields.profile, &self.profiles),
            (fields.country, &self.countries),
            (fields.region, &self.regions),
            (fields.language, &self.languages),
            (fields.sector, &self.sectors),
            (concepts, &self.concepts),
            (fields.stage, &self.stages),
            (fields.format, &self.formats),
        ];
        let mut clauses: Vec<Clause> = lists
            .into_iter()
            .filter(|(_, values)| !values.is_empty())
            .map(|(field, values)| must(any_of(field, values)))
            .collect();
        if reader == Audience::Public {
            clauses.push(must(any_of(fields.audience, &[PUBLIC.to_owned()])));
        }
        if self.unpaused {
            let term = Term::from_field_bool(fields.paused, false);
            clauses.push(must(Box::new(TermQuery::new(term, IndexRecordOption::Basic))));
        }
        clauses.extend(not_ended(searcher, now));
        clauses.extend(self.starts(fields));
        clauses.extend(self.near.into_iter().flat_map(|near| near.clauses(fields)));
        clauses
    }

    fn starts(&self, fields: &Fields) -> Option<Clause> {
        if self.starts_from.is_none() && self.starts_before.is_none() {
            return None;
        }
        let from = self.starts_from.map_or(Bound::Unbounded, |t| Bound::Included(t.timestamp()));
        let to = self.starts_before.map_or(Bound::Unbounded, |t| Bound::Excluded(t.timestamp()));
        Some(must(range_i64(fields.starts, from, to)))
    }
}

impl Near {
    /// A box, which the engine finds fast, and the circle inside it.
    fn clauses(self, fields: &Fields) -> Vec<Clause> {
        let area = bounding_box(self.point, self.km);
        let mut clauses = vec![must(range_f64(fields.latitude, area.south, area.north))];
        if let Some((west, east)) = area.west_east {
            clauses.push(must(range_f64(fields.longitude, west, east)));
        }
        let circle = FunctionPredicate::from(move |segment: &SegmentReader| {
            let latitude = segment.fast_fields().f64(column::LATITUDE)?;
            let longitude = segment.fast_fields().f64(column::LONGITUDE)?;
            Ok(move |doc: DocId| {
                let point = latitude.first(doc).zip(longitude.first(doc));
                point.is_some_and(|point| distance_km(self.point, point) <= self.km)
            })
        });
        clauses.push(must(Box::new(DocPredicateQuery::from(circle))));
        clauses
    }
}

/// The clause for what has not ended; `None` where nothing has. It is looked up for each match: a
/// range over all that has not ended would cost more.
fn not_ended(searcher: &tantivy::Searcher, now: DateTime<Utc>) -> Option<Clause> {
    let now = now.timestamp();
    let has_ended = |segment: &SegmentReader| {
        segment.fast_fields().i64(column::ENDS).is_ok_and(|ends| ends.min_value() <= now)
    };
    if !searcher.segment_readers().iter().any(has_ended) {
        return None;
    }
    let lasts = FunctionPredicate::from(move |segment: &SegmentReader| {
        let ends = segment.fast_fields().i64(column::ENDS)?;
        Ok(move |doc: DocId| ends.first(doc).is_none_or(|ends| ends > now))
    });
    Some(must(Box::new(DocPredicateQuery::from(lasts))))
}

/// Documents that have one of these values.
fn any_of(field: Field, values: &[String]) -> Box<dyn Query> {
    let mut terms: Vec<Box<dyn Query>> = values
        .iter()
        .map(|value| {
            let term = Term::from_field_text(field, value);
            Box::new(TermQuery::new(term, IndexRecordOption::Basic)) as Box<dyn Query>
        })
        .collect();
    match terms.pop() {
        Some(only) if terms.is_empty() => only,
        Some(last) => {
            terms.push(last);
            Box::new(BooleanQuery::union(terms))
        }
        None => Box::new(AllQuery),
    }
}

fn range_i64(field: Field, from: Bound<i64>, to: Bound<i64>) -> Box<dyn Query> {
    let term = |value: i64| Term::from_field_i64(field, value);
    Box::new(RangeQuery::new(from.map(term), to.map(term)))
}

fn range_f64(field: Field, from: f64, to: f64) -> Box<dyn Query> {
    let term = |value: f64| Bound::Included(Term::from_field_f64(field, value));
    Box::new(RangeQuery::new(term(from), term(to)))
}

fn must(query: Box<dyn Query>) -> Clause {
    (Occur::Must, Box::new(ConstScoreQuery::new(query, 0.0)))
}
