//! A corpus in an index of its own, and queries ranked as the service ranks them: by the same `Index`, `Searcher` and
//! `Matcher`, with the parameters in force.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::TimeDelta;
use clap::ValueEnum;
use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use search_index::matching::{MAX_LIMIT, MatchRequest, Matcher, Mode as Face};
use search_index::search::{MOST_HITS, SCORE_NOISE_BITS};
use search_index::{Analysis, Change, Document, Index, IndexError, SearchQuery, WriterOptions};
use tempfile::TempDir;

use super::corpus::{Corpus, NOW, Record, RecordKind, each_record};
use super::input::EvaluationError;
use super::trec::Retrieved;
use crate::values::Language;

/// Documents that are indexed together.
const BATCH: usize = 500;
/// Where nothing else decides, the service shows the newest first. So that this does not depend on the place in the file,
/// documents are drawn ages that differ by up to so many seconds, about ten years, with a fixed seed.
const SPREAD: i64 = 315_360_000;
const SEED: u64 = 1;
/// What the index says it is filled up to; nobody follows it.
const POSITION: &str = "evaluation";

/// Which of the two doors of the service ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// As words that somebody searches for: a query's title, or its text where it has none
    Search,
    /// As a need, title and text, that looks for profiles; where the documents are needs, as a profile that looks for them
    Match,
}

/// A corpus that can be asked.
pub struct Ranker {
    index: Index,
    matcher: Matcher,
    documents: HashSet<String>,
    /// What all documents are.
    kind: RecordKind,
    /// Of texts that do not state theirs.
    language: Option<Language>,
    /// Holds the index until the ranker goes.
    _folder: TempDir,
}

impl Ranker {
    /// Indexes the documents of a corpus in a folder that goes with the ranker. `progress` hears how many are done.
    ///
    /// # Errors
    /// Names what is wrong with which line, or why the index cannot be written.
    pub fn new(
        corpus: &Corpus,
        language: Option<Language>,
        analysis: Arc<Analysis>,
        progress: &dyn Fn(&str),
    ) -> Result<Ranker, EvaluationError> {
        let folder = TempDir::with_prefix("aihub-evaluate-").map_err(EvaluationError::Folder)?;
        let index = Index::open(folder.path(), Arc::clone(&analysis), WriterOptions::default())?;
        let matcher = Matcher::new(analysis)?;
        let kind = RecordKind::default();
        let mut ranker =
            Ranker { index, matcher, documents: HashSet::new(), kind, language, _folder: folder };
        ranker.fill(corpus, progress)?;
        Ok(ranker)
    }

    fn fill(&mut self, corpus: &Corpus, progress: &dyn Fn(&str)) -> Result<(), EvaluationError> {
        let mut batch = Vec::with_capacity(BATCH);
        let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED);
        each_record(&corpus.documents(), |record| {
            let kind = record.kind();
            if self.documents.is_empty() {
                self.kind = kind;
            } else if self.kind != kind {
                return Err("profiles and needs cannot be ranked in one corpus".to_owned().into());
            }
            self.documents.insert(record.id.clone());
            let mut document = record.document(kind, self.language.as_ref());
            document.created_at -= TimeDelta::seconds(random.random_range(0..SPREAD));
            batch.push(Change::Put(Box::new(document)));
            if batch.len() == BATCH {
                self.index.apply(std::mem::take(&mut batch))?;
                progress(&format!("{} documents indexed", self.documents.len()));
            }
            Ok(())
        })?;
        self.index.apply(batch)?;
        self.index.commit(POSITION)?;
        Ok(())
    }

    /// Whether the corpus has a document.
    pub fn holds(&self, document: &str) -> bool {
        self.documents.contains(document)
    }

    /// The best documents for a query, at most `top`, without those that the query excludes.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn answer(&self, query: Record, mode: Mode, top: usize) -> Result<Vec<Retrieved>, IndexError> {
        let excluded = query.metadata.as_ref().map(|metadata| metadata.exclude.clone()).unwrap_or_default();
        let deep_enough = top.saturating_add(excluded.len());
        let mut found = match mode {
            Mode::Search => self.search(query, deep_enough)?,
            Mode::Match => self.matches(query)?,
        };
        found.retain(|found| !excluded.contains(&found.document));
        found.truncate(top);
        Ok(found)
    }

    /// Page after page, as a client would read on.
    fn search(&self, query: Record, top: usize) -> Result<Vec<Retrieved>, IndexError> {
        let language = query.language().or(self.language.as_ref()).map(ToString::to_string);
        let mut asked = SearchQuery {
            language,
            limit: MOST_HITS,
            snippets: false,
            ..SearchQuery::new(query.words(), NOW)
        };
        let mut found = Vec::new();
        loop {
            let page = self.index.searcher().search(&asked)?;
            // The service takes scores without their last bits; what differs there is equal.
            let score = |score: f32| f32::from_bits(score.to_bits() >> SCORE_NOISE_BITS << SCORE_NOISE_BITS);
            let hits = page.hits.into_iter();
            found.extend(hits.map(|hit| Retrieved { document: hit.id, score: score(hit.score) }));
            if page.next.is_none() || found.len() >= top {
                return Ok(found);
            }
            asked.cursor = page.next;
        }
    }

    /// All candidates that the service scores for a page of its greatest size.
    fn matches(&self, query: Record) -> Result<Vec<Retrieved>, IndexError> {
        let (asking, mode) = match self.kind.opposite() {
            RecordKind::Need => (RecordKind::Need, Face::Seeks),
            RecordKind::Profile => (RecordKind::Profile, Face::Offers),
        };
        // No document has white space in its id, so the query is nobody's own profile.
        let id = format!("query {}", query.id);
        let seeker = Document { profile: id.clone(), id, ..query.document(asking, self.language.as_ref()) };
        let request = MatchRequest { mode, limit: MAX_LIMIT, ..MatchRequest::new(seeker, NOW) };
        let order = self.matcher.order(&self.index.searcher(), &request)?;
        // The service takes scores to a millionth; what is closer is equal.
        let score = |score: f64| ((score * 1e6).round() / 1e6) as f32;
        let placed = order.into_iter();
        Ok(placed.map(|placed| Retrieved { document: placed.id, score: score(placed.score) }).collect())
    }
}
