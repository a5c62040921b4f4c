//! All HTTP of the vocabulary.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, get, post, web};
use search_index::{Analysis, Annotation, Completion, Concept, Language as TextLanguage, Vocabulary};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::http::answer::Answer;
use crate::http::body::VerbatimJson;
use crate::http::codes::Code;
use crate::http::languages::ReaderLanguages;
use crate::http::page::{self, Page};
use crate::http::problem::Problem;
use crate::http::query::{ValidQuery, expect_length};
use crate::values::{ConceptId, Language};

/// A concept with more children than this shows the first ones; the list has them all.
const MOST_CHILDREN: usize = 100;

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_concepts).service(read_concept).service(suggest_concepts).service(annotate_text);
}

/// What a concept is called in one language.
#[derive(Debug, Serialize, ToSchema)]
pub struct Label {
    #[schema(value_type = Language)]
    pub language: String,
    #[schema(min_length = 1, example = "predictive maintenance")]
    pub text: String,
}

/// A concept by its name.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptName {
    #[schema(value_type = ConceptId)]
    pub id: String,
    /// In the reader's language, else in English.
    pub label: Label,
}

/// A concept and its place in the tree.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptView {
    #[schema(value_type = ConceptId)]
    pub id: String,
    /// The wider concept that it belongs to; absent at the top of the tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<ConceptId>)]
    pub parent: Option<String>,
    /// In the reader's language, else in English.
    pub label: Label,
    /// Other names and abbreviations, in the language of the label.
    #[schema(example = json!(["condition-based maintenance"]))]
    pub synonyms: Vec<String>,
    /// What it is in lists of the EU, as `list:code`: `eurovoc` for EuroVoc, `euroscivoc` for EuroSciVoc.
    #[schema(example = json!(["eurovoc:3030"]))]
    pub eu: Vec<String>,
    /// How many concepts belong to it directly.
    pub children_count: usize,
}

/// A concept with its surroundings and all its names.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptDetails {
    #[serde(flatten)]
    pub concept: ConceptView,
    /// The wider concepts above it, from the top of the tree down.
    pub ancestors: Vec<ConceptName>,
    /// The concepts that belong to it directly, in the order of their ids; the first hundred where there are more, and
    /// the list of concepts has them all under `parent`.
    #[schema(max_items = 100)]
    pub children: Vec<ConceptName>,
    /// Its names by language (ISO 639-1), the preferred one first.
    #[schema(example = json!({ "de": ["künstliche Intelligenz", "KI"], "en": ["artificial intelligence", "AI"] }))]
    pub labels: BTreeMap<String, Vec<String>>,
}

/// A vocabulary as one reader sees it.
struct Reading<'a> {
    vocabulary: &'a Vocabulary,
    /// ISO 639-1, the preferred one first.
    languages: Vec<&'a str>,
}

impl<'a> Reading<'a> {
    /// `asked` comes before what the reader's browser says.
    fn new(analysis: &'a Analysis, asked: Option<&'a Language>, reader: &'a ReaderLanguages) -> Reading<'a> {
        let languages = asked.into_iter().chain(&reader.0).map(Language::as_str).collect();
        Reading { vocabulary: analysis.vocabulary(), languages }
    }

    fn label(&self, concept: &Concept) -> Label {
        let naming = concept.naming(&self.languages);
        Label { language: naming.language.to_owned(), text: naming.label.to_owned() }
    }

    fn name(&self, concept: &Concept) -> ConceptName {
        ConceptName { id: concept.id.clone(), label: self.label(concept) }
    }

    fn view(&self, concept: &Concept) -> ConceptView {
        let parent = concept.parent.and_then(|parent| self.vocabulary.by_number(parent));
        ConceptView {
            id: concept.id.clone(),
            parent: parent.map(|parent| parent.id.clone()),
            label: self.label(concept),
            synonyms: concept.naming(&self.languages).synonyms.to_vec(),
            eu: concept.eu.clone(),
            children_count: self.vocabulary.children(&concept.id).len(),
        }
    }

    fn details(&self, concept: &Concept) -> ConceptDetails {
        let ancestors = self.vocabulary.ancestors(&concept.id);
        let children = self.vocabulary.children(&concept.id);
        let labels = concept.languages().map(|code| (code.to_owned(), concept.labels(code).to_vec()));
        ConceptDetails {
            concept: self.view(concept),
            ancestors: ancestors.into_iter().rev().map(|above| self.name(above)).collect(),
            children: children.into_iter().take(MOST_CHILDREN).map(|below| self.name(below)).collect(),
            labels: labels.filter(|(_, labels)| !labels.is_empty()).collect(),
        }
    }

    fn suggestion(&self, found: &Completion<'_>) -> ConceptSuggestion {
        let matched = Label { language: found.language.to_owned(), text: found.label.to_owned() };
        ConceptSuggestion { concept: self.name(found.concept), matched }
    }

    fn annotation(&self, found: Annotation, places: &Places) -> Option<AnnotationView> {
        Some(AnnotationView {
            concept: self.name(self.vocabulary.by_number(found.number)?),
            words: found.words,
            start: places.of(found.start),
            end: places.of(found.end),
        })
    }
}

/// An answer that is the same for all readers of a language, and changes with the vocabulary only.
fn shared(answer: Answer) -> Answer {
    // Both in one line: what allows pages of other origins keeps the first line only.
    let vary = "accept-language, accept-encoding";
    answer.tagged().with("cache-control", "public, max-age=300").with("vary", vary)
}

/// Which concepts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListConcepts {
    /// Only those at the top of the tree.
    #[serde(default)]
    pub roots: bool,
    /// Only those that belong to this one directly.
    pub parent: Option<ConceptId>,
    /// Of the labels; preferred to `Accept-Language`.
    pub language: Option<Language>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `next` of the page before, unchanged.
    #[param(min_length = 1, max_length = 500, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

#[utoipa::path(
    tag = "vocabulary",
    summary = "List the concepts",
    description = "The whole vocabulary in the order of its ids, or one level of the tree: `roots` begins it, `parent` \
        goes on. Who wants all of the tree reads every page and puts each concept under its `parent`. Labels are in the \
        reader's language, or in English where it has none; each says its language.\n\n**Rights:** anybody.",
    params(ListConcepts),
    responses((status = 200, description = "A page of concepts; `ETag` is its version", body = Page<ConceptView>,
        headers(("ETag"))))
)]
#[get("/vocabulary/concepts")]
async fn list_concepts(
    request: HttpRequest,
    analysis: web::Data<Analysis>,
    reader: ReaderLanguages,
    query: ValidQuery<ListConcepts>,
) -> Result<Answer, Problem> {
    let ListConcepts { roots, parent, language, limit, cursor } = query.0;
    let (limit, after) = (page::limit(limit)?, page::decode_cursor(cursor.as_deref())?);
    let reading = Reading::new(&analysis, language.as_ref(), &reader);
    let parent = parent.map(|id| reading.vocabulary.number(&id.0));
    let listed = |concept: &&Concept| {
        (!roots || concept.parent.is_none())
            && parent.is_none_or(|parent| parent.is_some() && concept.parent == parent)
            && after.as_ref().is_none_or(|after| concept.id > *after)
    };
    let found = reading.vocabulary.iter().filter(listed).take(limit as usize + 1).collect();
    let page = Page::of(found, limit, |concept: &&Concept| concept.id.clone());
    Ok(shared(Answer::page(&request, &page.map(|concept| reading.view(concept)))?))
}

/// How to read a concept.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReadConcept {
    /// Of the labels; preferred to `Accept-Language`.
    pub language: Option<Language>,
}

#[utoipa::path(
    tag = "vocabulary",
    summary = "Read a concept",
    description = "With what stands above and below it in the tree, and its names in all languages.\n\n**Rights:** \
        anybody.",
    params(("id" = ConceptId, Path, description = "The concept"), ReadConcept),
    responses((status = 200, description = "The concept; `ETag` is its version", body = ConceptDetails,
        headers(("ETag"))))
)]
#[get("/vocabulary/concepts/{id}")]
async fn read_concept(
    analysis: web::Data<Analysis>,
    reader: ReaderLanguages,
    id: web::Path<ConceptId>,
    query: ValidQuery<ReadConcept>,
) -> Result<Answer, Problem> {
    let reading = Reading::new(&analysis, query.0.language.as_ref(), &reader);
    let concept = reading.vocabulary.concept(&id.0).ok_or_else(|| Problem::of(Code::NotFound))?;
    Ok(shared(Answer::ok(&reading.details(concept))?))
}

/// What to complete.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SuggestConcepts {
    /// The beginning of a word of a label, and as many words after it as were typed.
    #[param(min_length = 1, max_length = 100, example = "maintenance pr")]
    pub q: String,
    /// Of the labels; preferred to `Accept-Language`.
    pub language: Option<Language>,
    /// How many at most.
    #[param(minimum = 1, maximum = 20, default = 8)]
    pub limit: Option<u32>,
}

/// Completions, the best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptSuggestionList {
    #[schema(max_items = 20)]
    pub items: Vec<ConceptSuggestion>,
}

/// A concept that may be meant.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConceptSuggestion {
    #[serde(flatten)]
    pub concept: ConceptName,
    /// The label in which a word begins with what was typed.
    pub matched: Label,
}

#[utoipa::path(
    tag = "vocabulary",
    summary = "Complete a concept",
    description = "Concepts that have a label, in any language, in which a word begins with what was typed; case, accents \
        and hyphens do not count. Labels in the reader's language come first, preferred ones before synonyms. To \
        complete names and places too, use the suggestions of the search.\n\n**Rights:** anybody.",
    params(SuggestConcepts),
    responses((status = 200, description = "Completions; `ETag` is their version", body = ConceptSuggestionList,
        headers(("ETag"))))
)]
#[get("/vocabulary/suggestions")]
async fn suggest_concepts(
    analysis: web::Data<Analysis>,
    reader: ReaderLanguages,
    query: ValidQuery<SuggestConcepts>,
) -> Result<Answer, Problem> {
    let SuggestConcepts { q, language, limit } = query.0;
    expect_length("q", &q, 1..=100)?;
    let limit = page::limit_within(limit, 8, 20)?;
    let reading = Reading::new(&analysis, language.as_ref(), &reader);
    let found = analysis.complete(&q, &reading.languages, limit as usize);
    let items = found.iter().map(|found| reading.suggestion(found)).collect();
    Ok(shared(Answer::ok(&ConceptSuggestionList { items })?))
}

/// A text in which to find concepts. It is not stored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AnnotateText {
    #[schema(
        min_length = 1,
        max_length = 5000,
        example = "Wir suchen Hilfe bei vorausschauender Wartung und Computer Vision."
    )]
    pub text: String,
    /// Of the text, if it is known; else it is detected.
    #[serde(default)]
    pub language: Option<Language>,
}

/// The concepts of a text, in its order.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnnotationList {
    /// What the text was read in, besides English: as it was said, else as it was detected. Absent where it could not be
    /// told: a short text is then read in every language.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Language>)]
    pub language: Option<String>,
    /// One for every place; a concept that is named twice comes twice.
    #[schema(max_items = 5000)]
    pub items: Vec<AnnotationView>,
}

/// A concept found in a text.
#[derive(Debug, Serialize, ToSchema)]
pub struct AnnotationView {
    pub concept: ConceptName,
    /// The words that name it, as the text has them; of a compound, all of it.
    #[schema(min_length = 1, example = "vorausschauender Wartung")]
    pub words: String,
    /// Where the words begin: how many UTF-16 code units stand before them.
    #[schema(example = 21)]
    pub start: usize,
    /// Where they end: `text.slice(start, end)` in JavaScript.
    #[schema(minimum = 1, example = 45)]
    pub end: usize,
}

/// Places in a text, counted as browsers, Java and C# do; the index counts bytes.
struct Places(
    /// For every byte of the text, and for its end, the UTF-16 code units before its character.
    Vec<usize>,
);

impl Places {
    fn in_text(text: &str) -> Places {
        let mut before = Vec::with_capacity(text.len() + 1);
        let mut units = 0;
        for character in text.chars() {
            before.resize(before.len() + character.len_utf8(), units);
            units += character.len_utf16();
        }
        before.push(units);
        Places(before)
    }

    fn of(&self, byte: usize) -> usize {
        self.0.get(byte).or(self.0.last()).copied().unwrap_or_default()
    }
}

#[utoipa::path(
    tag = "vocabulary",
    summary = "Find the concepts of a text",
    description = "What a text is about, with the words that say so and where they stand, so that a form can offer \
        concepts while somebody writes. Labels are in the language of `Accept-Language`, or in English where it has \
        none.\n\n`start` and `end` count UTF-16 code units of the text as it was sent, as strings, text areas and ranges in \
        browsers do (and Java, C# and Swift's `NSString`): an emoji counts two, an accent that is a character of its own \
        one. In Python, whose strings count code points, the words are \
        `text.encode(\"utf-16-le\")[2 * start:2 * end].decode(\"utf-16-le\")`.\n\nNothing is stored.\n\n**Rights:** anybody.",
    request_body = AnnotateText,
    responses((status = 200, description = "The concepts", body = AnnotationList))
)]
#[post("/vocabulary/annotate")]
async fn annotate_text(
    analysis: web::Data<Analysis>,
    reader: ReaderLanguages,
    body: VerbatimJson<AnnotateText>,
) -> Result<Answer, Problem> {
    let AnnotateText { text, language } = body.0;
    let read_as = match &language {
        Some(stated) => Some(stated.as_str()),
        None => TextLanguage::detect(&text).map(TextLanguage::code),
    };
    let (reading, places) = (Reading::new(&analysis, None, &reader), Places::in_text(&text));
    // Short enough to run where it is, as a search is.
    let found = analysis.annotate(&text, read_as).into_iter();
    let items = found.filter_map(|found| reading.annotation(found, &places)).collect();
    let language = read_as.filter(|code| *code != TextLanguage::OTHER.code()).map(str::to_owned);
    Answer::ok(&AnnotationList { language, items })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_utf_16_code_units() {
        let text = "é👩‍🔬e\u{301}x";
        let places = Places::in_text(text);
        for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let before = text.get(..at).map_or(0, |before| before.encode_utf16().count());
            assert_eq!(places.of(at), before, "byte {at}");
        }
    }
}
