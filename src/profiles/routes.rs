//! All HTTP of profiles.

use actix_web::{HttpRequest, delete, get, patch, post, put, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Acquaintances;
use super::model::{
    Case, Contact, FieldVisibility, Profile, ProfileContent, ProfileError, ProfileKind, ProfileStatus,
    Reader, Step, Wish,
};
use super::service;
use super::store::Filter;
use crate::accounts::{Administrator, Caller, Member};
use crate::clock::Clock;
use crate::db::{Conn, Db};
use crate::http::answer::Answer;
use crate::http::body::{MergePatch, ValidJson, patch_schema};
use crate::http::codes::Code;
use crate::http::conditional::IfMatch;
use crate::http::idempotency::IdempotencyKey;
use crate::http::page::{self, Page};
use crate::http::problem::Problem;
use crate::http::query::ValidQuery;
use crate::ids::{AccountId, ProfileId};
use crate::values::{
    ConceptId, Country, Format, Language, Location, Multilingual, Region, Sector, Size, Stage,
};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_profiles)
        .service(create_profile)
        .service(read_profile)
        .service(update_profile)
        .service(publish_profile)
        .service(archive_profile)
        .service(confirm_profile)
        .service(approve_profile)
        .service(reject_profile)
        .service(suspend_profile)
        .service(reinstate_profile)
        .service(list_profile_staff)
        .service(add_profile_staff)
        .service(remove_profile_staff)
        .service(follow_profile)
        .service(unfollow_profile);
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

/// A profile as its reader may see it: fields that are not for him are absent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    pub id: ProfileId,
    pub kind: ProfileKind,
    pub status: ProfileStatus,
    /// Why it was rejected or suspended; for those who manage it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_reason: Option<String>,
    /// Invented, for demonstration.
    pub fictional: bool,
    #[schema(example = "Vibrasense GmbH")]
    pub name: String,
    pub summary: Multilingual<300>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Multilingual<6000>>,
    pub expertise: Vec<ConceptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeks: Option<Wish>,
    pub track_record: Vec<Case>,
    pub sectors: Vec<Sector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Technology readiness level.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9)]
    pub trl: Option<i32>,
    pub languages: Vec<Language>,
    pub country: Country,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Wien")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    pub formats: Vec<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", example = "https://vibrasense.example")]
    pub website: Option<String>,
    /// Whether it takes requests for an introduction now.
    pub takes_requests: bool,
    /// Requests that it takes at a time; for those who manage it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 50)]
    pub capacity: Option<i32>,
    /// For those who manage it; others see it in an introduction that both sides accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Who may see what; for those who manage it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<FieldVisibility>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Somebody who manages the profile that he reads.
const MANAGER: Reader =
    Reader { member: true, manager: true, hub_staff: false, matched: false, administrator: false };
/// Somebody who looks after the service.
const ADMINISTRATOR: Reader = Reader { administrator: true, manager: false, ..MANAGER };

impl ProfileView {
    pub fn of(profile: &Profile, reader: Reader) -> ProfileView {
        let seen = profile.content.visible_to(reader);
        ProfileView {
            id: profile.id.clone(),
            kind: seen.kind,
            status: profile.status,
            status_reason: profile.status_reason.clone().filter(|_| reader.manager || reader.administrator),
            fictional: profile.fictional,
            name: seen.name,
            summary: seen.summary,
            description: seen.description,
            expertise: seen.expertise,
            seeks: seen.seeks,
            track_record: seen.track_record,
            sectors: seen.sectors,
            stage: seen.stage,
            size: seen.size,
            trl: seen.trl,
            languages: seen.languages,
            country: seen.country,
            region: seen.region,
            city: seen.city,
            location: seen.location,
            formats: seen.formats,
            website: seen.website,
            takes_requests: profile.content.capacity != Some(0),
            capacity: seen.capacity,
            contact: seen.contact,
            visibility: reader.manager.then_some(seen.visibility),
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }

    /// The view of somebody who manages the profile.
    fn managed(profile: &Profile) -> ProfileView {
        ProfileView::of(profile, MANAGER)
    }
}

/// Somebody who manages a profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffView {
    pub account: AccountId,
    #[schema(example = "Ada Example")]
    pub display_name: String,
    /// `owner` or `staff`.
    #[schema(example = "staff")]
    pub role: String,
}

/// Everybody who manages a profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffList {
    pub items: Vec<StaffView>,
}

/// The account that is to manage a profile too.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddStaff {
    #[schema(format = "email", max_length = 254, example = "grace@example.eu")]
    pub email: String,
}

/// Why an administrator refuses or takes down a profile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveReason {
    /// Is told to those who manage the profile.
    #[schema(min_length = 1, max_length = 1000, example = "Please name the organisation that runs the hub.")]
    pub reason: String,
}

/// Which profiles to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListProfiles {
    pub kind: Option<ProfileKind>,
    /// ISO 3166-1 alpha-2.
    pub country: Option<Country>,
    /// Other than `published`: own profiles with `managed`, or for administrators.
    pub status: Option<ProfileStatus>,
    /// Only those that the caller manages, of any status.
    #[serde(default)]
    pub managed: bool,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `next` of the page before, unchanged.
    #[param(max_length = 500)]
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
    description = "Published profiles, newest first. To find by words or by fit, use search and matching.",
    params(ListProfiles),
    security((), ("bearer" = [])),
    responses((status = 200, description = "A page of profiles", body = Page<ProfileView>))
)]
#[get("/profiles")]
async fn list_profiles(
    request: HttpRequest,
    db: web::Data<Db>,
    acquaintances: web::Data<dyn Acquaintances>,
    caller: Caller,
    query: ValidQuery<ListProfiles>,
) -> Result<Answer, Problem> {
    let query = query.0;
    let (filter, limit) = (query.filter(&caller)?, page::limit(query.limit)?);
    let cursor = page::decode_cursor(query.cursor.as_deref())?;
    let views = db
        .read(move |conn| {
            let found = service::list(conn, &filter, cursor.as_deref(), i64::from(limit) + 1)?;
            let views = found.iter().map(|profile| view(conn, acquaintances.get_ref(), &caller, profile));
            views.collect::<Result<Vec<_>, Problem>>()
        })
        .await?;
    Answer::page(&request, &Page::of(views, limit, |view| view.id.to_string()))
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
    description = "Makes a draft that the caller manages. Publish it when it is ready.",
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
    db.write(move |conn| {
        key.once(conn, now, member.id.as_str(), &body.fingerprint, |conn| {
            let profile = service::create(conn, now, &member.id, body.value)?;
            let location = format!("/api/v1/profiles/{}", profile.id);
            Answer::created(location, profile.version, &ProfileView::managed(&profile))
        })
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Read a profile",
    description = "Fields that the caller may not see are absent. Contact details are for those who manage it: \
        others see them in an accepted introduction.",
    params(("id" = ProfileId, Path)),
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
    description = "A JSON merge patch (RFC 7396). Who changes a profile confirms that it is still true.",
    params(("id" = ProfileId, Path), ("If-Match" = String, Header, description = "The `ETag` that was read")),
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
    db.write(move |conn| {
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
    (step, reason): (Step, Option<String>),
    reader: Reader,
    load: impl FnOnce(&mut Conn) -> Result<Profile, ProfileError> + Send + 'static,
) -> Result<Answer, Problem> {
    let now = clock.now();
    db.write(move |conn| {
        let profile = load(conn)?;
        let profile = service::step(conn, now, profile, step, reason)?;
        Answer::versioned(profile.version, &ProfileView::of(&profile, reader))
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Publish a profile",
    description = "Needs a verified e-mail address. A hub or factory is submitted: an administrator approves it first.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    responses((status = 200, description = "The profile, published or submitted", body = ProfileView),
        (status = 403, description = "`forbidden`, `email_not_verified`"),
        (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/publish")]
async fn publish_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    let member = member.verified()?;
    step(&db, &clock, (Step::Publish, None), MANAGER, move |conn| service::managed(conn, &member, &id)).await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Archive a profile",
    description = "Takes it out of lists, search and matching. Nothing is deleted; publishing brings it back.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    responses((status = 200, description = "The archived profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/archive")]
async fn archive_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, (Step::Archive, None), MANAGER, move |conn| service::managed(conn, &member, &id)).await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Confirm a profile",
    description = "Says that it is still true: it lives another 365 days.",
    params(("id" = ProfileId, Path)),
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
    db.write(move |conn| {
        let profile = service::managed(conn, &member, &id)?;
        let profile = service::confirm(conn, now, profile)?;
        Answer::versioned(profile.version, &ProfileView::managed(&profile))
    })
    .await
}

#[utoipa::path(
    tag = "administration",
    summary = "Approve a hub or factory",
    description = "Publishes a submitted profile; its managers get a mail.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    responses((status = 200, description = "The published profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/approve")]
async fn approve_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, (Step::Approve, None), ADMINISTRATOR, move |conn| service::get(conn, &id)).await
}

#[utoipa::path(
    tag = "administration",
    summary = "Reject a hub or factory",
    description = "Refuses a submitted profile, with a reason that its managers get by mail.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    request_body = GiveReason,
    responses((status = 200, description = "The rejected profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/reject")]
async fn reject_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
    body: ValidJson<GiveReason>,
) -> Result<Answer, Problem> {
    let reason = Some(body.value.reason);
    step(&db, &clock, (Step::Reject, reason), ADMINISTRATOR, move |conn| service::get(conn, &id)).await
}

#[utoipa::path(
    tag = "administration",
    summary = "Suspend a profile",
    description = "Takes a published profile down, with a reason for those who manage it.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    request_body = GiveReason,
    responses((status = 200, description = "The suspended profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/suspend")]
async fn suspend_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
    body: ValidJson<GiveReason>,
) -> Result<Answer, Problem> {
    let reason = Some(body.value.reason);
    step(&db, &clock, (Step::Suspend, reason), ADMINISTRATOR, move |conn| service::get(conn, &id)).await
}

#[utoipa::path(
    tag = "administration",
    summary = "Reinstate a profile",
    description = "Publishes a suspended profile again.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    responses((status = 200, description = "The published profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/reinstate")]
async fn reinstate_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, (Step::Reinstate, None), ADMINISTRATOR, move |conn| service::get(conn, &id)).await
}

#[utoipa::path(
    tag = "profiles",
    summary = "List who manages a profile",
    description = "For those who manage it.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    responses((status = 200, description = "Everybody who manages it", body = StaffList),
        (status = 403, description = "`forbidden`"))
)]
#[get("/profiles/{id}/staff")]
async fn list_profile_staff(
    db: web::Data<Db>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    db.read(move |conn| {
        service::managed(conn, &member, &id)?;
        let staff = service::staff(conn, &id)?.into_iter();
        let items = staff
            .map(|(account, role)| StaffView {
                account: account.id,
                display_name: account.display_name,
                role,
            })
            .collect();
        Answer::ok(&StaffList { items })
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Let another account manage a profile",
    description = "Staff of a hub write its events and offerings. The answer does not tell whether the address has an \
        account; the list of staff does once it worked.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    request_body = AddStaff,
    responses((status = 204, description = "Added, if the address has an account"),
        (status = 403, description = "`forbidden`"))
)]
#[post("/profiles/{id}/staff")]
async fn add_profile_staff(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<ProfileId>,
    body: ValidJson<AddStaff>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    db.write(move |conn| {
        service::managed(conn, &member, &id)?;
        service::add_staff(conn, now, &id, &body.value.email)?;
        Ok(Answer::no_content())
    })
    .await
}

#[utoipa::path(
    tag = "profiles",
    summary = "Take an account off a profile's staff",
    description = "The owner can't be removed.",
    params(("id" = ProfileId, Path), ("account" = AccountId, Path)),
    security(("bearer" = [])),
    responses((status = 204, description = "Removed"), (status = 403, description = "`forbidden`"))
)]
#[delete("/profiles/{id}/staff/{account}")]
async fn remove_profile_staff(
    db: web::Data<Db>,
    member: Member,
    path: web::Path<(ProfileId, AccountId)>,
) -> Result<Answer, Problem> {
    let (id, account) = path.into_inner();
    db.write(move |conn| {
        service::managed(conn, &member, &id)?;
        service::remove_staff(conn, &id, &account)?;
        Ok(Answer::no_content())
    })
    .await
}

#[utoipa::path(
    tag = "events",
    summary = "Follow a hub",
    description = "Its new events are announced by mail. Every such mail has a link that ends it.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    responses((status = 204, description = "Followed"), (status = 409, description = "`conflict`: only hubs, factories and organisations have events"))
)]
#[put("/profiles/{id}/follow")]
async fn follow_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    db.write(move |conn| {
        let profile = service::visible(conn, &member.clone().into(), &id)?;
        service::follow(conn, now, &profile, &member.id)?;
        Ok(Answer::no_content())
    })
    .await
}

#[utoipa::path(
    tag = "events",
    summary = "Stop following a hub",
    description = "Also where it was not followed.",
    params(("id" = ProfileId, Path)),
    security(("bearer" = [])),
    responses((status = 204, description = "Not followed any more"))
)]
#[delete("/profiles/{id}/follow")]
async fn unfollow_profile(
    db: web::Data<Db>,
    member: Member,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    db.write(move |conn| {
        service::stop_following(conn, &id, &member.id)?;
        Ok(Answer::no_content())
    })
    .await
}
