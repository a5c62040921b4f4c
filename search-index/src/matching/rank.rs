//! From a question to a ranked, explained page.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use tantivy::schema::Value;
use tantivy::{DocAddress, TantivyDocument};

use super::candidates::{Candidate, Seeker, View, lot};
use super::concepts::{Closeness, Rarity};
use super::explain::{Explainer, Match};
use super::reason::{Reasons, ReasonsError};
use super::request::{MAX_LIMIT, MatchPage, MatchRequest, Placed, Why};
use super::rules::{Blocker, Rules};
use super::score::{Measure, Score};
use super::vector::Vector;
use crate::analysis::Analysis;
use crate::document::{Document, Kind};
use crate::error::IndexError;
use crate::search::Searcher;

/// Where rules keep so many out that a page would not fill, this many times more candidates are looked at, once.
const SECOND_LOOK: usize = 4;

/// Ranks and explains. Made once, shared by all requests.
pub struct Matcher {
    analysis: Arc<Analysis>,
    closeness: Closeness,
    reasons: Reasons,
}

/// A candidate with its score.
struct Ranked {
    address: DocAddress,
    vector: Vector,
    score: Score,
}

/// The candidates of one request in their order, and what they were measured with.
struct Ranking {
    seeker: Seeker,
    ranked: Vec<Ranked>,
    rarity: Rarity,
}

impl Matcher {
    /// With the vocabulary and the analysis that the index was built with.
    ///
    /// # Errors
    /// If an embedded file of sentence frames is faulty.
    pub fn new(analysis: Arc<Analysis>) -> Result<Matcher, ReasonsError> {
        let closeness = Closeness::new(analysis.vocabulary());
        Ok(Matcher { analysis, closeness, reasons: Reasons::embedded()? })
    }

    /// The best matches for a request, explained.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn rank(&self, index: &Searcher, request: &MatchRequest) -> Result<MatchPage, IndexError> {
        let snapshot = index.snapshot()?;
        let view = self.view(index, &snapshot.searcher, request);
        let Ranking { seeker, mut ranked, rarity } = self.ranking(view, request)?;
        let considered = ranked.len();
        ranked.truncate(request.limit.clamp(1, MAX_LIMIT));
        let measure = self.measure(&rarity, request);
        let mut matches = Vec::with_capacity(ranked.len());
        for Ranked { address, vector, score } in ranked {
            let document = stored(view, address)?;
            matches.push(self.explain(measure, request, (&seeker.vector, &vector), &document, score));
        }
        let parameters_version = request.parameters.version.clone();
        Ok(MatchPage { matches, considered, parameters_version })
    }

    /// All candidates that are scored for a request, with nothing explained: the order that [`Matcher::rank`] cuts its
    /// page from, for measuring how good it is.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn order(&self, index: &Searcher, request: &MatchRequest) -> Result<Vec<Placed>, IndexError> {
        let snapshot = index.snapshot()?;
        let view = self.view(index, &snapshot.searcher, request);
        let Ranking { ranked, .. } = self.ranking(view, request)?;
        let placed = |Ranked { address, score, .. }: Ranked| {
            Ok(Placed { id: stored(view, address)?.id, score: score.score })
        };
        ranked.into_iter().map(placed).collect()
    }

    /// Why one candidate stands where it stands, or what keeps it out. `None` if there is no such document, or the
    /// reader may not know of it.
    ///
    /// # Errors
    /// If the index cannot be read.
    pub fn why(
        &self,
        index: &Searcher,
        request: &MatchRequest,
        candidate: &str,
    ) -> Result<Option<Why>, IndexError> {
        let snapshot = index.snapshot()?;
        let view = self.view(index, &snapshot.searcher, request);
        let Some(address) = view.find(candidate)? else {
            return Ok(None);
        };
        let Some(Candidate { vector, .. }) = view.vectors(&[address])?.pop() else {
            return Ok(None);
        };
        if !request.reader.may_see(vector.audience) {
            return Ok(None);
        }
        let document = stored(view, address)?;
        let Ranking { seeker, ranked, .. } = self.ranking(view, request)?;
        let asked = [Candidate { address, vector }];
        let rarity = view.rarity(&seeker.vector, &asked);
        let measure = self.measure(&rarity, request);
        let [Candidate { vector, .. }] = asked;
        let score = measure.score(&seeker.vector, &vector);
        let blocker = match self.rules(request).blocker(&seeker.vector, &vector) {
            None if !view.passes(request, &document)? => Some(Blocker::OutsideFilters),
            blocker => blocker,
        };
        let own_place = place(score.score, vector.id, request);
        let better =
            ranked.iter().filter(|other| place(other.score.score, other.vector.id, request) < own_place);
        let rank = blocker.is_none().then(|| 1 + better.count());
        let vectors = (&seeker.vector, &vector);
        Ok(Some(Why {
            candidate: self.explain(measure, request, vectors, &document, score),
            rank,
            blocker,
            considered: ranked.len(),
            parameters_version: request.parameters.version.clone(),
        }))
    }

    fn view<'a>(
        &'a self,
        index: &'a Searcher,
        searcher: &'a tantivy::Searcher,
        request: &MatchRequest,
    ) -> View<'a> {
        View { searcher, fields: index.fields(), analysis: &self.analysis, reader: request.reader }
    }

    fn rules(&self, request: &MatchRequest) -> Rules {
        Rules::new(&request.exclude, request.interpreter, request.now)
    }

    fn measure<'a>(&'a self, rarity: &'a Rarity, request: &'a MatchRequest) -> Measure<'a> {
        Measure {
            closeness: &self.closeness,
            rarity,
            parameters: &request.parameters,
            today: request.today(),
            reader: request.reader,
        }
    }

    /// Collects, filters, scores and orders the candidates.
    fn ranking(&self, view: View<'_>, request: &MatchRequest) -> Result<Ranking, IndexError> {
        let kinds = request.filters().kinds;
        let wants_needs = kinds.is_empty() || kinds.contains(&Kind::Need);
        let seeker = view.seeker(&request.seeker, request.mode, wants_needs);
        let candidates = self.candidates(view, request, &seeker)?;
        let rarity = view.rarity(&seeker.vector, &candidates);
        let measure = self.measure(&rarity, request);
        let mut ranked: Vec<Ranked> = candidates
            .into_iter()
            .map(|Candidate { address, vector }| {
                let score = measure.score(&seeker.vector, &vector);
                Ranked { address, vector, score }
            })
            .collect();
        ranked.sort_by_key(|ranked| place(ranked.score.score, ranked.vector.id, request));
        Ok(Ranking { seeker, ranked, rarity })
    }

    fn candidates(
        &self,
        view: View<'_>,
        request: &MatchRequest,
        seeker: &Seeker,
    ) -> Result<Vec<Candidate>, IndexError> {
        let rules = self.rules(request);
        let allowed = |addresses: &[DocAddress]| -> Result<Vec<Candidate>, IndexError> {
            let mut candidates = view.vectors(addresses)?;
            candidates.retain(|candidate| {
                request.reader.may_see(candidate.vector.audience)
                    && rules.blocker(&seeker.vector, &candidate.vector).is_none()
            });
            Ok(candidates)
        };
        let limit = request.limit.clamp(1, MAX_LIMIT);
        let count = request.parameters.candidates.max(limit);
        let mut found = view.best(seeker, request, count)?;
        let mut candidates = allowed(&found)?;
        if candidates.len() < limit && found.len() == count {
            found = view.best(seeker, request, count * SECOND_LOOK)?;
            candidates = allowed(&found)?;
        }
        if candidates.len() < limit {
            let known: HashSet<DocAddress> = found.into_iter().collect();
            let mut newest = view.newest(request, count)?;
            newest.retain(|address| !known.contains(address));
            candidates.extend(allowed(&newest)?);
        }
        Ok(candidates)
    }

    fn explain(
        &self,
        measure: Measure<'_>,
        request: &MatchRequest,
        (seeker, candidate): (&Vector, &Vector),
        document: &Document,
        score: Score,
    ) -> Match {
        let languages: Vec<&str> = request.languages.iter().map(String::as_str).collect();
        let explainer =
            Explainer { analysis: &self.analysis, reasons: &self.reasons, measure, languages: &languages };
        explainer.explain(seeker, candidate, document, score)
    }
}

/// A candidate's place in the order, smaller is better: by score to a millionth, then by a lot that is drawn anew every
/// day, so that among equals nobody is first for good, then by id.
fn place(score: f64, id: u64, request: &MatchRequest) -> (Reverse<u64>, u64, u64) {
    (Reverse((score * 1e6).round() as u64), lot(id, request.today()), id)
}

/// Reads a document back from the index.
fn stored(view: View<'_>, address: DocAddress) -> Result<Document, IndexError> {
    let entry: TantivyDocument = view.searcher.doc(address)?;
    let bytes = entry.get_first(view.fields.document).and_then(|value| value.as_bytes());
    Ok(serde_json::from_slice(bytes.unwrap_or_default())?)
}
