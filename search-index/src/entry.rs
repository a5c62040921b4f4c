//! From a [`Document`] to the entry that the engine indexes.
//!
//! A piece of a document is for the smaller of two audiences: its own and that of what holds it.

use std::collections::BTreeSet;
use std::sync::Arc;

use tantivy::TantivyDocument;
use tantivy::schema::Field;

use crate::analysis::{Analysis, Reading};
use crate::document::{Audience, Document, Face, Kind, Passage};
use crate::error::IndexError;
use crate::fingerprint::stable_hash;
use crate::matching::{self, FaceVector, Readers};
use crate::schema::{FaceFields, Fields, Layered, MEMBERS, NEVER, PUBLIC, face_term, key};

/// Builds the entry of one document.
///
/// # Errors
/// If the document cannot be written as JSON.
pub(crate) fn entry(
    document: &Document,
    analysis: &Analysis,
    fields: &Fields,
) -> Result<TantivyDocument, IndexError> {
    let mut entry = Entry { fields, analysis, out: TantivyDocument::new() };
    entry.facts(document);
    entry.place(document);
    entry.words(document);
    entry.concepts(document);
    entry.face(&document.offers, document, fields.offers);
    entry.face(&document.seeks, document, fields.seeks);
    let (vector, bytes) = matching::encode(document, analysis);
    entry.anchors(&vector.offers, fields.offers, document.audience);
    entry.anchors(&vector.seeks, fields.seeks, document.audience);
    entry.out.add_bytes(fields.vector, &bytes);
    entry.out.add_bytes(fields.document, &json(document)?);
    Ok(entry.out)
}

/// The document as JSON, which knows no number that is not one.
fn json(document: &Document) -> Result<Vec<u8>, serde_json::Error> {
    if document.place.point.as_ref().is_none_or(is_on_earth) {
        return serde_json::to_vec(document);
    }
    let mut document = document.clone();
    document.place.point = None;
    serde_json::to_vec(&document)
}

fn is_on_earth((latitude, longitude): &(f64, f64)) -> bool {
    (-90.0..=90.0).contains(latitude) && (-180.0..=180.0).contains(longitude)
}

/// So many anchors of a face are written, and of each of its cases.
const ANCHORS: usize = 12;
const CASE_ANCHORS: usize = 4;

struct Entry<'a> {
    fields: &'a Fields,
    analysis: &'a Analysis,
    out: TantivyDocument,
}

impl Entry<'_> {
    fn facts(&mut self, document: &Document) {
        let fields = self.fields;
        let key = key(document.kind, &document.id);
        let audience = match document.audience {
            Audience::Public => PUBLIC,
            Audience::Members => MEMBERS,
        };
        self.out.add_u64(fields.tie, stable_hash(&key));
        self.out.add_text(fields.key, key);
        self.out.add_text(fields.audience, audience);
        self.out.add_text(fields.kind, document.kind.code());
        self.out.add_text(fields.category, &document.category);
        self.out.add_text(fields.profile, &document.profile);
        self.out.add_bool(fields.paused, document.paused);
        let lists = [
            (fields.language, &document.languages),
            (fields.sector, &document.sectors),
            (fields.format, &document.formats),
        ];
        for (field, values) in lists {
            for value in values.iter().collect::<BTreeSet<_>>() {
                self.out.add_text(field, value);
            }
        }
        if let Some(stage) = &document.stage {
            self.out.add_text(fields.stage, stage);
        }
        self.out.add_i64(fields.created, document.created_at.timestamp());
        if let Some(starts) = document.starts_at {
            self.out.add_i64(fields.starts, starts.timestamp());
        }
        self.out.add_i64(fields.ends, document.ends_at.map_or(NEVER, |ends| ends.timestamp()));
    }

    fn place(&mut self, document: &Document) {
        let (fields, place) = (self.fields, &document.place);
        if let Some(country) = &place.country {
            self.out.add_text(fields.country, country);
        }
        if let Some(region) = &place.region {
            for end in 2..=region.len() {
                if let Some(prefix) = region.get(..end) {
                    self.out.add_text(fields.region, prefix);
                }
            }
        }
        if let Some(city) = &place.city {
            self.out.add_text(fields.city, city);
            self.out.add_text(fields.place, city);
        }
        if let Some((latitude, longitude)) = place.point.filter(is_on_earth) {
            self.out.add_f64(fields.latitude, latitude);
            self.out.add_f64(fields.longitude, longitude);
        }
    }

    /// The words that a search looks for; each in the fields of its language and its audience.
    fn words(&mut self, document: &Document) {
        for title in &document.titles {
            let audience = title.audience.max(document.audience);
            self.out.add_text(self.fields.names.of_piece(audience), &title.text);
        }
        let titles = document.titles.iter().map(|title| (title, true));
        let bodies = document.texts.iter().map(|text| (text, false));
        for (passage, is_title) in titles.chain(bodies) {
            let language = self.read(passage).language;
            let Some(texts) = self.fields.texts(language) else {
                continue;
            };
            let audience = passage.audience.max(document.audience);
            self.out.add_text(self.fields.spellings.of_piece(audience), &passage.text);
            let field = match (audience, is_title) {
                (Audience::Members, _) => texts.members,
                (Audience::Public, true) => texts.title,
                (Audience::Public, false) => texts.body,
            };
            self.out.add_text(field, &passage.text);
        }
    }

    /// The concepts that a search filters and counts by: named in any text or claim.
    fn concepts(&mut self, document: &Document) {
        let mut found = Layers::default();
        for passage in document.titles.iter().chain(&document.texts) {
            let reading = self.read(passage);
            found.add(passage.audience, concept_ids(&reading));
        }
        match document.kind {
            Kind::Profile => {
                self.face_concepts(&document.offers, &mut found);
                self.face_concepts(&document.seeks, &mut found);
            }
            // The other face and the cases are the profile's: a need is not about what its owner is good at.
            Kind::Need => claimed(&document.seeks, &mut found),
            Kind::Offering | Kind::Event => claimed(&document.offers, &mut found),
        }
        found.restrict(document.audience);
        for id in self.with_ancestors(&found.public) {
            self.out.add_text(self.fields.concepts_public, id);
        }
        found.members.extend(found.public);
        for id in self.with_ancestors(&found.members) {
            self.out.add_text(self.fields.concepts_all, id);
        }
    }

    fn face_concepts(&self, face: &Face, found: &mut Layers) {
        for (passage, audience) in passages(face) {
            let reading = self.read(passage);
            found.add(audience, concept_ids(&reading));
        }
        claimed(face, found);
        for case in &face.cases {
            for claim in &case.claims {
                found.add(claim.audience.max(case.audience), [claim.concept.clone()]);
            }
        }
    }

    /// What a face is found by when candidates are collected. The titles of the document speak for
    /// every face that says anything at all.
    fn face(&mut self, face: &Face, document: &Document, fields: FaceFields) {
        let mut concepts = Layers::default();
        let mut terms = Layers::default();
        self.face_concepts(face, &mut concepts);
        let mut texts: Vec<(&Passage, Audience)> = passages(face).collect();
        if !texts.is_empty() || !concepts.is_empty() {
            texts.extend(document.titles.iter().map(|title| (title, title.audience)));
        }
        for (passage, audience) in texts {
            let reading = self.read(passage);
            terms.add(audience, face_terms(&reading));
            concepts.add(audience, concept_ids(&reading));
        }
        terms.restrict(document.audience);
        concepts.restrict(document.audience);
        for (layer, field) in terms.into_disjoint(fields.terms) {
            for term in layer {
                self.out.add_text(field, term);
            }
        }
        for (layer, field) in concepts.into_disjoint(fields.concepts) {
            for id in self.with_ancestors(&layer) {
                self.out.add_text(field, id);
            }
        }
    }

    /// What a face and its past cases are about, as far as it matters most.
    fn anchors(&mut self, face: &FaceVector, fields: FaceFields, audience: Audience) {
        let mut found = Layers::default();
        let layers = face.layers.iter().map(|layer| (layer.readers, &layer.likeness, ANCHORS));
        let cases = face.cases.iter().map(|case| (case.readers, &case.likeness, CASE_ANCHORS));
        for (readers, likeness, most) in layers.chain(cases) {
            let audience = match readers {
                Readers::MembersOnly => Audience::Members,
                Readers::Everybody | Readers::PublicOnly => Audience::Public,
            };
            found.add(audience, matching::strongest(likeness, most).map(|(anchor, _)| anchor.to_string()));
        }
        found.restrict(audience);
        for (layer, field) in found.into_disjoint(fields.anchors) {
            for anchor in layer {
                self.out.add_text(field, anchor);
            }
        }
    }

    fn read(&self, passage: &Passage) -> Arc<Reading> {
        self.analysis.read(passage.language.as_deref(), &passage.text)
    }

    /// Known concepts and all that stand above them.
    fn with_ancestors(&self, ids: &BTreeSet<String>) -> BTreeSet<String> {
        let vocabulary = self.analysis.vocabulary();
        ids.iter()
            .filter_map(|id| vocabulary.concept(id))
            .flat_map(|concept| vocabulary.ancestors(&concept.id).into_iter().chain([concept]))
            .map(|concept| concept.id.clone())
            .collect()
    }
}

/// The concepts that a face names beside its texts and its cases.
fn claimed(face: &Face, found: &mut Layers) {
    for claim in &face.claims {
        found.add(claim.audience, [claim.concept.clone()]);
    }
}

fn concept_ids(reading: &Reading) -> impl Iterator<Item = String> {
    reading.annotations.iter().map(|found| found.concept.clone())
}

fn face_terms(reading: &Reading) -> impl Iterator<Item = String> {
    reading.terms.iter().map(|term| face_term(reading.language, term))
}

/// All texts of a face with the audience that holds for them.
fn passages(face: &Face) -> impl Iterator<Item = (&Passage, Audience)> {
    let own = face.passages.iter().map(|passage| (passage, passage.audience));
    let of_cases = face.cases.iter().flat_map(|case| {
        case.titles.iter().chain(&case.texts).map(|passage| (passage, passage.audience.max(case.audience)))
    });
    own.chain(of_cases)
}

/// Values by the audience that may see them.
#[derive(Default)]
struct Layers {
    public: BTreeSet<String>,
    members: BTreeSet<String>,
}

impl Layers {
    fn add(&mut self, audience: Audience, values: impl IntoIterator<Item = String>) {
        match audience {
            Audience::Public => self.public.extend(values),
            Audience::Members => self.members.extend(values),
        }
    }

    /// Leaves nothing public in a document that is not.
    fn restrict(&mut self, audience: Audience) {
        if audience == Audience::Members {
            self.members.append(&mut self.public);
        }
    }

    fn is_empty(&self) -> bool {
        self.public.is_empty() && self.members.is_empty()
    }

    /// The public values, and those that only members see, with their fields.
    fn into_disjoint(self, fields: Layered) -> [(BTreeSet<String>, Field); 2] {
        let only = self.members.difference(&self.public).cloned().collect();
        [(self.public, fields.public), (only, fields.members)]
    }
}
