//! Who manages a profile, and who follows it.

use actix_web::{HttpRequest, delete, get, post, put, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::accounts::Member;
use crate::clock::Clock;
use crate::db::Db;
use crate::http::answer::Answer;
use crate::http::body::ValidJson;
use crate::http::limits::Limits;
use crate::http::problem::Problem;
use crate::ids::{AccountId, ProfileId};
use crate::profiles::service;

/// Somebody who manages a profile.
#[derive(Debug, Serialize, ToSchema)]
pub struct StaffView {
    pub account: AccountId,
    #[schema(min_length = 1, max_length = 80, example = "Ada Example")]
    pub display_name: String,
    /// Who made the profile is its `owner`; who was added later is its `staff`.
    #[schema(pattern = "^(owner|staff)$", example = "staff")]
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

#[utoipa::path(
    tag = "profiles",
    summary = "List who manages a profile",
    description = "Everybody who may write it.\n\n**Rights:** those who manage the profile.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 200, description = "Everybody who manages it", body = StaffList),
        (status = 403, description = "`forbidden`"))
)]
#[get("/profiles/{id}/staff")]
pub async fn list_profile_staff(
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
    description = "Staff of a hub write its events and offerings. The answer does not tell whether the address has \
        an account; the list of staff does once it worked.\n\n**Rights:** those who manage the profile, with a \
        verified e-mail address. Adding twice changes nothing. **Limit:** counts against the small budget for \
        secrets.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    request_body = AddStaff,
    responses((status = 204, description = "Added, if the address has a verified account"),
        (status = 403, description = "`forbidden`, `email_not_verified`"))
)]
#[post("/profiles/{id}/staff")]
pub async fn add_profile_staff(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    limits: web::Data<Limits>,
    member: Member,
    id: web::Path<ProfileId>,
    body: ValidJson<AddStaff>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let (now, member) = (clock.now(), member.verified()?);
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
    description = "The owner can't be removed.\n\n**Rights:** those who manage the profile. Removing twice changes \
        nothing.",
    params(("id" = ProfileId, Path, description = "The profile"), ("account" = AccountId, Path, description = "The account")),
    security(("bearer" = [])),
    responses((status = 204, description = "Removed"), (status = 403, description = "`forbidden`"))
)]
#[delete("/profiles/{id}/staff/{account}")]
pub async fn remove_profile_staff(
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
    description = "Its new events are announced by mail. Every such mail has a link that ends it.\n\n**Rights:** \
        every account. Following twice changes nothing.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 204, description = "Followed"), (status = 409, description = "`conflict`: only hubs, factories and organisations have events"))
)]
#[put("/profiles/{id}/follow")]
pub async fn follow_profile(
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
    description = "Also where it was not followed.\n\n**Rights:** every account.",
    params(("id" = ProfileId, Path, description = "The profile")),
    security(("bearer" = [])),
    responses((status = 204, description = "Not followed any more"))
)]
#[delete("/profiles/{id}/follow")]
pub async fn unfollow_profile(
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
