//! All HTTP of profiles.

mod administration;
mod staff;
mod view;

use std::sync::Arc;

use actix_web::{HttpRequest, get, patch, post, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Profile, ProfileContent, ProfileError, ProfileKind, ProfileStatus, Reader, Step};
use super::service;
use super::store::Filter;
use super::{Acquaintances, Belongings};
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
use crate::ids::ProfileId;
use crate::values::Country;
use view::{MANAGER, ProfileView};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_profiles)
        .service(create_profile)
        .service(read_profile)
        .service(update_profile)
        .service(publish_profile)
        .service(archive_profile)
        .service(confirm_profile)
        .service(administration::approve_profile)
        .service(administration::reject_profile)
        .service(administration::suspend_profile)
        .service(administration::reinstate_profile)
        .service(staff::list_profile_staff)
        .service(staff::add_profile_staff)
        .service(staff::remove_profile_staff)
        .service(staff::follow_profile)
        .service(staff::unfollow_profile);
}

impl From<ProfileError> for Problem {
    fn from(error: ProfileError) -> Problem {
        match error {
            ProfileError::NotFound => Problem::of(Code::NotFound),
            ProfileError::NotManaged => Problem::new(Code::Forbidden, error.to_string()),
            ProfileError::Transition(from, to) => Problem::transition("the profile", from.code(), to),
            ProfileError::NotFollowable(_) => Problem::new(Code::Conflict, error.to_string()),
            ProfileError::Faults(faults) => faults.into(),
            ProfileError::Database(fault) => fault.into(),
        }
    }
}

patch_schema!(
    /// A merge patch (RFC 7396) of a profile: absent members stay, null removes. `kind` can't be changed.
    UpdateProfile, ProfileContent
);

/// Which profiles to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListProfiles {
    /// Only those of this kind.
    pub kind: Option<ProfileKind>,
    /// Only those of this country, ISO 3166-1 alpha-2.
    pub country: Option<Country>,
    /// Other than `published`: own profiles with `managed`, or for administrators.
    pub status: Option<ProfileStatus>,
    /// Only those that the caller manages, of any status.
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

impl ListProfiles {
    fn filter(&self, caller: &Caller) -> Result<Filter, Problem> {
        let managed_by = match (self.managed, caller.account()) {
            (true, None) => return Err(Problem::of(Code::TokenMissing)),
            (true, Some(account)) => Some(account.clone()),
            (false, _) => None,
        };
        let status = match self.status {
            Some(status)
                if status == ProfileStatus::Published || self.managed || caller.is_administrator() =>
            {
                Some(status)
            }
            Some(_) => {
                let detail = "other profiles than published ones are for those who manage them";
                return Err(Problem::new(Code::Forbidden, detail));
            }
            None => (!self.managed).then_some(ProfileStatus::Published),
        };
        Ok(Filter { status, kind: self.kind, country: self.country.clone(), managed_by })
    }
}

#[utoipa::path(
    tag = "profiles",
    summary = "List profiles",
    description = "Published profiles, newest first. To find by words or by fit, use search and \
        matching.\n\n**Rights:** anybody; with `managed` those who manage them, with another `status` than \
        `published` administrators too. Fields that the caller may not see are absent.",
    params(ListProfiles),
    security((), ("bearer" = [])),
    responses((status = 200, description = "A page of profiles", body = FollowedPage<ProfileView>),
        (status = 403, description = "`forbidden`: drafts and the like are for those who manage them"),
        (status = 410, description = "`copy_outdated`"))
)]
#[get("/profiles")]
async fn list_profiles(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    acquaintances: web::Data<dyn Acquaintances>,
    caller: Caller,
    query: ValidQuery<ListProfiles>,
) -> Result<Answer, Problem> {
    let query = query.0;
    let asked = Asked::of(&request, query.limit, query.cursor.as_deref(), query.updated_since)?;
    let filter = query.filter(&caller)?;
    let (list, now) =
        (ProfileList { filter, caller, acquaintances: acquaintances.into_inner() }, clock.now());
    let page = db.read(move |conn| asked.page(conn, now, &list)).await?;
    page.answer(&request)
}

/// A list, as it can be followed.
struct ProfileList {
    filter: Filter,
    caller: Caller,
    acquaintances: Arc<dyn Acquaintances>,
}

impl Followed for ProfileList {
    type View = ProfileView;
    const KIND: &'static str = service::KIND;

    fn load(&self, conn: &mut Conn, part: Part<'_>) -> Result<Vec<ProfileView>, Problem> {
        let found = service::list(conn, &self.filter, part)?;
        let view = |profile| view(conn, self.acquaintances.as_ref(), &self.caller, profile);
        found.iter().map(view).collect()
    }

    fn id(view: &ProfileView) -> &str {
        view.id.as_str()
    }

    fn follower(&self, conn: &mut Conn) -> Result<Follower, DbError> {
        service::follower(conn, &self.caller, &self.filter)
    }
}

fn view(
    conn: &mut Conn,
    acquaintances: &dyn Acquaintances,
    caller: &Caller,
    profile: &Profile,
) -> Result<ProfileView, Problem> {
    Ok(ProfileView::of(profile, service::reader(conn, acquaintances, caller, &profile.id)?))
}

#[utoipa::path(
    tag = "profiles",
    summary = "Create a profile",
    description = "Makes a draft that the caller manages. Publish it when it is ready.\n\n**Rights:** every account.",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the same answer for 24 hours")),
    request_body = ProfileContent,
    responses((status = 201, description = "The draft; `Location` is its address", body = ProfileView))
)]
#[post("/profiles")]
async fn create_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    key: IdempotencyKey,
    body: ValidJson<ProfileContent>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    let (scope, fingerprint) = (member.id.to_string(), body.fingerprint);
    key.once(&db, now, scope, fingerprint, move |conn| {
        let profile = service::create(conn, now, &member.id, body.value)?;
        let location = format!("/api/v1/profiles/{}", profile.id);
        Answer::created(location, profile.version, &ProfileView::managed(&profile))
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Read a profile",
    description = "Fields that the caller may not see are absent. Contact details are for those who manage it: \
        others see them in an accepted introduction.\n\n**Rights:** anybody, if it is published; else those who \
        manage it, and administrators.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The profile; `ETag` is its version", body = ProfileView))
)]
#[get("/profiles/{id}")]
async fn read_profile(
    db: web::Data<Db>,
    acquaintances: web::Data<dyn Acquaintances>,
    caller: Caller,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    db.read(move |conn| {
        let profile = service::visible(conn, &caller, &id)?;
        let reader = service::reader(conn, acquaintances.get_ref(), &caller, &id)?;
        // What is shown depends on who reads, so the tag does too.
        let tag = format!("\"{}.{}\"", profile.version, reader.class());
        Ok(Answer::ok(&ProfileView::of(&profile, reader))?.with("etag", tag))
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Change a profile",
    description = "A JSON merge patch (RFC 7396). Who changes a profile confirms that it is still \
        true.\n\n**Rights:** those who manage it.",
    params(("id" = ProfileId, Path, description = "The profile"), ("If-Match" = String, Header, description = "The `ETag` that was read")),
    security(("bearer" = [])),
    request_body(content = UpdateProfile, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed profile", body = ProfileView),
        (status = 403, description = "`forbidden`"))
)]
#[patch("/profiles/{id}")]
async fn update_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<ProfileId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Answer, Problem> {
    let now = clock.now();
    write(&db, move |conn| {
        let profile = service::managed(conn, &member, &id)?;
        if_match.check(profile.version)?;
        let content = patch.apply::<UpdateProfile, _>(&profile.content)?;
        let profile = service::replace(conn, now, profile, content)?;
        Answer::versioned(profile.version, &ProfileView::managed(&profile))
    })
    .await
}

/// Loads the profile as `load` allows, takes one step of its life, and answers with what it is then.
async fn step(
    db: &Db,
    clock: &Clock,
    belongings: &Belongings,
    (step, reason): (Step, Option<String>),
    reader: Reader,
    load: impl FnOnce(&mut Conn) -> Result<Profile, ProfileError> + Send + 'static,
) -> Result<Answer, Problem> {
    let (now, belongings) = (clock.now(), *belongings);
    write(db, move |conn| {
        let profile = load(conn)?;
        let profile = service::step(conn, now, belongings, profile, step, reason)?;
        Answer::versioned(profile.version, &ProfileView::of(&profile, reader))
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Publish a profile",
    description = "A hub or factory is submitted: an administrator approves it first.\n\n**Rights:** those who \
        manage it, with a verified e-mail address.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 200, description = "The profile, published or submitted", body = ProfileView),
        (status = 403, description = "`forbidden`, `email_not_verified`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/publish")]
async fn publish_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    belongings: web::Data<Belongings>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    let member = member.verified()?;
    step(&db, &clock, &belongings, (Step::Publish, None), MANAGER, move |conn| {
        service::managed(conn, &member, &id)
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Archive a profile",
    description = "Takes it out of lists, search and matching. Nothing is deleted; publishing brings it \
        back.\n\n**Rights:** those who manage it.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 200, description = "The archived profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/archive")]
async fn archive_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    belongings: web::Data<Belongings>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, &belongings, (Step::Archive, None), MANAGER, move |conn| {
        service::managed(conn, &member, &id)
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Confirm a profile",
    description = "Says that it is still true: it lives another 365 days.\n\n**Rights:** those who manage it.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 200, description = "The confirmed profile", body = ProfileView),
        (status = 403, description = "`forbidden`"))
)]
#[post("/profiles/{id}/confirm")]
async fn confirm_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    write(&db, move |conn| {
        let profile = service::managed(conn, &member, &id)?;
        let profile = service::confirm(conn, now, profile)?;
        Answer::versioned(profile.version, &ProfileView::managed(&profile))
    })
    .await
}
