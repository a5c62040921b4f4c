//! From words to a page: filters, facets, highlights, order, suggestions.
//!
//! A query is read in up to four ways (`words::Reading`), each more lenient than the one before;
//! the first that finds enough is taken, and a cursor remembers which it was. What a reader may not
//! see takes no part: not in matching, scoring, counting, excluding, highlighting or suggesting.

mod facets;
pub(crate) mod filters;
mod geography;
mod page;
mod parse;
mod snippet;
mod suggest;
#[cfg(test)]
mod tests;
mod words;

use std::sync::Arc;

use arc_swap::ArcSwap;
use chrono::{DateTime, Utc};
use tantivy::query::{AllQuery, BooleanQuery, ConstScoreQuery, Occur, Query};
use tantivy::schema::{IndexRecordOption, Value};
use tantivy::{DocAddress, TantivyDocument, Term};

pub use facets::{Facet, FacetField, FacetValue};
pub use filters::{Filters, Near};
pub use geography::{Point, distance_km};
pub use page::SCORE_NOISE_BITS;
pub use suggest::{SuggestQuery, Suggestion, SuggestionTarget};

use crate::analysis::{Analysis, Language};
use crate::document::{Audience, Document, Kind, Passage, Place};
use crate::error::IndexError;
use crate::schema::{self, Fields};
use page::{Collected, Cursor, PageCollector, Ranked};
use parse::{Parsed, Part, parse};
use snippet::Wanted;
use words::{Builder, Reading};

/// The most hits on a page.
pub const MOST_HITS: usize = 100;

/// With fewer hits than this the query is read more leniently.
const ENOUGH: usize = 3;

/// The order of hits. Ties are broken by the newest first, then by a hash of the id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// The best first; without words the newest first.
    #[default]
    Relevance,
    /// What starts first; then what has no start, the newest first.
    Date,
    /// The nearest first, from the point of [`SearchQuery::origin`] or [`Filters::near`].
    Distance,
}

impl Sort {
    fn letter(self) -> char {
        match self {
            Sort::Relevance => 'r',
            Sort::Date => 't',
            Sort::Distance => 'd',
        }
    }
}

/// What is looked for, by whom, and how the answer should look.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchQuery {
    /// Words, `"phrases"` and `-exclusions` in any language; blank asks for everything.
    pub text: String,
    /// ISO 639-1 code of the text; `None` lets it be detected.
    pub language: Option<String>,
    pub audience: Audience,
    /// ISO 639-1 codes of the reader, the preferred one first: for titles and snippets.
    pub reader_languages: Vec<String>,
    pub filters: Filters,
    /// What to count over all that was found.
    pub facets: Vec<FacetField>,
    pub sort: Sort,
    /// What distances are measured from, where not from the filter's point.
    pub origin: Option<Point>,
    /// 1 to [`MOST_HITS`]; other values are clamped.
    pub limit: usize,
    /// Where the page before ended: its [`SearchPage::next`].
    pub cursor: Option<String>,
    /// Whether hits carry snippets.
    pub snippets: bool,
    pub now: DateTime<Utc>,
}

impl SearchQuery {
    /// A plain search by a visitor, 20 hits with snippets.
    pub fn new(text: &str, now: DateTime<Utc>) -> SearchQuery {
        SearchQuery {
            text: text.to_owned(),
            language: None,
            audience: Audience::Public,
            reader_languages: Vec::new(),
            filters: Filters::default(),
            facets: Vec::new(),
            sort: Sort::default(),
            origin: None,
            limit: 20,
            cursor: None,
            snippets: true,
            now,
        }
    }
}

/// One page of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchPage {
    pub hits: Vec<Hit>,
    /// All documents found, on this and all other pages.
    pub total: usize,
    pub facets: Vec<Facet>,
    /// The cursor of the next page; `None` on the last.
    pub next: Option<String>,
    /// Whether similar words were taken too, or not all words had to be found.
    pub relaxed: bool,
}

/// One document found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub id: String,
    pub kind: Kind,
    pub category: String,
    pub profile: String,
    /// Greater is better within one answer; means nothing between answers.
    pub score: f32,
    /// In the first of the reader's languages that has one, else the main title; plain text.
    pub title: String,
    /// HTML: escaped, with the words found inside `<mark>`.
    pub snippet: Option<String>,
    pub place: Place,
    pub starts_at: Option<DateTime<Utc>>,
    pub distance_km: Option<f64>,
}

/// The index as of one commit.
pub(crate) struct Snapshot {
    pub searcher: tantivy::Searcher,
    /// The languages that any text is in.
    pub languages: Vec<Language>,
    pub position: Option<String>,
}

/// A handle for readers: cheap to clone, and every call sees the latest commit.
#[derive(Clone)]
pub struct Searcher {
    analysis: Arc<Analysis>,
    fields: Arc<Fields>,
    snapshot: Arc<ArcSwap<Snapshot>>,
}

impl Searcher {
    pub(crate) fn new(
        analysis: Arc<Analysis>,
        fields: Arc<Fields>,
        snapshot: Arc<ArcSwap<Snapshot>>,
    ) -> Searcher {
        Searcher { analysis, fields, snapshot }
    }

    /// The latest commit, to be kept for as long as one answer takes.
    ///
    /// # Errors
    /// [`IndexError::Incomplete`]
    pub(crate) fn snapshot(&self) -> Result<Arc<Snapshot>, IndexError> {
        let snapshot = self.snapshot.load_full();
        if snapshot.position.is_some() { Ok(snapshot) } else { Err(IndexError::Incomplete) }
    }

    pub(crate) fn fields(&self) -> &Fields {
        &self.fields
    }

    pub fn analysis(&self) -> &Arc<Analysis> {
        &self.analysis
    }

    /// How many documents the latest commit holds, for whatever reader.
    pub fn count(&self) -> u64 {
        self.snapshot.load().searcher.num_docs()
    }

    /// The position that the latest commit recorded; `None` while the index is not complete.
    pub fn position(&self) -> Option<String> {
        self.snapshot.load().position.clone()
    }

    /// A document as it was indexed, with everything that members may see.
    ///
    /// # Errors
    /// [`IndexError::Incomplete`], or if the engine fails or the stored document is damaged.
    pub fn document(&self, kind: Kind, id: &str) -> Result<Option<Document>, IndexError> {
        let snapshot = self.snapshot()?;
        let address = self.address(&snapshot, kind, id)?;
        address.map(|address| self.stored(&snapshot, address)).transpose()
    }

    /// Where a snapshot keeps a document.
    pub(crate) fn address(
        &self,
        snapshot: &Snapshot,
        kind: Kind,
        id: &str,
    ) -> Result<Option<DocAddress>, IndexError> {
        let term = Term::from_field_text(self.fields.key, &schema::key(kind, id));
        for (segment, reader) in (0..).zip(snapshot.searcher.segment_readers()) {
            let index = reader.inverted_index(self.fields.key)?;
            let Some(mut postings) = index.read_postings(&term, IndexRecordOption::Basic)? else {
                continue;
            };
            use tantivy::{DocSet, TERMINATED};
            while postings.doc() != TERMINATED {
                if !reader.is_deleted(postings.doc()) {
                    return Ok(Some(DocAddress::new(segment, postings.doc())));
                }
                postings.advance();
            }
        }
        Ok(None)
    }

    /// Reads a document of a snapshot back.
    pub(crate) fn stored(&self, snapshot: &Snapshot, address: DocAddress) -> Result<Document, IndexError> {
        let entry: TantivyDocument = snapshot.searcher.doc(address)?;
        let bytes = entry.get_first(self.fields.document).and_then(|value| value.as_bytes());
        Ok(serde_json::from_slice(bytes.unwrap_or_default())?)
    }

    /// Finds documents. Whatever the text is, it is no error.
    ///
    /// # Errors
    /// [`IndexError::Incomplete`], [`IndexError::BadCursor`], [`IndexError::NoPoint`], or a failure of the engine.
    pub fn search(&self, query: &SearchQuery) -> Result<SearchPage, IndexError> {
        let search = Search::new(self, query)?;
        let cursor = query.cursor.as_deref().map(|text| Cursor::decode(text, query.sort));
        let cursor = cursor.transpose()?;
        let (reading, collected, facets) = match cursor {
            Some(cursor) => {
                let reading = Reading::from_number(cursor.reading).ok_or(IndexError::BadCursor)?;
                let (collected, facets) = search.collect(reading, Some(cursor))?;
                (reading, collected, facets)
            }
            None => search.first_page()?,
        };
        search.page(reading, collected, facets)
    }
}

/// One search on one snapshot.
struct Search<'a> {
    searcher: &'a Searcher,
    snapshot: Arc<Snapshot>,
    query: &'a SearchQuery,
    parsed: Parsed,
    own: Option<Language>,
    point: Option<Point>,
    limit: usize,
}

impl<'a> Search<'a> {
    fn new(searcher: &'a Searcher, query: &'a SearchQuery) -> Result<Search<'a>, IndexError> {
        let point = query.origin.or(query.filters.near.map(|near| near.point));
        if query.sort == Sort::Distance && point.is_none() {
            return Err(IndexError::NoPoint);
        }
        let parsed = parse(&query.text);
        let own = match &query.language {
            Some(code) => Some(Language::from_code(code)),
            None => Language::detect(&parsed.plain),
        };
        let limit = query.limit.clamp(1, MOST_HITS);
        Ok(Search { searcher, snapshot: searcher.snapshot()?, query, parsed, own, point, limit })
    }

    /// Reads the query ever more leniently until it finds enough.
    fn first_page(&self) -> Result<(Reading, Collected, Vec<Facet>), IndexError> {
        let (mut collected, mut facets) = self.collect(Reading::Exact, None)?;
        let mut taken = Reading::Exact;
        if self.parsed.wanted.is_empty() {
            return Ok((taken, collected, facets));
        }
        let several = self.parsed.wanted.len() > 1;
        for reading in Reading::ALL.into_iter().skip(1) {
            let enough = if reading == Reading::Any { 1 } else { ENOUGH };
            let changes_nothing = reading > Reading::Similar && !several;
            if collected.total >= enough || changes_nothing {
                break;
            }
            let (more, counts) = self.collect(reading, None)?;
            if more.total > collected.total {
                (taken, collected, facets) = (reading, more, counts);
            }
        }
        Ok((taken, collected, facets))
    }

    fn collect(
        &self,
        reading: Reading,
        cursor: Option<Cursor>,
    ) -> Result<(Collected, Vec<Facet>), IndexError> {
        let Some(query) = self.engine_query(reading)? else {
            return Ok((Collected::default(), facets::read(&self.query.facets, &Default::default())));
        };
        let page = PageCollector {
            sort: self.query.sort,
            point: self.point,
            after: cursor.map(|cursor| cursor.key),
            limit: self.limit + 1,
        };
        let engine = &self.snapshot.searcher;
        if self.query.facets.is_empty() {
            return Ok((engine.search(&query, &page)?, Vec::new()));
        }
        let counter = facets::collector(&self.query.facets, self.query.audience)?;
        let (collected, counts) = engine.search(&query, &(page, counter))?;
        Ok((collected, facets::read(&self.query.facets, &counts)))
    }

    /// The query for the engine; `None` where nothing can match.
    fn engine_query(&self, reading: Reading) -> Result<Option<BooleanQuery>, IndexError> {
        let (fields, audience) = (&*self.searcher.fields, self.query.audience);
        let mut clauses =
            self.query.filters.clauses(&self.snapshot.searcher, fields, audience, self.query.now);
        if !Parsed::is_blank(&self.query.text) {
            let builder = Builder {
                searcher: &self.snapshot.searcher,
                analysis: &self.searcher.analysis,
                fields,
                reader: audience,
                languages: &self.snapshot.languages,
                own: self.own,
                reading,
            };
            let Some(words) = builder.clauses(&self.parsed)? else {
                return Ok(None);
            };
            clauses.extend(words);
        }
        let all: Box<dyn Query> = Box::new(ConstScoreQuery::new(Box::new(AllQuery), 0.0));
        if clauses.iter().all(|(occur, _)| *occur == Occur::MustNot) {
            clauses.push((Occur::Must, all));
        }
        Ok(Some(BooleanQuery::new(clauses)))
    }

    fn page(
        &self,
        reading: Reading,
        mut collected: Collected,
        facets: Vec<Facet>,
    ) -> Result<SearchPage, IndexError> {
        let more = collected.hits.len() > self.limit;
        collected.hits.truncate(self.limit);
        let last = collected.hits.last().filter(|_| more);
        let next = last
            .map(|hit| Cursor { sort: self.query.sort, reading: reading.number(), key: hit.key }.encode());
        let wanted = self.wanted();
        let hits = collected
            .hits
            .iter()
            .map(|ranked| self.hit(ranked, wanted.as_ref()))
            .collect::<Result<_, _>>()?;
        let relaxed = reading != Reading::Exact;
        Ok(SearchPage { hits, total: collected.total, facets, next, relaxed })
    }

    /// What snippets mark.
    fn wanted(&self) -> Option<Wanted> {
        if !self.query.snippets || self.parsed.wanted.is_empty() {
            return None;
        }
        let words = self.parsed.wanted.iter().map(|part| match part {
            Part::Word(text) | Part::Phrase(text) => text.as_str(),
        });
        let (analysis, languages) = (&self.searcher.analysis, &self.snapshot.languages);
        Some(Wanted::new(analysis, languages, self.own, words, &self.parsed.plain))
    }

    fn hit(&self, ranked: &Ranked, wanted: Option<&Wanted>) -> Result<Hit, IndexError> {
        let document = self.searcher.stored(&self.snapshot, ranked.address)?;
        let languages: Vec<&str> = self.query.reader_languages.iter().map(String::as_str).collect();
        let (analysis, reader) = (&self.searcher.analysis, self.query.audience);
        let snippet = self
            .query
            .snippets
            .then(|| snippet::snippet(&document, reader, &languages, analysis, wanted))
            .flatten();
        let title = title(&document, reader, &languages).map(|title| title.text.clone());
        let distance_km = self.point.zip(document.place.point).map(|(a, b)| distance_km(a, b));
        Ok(Hit {
            id: document.id,
            kind: document.kind,
            category: document.category,
            profile: document.profile,
            score: ranked.score,
            title: title.unwrap_or_default(),
            snippet,
            place: document.place,
            starts_at: document.starts_at,
            distance_km,
        })
    }
}

/// The title that a reader is shown: in the first of his languages that has one he may see, else
/// the first he may see.
pub(crate) fn title<'a>(document: &'a Document, reader: Audience, languages: &[&str]) -> Option<&'a Passage> {
    let visible = || document.titles.iter().filter(|title| reader.may_see(title.audience));
    languages
        .iter()
        .find_map(|language| visible().find(|title| title.language.as_deref() == Some(*language)))
        .or_else(|| visible().next())
}
