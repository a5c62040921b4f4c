//! All HTTP of search.

use actix_web::http::header;
use actix_web::{HttpRequest, get, web};
use chrono::{DateTime, Utc};
use search_index::{
    Audience, FacetField, Filters, Hit, IndexError, Kind, Near, SearchPage, SearchQuery, Searcher, Sort,
    SuggestQuery, Suggestion, SuggestionTarget,
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::accounts::Caller;
use crate::clock::Clock;
use crate::http::answer::Answer;
use crate::http::codes::Code;
use crate::http::index_token::UpToDate;
use crate::http::languages::ReaderLanguages;
use crate::http::page::{self, next_link};
use crate::http::problem::Problem;
use crate::http::query::{ValidQuery, expect_length};
use crate::ids::{ProfileId, ThingId};
use crate::values::{
    Category, ConceptId, Country, Format, Language, Location, Region, Sector, Stage, codes, codes_of,
};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(search).service(suggest);
}

impl From<IndexError> for Problem {
    fn from(error: IndexError) -> Problem {
        match error {
            IndexError::BadCursor => {
                Problem::new(Code::MalformedQuery, "cursor: must be `next` of a page of the same search")
            }
            IndexError::NoPoint => Problem::new(Code::MalformedQuery, "sort: distance needs lat and lon"),
            IndexError::Incomplete => {
                Problem::new(Code::Unavailable, error.to_string()).header(header::RETRY_AFTER, "5")
            }
            other => Problem::internal(other),
        }
    }
}

/// How much of a document a caller may see.
pub fn audience(caller: &Caller) -> Audience {
    if caller.0.is_some() { Audience::Members } else { Audience::Public }
}

/// What to find. Filters repeat: values of one filter are alternatives, different filters must all hold.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub struct SearchParameters {
    /// Words in any language; "quotes" for a phrase, a leading minus excludes. Empty finds everything.
    #[param(max_length = 2000, example = "vorausschauende Wartung")]
    pub q: String,
    /// Language of the words, if it is known.
    pub q_language: Option<Language>,
    /// Kinds of things.
    #[param(example = json!(["profile"]))]
    pub kind: Vec<Kind>,
    /// The finer kind: kinds of profiles, types of needs and offerings.
    pub category: Vec<Category>,
    /// Of the profile, or of an event's venue.
    pub country: Vec<Country>,
    /// NUTS code; a region contains its parts.
    pub region: Vec<Region>,
    /// Working languages; of an event, those that are spoken there.
    pub language: Vec<Language>,
    /// Sections of NACE Rev. 2.1.
    pub sector: Vec<Sector>,
    /// A concept of the vocabulary; it contains its narrower ones.
    pub concept: Vec<ConceptId>,
    /// How far a venture is.
    pub stage: Vec<Stage>,
    /// How people meet.
    pub format: Vec<Format>,
    /// Events and offerings that begin at this moment or later.
    pub from: Option<DateTime<Utc>>,
    /// Events and offerings that begin before this moment.
    pub to: Option<DateTime<Utc>>,
    /// With `lon`: the point that distances are measured from.
    #[param(minimum = -90, maximum = 90)]
    pub lat: Option<f64>,
    /// With `lat`.
    #[param(minimum = -180, maximum = 180)]
    pub lon: Option<f64>,
    /// At most this far from the point, in kilometres.
    #[param(minimum = 1, maximum = 20000)]
    pub km: Option<f64>,
    /// The order of what is found; `relevance` where none is named.
    pub sort: Option<SortBy>,
    /// What to count over everything found.
    pub facet: Vec<Facet>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `next` of the page before, unchanged.
    #[param(min_length = 1, max_length = 500, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

codes!(
    /// The order of a search.
    SortBy {
        /// The best first
        Relevance = "relevance",
        /// Events by their start, the rest by age
        Date = "date",
        /// The nearest first; needs `lat` and `lon`
        Distance = "distance",
    }
);

codes!(
    /// What can be counted: each of these is a filter too.
    Facet {
        Kind = "kind",
        Category = "category",
        Country = "country",
        Region = "region",
        Language = "language",
        Sector = "sector",
        Concept = "concept",
        Stage = "stage",
        Format = "format",
    }
);

impl SearchParameters {
    fn query(
        self,
        caller: &Caller,
        languages: &ReaderLanguages,
        now: DateTime<Utc>,
    ) -> Result<SearchQuery, Problem> {
        let malformed = |detail: String| Problem::new(Code::MalformedQuery, detail);
        if self.q.chars().count() > 2000 {
            return Err(malformed("q: must be at most 2000 characters".to_owned()));
        }
        let point = point(self.lat, self.lon).map_err(malformed)?;
        let near = match (self.km, point) {
            (None, _) => None,
            (Some(km), Some(point)) if (1.0..=20_000.0).contains(&km) => Some(Near { point, km }),
            (Some(_), Some(_)) => return Err(malformed("km: must be between 1 and 20000".to_owned())),
            (Some(_), None) => return Err(malformed("km: needs lat and lon".to_owned())),
        };
        Ok(SearchQuery {
            language: self.q_language.map(|language| language.to_string()),
            audience: audience(caller),
            reader_languages: languages.codes(),
            facets: self.facet.iter().filter_map(|facet| FacetField::from_code(facet.code())).collect(),
            sort: match self.sort {
                None | Some(SortBy::Relevance) => Sort::Relevance,
                Some(SortBy::Date) => Sort::Date,
                Some(SortBy::Distance) => Sort::Distance,
            },
            origin: point,
            limit: page::limit(self.limit)? as usize,
            cursor: self.cursor,
            filters: Filters {
                kinds: self.kind,
                categories: codes_of(&self.category),
                countries: codes_of(&self.country),
                regions: codes_of(&self.region),
                languages: codes_of(&self.language),
                sectors: codes_of(&self.sector),
                concepts: codes_of(&self.concept),
                stages: codes_of(&self.stage),
                formats: codes_of(&self.format),
                starts_from: self.from,
                starts_before: self.to,
                near,
                ..Filters::default()
            },
            ..SearchQuery::new(&self.q, now)
        })
    }
}

fn point(lat: Option<f64>, lon: Option<f64>) -> Result<Option<(f64, f64)>, String> {
    match (lat, lon) {
        (None, None) => Ok(None),
        (Some(lat), Some(lon)) if (-90.0..=90.0).contains(&lat) && (-180.0..=180.0).contains(&lon) => {
            Ok(Some((lat, lon)))
        }
        (Some(_), Some(_)) => Err("lat, lon: must be degrees within -90…90 and -180…180".to_owned()),
        _ => Err("lat, lon: give both or neither".to_owned()),
    }
}

/// What a search found.
#[derive(Debug, Serialize, ToSchema)]
pub struct SearchPageView {
    pub items: Vec<HitView>,
    /// All that were found, on this and all other pages.
    pub total: usize,
    /// Counts over everything found, for the facets that were asked for.
    pub facets: Vec<FacetView>,
    /// Whether similar words were taken too, or not all words had to be found.
    pub relaxed: bool,
    /// Cursor of the next page; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500, pattern = "^[A-Za-z0-9_-]+$")]
    pub next: Option<String>,
}

/// One thing found.
#[derive(Debug, Serialize, ToSchema)]
pub struct HitView {
    /// Of a profile, need, offering or event.
    #[schema(value_type = ThingId)]
    pub id: String,
    pub kind: Kind,
    #[schema(value_type = Category)]
    pub category: String,
    /// The profile that it belongs to; its own id for a profile.
    #[schema(value_type = ProfileId)]
    pub profile: String,
    /// In the language nearest to the reader.
    #[schema(min_length = 1, example = "Claire Exemple")]
    pub title: String,
    /// HTML: escaped, with the found words inside `<mark>`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "… <mark>maintenance</mark> prédictive …")]
    pub snippet: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Country>)]
    pub country: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Region>)]
    pub region: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 80, example = "Lyon")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    /// From the point of the search, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0)]
    pub distance_km: Option<f64>,
}

/// Counts of one facet.
#[derive(Debug, Serialize, ToSchema)]
pub struct FacetView {
    #[schema(value_type = Facet)]
    pub field: &'static str,
    /// The most frequent first.
    #[schema(max_items = 100)]
    pub values: Vec<FacetCount>,
}

/// How many of what was found have a value.
#[derive(Debug, Serialize, ToSchema)]
pub struct FacetCount {
    /// A value that the filter of the same name takes.
    #[schema(min_length = 1, example = "FR")]
    pub value: String,
    #[schema(minimum = 1)]
    pub count: u64,
}

impl From<Hit> for HitView {
    fn from(hit: Hit) -> HitView {
        HitView {
            id: hit.id,
            kind: hit.kind,
            category: hit.category,
            profile: hit.profile,
            title: hit.title,
            snippet: hit.snippet,
            country: hit.place.country,
            region: hit.place.region,
            city: hit.place.city,
            location: hit.place.point.map(|(lat, lon)| Location { lat, lon }),
            starts_at: hit.starts_at,
            distance_km: hit.distance_km,
        }
    }
}

impl From<SearchPage> for SearchPageView {
    fn from(page: SearchPage) -> SearchPageView {
        let facets = page.facets.into_iter().map(|facet| FacetView {
            field: facet.field.code(),
            values: facet
                .values
                .into_iter()
                .map(|counted| FacetCount { value: counted.value, count: counted.count })
                .collect(),
        });
        SearchPageView {
            facets: facets.collect(),
            items: page.hits.into_iter().map(HitView::from).collect(),
            total: page.total,
            relaxed: page.relaxed,
            next: page.next,
        }
    }
}

#[utoipa::path(
    tag = "search",
    summary = "Search",
    description = "Finds profiles, needs, offerings and events by words in any language and by filters. Concepts of \
        the vocabulary that the words name are found in every language. Only what the caller may see is searched, \
        counted and shown. Pages by `date` neither repeat nor skip anything while others write; by `relevance`, what \
        is written between two pages changes what words weigh, and may move something from one page to \
        another.\n\n**Rights:** anybody; who is logged in finds what only members may see, too.",
    params(SearchParameters, ("Index-Token" = Option<String>, Header,
        description = "The `Index-Token` of a write's answer: what it wrote is found")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "A page of what was found", body = SearchPageView))
)]
#[get("/search")]
async fn search(
    request: HttpRequest,
    searcher: web::Data<Searcher>,
    clock: web::Data<Clock>,
    caller: Caller,
    languages: ReaderLanguages,
    query: ValidQuery<SearchParameters>,
    _: UpToDate,
) -> Result<Answer, Problem> {
    let query = query.0.query(&caller, &languages, clock.now())?;
    // Short enough to run where it is: handing it to another thread costs more than the search.
    let page = SearchPageView::from(searcher.search(&query)?);
    let answer = Answer::ok(&page)?;
    Ok(match &page.next {
        Some(next) => answer.with("link", next_link(&request, next)),
        None => answer,
    })
}

/// What to complete.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct SuggestParameters {
    /// The beginning of a word or name.
    #[param(min_length = 1, max_length = 100, example = "predic")]
    pub q: String,
    /// How many at most.
    #[param(minimum = 1, maximum = 20, default = 8)]
    pub limit: Option<u32>,
}

/// Completions, the best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionList {
    #[schema(max_items = 20)]
    pub items: Vec<SuggestionView>,
}

codes!(
    /// What a completion names.
    Completion {
        /// A profile, need, offering or event
        Document = "document",
        /// A concept of the vocabulary
        Concept = "concept",
        /// A city
        Place = "place",
    }
);

/// One completion.
#[derive(Debug, Serialize, ToSchema)]
pub struct SuggestionView {
    #[schema(min_length = 1, example = "maintenance prédictive")]
    pub text: String,
    pub target: Completion,
    /// Id of the document or concept; absent for a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 80, example = "predictive_maintenance")]
    pub id: Option<String>,
    /// Of a document.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
}

impl From<Suggestion> for SuggestionView {
    fn from(suggestion: Suggestion) -> SuggestionView {
        let (target, id, kind) = match suggestion.target {
            SuggestionTarget::Document { kind, id } => (Completion::Document, Some(id), Some(kind)),
            SuggestionTarget::Concept { id } => (Completion::Concept, Some(id), None),
            SuggestionTarget::Place { .. } => (Completion::Place, None, None),
        };
        SuggestionView { text: suggestion.text, target, id, kind }
    }
}

#[utoipa::path(
    tag = "search",
    summary = "Complete a word",
    description = "Names, concepts and places that begin with what was typed.\n\n**Rights:** anybody; who is logged \
        in finds what only members may see, too.",
    params(SuggestParameters, ("Index-Token" = Option<String>, Header,
        description = "The `Index-Token` of a write's answer: what it wrote is found")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "Completions", body = SuggestionList))
)]
#[get("/search/suggestions")]
async fn suggest(
    searcher: web::Data<Searcher>,
    clock: web::Data<Clock>,
    caller: Caller,
    languages: ReaderLanguages,
    query: ValidQuery<SuggestParameters>,
    _: UpToDate,
) -> Result<Answer, Problem> {
    let SuggestParameters { q, limit } = query.0;
    expect_length("q", &q, 1..=100)?;
    let limit = page::limit_within(limit, 8, 20)?;
    let found = searcher.suggest(&SuggestQuery {
        prefix: q,
        audience: audience(&caller),
        languages: languages.codes(),
        limit: limit as usize,
        now: clock.now(),
    })?;
    Answer::ok(&SuggestionList { items: found.into_iter().map(SuggestionView::from).collect() })
}
