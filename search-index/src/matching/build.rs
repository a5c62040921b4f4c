//! From a document to its [`Vector`]: texts become weighted terms and concepts, once for each circle of readers.
//!
//! The same code prepares both sides. A stored document's words are weighted `lnc` (logarithm of frequency, no idf,
//! cosine), the asking side's `ltc` (the same with idf), in the notation of the SMART system; so the index's statistics
//! may change from day to day and the stored vectors stay valid.

use std::collections::HashMap;

use super::codec;
use super::vector::*;
use crate::analysis::{Analysis, Language, Likeness};
use crate::document::{Audience, Case, Claim, Document, Face, Kind, Passage};
use crate::fingerprint::stable_hash;
use crate::vocabulary::ConceptNumber;

/// An encoded vector stays below this, because a value of a column may not exceed 65,535 bytes.
const MAX_BYTES: usize = 60_000;
const SECONDS_A_DAY: i64 = 86_400;
/// How often a word in a title counts.
const TITLE_FREQUENCY: f32 = 2.0;

/// What the index keeps beside a document, and its bytes.
pub fn encode(document: &Document, analysis: &Analysis) -> (Vector, Vec<u8>) {
    let prepared = Prepared::new(document, analysis);
    let mut caps = Caps::default();
    loop {
        let vector = prepared.vector(caps, |_, _, _| 1.0);
        let bytes = codec::encode(&vector);
        if bytes.len() <= MAX_BYTES || caps.is_least() {
            return (vector, bytes);
        }
        caps = caps.halved();
    }
}

/// Which of the two faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    Seeks,
    Offers,
}

/// How much of a document is kept at most; the heaviest terms and the most prominent concepts stay.
#[derive(Debug, Clone, Copy)]
pub struct Caps {
    languages: usize,
    terms: usize,
    concepts: usize,
    cases: usize,
    case_terms: usize,
    case_concepts: usize,
    anchors: usize,
    case_anchors: usize,
}

impl Default for Caps {
    fn default() -> Caps {
        Caps {
            languages: 4,
            terms: 384,
            concepts: 96,
            cases: 60,
            case_terms: 64,
            case_concepts: 16,
            anchors: 64,
            case_anchors: 32,
        }
    }
}

impl Caps {
    fn halved(self) -> Caps {
        let half = |number: usize| (number / 2).max(1);
        Caps {
            languages: half(self.languages),
            terms: half(self.terms),
            concepts: half(self.concepts),
            cases: half(self.cases),
            case_terms: half(self.case_terms),
            case_concepts: half(self.case_concepts),
            anchors: half(self.anchors),
            case_anchors: half(self.case_anchors),
        }
    }

    fn is_least(self) -> bool {
        self.terms == 1
    }
}

/// The words of one language with their frequencies, in order of first appearance.
#[derive(Debug, Clone, PartialEq)]
pub struct Words {
    pub language: Language,
    pub counts: Vec<(String, f32)>,
}

/// One analysed text or claim.
struct Piece {
    audience: Audience,
    source: Source,
    weight: f32,
    frequency: f32,
    language: Language,
    terms: Vec<String>,
    /// Concept, byte offset, length.
    concepts: Vec<(ConceptNumber, u16, u16)>,
}

/// A document after analysis and before weighting.
pub struct Prepared<'a> {
    analysis: &'a Analysis,
    kind: Kind,
    audience: Audience,
    id: u64,
    profile: u64,
    own: Attributes,
    seeks: PreparedFace,
    offers: PreparedFace,
}

struct PreparedFace {
    wishes: Wishes,
    pieces: Vec<Piece>,
    /// The sectors of each case, in the order of the cases.
    case_sectors: Vec<u32>,
}

impl<'a> Prepared<'a> {
    pub fn new(document: &Document, analysis: &'a Analysis) -> Prepared<'a> {
        // A need's title says what is sought; any other title says what is there.
        let (seek_titles, offer_titles): (&[Passage], &[Passage]) = match document.kind {
            Kind::Need => (&document.titles, &[]),
            _ => (&[], &document.titles),
        };
        Prepared {
            analysis,
            kind: document.kind,
            audience: document.audience,
            id: stable_hash(&document.id),
            profile: stable_hash(&document.profile),
            own: attributes(document),
            seeks: prepare_face(&document.seeks, seek_titles, analysis),
            offers: prepare_face(&document.offers, offer_titles, analysis),
        }
    }

    /// The words of one face that a reader may see, cases included.
    pub fn words(&self, side: Side, reader: Audience) -> Vec<Words> {
        let pieces = match side {
            Side::Seeks => &self.seeks.pieces,
            Side::Offers => &self.offers.pieces,
        };
        count_words(pieces.iter().filter(|piece| reader.may_see(piece.audience)))
    }

    /// Weighs every term by `1 + ln(frequency)` times `idf` and normalises each language to length 1.
    pub fn vector(&self, caps: Caps, idf: impl Fn(Side, Language, &str) -> f64) -> Vector {
        let face = |side: Side, face: &PreparedFace| {
            let idf = |language: Language, term: &str| idf(side, language, term);
            let weighing = Weighing { caps, idf: &idf, analysis: self.analysis };
            FaceVector {
                layers: weighing.layers(&face.pieces),
                cases: weighing.cases(&face.pieces, &face.case_sectors),
                wishes: face.wishes.clone(),
            }
        };
        Vector {
            kind: self.kind,
            audience: self.audience,
            id: self.id,
            profile: self.profile,
            seeks: face(Side::Seeks, &self.seeks),
            offers: face(Side::Offers, &self.offers),
            own: self.own.clone(),
        }
    }
}

fn prepare_face(face: &Face, titles: &[Passage], analysis: &Analysis) -> PreparedFace {
    let mut pieces = Vec::new();
    for claim in &face.claims {
        pieces.extend(claim_piece(claim, Source::Claim, CLAIM_WEIGHT, analysis));
    }
    for (index, title) in (0..=u16::MAX).zip(titles) {
        pieces.push(text_piece(title, Source::Title(index), TITLE_WEIGHT, analysis));
    }
    for (index, passage) in (0..=u16::MAX).zip(&face.passages) {
        pieces.push(text_piece(passage, Source::Passage(index), TEXT_WEIGHT, analysis));
    }
    for (index, case) in (0..=u16::MAX).zip(&face.cases) {
        pieces.extend(case_pieces(case, Source::Case(index), analysis));
    }
    let case_sectors = face.cases.iter().map(|case| sector_bits(&case.sectors)).collect();
    PreparedFace { wishes: wishes(face), pieces, case_sectors }
}

fn text_piece(passage: &Passage, source: Source, weight: f32, analysis: &Analysis) -> Piece {
    let reading = analysis.read(passage.language.as_deref(), &passage.text);
    let is_title = matches!(source, Source::Title(_));
    Piece {
        audience: passage.audience,
        source,
        weight,
        frequency: if is_title { TITLE_FREQUENCY } else { 1.0 },
        language: reading.language,
        terms: reading.terms.clone(),
        concepts: reading
            .annotations
            .iter()
            .map(|found| place(found.number, found.start, found.end))
            .collect(),
    }
}

/// Offsets beyond 65,535 bytes are given up: the concept stays, its words cannot be shown.
fn place(concept: ConceptNumber, start: usize, end: usize) -> (ConceptNumber, u16, u16) {
    match (u16::try_from(start), u16::try_from(end.saturating_sub(start))) {
        (Ok(start), Ok(length)) => (concept, start, length),
        _ => (concept, 0, 0),
    }
}

fn claim_piece(claim: &Claim, source: Source, weight: f32, analysis: &Analysis) -> Option<Piece> {
    let concept = analysis.vocabulary().number(&claim.concept)?;
    Some(Piece {
        audience: claim.audience,
        source,
        weight,
        frequency: 0.0,
        language: Language::OTHER,
        terms: Vec::new(),
        concepts: vec![(concept, 0, 0)],
    })
}

/// A case is seen by nobody who may not see the case as a whole, whatever its pieces say.
fn case_pieces(case: &Case, source: Source, analysis: &Analysis) -> Vec<Piece> {
    let texts = case.titles.iter().chain(&case.texts);
    let texts = texts.map(|passage| text_piece(passage, source, CASE_WEIGHT, analysis));
    let claims = case.claims.iter();
    let claims = claims.filter_map(|claim| claim_piece(claim, source, CASE_WEIGHT, analysis));
    texts
        .chain(claims)
        .map(|mut piece| {
            piece.audience = piece.audience.max(case.audience);
            for (_, start, length) in &mut piece.concepts {
                (*start, *length) = (0, 0);
            }
            piece
        })
        .collect()
}

fn wishes(face: &Face) -> Wishes {
    Wishes {
        audience: face.audience,
        sectors: sector_bits(&face.sectors),
        stages: code_bits(&STAGES, &face.stages),
        sizes: code_bits(&SIZES, &face.sizes),
        formats: code_bits(&FORMATS, &face.formats),
        countries: face.countries.iter().filter_map(|country| code(country)).collect(),
        strict: face.strict,
    }
}

fn attributes(document: &Document) -> Attributes {
    let mut region = [0; 5];
    for (slot, byte) in region.iter_mut().zip(document.place.region.iter().flat_map(|r| r.bytes())) {
        *slot = byte;
    }
    let day = |seconds: i64| i32::try_from(seconds.div_euclid(SECONDS_A_DAY)).unwrap_or(0);
    Attributes {
        sectors: sector_bits(&document.sectors),
        stage: code_bits(&STAGES, document.stage.as_slice()),
        size: code_bits(&SIZES, document.size.as_slice()),
        formats: code_bits(&FORMATS, &document.formats),
        country: document.place.country.as_deref().and_then(code),
        region,
        languages: document.languages.iter().filter_map(|language| code(language)).collect(),
        paused: document.paused,
        created_day: day(document.created_at.timestamp()),
        updated_day: day(document.updated_at.timestamp()),
        starts_at: document.starts_at.map(|moment| moment.timestamp()),
        ends_at: document.ends_at.map(|moment| moment.timestamp()),
    }
}

/// Splits what is there into what everybody sees, or what the public and the members see.
fn by_readers<T>(pieces: &[&Piece], make: impl Fn(Readers, &[&Piece]) -> Option<T>) -> Vec<T> {
    let public: Vec<&Piece> =
        pieces.iter().filter(|piece| piece.audience == Audience::Public).copied().collect();
    if public.len() == pieces.len() {
        return make(Readers::Everybody, pieces).into_iter().collect();
    }
    let restricted = make(Readers::MembersOnly, pieces);
    make(Readers::PublicOnly, &public).into_iter().chain(restricted).collect()
}

/// How pieces become vectors.
struct Weighing<'a> {
    caps: Caps,
    idf: &'a dyn Fn(Language, &str) -> f64,
    analysis: &'a Analysis,
}

impl Weighing<'_> {
    fn layers(&self, pieces: &[Piece]) -> Vec<Layer> {
        let pieces: Vec<&Piece> = pieces.iter().collect();
        by_readers(&pieces, |readers, pieces| {
            let speaks = |piece: &&Piece| {
                let own = matches!(piece.source, Source::Claim | Source::Passage(_));
                own && (!piece.terms.is_empty() || !piece.concepts.is_empty())
            };
            let words = count_words(pieces.iter().copied());
            (!pieces.is_empty()).then(|| Layer {
                readers,
                concepts: mentions(pieces, self.caps.concepts),
                likeness: self.likeness(&words, self.caps.anchors),
                texts: self.term_vectors(words, self.caps.terms),
                speaks: pieces.iter().any(speaks),
            })
        })
    }

    fn cases(&self, pieces: &[Piece], sectors: &[u32]) -> Vec<CaseVector> {
        let of_case =
            |index| pieces.iter().filter(move |piece| piece.source == Source::Case(index)).collect();
        (0..=u16::MAX)
            .zip(sectors)
            .take(self.caps.cases)
            .flat_map(|(index, sectors)| {
                let pieces: Vec<&Piece> = of_case(index);
                by_readers(&pieces, |readers, pieces| {
                    let words = count_words(pieces.iter().copied());
                    (!pieces.is_empty()).then(|| CaseVector {
                        readers,
                        index,
                        sectors: *sectors,
                        concepts: mentions(pieces, self.caps.case_concepts),
                        likeness: self.likeness(&words, self.caps.case_anchors),
                        texts: self.term_vectors(words, self.caps.case_terms),
                    })
                })
            })
            .collect()
    }

    fn likeness(&self, words: &[Words], most: usize) -> Likeness {
        let languages = words.iter().map(|words| (words.language, words.counts.as_slice()));
        self.analysis.anchors().likeness(languages, most)
    }

    /// The largest languages of the pieces as vectors; the length is that of the whole text, before the cap.
    fn term_vectors(&self, mut words: Vec<Words>, terms: usize) -> Vec<TermVector> {
        words.sort_by_key(|words| std::cmp::Reverse(words.counts.len()));
        words.truncate(self.caps.languages);
        words.iter().filter_map(|words| term_vector(words, terms, self.idf)).collect()
    }
}

/// Each concept once, with its most prominent source; of equals the first.
fn mentions(pieces: &[&Piece], cap: usize) -> Vec<Mention> {
    let mut best: HashMap<ConceptNumber, (usize, Mention)> = HashMap::new();
    let found = pieces.iter().flat_map(|piece| {
        piece.concepts.iter().map(|(concept, start, length)| Mention {
            concept: *concept,
            weight: piece.weight,
            source: piece.source,
            start: *start,
            length: *length,
        })
    });
    for (order, mention) in found.enumerate() {
        let entry = best.entry(mention.concept).or_insert((order, mention));
        if mention.weight > entry.1.weight {
            entry.1 = mention;
        }
    }
    let mut mentions: Vec<(usize, Mention)> = best.into_values().collect();
    mentions.sort_by(|(a, one), (b, other)| other.weight.total_cmp(&one.weight).then(a.cmp(b)));
    mentions.truncate(cap);
    let mut mentions: Vec<Mention> = mentions.into_iter().map(|(_, mention)| mention).collect();
    mentions.sort_by_key(|mention| mention.concept);
    mentions
}

fn count_words<'a>(pieces: impl Iterator<Item = &'a Piece>) -> Vec<Words> {
    let mut languages: Vec<(Words, HashMap<&str, usize>)> = Vec::new();
    for piece in pieces.filter(|piece| !piece.terms.is_empty()) {
        let known = languages.iter().position(|(words, _)| words.language == piece.language);
        let at = known.unwrap_or_else(|| {
            languages.push((Words { language: piece.language, counts: vec![] }, HashMap::new()));
            languages.len() - 1
        });
        let Some((words, places)) = languages.get_mut(at) else {
            continue;
        };
        for term in &piece.terms {
            let place = *places.entry(term).or_insert_with(|| {
                words.counts.push((term.clone(), 0.0));
                words.counts.len() - 1
            });
            if let Some((_, count)) = words.counts.get_mut(place) {
                *count += piece.frequency;
            }
        }
    }
    languages.into_iter().map(|(words, _)| words).collect()
}

fn term_vector(words: &Words, cap: usize, idf: &dyn Fn(Language, &str) -> f64) -> Option<TermVector> {
    let weigh = |(term, count): &(String, f32)| {
        (term_hash(term), (1.0 + f64::from(*count).ln()) * idf(words.language, term))
    };
    let mut weighted: Vec<(u32, f64)> = words.counts.iter().map(weigh).collect();
    let norm = weighted.iter().map(|(_, weight)| weight * weight).sum::<f64>().sqrt();
    // A stable sort: of equally heavy terms the first of the text stay.
    weighted.sort_by(|one, other| other.1.total_cmp(&one.1));
    weighted.truncate(cap);
    weighted.sort_by_key(|(term, _)| *term);
    weighted.dedup_by_key(|(term, _)| *term);
    let language = code(words.language.code())?;
    let terms = weighted.into_iter().map(|(term, weight)| (term, (weight / norm) as f32)).collect();
    (norm > 0.0).then_some(TermVector { language, terms })
}
