//! What administrators do with profiles.

use actix_web::{post, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::step;
use super::view::{ADMINISTRATOR, ProfileView};
use crate::accounts::Administrator;
use crate::clock::Clock;
use crate::db::Db;
use crate::http::answer::Answer;
use crate::http::body::ValidJson;
use crate::http::problem::Problem;
use crate::ids::ProfileId;
use crate::profiles::model::Step;
use crate::profiles::{Belongings, service};

/// Why an administrator refuses or takes down a profile.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GiveReason {
    /// Is told to those who manage the profile.
    #[schema(min_length = 1, max_length = 1000, example = "Please name the organisation that runs the hub.")]
    pub reason: String,
}

#[utoipa::path(
    tag = "administration",
    summary = "Approve a hub or factory",
    description = "Publishes a submitted profile; its managers get a mail.\n\n**Rights:** administrators.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 200, description = "The published profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/approve")]
pub async fn approve_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    belongings: web::Data<Belongings>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, &belongings, (Step::Approve, None), ADMINISTRATOR, move |conn| service::get(conn, &id))
        .await
}

#[utoipa::path(
    tag = "administration",
    summary = "Reject a hub or factory",
    description = "Refuses a submitted profile, with a reason that its managers get by mail.\n\n**Rights:** \
        administrators.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    request_body = GiveReason,
    responses((status = 200, description = "The rejected profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/reject")]
pub async fn reject_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    belongings: web::Data<Belongings>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
    body: ValidJson<GiveReason>,
) -> Result<Answer, Problem> {
    let reason = Some(body.value.reason);
    step(&db, &clock, &belongings, (Step::Reject, reason), ADMINISTRATOR, move |conn| service::get(conn, &id))
        .await
}

#[utoipa::path(
    tag = "administration",
    summary = "Suspend a profile",
    description = "Takes a published profile down, with a reason for those who manage it.\n\n**Rights:** \
        administrators.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    request_body = GiveReason,
    responses((status = 200, description = "The suspended profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/suspend")]
pub async fn suspend_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    belongings: web::Data<Belongings>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
    body: ValidJson<GiveReason>,
) -> Result<Answer, Problem> {
    let reason = Some(body.value.reason);
    step(&db, &clock, &belongings, (Step::Suspend, reason), ADMINISTRATOR, move |conn| {
        service::get(conn, &id)
    })
    .await
}

#[utoipa::path(
    tag = "administration",
    summary = "Reinstate a profile",
    description = "Publishes a suspended profile again.\n\n**Rights:** administrators.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 200, description = "The published profile", body = ProfileView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/profiles/{id}/reinstate")]
pub async fn reinstate_profile(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    belongings: web::Data<Belongings>,
    _administrator: Administrator,
    id: web::Path<ProfileId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, &belongings, (Step::Reinstate, None), ADMINISTRATOR, move |conn| {
        service::get(conn, &id)
    })
    .await
}
