//! All HTTP of offerings.

use actix_web::{HttpRequest, get, patch, post, web};
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{
    ClientKind, Eligibility, Maturity, Offering, OfferingContent, OfferingError, OfferingStatus, Pillar,
    Price, Step,
};
use super::service;
use super::store::Filter;
use crate::accounts::{Caller, Member};
use crate::clock::Clock;
use crate::db::{Conn, Db, DbError, Follower, Part};
use crate::http::answer::Answer;
use crate::http::body::{MergePatch, ValidJson, patch_schema};
use crate::http::codes::Code;
use crate::http::conditional::IfMatch;
use crate::http::idempotency::IdempotencyKey;
use crate::http::index_token::write;
use crate::http::problem::Problem;
use crate::http::query::ValidQuery;
use crate::http::sync::{Asked, Followed, FollowedPage};
use crate::ids::{OfferingId, ProfileId};
use crate::values::{ConceptId, Format, HelpType, Language, Multilingual, Sector};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_offerings)
        .service(create_offering)
        .service(read_offering)
        .service(update_offering)
        .service(open_offering)
        .service(close_offering);
}

impl From<OfferingError> for Problem {
    fn from(error: OfferingError) -> Problem {
        match error {
            OfferingError::NotFound => Problem::of(Code::NotFound),
            OfferingError::Ended(_) | OfferingError::Over => {
                Problem::new(Code::InvalidTransition, error.to_string())
            }
            OfferingError::Transition(from, to) => {
                Problem::transition("the offering", from.code(), to.code())
            }
            OfferingError::Profile(fault) => fault.into(),
            OfferingError::Faults(faults) => faults.into(),
            OfferingError::Database(fault) => fault.into(),
        }
    }
}

patch_schema!(
    /// A merge patch (RFC 7396) of an offering: absent members stay, null removes. `profile` can't
    /// be changed.
    UpdateOffering, OfferingContent
);

/// An offering.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferingView {
    pub id: OfferingId,
    /// Who offers.
    pub profile: ProfileId,
    #[serde(rename = "type")]
    pub kind: HelpType,
    pub status: OfferingStatus,
    pub title: Multilingual<160>,
    pub description: Multilingual<4000>,
    pub concepts: Vec<ConceptId>,
    pub sectors: Vec<Sector>,
    /// Languages in which it is given.
    pub languages: Vec<Language>,
    pub formats: Vec<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pillar: Option<Pillar>,
    /// Whom it is for; empty means anybody.
    pub clients: Vec<ClientKind>,
    /// Who can take it up; absent means anybody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
    /// Mode of access to compute or data, a short code of the provider's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "fast_lane")]
    pub access: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where to read more or to apply.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", example = "https://hub.example/call")]
    pub url: Option<String>,
    /// First day on which it can be taken up, from midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens_on: Option<NaiveDate>,
    /// Last day on which it can be taken up, until midnight UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closes_on: Option<NaiveDate>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Offering> for OfferingView {
    fn from(offering: Offering) -> OfferingView {
        let content = offering.content;
        OfferingView {
            id: offering.id,
            profile: content.profile,
            kind: content.kind,
            status: offering.status,
            title: content.title,
            description: content.description,
            concepts: content.concepts,
            sectors: content.sectors,
            languages: content.languages,
            formats: content.formats,
            maturity: content.maturity,
            pillar: content.pillar,
            clients: content.clients,
            eligibility: content.eligibility,
            access: content.access,
            price: content.price,
            url: content.url,
            opens_on: content.opens_on,
            closes_on: content.closes_on,
            created_at: offering.created_at,
            updated_at: offering.updated_at,
        }
    }
}

/// Which offerings to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListOfferings {
    /// Only those of this profile.
    pub profile: Option<ProfileId>,
    /// Only those of this type.
    #[serde(rename = "type")]
    pub kind: Option<HelpType>,
    /// Other than `open`: own offerings with `managed`, or for administrators.
    pub status: Option<OfferingStatus>,
    /// Only those of profiles that the caller manages, of any status.
    #[serde(default)]
    pub managed: bool,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// Begins a copy of the list: what is newer than this moment, and from then on what changes, see "Keeping a copy"
    /// above. `1970-01-01T00:00:00Z` begins with all that the list holds.
    #[param(example = "1970-01-01T00:00:00Z")]
    pub updated_since: Option<DateTime<Utc>>,
    /// `next` of the page before, unchanged.
    #[param(min_length = 1, max_length = 500, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

impl ListOfferings {
    fn filter(&self, caller: &Caller) -> Result<Filter, Problem> {
        let narrowed = Filter { kind: self.kind, profile: self.profile.clone(), ..Filter::default() };
        if self.managed {
            let account = caller.account().ok_or_else(|| Problem::of(Code::TokenMissing))?;
            let managed_by = Some(account.clone());
            return Ok(Filter { status: self.status, managed_by, ..narrowed });
        }
        match self.status {
            None | Some(OfferingStatus::Open) => {
                Ok(Filter { status: Some(OfferingStatus::Open), published: true, ..narrowed })
            }
            Some(_) if caller.is_administrator() => Ok(Filter { status: self.status, ..narrowed }),
            Some(_) => {
                let detail = "other offerings than open ones are for those who manage them";
                Err(Problem::new(Code::Forbidden, detail))
            }
        }
    }
}

#[utoipa::path(
    tag = "offerings",
    summary = "List offerings",
    description = "Open offerings of published profiles, newest first; also those that can be taken up only from a \
        later day. To find by words or by fit, use search and matching.\n\n**Rights:** anybody; with `managed` \
        those who manage the profiles, with another `status` than `open` administrators too.",
    params(ListOfferings),
    security((), ("bearer" = [])),
    responses((status = 200, description = "A page of offerings", body = FollowedPage<OfferingView>),
        (status = 403, description = "`forbidden`"), (status = 410, description = "`copy_outdated`"))
)]
#[get("/offerings")]
async fn list_offerings(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    caller: Caller,
    query: ValidQuery<ListOfferings>,
) -> Result<Answer, Problem> {
    let query = query.0;
    let asked = Asked::of(&request, query.limit, query.cursor.as_deref(), query.updated_since)?;
    let (list, now) = (OfferingList(query.filter(&caller)?), clock.now());
    let page = db.read(move |conn| asked.page(conn, now, &list)).await?;
    page.answer(&request)
}

/// A list, as it can be followed.
struct OfferingList(Filter);

impl Followed for OfferingList {
    type View = OfferingView;
    const KIND: &'static str = service::KIND;

    fn load(&self, conn: &mut Conn, part: Part<'_>) -> Result<Vec<OfferingView>, Problem> {
        Ok(service::list(conn, &self.0, part)?.into_iter().map(OfferingView::from).collect())
    }

    fn id(view: &OfferingView) -> &str {
        view.id.as_str()
    }

    fn follower(&self, conn: &mut Conn) -> Result<Follower, DbError> {
        service::follower(conn, &self.0)
    }
}

#[utoipa::path(
    tag = "offerings",
    summary = "Create an offering",
    description = "Makes a draft for a profile that the caller manages. Open it when it is ready.\n\n**Rights:** \
        those who manage the profile.",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the same answer for 24 hours")),
    request_body = OfferingContent,
    responses((status = 201, description = "The draft; `Location` is its address", body = OfferingView),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`: there is no such profile, or not for you"))
)]
#[post("/offerings")]
async fn create_offering(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    key: IdempotencyKey,
    body: ValidJson<OfferingContent>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    let (scope, fingerprint) = (member.id.to_string(), body.fingerprint);
    key.once(&db, now, scope, fingerprint, move |conn| {
        let offering = service::create(conn, now, &member, body.value)?;
        let location = format!("/api/v1/offerings/{}", offering.id);
        Answer::created(location, offering.version, &OfferingView::from(offering))
    })
    .await
}

#[utoipa::path(
    tag = "offerings",
    summary = "Read an offering",
    description = "One that is not open, or whose profile is not published, is shown to those who manage the \
        profile.\n\n**Rights:** anybody, if it is open and its profile published; else those who manage the \
        profile, and administrators.",
    params(("id" = OfferingId, Path, description = "The offering")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The offering; `ETag` is its version", body = OfferingView))
)]
#[get("/offerings/{id}")]
async fn read_offering(
    db: web::Data<Db>,
    caller: Caller,
    id: web::Path<OfferingId>,
) -> Result<Answer, Problem> {
    db.read(move |conn| {
        let offering = service::visible(conn, &caller, &id)?;
        Answer::versioned(offering.version, &OfferingView::from(offering))
    })
    .await
}

#[utoipa::path(
    tag = "offerings",
    summary = "Change an offering",
    description = "A JSON merge patch (RFC 7396) of a draft or an open offering.\n\n**Rights:** those who manage \
        the profile.",
    params(("id" = OfferingId, Path, description = "The offering"), ("If-Match" = String, Header, description = "The `ETag` that was read")),
    security(("bearer" = [])),
    request_body(content = UpdateOffering, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed offering", body = OfferingView),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[patch("/offerings/{id}")]
async fn update_offering(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<OfferingId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Answer, Problem> {
    let now = clock.now();
    write(&db, move |conn| {
        let offering = service::managed(conn, &member, &id)?;
        if_match.check(offering.version)?;
        let content = patch.apply::<UpdateOffering, _>(&offering.content)?;
        let offering = service::replace(conn, now, offering, content)?;
        Answer::versioned(offering.version, &OfferingView::from(offering))
    })
    .await
}

/// Takes one step of an offering's life for a member who manages it, and answers with what it is
/// then.
async fn step(db: &Db, clock: &Clock, member: Member, id: OfferingId, step: Step) -> Result<Answer, Problem> {
    let now = clock.now();
    write(db, move |conn| {
        let offering = service::managed(conn, &member, &id)?;
        let offering = service::step(conn, now, offering, step)?;
        Answer::versioned(offering.version, &OfferingView::from(offering))
    })
    .await
}

#[utoipa::path(
    tag = "offerings",
    summary = "Open an offering",
    description = "Others see it while its profile is published, also before `opens_on`. Refused once `closes_on` \
        has passed.\n\n**Rights:** those who manage the profile.",
    params(("id" = OfferingId, Path, description = "The offering")),
    security(("bearer" = [])),
    responses((status = 200, description = "The open offering", body = OfferingView),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[post("/offerings/{id}/open")]
async fn open_offering(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<OfferingId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::Open).await
}

#[utoipa::path(
    tag = "offerings",
    summary = "Close an offering",
    description = "It leaves lists, search and matching, for good.\n\n**Rights:** those who manage the profile.",
    params(("id" = OfferingId, Path, description = "The offering")),
    security(("bearer" = [])),
    responses((status = 200, description = "The closed offering", body = OfferingView),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[post("/offerings/{id}/close")]
async fn close_offering(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<OfferingId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::Close).await
}
