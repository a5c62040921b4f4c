//! Completions while somebody types: names of documents, concepts, places.

use chrono::{DateTime, Utc};
use tantivy::Term;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, ConstScoreQuery, FuzzyTermQuery, Occur, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};

use super::filters::{Clause, Filters};
use super::{Searcher, Snapshot, facets, title};
use crate::analysis::{Completion, fold};
use crate::document::{Audience, Kind};
use crate::error::IndexError;
use crate::schema::column;

/// Shorter beginnings name too many documents to be of use.
const SHORTEST: usize = 2;

/// Words of a beginning that are looked at.
const MOST_WORDS: usize = 8;

const MOST_SUGGESTIONS: usize = 50;

/// One completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    pub text: String,
    pub target: SuggestionTarget,
}

/// What a completion stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SuggestionTarget {
    Document {
        kind: Kind,
        id: String,
    },
    Concept {
        id: String,
    },
    /// A city, with the number of documents there that the reader may know of.
    Place {
        count: u64,
    },
}

/// What to complete, and for whom.
#[derive(Debug, Clone, PartialEq)]
pub struct SuggestQuery {
    pub prefix: String,
    pub audience: Audience,
    /// ISO 639-1 codes of the reader, the preferred one first: for labels and titles.
    pub languages: Vec<String>,
    /// 1 to 50.
    pub limit: usize,
    pub now: DateTime<Utc>,
}

impl Searcher {
    /// Completes the beginning of a name, a concept's label or a city, in any language. Concepts
    /// come first, then names, then cities; each kind gets its share where there are many.
    ///
    /// # Errors
    /// If the engine fails.
    pub fn suggest(&self, query: &SuggestQuery) -> Result<Vec<Suggestion>, IndexError> {
        let limit = query.limit.clamp(1, MOST_SUGGESTIONS);
        let mut tokens = self.analysis.name_tokens(&query.prefix);
        tokens.dedup_by_key(|token| token.position); // one spelling of a word is enough
        let mut typed: Vec<String> = tokens.into_iter().map(|token| token.text).collect();
        typed.truncate(MOST_WORDS);
        if typed.iter().map(|word| word.chars().count()).sum::<usize>() < SHORTEST {
            return Ok(Vec::new());
        }
        let snapshot = self.snapshot()?;
        let concepts = self.concepts(query, limit);
        let names = self.names(query, &snapshot, &typed, limit)?;
        let places = self.places(query, &snapshot, &typed, limit)?;
        Ok(shares([concepts, names, places], limit))
    }

    fn concepts(&self, query: &SuggestQuery, limit: usize) -> Vec<Suggestion> {
        let languages: Vec<&str> = query.languages.iter().map(String::as_str).collect();
        let suggestion = |found: Completion<'_>| {
            // A label that the reader may not read is shown as the one he can.
            let readable = languages.contains(&found.language);
            Suggestion {
                text: if readable { found.label } else { found.concept.label(&languages) }.to_owned(),
                target: SuggestionTarget::Concept { id: found.concept.id.clone() },
            }
        };
        self.analysis.complete(&query.prefix, &languages, limit).into_iter().map(suggestion).collect()
    }

    fn names(
        &self,
        query: &SuggestQuery,
        snapshot: &Snapshot,
        typed: &[String],
        limit: usize,
    ) -> Result<Vec<Suggestion>, IndexError> {
        let fields: Vec<Field> = self.fields.names.visible_to(query.audience).collect();
        let matching = self.completing(snapshot, query, &fields, typed);
        let top = TopDocs::with_limit(limit).order_by_fast_field::<u64>(column::TIE, tantivy::Order::Asc);
        let languages: Vec<&str> = query.languages.iter().map(String::as_str).collect();
        let mut found = Vec::new();
        for (_, address) in snapshot.searcher.search(&matching, &top)? {
            let document = self.stored(snapshot, address)?;
            let folded = |text: &str| fold(&text.to_lowercase());
            let named = document
                .titles
                .iter()
                .filter(|title| query.audience.may_see(title.audience))
                .find(|title| typed.iter().all(|word| folded(&title.text).contains(word)));
            let Some(text) = named.or_else(|| title(&document, query.audience, &languages)) else {
                continue;
            };
            found.push(Suggestion {
                text: text.text.clone(),
                target: SuggestionTarget::Document { kind: document.kind, id: document.id },
            });
        }
        Ok(found)
    }

    fn places(
        &self,
        query: &SuggestQuery,
        snapshot: &Snapshot,
        typed: &[String],
        limit: usize,
    ) -> Result<Vec<Suggestion>, IndexError> {
        let matching = self.completing(snapshot, query, &[self.fields.place], typed);
        let count = facets::count([("city", column::CITY)].into_iter(), limit)?;
        let counted = snapshot.searcher.search(&matching, &count)?;
        let cities = facets::values("city", &counted).into_iter().map(|city| Suggestion {
            text: city.value,
            target: SuggestionTarget::Place { count: city.count },
        });
        Ok(cities.collect())
    }

    /// Documents that the reader may know of and that have all typed words in one of the fields,
    /// the last word as a beginning.
    fn completing(
        &self,
        snapshot: &Snapshot,
        query: &SuggestQuery,
        fields: &[Field],
        typed: &[String],
    ) -> BooleanQuery {
        let mut clauses: Vec<Clause> =
            Filters::default().clauses(&snapshot.searcher, &self.fields, query.audience, query.now);
        for (at, word) in typed.iter().enumerate() {
            let is_last = at + 1 == typed.len();
            let ways = fields.iter().map(|field| {
                let term = Term::from_field_text(*field, word);
                let query: Box<dyn Query> = if is_last {
                    Box::new(FuzzyTermQuery::new_prefix(term, 0, true))
                } else {
                    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
                };
                query
            });
            let any = Box::new(BooleanQuery::union(ways.collect()));
            clauses.push((Occur::Must, Box::new(ConstScoreQuery::new(any, 0.0))));
        }
        BooleanQuery::new(clauses)
    }
}

/// Takes from each list in turn, so that none drives out the others, and keeps the lists together.
fn shares(lists: [Vec<Suggestion>; 3], limit: usize) -> Vec<Suggestion> {
    let mut taken = [0; 3];
    let mut left = limit;
    while left > 0 {
        let before = left;
        for (taken, list) in taken.iter_mut().zip(&lists) {
            if left > 0 && *taken < list.len() {
                *taken += 1;
                left -= 1;
            }
        }
        if left == before {
            break;
        }
    }
    lists.into_iter().zip(taken).flat_map(|(list, taken)| list.into_iter().take(taken)).collect()
}
