//! All HTTP of matching.

use std::collections::BTreeMap;

use actix_web::{get, post, web};
use search_index::matching::{
    Feature, Match, MatchPage, MatchRequest, Matcher, Mode, Parameters, ParametersError, Release,
    WeightOverrides, Weights, Why, history,
};
use search_index::{Audience, Filters, Kind, Searcher};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::service::{Asking, asking, names};
use crate::accounts::Caller;
use crate::clock::Clock;
use crate::db::Db;
use crate::faults::Faults;
use crate::http::answer::Answer;
use crate::http::body::ValidJson;
use crate::http::codes::Code;
use crate::http::index_token::UpToDate;
use crate::http::languages::ReaderLanguages;
use crate::http::problem::Problem;
use crate::ids::{NeedId, ProfileId};
use crate::search::audience;
use crate::values::{Category, ConceptId, Country, Format, Language, Region, Sector, Stage, codes, codes_of};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(find_matches)
        .service(explain_match)
        .service(read_matching_parameters)
        .service(list_matching_parameters);
}

impl From<ParametersError> for Problem {
    fn from(error: ParametersError) -> Problem {
        Faults::one("/weights", "weights", error.to_string()).into()
    }
}

/// Who looks for a match: exactly one of `need`, `profile` and `description`.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FindMatches {
    /// A stored need: who can help with it?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<NeedId>,
    /// A stored profile: whom does it seek, or (with `mode` `offers`) whose needs can it meet?
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<ProfileId>,
    /// A few sentences, which are not stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    #[serde(default = "seeks")]
    pub mode: MatchMode,
    /// Kinds of answers; profiles where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 4)]
    pub want: Vec<Kind>,
    /// Finer kinds of answers; any where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20, example = json!(["mentor"]))]
    pub categories: Vec<Category>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filters: Option<MatchFilters>,
    /// Whether an interpreter would help, so that no shared working language is needed.
    #[serde(default)]
    pub interpreter: bool,
    /// Weights that differ for this request; see the matching parameters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weights: Option<MatchWeights>,
    /// How many answers at most; 20 where nothing is said.
    #[serde(default = "twenty")]
    #[schema(minimum = 1, maximum = 50, example = 20)]
    pub limit: u32,
}

fn twenty() -> u32 {
    20
}

/// What is sought, in the words of somebody who has no profile.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// In any language.
    #[schema(
        min_length = 3,
        max_length = 5000,
        example = "Wir bauen Sensoren für Werkzeugmaschinen und suchen jemanden, der vorausschauende Wartung eingeführt hat."
    )]
    pub text: String,
    /// Of the text, if it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Working languages; any where none is named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub languages: Vec<Language>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 22)]
    pub sectors: Vec<Sector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
}

codes!(
    /// Which face of the asking side is looked up.
    MatchMode {
        /// What it seeks, among what others offer
        Seeks = "seeks",
        /// What it offers, among what others seek: a mentor looks for needs
        Offers = "offers",
    }
);

fn seeks() -> MatchMode {
    MatchMode::Seeks
}

/// Conditions that every answer must meet; values of one condition are alternatives.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchFilters {
    #[serde(default)]
    #[schema(max_items = 50)]
    pub countries: Vec<Country>,
    #[serde(default)]
    #[schema(max_items = 50)]
    pub regions: Vec<Region>,
    #[serde(default)]
    #[schema(max_items = 20)]
    pub languages: Vec<Language>,
    #[serde(default)]
    #[schema(max_items = 22)]
    pub sectors: Vec<Sector>,
    #[serde(default)]
    #[schema(max_items = 30)]
    pub concepts: Vec<ConceptId>,
    #[serde(default)]
    #[schema(max_items = 3)]
    pub formats: Vec<Format>,
}

impl From<MatchFilters> for Filters {
    fn from(filters: MatchFilters) -> Filters {
        Filters {
            countries: codes_of(&filters.countries),
            regions: codes_of(&filters.regions),
            languages: codes_of(&filters.languages),
            sectors: codes_of(&filters.sectors),
            concepts: codes_of(&filters.concepts),
            formats: codes_of(&filters.formats),
            ..Filters::default()
        }
    }
}

/// Weights that differ for one question; they are scaled to a sum of 1 together with those that stay.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchWeights {
    /// How well the answer offers what is sought.
    #[serde(default)]
    #[schema(value_type = Weights)]
    pub forward: BTreeMap<Feature, f64>,
    /// How well the asking side offers what the answer seeks.
    #[serde(default)]
    #[schema(value_type = Weights)]
    pub backward: BTreeMap<Feature, f64>,
}

/// What a question is about.
pub enum Subject {
    Need(NeedId),
    Profile(ProfileId),
    Description(Description),
}

impl FindMatches {
    /// Takes the one subject out.
    fn subject(&mut self) -> Result<Subject, Faults> {
        match (self.need.take(), self.profile.take(), self.description.take()) {
            (Some(need), None, None) => Ok(Subject::Need(need)),
            (None, Some(profile), None) => Ok(Subject::Profile(profile)),
            (None, None, Some(description)) => Ok(Subject::Description(description)),
            _ => {
                let detail = "give exactly one of need, profile and description";
                Err(Faults::one("", "one_subject", detail))
            }
        }
    }

    /// The question as the index takes it.
    fn request(
        self,
        asking: Asking,
        reader: Audience,
        languages: &ReaderLanguages,
        now: chrono::DateTime<chrono::Utc>,
    ) -> Result<MatchRequest, Problem> {
        let weights = self.weights.unwrap_or_default();
        let overrides = WeightOverrides { forward: weights.forward, backward: weights.backward };
        let parameters = Parameters::default().with_overrides(&overrides)?;
        let want = if self.want.is_empty() { vec![Kind::Profile] } else { self.want };
        let mut codes = languages.codes();
        if codes.is_empty() {
            codes.push("en".to_owned());
        }
        Ok(MatchRequest {
            mode: match self.mode {
                MatchMode::Seeks => Mode::Seeks,
                MatchMode::Offers => Mode::Offers,
            },
            want,
            categories: codes_of(&self.categories),
            filters: self.filters.unwrap_or_default().into(),
            exclude: asking.exclude,
            interpreter: self.interpreter,
            reader,
            languages: codes,
            parameters,
            limit: self.limit as usize,
            ..MatchRequest::new(asking.seeker, now)
        })
    }
}

/// The best answers, the best first.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchList {
    #[schema(max_items = 50)]
    pub items: Vec<MatchView>,
    /// How many candidates were scored exactly.
    pub considered: usize,
    /// The version of the parameters that ranked them.
    #[schema(min_length = 1, example = "1")]
    pub parameters_version: String,
}

/// One answer, explained: the contributions of the parts of a direction add up to its score, and the score of the match
/// is the harmonic mean of both directions.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchView {
    #[serde(flatten)]
    pub found: Match,
    /// Name of the profile that it belongs to.
    #[schema(min_length = 1, max_length = 120, example = "Claire Exemple")]
    pub profile_name: String,
    /// Whether the profile is invented, for demonstration.
    pub fictional: bool,
}

/// Why one candidate stands where it stands, or what keeps it out.
#[derive(Debug, Serialize, ToSchema)]
pub struct MatchExplanation {
    #[serde(flatten)]
    pub why: Why,
}

#[utoipa::path(
    tag = "matching",
    summary = "Find matches",
    description = "Ranks who fits a need, a profile or a few sentences, in both directions and across languages, \
        and says why. Reasons are in the first language of `Accept-Language` that the service speaks. Nothing is \
        stored.\n\n**Rights:** anybody; for a need or a profile that is not public, those who manage it. Who is \
        logged in sees more.",
    params(("Index-Token" = Option<String>, Header,
        description = "The `Index-Token` of a write's answer: what it wrote is found")),
    security((), ("bearer" = [])),
    request_body = FindMatches,
    responses((status = 200, description = "The best answers", body = MatchList),
        (status = 404, description = "`not_found`: the need or profile that asks, or not for the caller"))
)]
#[post("/matches")]
async fn find_matches(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    (matcher, searcher): (web::Data<Matcher>, web::Data<Searcher>),
    caller: Caller,
    languages: ReaderLanguages,
    body: ValidJson<FindMatches>,
    _: UpToDate,
) -> Result<Answer, Problem> {
    let (now, mut question) = (clock.now(), body.value);
    let subject = question.subject()?;
    db.read(move |conn| {
        let asking = asking(conn, now, &caller, &subject)?;
        let request = question.request(asking, audience(&caller), &languages, now)?;
        let MatchPage { matches, considered, parameters_version } = matcher.rank(&searcher, &request)?;
        let items = names(conn, matches)?;
        Answer::ok(&MatchList { items, considered, parameters_version })
    })
    .await
}

/// Which candidate to explain.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExplainMatch {
    /// Id of a profile, need, offering or event.
    #[schema(min_length = 5, max_length = 40, example = "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N")]
    pub candidate: String,
    /// The question, as it was put to the matches.
    pub question: FindMatches,
}

#[utoipa::path(
    tag = "matching",
    summary = "Explain one match",
    description = "Why a candidate stands where it stands for a question, or which rule keeps it \
        out.\n\n**Rights:** anybody, as for the matches themselves.",
    params(("Index-Token" = Option<String>, Header,
        description = "The `Index-Token` of a write's answer: what it wrote is found")),
    security((), ("bearer" = [])),
    request_body = ExplainMatch,
    responses((status = 200, description = "The candidate, its rank, or what keeps it out", body = MatchExplanation),
        (status = 404, description = "`not_found`: no such candidate, or not for the caller"))
)]
#[post("/matches/explanation")]
async fn explain_match(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    (matcher, searcher): (web::Data<Matcher>, web::Data<Searcher>),
    caller: Caller,
    languages: ReaderLanguages,
    body: ValidJson<ExplainMatch>,
    _: UpToDate,
) -> Result<Answer, Problem> {
    let (now, ExplainMatch { candidate, mut question }) = (clock.now(), body.value);
    let subject = question.subject()?;
    db.read(move |conn| {
        let asking = asking(conn, now, &caller, &subject)?;
        let request = question.request(asking, audience(&caller), &languages, now)?;
        let why = matcher.why(&searcher, &request, &candidate)?;
        Answer::ok(&MatchExplanation { why: why.ok_or_else(|| Problem::of(Code::NotFound))? })
    })
    .await
}

/// The form of a sentence on each feature.
pub struct FeatureTexts;

impl PartialSchema for FeatureTexts {
    fn schema() -> RefOr<Schema> {
        let texts = Feature::ALL.into_iter().fold(ObjectBuilder::new(), |texts, feature| {
            let text = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
            texts.property(feature.code(), text).required(feature.code())
        });
        texts.description(Some("One sentence on each feature, in English.")).into()
    }
}

impl ToSchema for FeatureTexts {}

/// How the ranking weighs, for whoever is ranked.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParametersView {
    /// Names these numbers; matches say by which they were ranked.
    #[schema(example = "1")]
    pub version: String,
    /// How well the answer offers what is sought. Sums to 1.
    pub forward: Weights,
    /// How well the asking side offers what the answer seeks. Sums to 1.
    pub backward: Weights,
    /// Value of the constant feature `neutral`.
    #[schema(exclusive_minimum = 0.0, maximum = 1.0)]
    pub neutral: f64,
    /// Days after which the freshness of an untouched entry has halved.
    #[schema(minimum = 1.0)]
    pub freshness_half_life_days: f64,
    /// Days until a newcomer's boost has faded to nothing.
    #[schema(minimum = 1.0)]
    pub newcomer_days: f64,
    /// The similarity of two texts that counts as a half.
    #[schema(exclusive_minimum = 0.0, maximum = 1.0)]
    pub text_midpoint: f64,
    /// Share of the topic's value that stands in for similar words where two texts share no language.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub cross_language: f64,
    /// How many candidates are scored exactly.
    #[schema(minimum = 1)]
    pub candidates: usize,
    /// What each feature measures.
    #[schema(value_type = FeatureTexts)]
    pub features: BTreeMap<Feature, String>,
}

impl From<Parameters> for ParametersView {
    fn from(parameters: Parameters) -> ParametersView {
        let features = Feature::ALL.into_iter().map(|feature| (feature, feature.description().to_owned()));
        ParametersView {
            version: parameters.version,
            forward: parameters.forward,
            backward: parameters.backward,
            neutral: parameters.neutral,
            freshness_half_life_days: parameters.freshness_half_life_days,
            newcomer_days: parameters.newcomer_days,
            text_midpoint: parameters.text_midpoint,
            cross_language: parameters.cross_language,
            candidates: parameters.candidates,
            features: features.collect(),
        }
    }
}

#[utoipa::path(
    tag = "matching",
    summary = "Read the parameters of the ranking",
    description = "The weights in force, with what each feature measures (Article 27 of the Digital Services Act). \
        A request may override them.\n\n**Rights:** anybody.",
    responses((status = 200, description = "The parameters", body = ParametersView))
)]
#[get("/matching/parameters")]
async fn read_matching_parameters() -> Result<Answer, Problem> {
    let answer = Answer::ok(&ParametersView::from(Parameters::default().validated()?))?;
    Ok(answer.with("cache-control", "public, max-age=300"))
}

/// Parameters that are or were in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParametersRelease {
    /// The day from which they have been in force.
    #[schema(format = "date", example = "2026-11-24")]
    pub since: &'static str,
    /// Why they replaced those before.
    #[schema(min_length = 1)]
    pub reason: &'static str,
    pub parameters: ParametersView,
}

/// All parameters that are or were in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct ParametersHistory {
    /// The newest first: those in force.
    pub items: Vec<ParametersRelease>,
}

#[utoipa::path(
    tag = "matching",
    summary = "List the parameters that have been in force",
    description = "Every version of the weights, since when and why, the newest first, so that an answer of the past can \
        be understood: it names the version that ranked it.\n\n**Rights:** anybody.",
    responses((status = 200, description = "All versions", body = ParametersHistory))
)]
#[get("/matching/parameters/history")]
async fn list_matching_parameters() -> Result<Answer, Problem> {
    let release = |Release { since, reason, parameters }| -> Result<ParametersRelease, ParametersError> {
        Ok(ParametersRelease { since, reason, parameters: parameters.validated()?.into() })
    };
    let items = history().into_iter().map(release).collect::<Result<_, _>>()?;
    let answer = Answer::ok(&ParametersHistory { items })?;
    Ok(answer.with("cache-control", "public, max-age=300"))
}
