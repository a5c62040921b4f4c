//! What matching knows of one document: concepts, words and attributes of both faces, small enough to score hundreds of
//! candidates without reading their texts.
//!
//! Everything that not everybody may see exists twice: once as the public sees it and once as members see it. A reader
//! of one audience is shown, scored and explained from one of the two and never from a mixture.

use crate::analysis::{AnchorNumber, Likeness};
use crate::document::{Audience, Kind};
use crate::fingerprint::stable_hash;
use crate::vocabulary::ConceptNumber;

/// An ISO 639-1 language or ISO 3166-1 country code; `xx` stands for a language that is not known.
pub type Code = [u8; 2];

/// How much a concept counts by where it was found. A past case counts more than a mention in passing, because what
/// somebody did says more than what he writes about himself.
pub const CLAIM_WEIGHT: f32 = 1.0;
pub const TITLE_WEIGHT: f32 = 0.9;
pub const CASE_WEIGHT: f32 = 0.85;
pub const TEXT_WEIGHT: f32 = 0.75;

/// Who a piece of a vector is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readers {
    /// Nothing in it is restricted: the same for every reader.
    Everybody,
    /// What the public sees where members see more.
    PublicOnly,
    /// What members see where that is more than the public sees.
    MembersOnly,
}

impl Readers {
    pub fn include(self, reader: Audience) -> bool {
        match self {
            Readers::Everybody => true,
            Readers::PublicOnly => reader == Audience::Public,
            Readers::MembersOnly => reader == Audience::Members,
        }
    }
}

/// Where in the document a concept was found, so that an explanation can quote the words without a second analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The author named the concept himself.
    Claim,
    /// Position among the document's titles.
    Title(u16),
    /// Position among the face's past cases.
    Case(u16),
    /// Position among the face's passages.
    Passage(u16),
}

/// One concept of one face and the best place where it was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mention {
    pub concept: ConceptNumber,
    /// In (0, 1].
    pub weight: f32,
    pub source: Source,
    /// Byte offset of the words in the title or passage.
    pub start: u16,
    /// Their length in bytes; 0 where there are no words to show.
    pub length: u16,
}

/// The words of one language as a vector of length at most 1, sorted by hash.
#[derive(Debug, Clone, PartialEq)]
pub struct TermVector {
    pub language: Code,
    pub terms: Vec<(u32, f32)>,
}

/// One face as one circle of readers sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    pub readers: Readers,
    /// Sorted by concept, each concept once.
    pub concepts: Vec<Mention>,
    /// One vector a language.
    pub texts: Vec<TermVector>,
    /// What it is about, in all languages together.
    pub likeness: Likeness,
    /// Whether the face itself says something in words or claims; a title alone does not count.
    pub speaks: bool,
}

/// One past case as one circle of readers sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseVector {
    pub readers: Readers,
    /// Position among the face's cases in the document.
    pub index: u16,
    pub sectors: u32,
    pub concepts: Vec<Mention>,
    pub texts: Vec<TermVector>,
    pub likeness: Likeness,
}

/// What a face wants or serves. An empty set means any.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wishes {
    pub audience: Audience,
    pub sectors: u32,
    pub stages: u8,
    pub sizes: u8,
    pub formats: u8,
    pub countries: Vec<Code>,
    /// Whether countries, stages and sizes exclude.
    pub strict: bool,
}

impl Wishes {
    pub fn is_empty(&self) -> bool {
        self.sectors == 0
            && self.stages == 0
            && self.sizes == 0
            && self.formats == 0
            && self.countries.is_empty()
    }
}

/// One side of a document.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaceVector {
    pub layers: Vec<Layer>,
    pub cases: Vec<CaseVector>,
    pub wishes: Wishes,
}

impl FaceVector {
    /// The concepts and words that a reader may see.
    pub fn layer(&self, reader: Audience) -> Option<&Layer> {
        self.layers.iter().find(|layer| layer.readers.include(reader))
    }

    pub fn concepts(&self, reader: Audience) -> &[Mention] {
        self.layer(reader).map_or(&[], |layer| &layer.concepts)
    }

    pub fn texts(&self, reader: Audience) -> &[TermVector] {
        self.layer(reader).map_or(&[], |layer| &layer.texts)
    }

    pub fn likeness(&self, reader: Audience) -> &[(AnchorNumber, f32)] {
        self.layer(reader).map_or(&[], |layer| &layer.likeness)
    }

    pub fn cases(&self, reader: Audience) -> impl Iterator<Item = &CaseVector> {
        self.cases.iter().filter(move |case| case.readers.include(reader))
    }

    /// The wishes, unless the reader may not see them.
    pub fn visible_wishes(&self, reader: Audience) -> Option<&Wishes> {
        reader.may_see(self.wishes.audience).then_some(&self.wishes)
    }

    /// Whether the face says nothing in particular to this reader.
    pub fn is_empty(&self, reader: Audience) -> bool {
        !self.layer(reader).is_some_and(|layer| layer.speaks)
            && self.visible_wishes(reader).is_none_or(Wishes::is_empty)
            && self.cases(reader).next().is_none()
    }
}

/// What the document itself is.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes {
    pub sectors: u32,
    /// A single bit, or 0 where it is not stated; so for the size.
    pub stage: u8,
    pub size: u8,
    pub formats: u8,
    pub country: Option<Code>,
    /// NUTS code, padded with zero bytes; all zero where it is not stated.
    pub region: [u8; 5],
    pub languages: Vec<Code>,
    pub paused: bool,
    /// Days since 1 January 1970.
    pub created_day: i32,
    pub updated_day: i32,
    /// Seconds since 1 January 1970.
    pub starts_at: Option<i64>,
    pub ends_at: Option<i64>,
}

/// All that matching needs of one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Vector {
    pub kind: Kind,
    pub audience: Audience,
    /// Hashes of the document's id and of its profile's.
    pub id: u64,
    pub profile: u64,
    pub seeks: FaceVector,
    pub offers: FaceVector,
    pub own: Attributes,
}

impl Vector {
    /// The face by which the document meets what others seek. A need that says nothing about its owner is met by its
    /// task: a mentor who wants to help with fundraising is looking for needs that seek fundraising.
    pub fn giving(&self, reader: Audience) -> &FaceVector {
        if self.kind == Kind::Need && self.offers.is_empty(reader) { &self.seeks } else { &self.offers }
    }
}

/// NACE section letters as a set of bits, A = bit 0; anything else is ignored.
pub fn sector_bits<S: AsRef<str>>(sectors: &[S]) -> u32 {
    sectors.iter().fold(0, |bits, sector| match sector.as_ref().as_bytes() {
        [letter @ b'A'..=b'V'] => bits | 1 << (letter - b'A'),
        _ => bits,
    })
}

/// Codes as a set of bits by their position in the list of known codes; unknown codes are ignored.
pub fn code_bits<S: AsRef<str>>(known: &[&str], codes: &[S]) -> u8 {
    codes.iter().fold(0, |bits, code| {
        let position = known.iter().take(8).position(|name| *name == code.as_ref());
        position.map_or(bits, |position| bits | 1 << position)
    })
}

pub const STAGES: [&str; 6] = ["idea", "prototype", "pilot", "first_customers", "growth", "established"];
pub const SIZES: [&str; 5] = ["micro", "small", "medium", "small_mid_cap", "large"];
pub const FORMATS: [&str; 3] = ["online", "on_site", "hybrid"];

/// The two bytes of a country or language code, if it is one.
pub fn code(text: &str) -> Option<Code> {
    match text.as_bytes() {
        &[first, second] if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() => {
            Some([first, second])
        }
        _ => None,
    }
}

/// 32 bits for a term: a wide hash, folded.
pub fn term_hash(term: &str) -> u32 {
    let wide = stable_hash(term);
    (wide >> 32) as u32 ^ wide as u32
}
