//! The fields of the index: the only file that names them.
//!
//! What only members may see has fields of its own, so that a visitor's words can never meet it.
//! Three families:
//!
//! - **words to search**: `title_xx` and `body_xx` by language, `members_xx` for what only members
//!   see, `names` unstemmed, and `spellings` of all words to find similar ones among;
//! - **words and concepts to match**: what a document offers and what it seeks. These are looked
//!   up, not weighed, so all languages share one field (the term says which: `de:wartung`), without
//!   frequencies and field norms;
//! - **facts to filter, count and sort by**, and two blobs: the document and its vector.
//!
//! Scored fields keep their field norms: without them the engine stores empty block maxima, and its
//! pruning silently drops the best documents.

use tantivy::schema::{
    FAST, Field, INDEXED, IndexRecordOption, NumericOptions, STORED, Schema, SchemaBuilder,
    TextFieldIndexing, TextOptions,
};

use crate::analysis::{Language, NAMES};
use crate::document::{Audience, Kind};

/// Grows whenever a field or what is written into it changes, so that old indexes are rebuilt.
pub(crate) const SCHEMA_VERSION: &str = "3";

/// Value of the `audience` field of a document that anybody may know of.
pub(crate) const PUBLIC: &str = "public";
/// Value of the `audience` field of a document that only members may know of.
pub(crate) const MEMBERS: &str = "members";

/// The end of a document that has none, so that every document has one to compare.
pub(crate) const NEVER: i64 = i64::MAX;

/// A pair of fields: what everybody may see, and what only members may see on top of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layered {
    pub public: Field,
    pub members: Field,
}

impl Layered {
    /// The field that a piece of this audience is written to.
    pub(crate) fn of_piece(self, audience: Audience) -> Field {
        match audience {
            Audience::Public => self.public,
            Audience::Members => self.members,
        }
    }

    /// The fields that a reader of this audience may search.
    pub(crate) fn visible_to(self, reader: Audience) -> impl Iterator<Item = Field> {
        let members = (reader == Audience::Members).then_some(self.members);
        [self.public].into_iter().chain(members)
    }
}

/// What one face of a document is found by when candidates for a match are collected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FaceFields {
    /// Terms as [`face_term`] writes them.
    pub terms: Layered,
    /// Concept ids with all their ancestors.
    pub concepts: Layered,
    /// Numbers of the anchors that it resembles most.
    pub anchors: Layered,
}

/// The searchable words of one language.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextFields {
    pub title: Field,
    pub body: Field,
    /// Titles and bodies that only members may see.
    pub members: Field,
}

/// All fields of the index.
#[derive(Debug, Clone)]
pub(crate) struct Fields {
    /// `kind/id`: what a document is replaced and removed by; see [`key`].
    pub key: Field,
    pub audience: Field,
    pub kind: Field,
    pub category: Field,
    /// Id of the profile that the document belongs to.
    pub profile: Field,
    pub country: Field,
    /// The NUTS code and all its prefixes of at least 2 characters.
    pub region: Field,
    pub language: Field,
    pub sector: Field,
    pub stage: Field,
    pub format: Field,
    /// Concepts with ancestors, as a visitor may see them.
    pub concepts_public: Field,
    /// Concepts with ancestors, as a member may see them: all of them.
    pub concepts_all: Field,
    /// Whether the document takes no requests now.
    pub paused: Field,
    texts: Vec<TextFields>,
    /// Titles, unstemmed and folded.
    pub names: Layered,
    /// All words of titles and texts, unstemmed and folded: what a mistyped word is compared with,
    /// as a stem says little about its spelling.
    pub spellings: Layered,
    /// The city, unstemmed and folded.
    pub place: Field,
    /// The city as written, for suggestions.
    pub city: Field,
    pub offers: FaceFields,
    pub seeks: FaceFields,
    /// Seconds since 1970, of `created_at`, `starts_at` (may be missing) and `ends_at`
    /// (or [`NEVER`]).
    pub created: Field,
    pub starts: Field,
    pub ends: Field,
    /// Degrees; missing where the place is not known.
    pub latitude: Field,
    pub longitude: Field,
    /// A stable hash of the key: the last resort of every order.
    pub tie: Field,
    /// What matching knows of the document, as `matching::encode` wrote it.
    pub vector: Field,
    /// The document itself, as JSON.
    pub document: Field,
}

/// Names of the fields that are read as columns.
pub(crate) mod column {
    pub(crate) const KIND: &str = "kind";
    pub(crate) const CATEGORY: &str = "category";
    pub(crate) const PROFILE: &str = "profile";
    pub(crate) const COUNTRY: &str = "country";
    pub(crate) const REGION: &str = "region";
    pub(crate) const LANGUAGE: &str = "language";
    pub(crate) const SECTOR: &str = "sector";
    pub(crate) const STAGE: &str = "stage";
    pub(crate) const FORMAT: &str = "format";
    pub(crate) const CONCEPTS_PUBLIC: &str = "concepts_public";
    pub(crate) const CONCEPTS_ALL: &str = "concepts_all";
    pub(crate) const CITY: &str = "city";
    pub(crate) const CREATED: &str = "created";
    pub(crate) const STARTS: &str = "starts";
    pub(crate) const ENDS: &str = "ends";
    pub(crate) const LATITUDE: &str = "latitude";
    pub(crate) const LONGITUDE: &str = "longitude";
    pub(crate) const TIE: &str = "tie";
    pub(crate) const VECTOR: &str = "vector";
}

impl Fields {
    /// The word fields of a language.
    pub(crate) fn texts(&self, language: Language) -> Option<TextFields> {
        self.texts.get(language.index()).copied()
    }
}

/// What identifies a document of the index.
pub(crate) fn key(kind: Kind, id: &str) -> String {
    format!("{}/{id}", kind.code())
}

/// A term of a face: one word of one language, as the analysis gives it.
pub(crate) fn face_term(language: Language, term: &str) -> String {
    format!("{}:{term}", language.code())
}

/// Builds the schema; the same fields in the same order in every build of this version.
pub(crate) fn build() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let b = &mut builder;
    let texts = Language::ALL.into_iter().map(|language| text_fields(b, language)).collect();
    let fields = Fields {
        key: b.add_text_field("key", keyword()),
        audience: b.add_text_field("audience", keyword()),
        kind: b.add_text_field(column::KIND, counted()),
        category: b.add_text_field(column::CATEGORY, counted()),
        profile: b.add_text_field(column::PROFILE, counted()),
        country: b.add_text_field(column::COUNTRY, counted()),
        region: b.add_text_field(column::REGION, counted()),
        language: b.add_text_field(column::LANGUAGE, counted()),
        sector: b.add_text_field(column::SECTOR, counted()),
        stage: b.add_text_field(column::STAGE, counted()),
        format: b.add_text_field(column::FORMAT, counted()),
        concepts_public: b.add_text_field(column::CONCEPTS_PUBLIC, counted()),
        concepts_all: b.add_text_field(column::CONCEPTS_ALL, counted()),
        paused: b.add_bool_field("paused", INDEXED),
        texts,
        names: layered(b, "names", words(NAMES)),
        spellings: layered(b, "spellings", lookup(NAMES)),
        place: b.add_text_field("place", words(NAMES)),
        city: b.add_text_field(column::CITY, counted()),
        offers: face(b, "offer"),
        seeks: face(b, "seek"),
        created: b.add_i64_field(column::CREATED, sortable()),
        starts: b.add_i64_field(column::STARTS, sortable()),
        ends: b.add_i64_field(column::ENDS, sortable()),
        latitude: b.add_f64_field(column::LATITUDE, sortable()),
        longitude: b.add_f64_field(column::LONGITUDE, sortable()),
        tie: b.add_u64_field(column::TIE, sortable()),
        vector: b.add_bytes_field(column::VECTOR, FAST),
        document: b.add_bytes_field("document", STORED),
    };
    (builder.build(), fields)
}

fn text_fields(builder: &mut SchemaBuilder, language: Language) -> TextFields {
    let code = language.code();
    let mut add = |name: &str| builder.add_text_field(&format!("{name}_{code}"), words(code));
    TextFields { title: add("title"), body: add("body"), members: add("members") }
}

fn face(builder: &mut SchemaBuilder, name: &str) -> FaceFields {
    FaceFields {
        terms: layered(builder, &format!("{name}_terms"), keyword()),
        concepts: layered(builder, &format!("{name}_concepts"), keyword()),
        anchors: layered(builder, &format!("{name}_anchors"), keyword()),
    }
}

fn layered(builder: &mut SchemaBuilder, name: &str, options: TextOptions) -> Layered {
    Layered {
        public: builder.add_text_field(name, options.clone()),
        members: builder.add_text_field(&format!("{name}_members"), options),
    }
}

/// Scored words with positions for phrases; field norms are on (see above).
fn words(tokenizer: &str) -> TextOptions {
    TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions)
            .set_fieldnorms(true),
    )
}

/// Exact values to look up.
fn keyword() -> TextOptions {
    lookup("raw")
}

/// Terms to look up, not to weigh.
fn lookup(tokenizer: &str) -> TextOptions {
    TextOptions::default().set_indexing_options(
        TextFieldIndexing::default()
            .set_tokenizer(tokenizer)
            .set_index_option(IndexRecordOption::Basic)
            .set_fieldnorms(false),
    )
}

/// Exact values to look up and to count.
fn counted() -> TextOptions {
    keyword().set_fast("raw")
}

fn sortable() -> NumericOptions {
    NumericOptions::default().set_fast()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tantivy::schema::FieldType;

    use super::*;

    #[test]
    fn a_field_with_frequencies_has_norms() {
        let (schema, _) = build();
        for (_, entry) in schema.fields() {
            let FieldType::Str(options) = entry.field_type() else {
                continue;
            };
            let Some(indexing) = options.get_indexing_options() else {
                continue;
            };
            let frequencies = indexing.index_option() != IndexRecordOption::Basic;
            assert_eq!(frequencies, indexing.fieldnorms(), "{}", entry.name());
        }
    }

    #[test]
    fn a_visitor_sees_only_the_public_layer() {
        let (_, fields) = build();
        let names = fields.names;
        assert_eq!(names.visible_to(Audience::Public).collect::<Vec<_>>(), [names.public]);
        assert_eq!(names.visible_to(Audience::Members).count(), 2);
        assert_eq!(names.of_piece(Audience::Members), names.members);
    }
}
