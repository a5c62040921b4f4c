//! The few hundred documents worth an exact score, out of all.
//!
//! What one side seeks is looked up among what the others offer, and the other way round, as one disjunction of the rarest
//! terms and of the concepts; filters stand beside it as clauses that do not score. The weights here decide only who is
//! looked at, never who wins.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery, TermSetQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocId, Order, Score, SegmentReader, Term};

use super::build::{Caps, Prepared, Side};
use super::codec;
use super::concepts::{Rarity, idf};
use super::request::{MatchRequest, Mode};
use super::vector::{FaceVector, Mention, Vector, term_hash};
use crate::analysis::{Analysis, AnchorNumber};
use crate::document::{Audience, Document, Kind};
use crate::error::IndexError;
use crate::schema::{FaceFields, Fields, Layered, column, face_term};
use crate::search::filters::Clause;
use crate::vocabulary::ConceptNumber;

/// How many terms and concepts of a face are looked up.
const MOST_TERMS: usize = 24;
const MOST_CONCEPTS: usize = 16;
const MOST_ANCHORS: usize = 12;
/// What all words together may add to a candidate's weight, where all concepts together add 1.
const WORDS_SHARE: f64 = 0.6;
/// The same for all anchors together.
const ANCHORS_SHARE: f64 = 0.8;
/// The direction that was not asked about finds candidates too, with this much of the weight.
const OTHER_DIRECTION: f64 = 0.3;
/// What is sought is also looked up among what needs seek: their task is what they have to give.
const TASKS: f64 = 0.5;
/// How many postings one group of lookups may read beyond its weightiest one. It keeps the cost of a question from growing
/// with the number of profiles; what it leaves out is frequent and says little.
const MOST_POSTINGS: u64 = 60_000;
/// Candidates of equal weight are drawn by lot, another lot every day; this is the most that the lot adds.
const LOT: f32 = 1e-3;

/// The index as one request sees it.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub searcher: &'a tantivy::Searcher,
    pub fields: &'a Fields,
    pub analysis: &'a Analysis,
    pub reader: Audience,
}

/// A document that was found, with its vector.
pub(super) struct Candidate {
    pub address: DocAddress,
    pub vector: Vector,
}

/// The asking side: its vector, and what it is looked up by.
pub(super) struct Seeker {
    pub vector: Vector,
    lookups: Vec<(Term, f64)>,
}

impl<'a> View<'a> {
    /// Analyses the asking side, with the rarities of this index.
    pub fn seeker(self, document: &Document, mode: Mode, wants_needs: bool) -> Seeker {
        let prepared = Prepared::new(document, self.analysis);
        let frequencies = Frequencies { view: self, known: RefCell::default() };
        // What is sought meets offers, and what is offered meets what others seek.
        let vector = prepared.vector(Caps::default(), |side, language, term| {
            let fields = opposite(self.fields, side);
            frequencies.idf(fields.terms, &face_term(language, term))
        });
        let giving =
            if std::ptr::eq(vector.giving(self.reader), &vector.seeks) { Side::Seeks } else { Side::Offers };
        let (forward, backward) = match mode {
            Mode::Seeks => (1.0, OTHER_DIRECTION),
            Mode::Offers => (OTHER_DIRECTION, 1.0),
        };
        let (offers, seeks) = (self.fields.offers, self.fields.seeks);
        let mut groups = vec![(Side::Seeks, offers, forward), (giving, seeks, backward)];
        if wants_needs && giving != Side::Seeks {
            groups.push((Side::Seeks, seeks, TASKS));
        }
        let lookups = groups
            .into_iter()
            .flat_map(|(side, fields, share)| {
                let words = heaviest_words(&prepared, &vector, side, self.reader);
                let words = frequencies.lookups(words, fields.terms, share * WORDS_SHARE);
                let concepts = self.concepts(&frequencies, &vector, side, fields);
                let concepts = frequencies.lookups(concepts, fields.concepts, share);
                let anchors = anchors(&vector, side, self.reader);
                let anchors = frequencies.lookups(anchors, fields.anchors, share * ANCHORS_SHARE);
                words.into_iter().chain(concepts).chain(anchors)
            })
            .collect();
        Seeker { vector, lookups }
    }

    /// The weightiest concepts of a face, by prominence and rarity.
    fn concepts(
        self,
        frequencies: &Frequencies<'_>,
        vector: &Vector,
        side: Side,
        fields: FaceFields,
    ) -> Vec<(String, f64)> {
        let weigh = |mention: &Mention| {
            let concept = self.analysis.vocabulary().by_number(mention.concept)?;
            let rarity = frequencies.idf(fields.concepts, &concept.id);
            Some((concept.id.clone(), f64::from(mention.weight) * rarity))
        };
        let concepts = face(vector, side).concepts(self.reader).iter().filter_map(weigh);
        heaviest(concepts.collect(), MOST_CONCEPTS)
    }

    /// The clauses that keep to what was asked for and away from whom it may not be.
    pub fn filters(self, request: &MatchRequest) -> Vec<Clause> {
        let mut clauses = request.filters().clauses(self.searcher, self.fields, self.reader, request.now);
        let profiles: Vec<Term> = request
            .exclude
            .keys()
            .chain([&request.seeker.profile])
            .map(|profile| Term::from_field_text(self.fields.profile, profile))
            .collect();
        clauses.push((Occur::MustNot, Box::new(TermSetQuery::new(profiles))));
        clauses
    }

    /// The best `count` documents by the lookups of the seeker.
    pub fn best(
        self,
        seeker: &Seeker,
        request: &MatchRequest,
        count: usize,
    ) -> Result<Vec<DocAddress>, IndexError> {
        if seeker.lookups.is_empty() {
            return Ok(Vec::new());
        }
        let any = seeker.lookups.iter().map(|(term, weight)| {
            let term = TermQuery::new(term.clone(), IndexRecordOption::Basic);
            Box::new(ConstScoreQuery::new(Box::new(term), *weight as Score)) as Box<dyn Query>
        });
        let mut clauses = self.filters(request);
        clauses.push((Occur::Must, Box::new(BooleanQuery::union(any.collect()))));
        let day = request.today();
        let collector = TopDocs::with_limit(count).tweak_score(move |segment: &SegmentReader| {
            let ties = segment.fast_fields().u64(column::TIE).ok();
            move |doc: DocId, score: Score| {
                let tie = ties.as_ref().and_then(|ties| ties.first(doc)).unwrap_or(0);
                score + LOT * (lot(tie, day) >> 40) as f32 / (1 << 24) as f32
            }
        });
        let found = self.searcher.search(&BooleanQuery::new(clauses), &collector)?;
        Ok(found.into_iter().map(|(_, address)| address).collect())
    }

    /// The newest `count` documents that pass the filters: something to show where little is known.
    pub fn newest(self, request: &MatchRequest, count: usize) -> Result<Vec<DocAddress>, IndexError> {
        let query = BooleanQuery::new(self.filters(request));
        let collector = TopDocs::with_limit(count).order_by_fast_field::<i64>(column::CREATED, Order::Desc);
        let found = self.searcher.search(&query, &collector)?;
        Ok(found.into_iter().map(|(_, address)| address).collect())
    }

    /// The document with this id, of whatever kind.
    pub fn find(self, id: &str) -> Result<Option<DocAddress>, IndexError> {
        for kind in Kind::ALL {
            let query = self.key_query(kind, id);
            let found = self.searcher.search(&query, &TopDocs::with_limit(1).order_by_score())?;
            if let Some((_, address)) = found.first() {
                return Ok(Some(*address));
            }
        }
        Ok(None)
    }

    /// Whether a document passes the filters of the request.
    pub fn passes(self, request: &MatchRequest, document: &Document) -> Result<bool, IndexError> {
        let mut clauses = self.filters(request);
        clauses.push((Occur::Must, Box::new(self.key_query(document.kind, &document.id))));
        let query = BooleanQuery::new(clauses);
        let found = self.searcher.search(&query, &TopDocs::with_limit(1).order_by_score())?;
        Ok(!found.is_empty())
    }

    fn key_query(self, kind: Kind, id: &str) -> TermQuery {
        let term = Term::from_field_text(self.fields.key, &crate::schema::key(kind, id));
        TermQuery::new(term, IndexRecordOption::Basic)
    }

    /// Reads the vectors of some documents. One that cannot be decoded is left out and logged.
    pub fn vectors(self, addresses: &[DocAddress]) -> Result<Vec<Candidate>, IndexError> {
        let mut by_segment: HashMap<u32, Vec<DocId>> = HashMap::new();
        for address in addresses {
            by_segment.entry(address.segment_ord).or_default().push(address.doc_id);
        }
        let mut candidates = Vec::with_capacity(addresses.len());
        for (segment, docs) in by_segment {
            let reader = self.searcher.segment_reader(segment);
            let Some(column) = reader.fast_fields().bytes(column::VECTOR)? else {
                continue;
            };
            let mut bytes = Vec::new();
            for doc in docs {
                bytes.clear();
                let Some(ord) = column.term_ords(doc).next() else {
                    continue;
                };
                let read = column.ord_to_bytes(ord, &mut bytes)?;
                match codec::decode(&bytes).filter(|_| read) {
                    Some(vector) => {
                        let address = DocAddress::new(segment, doc);
                        candidates.push(Candidate { address, vector });
                    }
                    None => log::warn!("document {doc} of segment {segment} has a damaged vector"),
                }
            }
        }
        Ok(candidates)
    }

    /// The rarity of every concept that any of these documents or the seeker seeks.
    pub fn rarity(self, seeker: &Vector, candidates: &[Candidate]) -> Rarity {
        let sought: HashSet<ConceptNumber> = candidates
            .iter()
            .map(|candidate| &candidate.vector)
            .chain([seeker])
            .flat_map(|vector| vector.seeks.concepts(self.reader))
            .map(|mention| mention.concept)
            .collect();
        let frequencies = sought.into_iter().filter_map(|number| {
            let concept = self.analysis.vocabulary().by_number(number)?;
            Some((number, self.frequency(self.fields.offers.concepts, &concept.id)))
        });
        Rarity::new(self.searcher.num_docs(), frequencies)
    }

    /// In how many documents a value occurs, as far as the reader may see.
    fn frequency(self, field: Layered, text: &str) -> u64 {
        field
            .visible_to(self.reader)
            .filter_map(|field: Field| self.searcher.doc_freq(&Term::from_field_text(field, text)).ok())
            .sum()
    }
}

/// In how many documents values occur, each looked up once.
struct Frequencies<'a> {
    view: View<'a>,
    known: RefCell<HashMap<(Field, String), u64>>,
}

impl Frequencies<'_> {
    fn of(&self, field: Layered, text: &str) -> u64 {
        let key = (field.public, text.to_owned());
        if let Some(known) = self.known.borrow().get(&key) {
            return *known;
        }
        let frequency = self.view.frequency(field, text);
        self.known.borrow_mut().insert(key, frequency);
        frequency
    }

    fn idf(&self, field: Layered, text: &str) -> f64 {
        idf(self.view.searcher.num_docs(), self.of(field, text))
    }

    /// The values that occur in what the reader may see, as terms whose weights sum to at most `share`. The weightiest
    /// is always there, the others as far as the budget of postings goes.
    fn lookups(&self, values: Vec<(String, f64)>, field: Layered, share: f64) -> Vec<(Term, f64)> {
        let total: f64 = values.iter().map(|(_, weight)| weight).sum();
        let mut lookups = Vec::new();
        let mut postings = 0;
        for (text, weight) in &values {
            let frequency = self.of(field, text);
            if frequency == 0 || (!lookups.is_empty() && postings + frequency > MOST_POSTINGS) {
                continue;
            }
            postings += frequency;
            let weight = share * weight / total.max(f64::MIN_POSITIVE);
            let fields = field.visible_to(self.view.reader);
            lookups.extend(fields.map(|field| (Term::from_field_text(field, text), weight)));
        }
        lookups
    }
}

fn face(vector: &Vector, side: Side) -> &FaceVector {
    match side {
        Side::Seeks => &vector.seeks,
        Side::Offers => &vector.offers,
    }
}

/// The anchors that a face resembles most.
fn anchors(vector: &Vector, side: Side, reader: Audience) -> Vec<(String, f64)> {
    let found = strongest(face(vector, side).likeness(reader), MOST_ANCHORS);
    found.map(|(anchor, value)| (anchor.to_string(), f64::from(value))).collect()
}

/// The `most` anchors that a text resembles most, the strongest first.
pub(crate) fn strongest(
    likeness: &[(AnchorNumber, f32)],
    most: usize,
) -> impl Iterator<Item = (AnchorNumber, f32)> + use<> {
    let mut found = likeness.to_vec();
    found.sort_by(|one, other| other.1.total_cmp(&one.1).then(one.0.cmp(&other.0)));
    found.into_iter().take(most)
}

/// The heaviest words of a face as terms of the index, in all languages together.
fn heaviest_words(
    prepared: &Prepared<'_>,
    vector: &Vector,
    side: Side,
    reader: Audience,
) -> Vec<(String, f64)> {
    let texts = face(vector, side).texts(reader);
    let mut found: Vec<(String, f64)> = Vec::new();
    for words in prepared.words(side, reader) {
        let code = words.language.code().as_bytes();
        let Some(text) = texts.iter().find(|text| text.language == code) else {
            continue;
        };
        found.extend(words.counts.iter().filter_map(|(term, _)| {
            let hash = term_hash(term);
            let at = text.terms.binary_search_by_key(&hash, |(term, _)| *term).ok()?;
            let (_, weight) = text.terms.get(at)?;
            Some((face_term(words.language, term), f64::from(*weight)))
        }));
    }
    heaviest(found, MOST_TERMS)
}

/// The `most` heaviest values, heaviest first; of equals the first in the alphabet.
fn heaviest(mut values: Vec<(String, f64)>, most: usize) -> Vec<(String, f64)> {
    values.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    values.truncate(most);
    values
}

fn opposite(fields: &Fields, side: Side) -> FaceFields {
    match side {
        Side::Seeks => fields.offers,
        Side::Offers => fields.seeks,
    }
}

/// A number that looks random and stays the same for one document on one day: the finaliser of SplitMix64 (Steele, Lea
/// and Flood, 2014).
pub(super) fn lot(tie: u64, day: i32) -> u64 {
    let mut z = tie ^ u64::from(day.cast_unsigned()).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
