//! Any vector survives its bytes, and any bytes survive the decoder.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use proptest::prelude::*;

use super::*;

prop_compose! {
    fn mention()(
        concept in 0u16..40,
        weight in prop::sample::select(vec![CLAIM_WEIGHT, TITLE_WEIGHT, CASE_WEIGHT, TEXT_WEIGHT]),
        source in prop_oneof![
            Just(Source::Claim),
            any::<u16>().prop_map(Source::Title),
            any::<u16>().prop_map(Source::Case),
            any::<u16>().prop_map(Source::Passage),
        ],
        start: u16,
        length: u16,
    ) -> Mention {
        Mention { concept: ConceptNumber(concept), weight: (weight * 255.0).round() / 255.0, source, start, length }
    }
}

pub(crate) fn mentions() -> impl Strategy<Value = Vec<Mention>> {
    prop::collection::vec(mention(), 0..8).prop_map(|mut mentions| {
        mentions.sort_by_key(|mention| mention.concept);
        mentions.dedup_by_key(|mention| mention.concept);
        mentions
    })
}

fn term_vector() -> impl Strategy<Value = TermVector> {
    let language = prop::sample::select(vec![*b"de", *b"en", *b"xx"]);
    let terms = prop::collection::btree_map(0u32..60, 0.1f32..1.0, 1..12);
    (language, terms).prop_map(|(language, terms)| {
        let norm = terms.values().map(|weight| weight * weight).sum::<f32>().sqrt();
        let terms = terms.into_iter().map(|(term, weight)| (term, weight / norm)).collect();
        TermVector { language, terms }
    })
}

fn texts() -> impl Strategy<Value = Vec<TermVector>> {
    prop::collection::vec(term_vector(), 0..3).prop_map(|mut texts| {
        texts.sort_by_key(|text| text.language);
        texts.dedup_by_key(|text| text.language);
        texts
    })
}

/// With values as they are stored.
fn likeness() -> impl Strategy<Value = Likeness> {
    prop::collection::btree_map(any::<AnchorNumber>(), 1u8..=255, 0..8).prop_map(|anchors| {
        anchors.into_iter().map(|(anchor, value)| (anchor, f32::from(value) / 255.0)).collect()
    })
}

fn readers() -> impl Strategy<Value = Readers> {
    prop::sample::select(vec![Readers::Everybody, Readers::PublicOnly, Readers::MembersOnly])
}

fn audience() -> impl Strategy<Value = Audience> {
    prop::sample::select(vec![Audience::Public, Audience::Members])
}

prop_compose! {
    fn wishes()(
        audience in audience(),
        sectors in 0u32..1 << 22,
        stages in 0u8..1 << 6,
        sizes in 0u8..1 << 5,
        formats in 0u8..1 << 3,
        countries in prop::collection::vec(prop::sample::select(vec![*b"AT", *b"FR"]), 0..3),
        strict: bool,
    ) -> Wishes {
        Wishes { audience, sectors, stages, sizes, formats, countries, strict }
    }
}

prop_compose! {
    fn layer()(
        readers in readers(), concepts in mentions(), texts in texts(), likeness in likeness(),
    ) -> Layer {
        let speaks = !concepts.is_empty() || !texts.is_empty();
        Layer { readers, concepts, texts, likeness, speaks }
    }
}

prop_compose! {
    fn case()(
        readers in readers(),
        index: u16,
        sectors in 0u32..1 << 22,
        concepts in mentions(),
        texts in texts(),
        likeness in likeness(),
    ) -> CaseVector {
        CaseVector { readers, index, sectors, concepts, texts, likeness }
    }
}

prop_compose! {
    fn face()(
        layers in prop::collection::vec(layer(), 0..3),
        cases in prop::collection::vec(case(), 0..3),
        wishes in wishes(),
    ) -> FaceVector {
        FaceVector { layers, cases, wishes }
    }
}

prop_compose! {
    fn attributes()(
        sectors in 0u32..1 << 22,
        (stage, size, formats) in (0u8..6, 0u8..5, 0u8..8),
        country in prop::option::of(prop::sample::select(vec![*b"AT", *b"FR", *b"SK"])),
        region in prop::sample::select(vec![*b"AT130", *b"FR10\0", [0; 5]]),
        languages in prop::collection::vec(prop::sample::select(vec![*b"de", *b"en"]), 0..3),
        paused: bool,
        (created_day, updated_day) in (0i32..30_000, 0i32..30_000),
        (starts_at, ends_at) in (prop::option::of(0i64..1 << 40), prop::option::of(0i64..1 << 40)),
    ) -> Attributes {
        Attributes {
            sectors, stage: 1 << stage, size: 1 << size, formats, country, region, languages,
            paused, created_day, updated_day, starts_at, ends_at,
        }
    }
}

prop_compose! {
    /// Any vector that a document could have.
    pub(crate) fn vector()(
        kind in prop::sample::select(Kind::ALL.to_vec()),
        audience in audience(),
        id: u64,
        profile: u64,
        seeks in face(),
        offers in face(),
        own in attributes(),
    ) -> Vector {
        Vector { kind, audience, id, profile, seeks, offers, own }
    }
}

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
        let _ = decode(&[&[LAYOUT][..], &bytes[..]].concat());
    }

    #[test]
    fn a_damaged_vector_never_panics(vector in vector(), position: prop::sample::Index, byte: u8) {
        let mut bytes = encode(&vector);
        let position = position.index(bytes.len());
        bytes[position] = byte;
        let _ = decode(&bytes);
        prop_assert_eq!(decode(&encode(&vector)[..position]), None, "a cut vector is refused");
    }

    #[test]
    fn decoding_gives_back_what_was_encoded(vector in vector()) {
        let decoded = decode(&encode(&vector)).expect("decodes");
        // Everything is exact but the weights of terms, which are quantised.
        for (before, after) in [(&vector.seeks, &decoded.seeks), (&vector.offers, &decoded.offers)] {
            prop_assert_eq!(&before.wishes, &after.wishes);
            for (before, after) in before.layers.iter().zip(&after.layers) {
                prop_assert_eq!(&before.concepts, &after.concepts);
                for (before, after) in before.texts.iter().zip(&after.texts) {
                    for (before, after) in before.terms.iter().zip(&after.terms) {
                        prop_assert_eq!(before.0, after.0);
                        prop_assert!((before.1 - after.1).abs() < 0.002);
                    }
                }
            }
        }
        prop_assert_eq!(vector.own, decoded.own);
    }
}
