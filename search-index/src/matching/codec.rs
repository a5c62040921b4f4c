//! The bytes of a [`Vector`] as they lie beside each document in the index: little-endian, led by a version, read
//! without trust. Whatever the bytes are, decoding gives a vector or `None`.

use super::vector::*;
use crate::analysis::{AnchorNumber, Likeness};
use crate::document::{Audience, Kind};
use crate::vocabulary::ConceptNumber;

/// Goes up with every change of the layout or of what is written; the index is then built anew.
pub const VERSION: &str = "2";
/// The first byte of every vector.
const LAYOUT: u8 = 2;

/// Writes a vector. Lists longer than their count can say are cut, which the builder's caps keep from happening.
pub fn encode(vector: &Vector) -> Vec<u8> {
    let mut out = Vec::with_capacity(1_024);
    out.push(LAYOUT);
    out.push(Kind::ALL.iter().position(|kind| *kind == vector.kind).unwrap_or(0) as u8);
    out.push(audience_byte(vector.audience));
    out.extend(vector.id.to_le_bytes());
    out.extend(vector.profile.to_le_bytes());
    put_attributes(&mut out, &vector.own);
    put_face(&mut out, &vector.seeks);
    put_face(&mut out, &vector.offers);
    out
}

/// Reads a vector; `None` where the bytes are of another version, cut off, too long or out of range.
pub fn decode(bytes: &[u8]) -> Option<Vector> {
    let mut input = Input(bytes);
    if input.u8()? != LAYOUT {
        return None;
    }
    let vector = Vector {
        kind: *Kind::ALL.get(usize::from(input.u8()?))?,
        audience: input.audience()?,
        id: input.u64()?,
        profile: input.u64()?,
        own: input.attributes()?,
        seeks: input.face()?,
        offers: input.face()?,
    };
    input.0.is_empty().then_some(vector)
}

fn audience_byte(audience: Audience) -> u8 {
    match audience {
        Audience::Public => 0,
        Audience::Members => 1,
    }
}

fn readers_byte(readers: Readers) -> u8 {
    match readers {
        Readers::Everybody => 0,
        Readers::PublicOnly => 1,
        Readers::MembersOnly => 2,
    }
}

fn put_attributes(out: &mut Vec<u8>, own: &Attributes) {
    out.extend(own.sectors.to_le_bytes());
    out.extend([own.stage, own.size, own.formats, u8::from(own.paused)]);
    out.extend(own.country.unwrap_or_default());
    out.extend(own.region);
    put_codes(out, &own.languages);
    out.extend(own.created_day.to_le_bytes());
    out.extend(own.updated_day.to_le_bytes());
    // The smallest number stands for "not stated": no calendar reaches it.
    out.extend(own.starts_at.unwrap_or(i64::MIN).to_le_bytes());
    out.extend(own.ends_at.unwrap_or(i64::MIN).to_le_bytes());
}

fn put_codes(out: &mut Vec<u8>, codes: &[Code]) {
    let count = put_count_u8(out, codes.len());
    out.extend(codes.iter().take(count).flatten());
}

fn put_count_u8(out: &mut Vec<u8>, count: usize) -> usize {
    let count = u8::try_from(count).unwrap_or(u8::MAX);
    out.push(count);
    usize::from(count)
}

fn put_count_u16(out: &mut Vec<u8>, count: usize) -> usize {
    let count = u16::try_from(count).unwrap_or(u16::MAX);
    out.extend(count.to_le_bytes());
    usize::from(count)
}

fn put_face(out: &mut Vec<u8>, face: &FaceVector) {
    let wishes = &face.wishes;
    out.push(audience_byte(wishes.audience));
    out.extend(wishes.sectors.to_le_bytes());
    out.extend([wishes.stages, wishes.sizes, wishes.formats, u8::from(wishes.strict)]);
    put_codes(out, &wishes.countries);
    let layers = put_count_u8(out, face.layers.len());
    for layer in face.layers.iter().take(layers) {
        out.push(readers_byte(layer.readers));
        out.push(u8::from(layer.speaks));
        put_mentions(out, &layer.concepts);
        put_texts(out, &layer.texts);
        put_likeness(out, &layer.likeness);
    }
    let cases = put_count_u8(out, face.cases.len());
    for case in face.cases.iter().take(cases) {
        out.push(readers_byte(case.readers));
        out.extend(case.index.to_le_bytes());
        out.extend(case.sectors.to_le_bytes());
        put_mentions(out, &case.concepts);
        put_texts(out, &case.texts);
        put_likeness(out, &case.likeness);
    }
}

fn put_mentions(out: &mut Vec<u8>, mentions: &[Mention]) {
    let count = put_count_u16(out, mentions.len());
    for mention in mentions.iter().take(count) {
        let (tag, index) = match mention.source {
            Source::Claim => (0, 0),
            Source::Title(index) => (1, index),
            Source::Case(index) => (2, index),
            Source::Passage(index) => (3, index),
        };
        out.extend(mention.concept.0.to_le_bytes());
        out.push((mention.weight * 255.0).round().clamp(1.0, 255.0) as u8);
        out.push(tag);
        out.extend(index.to_le_bytes());
        out.extend(mention.start.to_le_bytes());
        out.extend(mention.length.to_le_bytes());
    }
}

/// A weight is stored as a 255th of the vector's largest, which costs less than 0.2 % of a cosine.
fn put_texts(out: &mut Vec<u8>, texts: &[TermVector]) {
    let count = put_count_u8(out, texts.len());
    for text in texts.iter().take(count) {
        let largest = text.terms.iter().map(|(_, weight)| *weight).fold(f32::MIN_POSITIVE, f32::max);
        let scale = largest / 255.0;
        out.extend(text.language);
        out.extend(scale.to_le_bytes());
        let count = put_count_u16(out, text.terms.len());
        for (term, weight) in text.terms.iter().take(count) {
            out.extend(term.to_le_bytes());
            out.push((weight / scale).round().clamp(1.0, 255.0) as u8);
        }
    }
}

/// Stored as 255ths of 1, the length of the whole.
fn put_likeness(out: &mut Vec<u8>, likeness: &[(AnchorNumber, f32)]) {
    let count = put_count_u8(out, likeness.len());
    for (anchor, value) in likeness.iter().take(count) {
        out.extend(anchor.to_le_bytes());
        out.push((value * 255.0).round().clamp(1.0, 255.0) as u8);
    }
}

/// What is still to be read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn slice(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, tail) = self.0.split_first_chunk::<N>()?;
        self.0 = tail;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn i32(&mut self) -> Option<i32> {
        self.array().map(i32::from_le_bytes)
    }

    fn moment(&mut self) -> Option<Option<i64>> {
        let seconds = self.array().map(i64::from_le_bytes)?;
        Some((seconds != i64::MIN).then_some(seconds))
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn audience(&mut self) -> Option<Audience> {
        match self.u8()? {
            0 => Some(Audience::Public),
            1 => Some(Audience::Members),
            _ => None,
        }
    }

    fn readers(&mut self) -> Option<Readers> {
        match self.u8()? {
            0 => Some(Readers::Everybody),
            1 => Some(Readers::PublicOnly),
            2 => Some(Readers::MembersOnly),
            _ => None,
        }
    }

    fn codes(&mut self) -> Option<Vec<Code>> {
        let count = usize::from(self.u8()?);
        let bytes = self.slice(2 * count)?;
        Some(bytes.as_chunks::<2>().0.to_vec())
    }

    fn attributes(&mut self) -> Option<Attributes> {
        Some(Attributes {
            sectors: self.u32()?,
            stage: self.u8()?,
            size: self.u8()?,
            formats: self.u8()?,
            paused: self.flag()?,
            country: self.array::<2>().map(|country| (country != [0, 0]).then_some(country))?,
            region: self.array()?,
            languages: self.codes()?,
            created_day: self.i32()?,
            updated_day: self.i32()?,
            starts_at: self.moment()?,
            ends_at: self.moment()?,
        })
    }

    fn face(&mut self) -> Option<FaceVector> {
        let audience = self.audience()?;
        let wishes = Wishes {
            audience,
            sectors: self.u32()?,
            stages: self.u8()?,
            sizes: self.u8()?,
            formats: self.u8()?,
            strict: self.flag()?,
            countries: self.codes()?,
        };
        let layers = (0..self.u8()?).map(|_| self.layer()).collect::<Option<_>>()?;
        let cases = (0..self.u8()?).map(|_| self.case()).collect::<Option<_>>()?;
        Some(FaceVector { layers, cases, wishes })
    }

    fn layer(&mut self) -> Option<Layer> {
        Some(Layer {
            readers: self.readers()?,
            speaks: self.flag()?,
            concepts: self.mentions()?,
            texts: self.texts()?,
            likeness: self.likeness()?,
        })
    }

    fn case(&mut self) -> Option<CaseVector> {
        Some(CaseVector {
            readers: self.readers()?,
            index: self.u16()?,
            sectors: self.u32()?,
            concepts: self.mentions()?,
            texts: self.texts()?,
            likeness: self.likeness()?,
        })
    }

    fn likeness(&mut self) -> Option<Likeness> {
        let count = usize::from(self.u8()?);
        let rows = self.slice(3 * count)?.as_chunks::<3>().0;
        Some(
            rows.iter()
                .map(|&[a0, a1, value]| (u16::from_le_bytes([a0, a1]), f32::from(value) / 255.0))
                .collect(),
        )
    }

    fn mentions(&mut self) -> Option<Vec<Mention>> {
        let count = usize::from(self.u16()?);
        let rows = self.slice(10 * count)?.as_chunks::<10>().0;
        rows.iter()
            .map(|&[c0, c1, weight, tag, i0, i1, s0, s1, l0, l1]| {
                let index = u16::from_le_bytes([i0, i1]);
                let source = match tag {
                    0 => Source::Claim,
                    1 => Source::Title(index),
                    2 => Source::Case(index),
                    3 => Source::Passage(index),
                    _ => return None,
                };
                Some(Mention {
                    concept: ConceptNumber(u16::from_le_bytes([c0, c1])),
                    weight: f32::from(weight) / 255.0,
                    source,
                    start: u16::from_le_bytes([s0, s1]),
                    length: u16::from_le_bytes([l0, l1]),
                })
            })
            .collect()
    }

    fn texts(&mut self) -> Option<Vec<TermVector>> {
        let count = self.u8()?;
        (0..count).map(|_| self.text()).collect()
    }

    fn text(&mut self) -> Option<TermVector> {
        let language = self.array()?;
        let scale = f32::from_le_bytes(self.array()?);
        if !(0.0..=1.0 / 128.0).contains(&scale) {
            return None;
        }
        let count = usize::from(self.u16()?);
        let rows = self.slice(5 * count)?.as_chunks::<5>().0;
        let terms = rows
            .iter()
            .map(|&[t0, t1, t2, t3, weight]| {
                (u32::from_le_bytes([t0, t1, t2, t3]), f32::from(weight) * scale)
            })
            .collect();
        Some(TermVector { language, terms })
    }
}

#[cfg(test)]
pub(crate) mod tests;
