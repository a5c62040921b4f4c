//! All HTTP of needs.

use actix_web::{HttpRequest, get, patch, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Need, NeedContent, NeedError, NeedStatus, Step};
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
use crate::ids::{NeedId, ProfileId};
use crate::values::{ConceptId, Country, Format, HelpType, Language, Multilingual, Sector};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_needs)
        .service(create_need)
        .service(read_need)
        .service(update_need)
        .service(meet_need)
        .service(withdraw_need);
}

impl From<NeedError> for Problem {
    fn from(error: NeedError) -> Problem {
        match error {
            NeedError::NotFound => Problem::of(Code::NotFound),
            NeedError::NotOpen(_) => Problem::new(Code::InvalidTransition, error.to_string()),
            NeedError::Transition(from, to) => Problem::transition("the need", from.code(), to.code()),
            NeedError::Profile(fault) => fault.into(),
            NeedError::Faults(faults) => faults.into(),
            NeedError::Database(fault) => fault.into(),
        }
    }
}

patch_schema!(
    /// A merge patch (RFC 7396) of a need: absent members stay, null removes. `profile` can't be
    /// changed.
    UpdateNeed, NeedContent
);

/// A need.
#[derive(Debug, Serialize, ToSchema)]
pub struct NeedView {
    pub id: NeedId,
    /// Who seeks.
    pub profile: ProfileId,
    #[serde(rename = "type")]
    pub kind: HelpType,
    pub status: NeedStatus,
    pub title: Multilingual<160>,
    pub description: Multilingual<4000>,
    pub concepts: Vec<ConceptId>,
    pub sectors: Vec<Sector>,
    /// Working languages that are wanted.
    pub languages: Vec<Language>,
    /// How to meet; empty means any way.
    pub formats: Vec<Format>,
    /// Countries that the provider may come from; empty means any.
    pub countries: Vec<Country>,
    pub expires_at: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Need> for NeedView {
    fn from(need: Need) -> NeedView {
        let content = need.content;
        NeedView {
            id: need.id,
            profile: content.profile,
            kind: content.kind,
            status: need.status,
            title: content.title,
            description: content.description,
            concepts: content.concepts,
            sectors: content.sectors,
            languages: content.languages,
            formats: content.formats,
            countries: content.countries,
            expires_at: need.expires_at,
            created_at: need.created_at,
            updated_at: need.updated_at,
        }
    }
}

/// Which needs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListNeeds {
    /// Only those of this profile.
    pub profile: Option<ProfileId>,
    /// Only those of this type.
    #[serde(rename = "type")]
    pub kind: Option<HelpType>,
    /// Other than `open`: own needs with `managed`, or for administrators.
    pub status: Option<NeedStatus>,
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

impl ListNeeds {
    fn filter(&self, caller: &Caller) -> Result<Filter, Problem> {
        let narrowed = Filter { kind: self.kind, profile: self.profile.clone(), ..Filter::default() };
        if self.managed {
            let account = caller.account().ok_or_else(|| Problem::of(Code::TokenMissing))?;
            let managed_by = Some(account.clone());
            return Ok(Filter { status: self.status, managed_by, ..narrowed });
        }
        match self.status {
            None | Some(NeedStatus::Open) => {
                Ok(Filter { status: Some(NeedStatus::Open), published: true, ..narrowed })
            }
            Some(_) if caller.is_administrator() => Ok(Filter { status: self.status, ..narrowed }),
            Some(_) => {
                let detail = "other needs than open ones are for those who manage them";
                Err(Problem::new(Code::Forbidden, detail))
            }
        }
    }
}

#[utoipa::path(
    tag = "needs",
    summary = "List needs",
    description = "Open needs of published profiles, newest first. To find by words or by fit, use search and \
        matching.\n\n**Rights:** anybody; with `managed` those who manage the profiles, with another `status` than \
        `open` administrators too.",
    params(ListNeeds),
    security((), ("bearer" = [])),
    responses((status = 200, description = "A page of needs", body = FollowedPage<NeedView>),
        (status = 403, description = "`forbidden`"), (status = 410, description = "`copy_outdated`"))
)]
#[get("/needs")]
async fn list_needs(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    caller: Caller,
    query: ValidQuery<ListNeeds>,
) -> Result<Answer, Problem> {
    let query = query.0;
    let asked = Asked::of(&request, query.limit, query.cursor.as_deref(), query.updated_since)?;
    let (list, now) = (NeedList(query.filter(&caller)?), clock.now());
    let page = db.read(move |conn| asked.page(conn, now, &list)).await?;
    page.answer(&request)
}

/// A list, as it can be followed.
struct NeedList(Filter);

impl Followed for NeedList {
    type View = NeedView;
    const KIND: &'static str = service::KIND;

    fn load(&self, conn: &mut Conn, part: Part<'_>) -> Result<Vec<NeedView>, Problem> {
        Ok(service::list(conn, &self.0, part)?.into_iter().map(NeedView::from).collect())
    }

    fn id(view: &NeedView) -> &str {
        view.id.as_str()
    }

    fn follower(&self, conn: &mut Conn) -> Result<Follower, DbError> {
        service::follower(conn, &self.0)
    }
}

#[utoipa::path(
    tag = "needs",
    summary = "Create a need",
    description = "Says what a profile that the caller manages seeks. It is open at once, and others see it while \
        the profile is published.\n\n**Rights:** those who manage the profile.",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the same answer for 24 hours")),
    request_body = NeedContent,
    responses((status = 201, description = "The need; `Location` is its address", body = NeedView),
        (status = 403, description = "`forbidden`"),
        (status = 404, description = "`not_found`: there is no such profile, or not for you"))
)]
#[post("/needs")]
async fn create_need(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    key: IdempotencyKey,
    body: ValidJson<NeedContent>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    let (scope, fingerprint) = (member.id.to_string(), body.fingerprint);
    key.once(&db, now, scope, fingerprint, move |conn| {
        let need = service::create(conn, now, &member, body.value)?;
        let location = format!("/api/v1/needs/{}", need.id);
        Answer::created(location, need.version, &NeedView::from(need))
    })
    .await
}

#[utoipa::path(
    tag = "needs",
    summary = "Read a need",
    description = "One that is not open, or whose profile is not published, is shown to those who manage the \
        profile.\n\n**Rights:** anybody, if it is open and its profile published; else those who manage the \
        profile, and administrators.",
    params(("id" = NeedId, Path, description = "The need")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The need; `ETag` is its version", body = NeedView))
)]
#[get("/needs/{id}")]
async fn read_need(db: web::Data<Db>, caller: Caller, id: web::Path<NeedId>) -> Result<Answer, Problem> {
    db.read(move |conn| {
        let need = service::visible(conn, &caller, &id)?;
        Answer::versioned(need.version, &NeedView::from(need))
    })
    .await
}

#[utoipa::path(
    tag = "needs",
    summary = "Change a need",
    description = "A JSON merge patch (RFC 7396) of an open need. Another `expires_in_days` counts from \
        now.\n\n**Rights:** those who manage the profile.",
    params(("id" = NeedId, Path, description = "The need"), ("If-Match" = String, Header, description = "The `ETag` that was read")),
    security(("bearer" = [])),
    request_body(content = UpdateNeed, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed need", body = NeedView),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[patch("/needs/{id}")]
async fn update_need(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<NeedId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Answer, Problem> {
    let now = clock.now();
    write(&db, move |conn| {
        let need = service::managed(conn, &member, &id)?;
        if_match.check(need.version)?;
        let content = patch.apply::<UpdateNeed, _>(&need.content)?;
        let need = service::replace(conn, now, need, content)?;
        Answer::versioned(need.version, &NeedView::from(need))
    })
    .await
}

/// Takes one step of a need's life for a member who manages it, and answers with what it is then.
async fn step(db: &Db, clock: &Clock, member: Member, id: NeedId, step: Step) -> Result<Answer, Problem> {
    let now = clock.now();
    write(db, move |conn| {
        let need = service::managed(conn, &member, &id)?;
        let need = service::step(conn, now, need, step)?;
        Answer::versioned(need.version, &NeedView::from(need))
    })
    .await
}

#[utoipa::path(
    tag = "needs",
    summary = "Say that a need is met",
    description = "Somebody was found. The need leaves lists, search and matching, for good.\n\n**Rights:** those \
        who manage the profile.",
    params(("id" = NeedId, Path, description = "The need")),
    security(("bearer" = [])),
    responses((status = 200, description = "The met need", body = NeedView),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[post("/needs/{id}/meet")]
async fn meet_need(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<NeedId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::Meet).await
}

#[utoipa::path(
    tag = "needs",
    summary = "Withdraw a need",
    description = "It is not sought any more. The need leaves lists, search and matching, for good.\n\n**Rights:** \
        those who manage the profile.",
    params(("id" = NeedId, Path, description = "The need")),
    security(("bearer" = [])),
    responses((status = 200, description = "The withdrawn need", body = NeedView),
        (status = 403, description = "`forbidden`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[post("/needs/{id}/withdraw")]
async fn withdraw_need(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<NeedId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::Withdraw).await
}
