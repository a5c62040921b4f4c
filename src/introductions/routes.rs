//! All HTTP of introductions, but for the page behind the link of a mail.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, get, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Reasons;
use super::model::{
    DeclineCode, DeclineIntroduction, Introduction, IntroductionError, IntroductionStatus, Outcome, Reason,
    Refusal, RequestIntroduction, Side,
};
use super::service::{self, Details};
use super::store::Filter;
use crate::accounts::Member;
use crate::clock::Clock;
use crate::db::{Conn, Db};
use crate::http::answer::Answer;
use crate::http::body::ValidJson;
use crate::http::codes::Code;
use crate::http::idempotency::IdempotencyKey;
use crate::http::index_token::write;
use crate::http::languages::ReaderLanguages;
use crate::http::page::{self, Page};
use crate::http::problem::Problem;
use crate::http::query::ValidQuery;
use crate::ids::{IntroductionId, NeedId, ProfileId};
use crate::profiles::{Contact, Profile, ProfileKind};
use crate::values::{Language, Multilingual};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_introductions)
        .service(request_introduction)
        .service(read_introduction)
        .service(accept_introduction)
        .service(decline_introduction)
        .service(withdraw_introduction)
        .service(report_outcome);
}

impl From<IntroductionError> for Problem {
    fn from(error: IntroductionError) -> Problem {
        match error {
            IntroductionError::NotFound => Problem::of(Code::NotFound),
            IntroductionError::Refused(refusal) => Problem::new(refusal.code(), refusal.to_string()),
            IntroductionError::NotYours(_) => Problem::new(Code::Forbidden, error.to_string()),
            IntroductionError::Transition(from, to) => {
                Problem::transition("the introduction", from.code(), to.code())
            }
            IntroductionError::AlreadyReported => Problem::new(Code::Conflict, error.to_string()),
            IntroductionError::Profile(fault) => fault.into(),
            IntroductionError::Faults(faults) => faults.into(),
            IntroductionError::Database(fault) => fault.into(),
        }
    }
}

impl Refusal {
    fn code(&self) -> Code {
        match self {
            Refusal::ToOneself => Code::IntroductionToOneself,
            Refusal::NotPublished(_) => Code::Conflict,
            Refusal::AlreadyOpen | Refusal::AskedByTarget(_) => Code::IntroductionAlreadyOpen,
            Refusal::AlreadyIntroduced => Code::AlreadyIntroduced,
            Refusal::DeclinedUntil(_) => Code::IntroductionDeclinedRecently,
            Refusal::BudgetSpent => Code::IntroductionBudgetSpent,
            Refusal::TargetPaused => Code::IntroductionTargetPaused,
        }
    }
}

/// A side of an introduction.
#[derive(Debug, Serialize, ToSchema)]
pub struct PartyView {
    pub id: ProfileId,
    #[schema(min_length = 1, max_length = 120, example = "Vibrasense GmbH")]
    pub name: String,
    pub kind: ProfileKind,
}

impl From<Profile> for PartyView {
    fn from(profile: Profile) -> PartyView {
        PartyView { id: profile.id, name: profile.content.name, kind: profile.content.kind }
    }
}

/// What an introduction is about.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntroductionNeed {
    pub id: NeedId,
    pub title: Multilingual<160>,
}

/// An introduction, as those who manage one of its sides see it.
#[derive(Debug, Serialize, ToSchema)]
pub struct IntroductionView {
    pub id: IntroductionId,
    pub status: IntroductionStatus,
    /// The side that the caller manages; `requester` where he manages both.
    pub side: Side,
    pub requester: PartyView,
    pub target: PartyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub need: Option<IntroductionNeed>,
    /// What the requester wrote.
    #[schema(min_length = 1, max_length = 2000)]
    pub note: String,
    /// Why the two fit, as matching said it when the request was made, in the languages of both sides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// Why the target declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_code: Option<DeclineCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500, example = "Please ask again in spring.")]
    pub decline_message: Option<String>,
    /// How to reach the other side: from the moment when both agreed, unless that side keeps it private.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// What the caller's side told of how it went; the other side does not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// A request that is not answered by then ends.
    pub expires_at: DateTime<Utc>,
    /// When the target accepted or declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<DateTime<Utc>>,
    /// When contact details were shown to both.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disclosed_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Details> for IntroductionView {
    fn from(details: Details) -> IntroductionView {
        let introduction = details.introduction;
        let (code, message) = introduction.declined.map(|declined| (declined.code, declined.message)).unzip();
        IntroductionView {
            id: introduction.id,
            status: introduction.status,
            side: details.side,
            requester: details.requester.into(),
            target: details.target.into(),
            need: details.need.map(|need| IntroductionNeed { id: need.id, title: need.content.title }),
            note: introduction.note,
            reason: Some(introduction.reason).filter(|reason| !reason.is_empty()),
            decline_code: code,
            decline_message: message.flatten(),
            contact: details.contact,
            outcome: details.outcome,
            expires_at: introduction.expires_at,
            decided_at: introduction.decided_at,
            disclosed_at: introduction.disclosed_at,
            created_at: introduction.created_at,
            updated_at: introduction.updated_at,
        }
    }
}

fn view(
    conn: &mut Conn,
    member: &Member,
    introduction: Introduction,
) -> Result<IntroductionView, IntroductionError> {
    Ok(service::details(conn, &member.id, introduction)?.into())
}

/// Which introductions to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListIntroductions {
    /// Only those in which the caller manages this side.
    pub role: Option<Side>,
    /// Only those in this state.
    pub status: Option<IntroductionStatus>,
    /// Only those in which this profile takes part.
    pub profile: Option<ProfileId>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `next` of the page before, unchanged.
    #[param(min_length = 1, max_length = 500, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

#[utoipa::path(
    tag = "introductions",
    summary = "List my introductions",
    description = "Those in which the caller manages a side, newest first.\n\n**Rights:** every account, for the \
        profiles that it manages.",
    params(ListIntroductions),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of introductions", body = Page<IntroductionView>))
)]
#[get("/introductions")]
async fn list_introductions(
    request: HttpRequest,
    db: web::Data<Db>,
    member: Member,
    query: ValidQuery<ListIntroductions>,
) -> Result<Answer, Problem> {
    let ListIntroductions { role, status, profile, limit, cursor } = query.0;
    let (limit, cursor) = (page::limit(limit)?, page::decode_cursor(cursor.as_deref())?);
    let filter = Filter { managed_by: member.id.clone(), role, status, profile };
    let views: Vec<IntroductionView> = db
        .read(move |conn| {
            let found = service::list(conn, &filter, cursor.as_deref(), i64::from(limit) + 1)?;
            let views = found.into_iter().map(|introduction| view(conn, &member, introduction));
            views.collect::<Result<_, IntroductionError>>()
        })
        .await?;
    Answer::page(&request, &Page::of(views, limit, |view| view.id.to_string()))
}

#[utoipa::path(
    tag = "introductions",
    summary = "Ask for an introduction",
    description = "Asks the target, by mail, whether it wants to meet a profile that the caller manages. Contact \
        details are shown to nobody before the target accepts, and then to both. A request that is not answered \
        ends after 14 days; a profile has at most 5 open ones. The reason that the target reads is what matching \
        says of the two, in the first language of `Accept-Language` that it knows.\n\n**Rights:** those who manage \
        the requester, with a verified e-mail address.",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the same answer for 24 hours")),
    request_body = RequestIntroduction,
    responses((status = 201, description = "The request; `Location` is its address", body = IntroductionView),
        (status = 403, description = "`forbidden`, `email_not_verified`"),
        (status = 404, description = "`not_found`: there is no such profile, or not for you"),
        (status = 409, description = "`introduction_already_open`, `already_introduced`, `introduction_budget_spent`, \
            `introduction_target_paused`, `introduction_declined_recently`, `conflict`: a side is not published"),
        (status = 422, description = "`introduction_to_oneself`"))
)]
#[post("/introductions")]
async fn request_introduction(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    reasons: web::Data<dyn Reasons>,
    languages: ReaderLanguages,
    member: Member,
    key: IdempotencyKey,
    body: ValidJson<RequestIntroduction>,
) -> Result<Answer, Problem> {
    let (member, now) = (member.verified()?, clock.now());
    let reason = reason(&db, reasons, now, &body.value, languages).await?;
    let (scope, fingerprint) = (member.id.to_string(), body.fingerprint);
    key.once(&db, now, scope, fingerprint, move |conn| {
        let introduction = service::request(conn, now, &member, body.value, reason)?;
        let location = format!("/api/v1/introductions/{}", introduction.id);
        let answer = Answer::json(StatusCode::CREATED, &view(conn, &member, introduction)?)?;
        Ok(answer.with("location", location))
    })
    .await
}

/// What matching says of the two, in the requester's language and in those of the target's people. It searches, so it is
/// asked before the transaction.
async fn reason(
    db: &Db,
    reasons: web::Data<dyn Reasons>,
    now: DateTime<Utc>,
    asked: &RequestIntroduction,
    reader: ReaderLanguages,
) -> Result<Reason, Problem> {
    let (asked, target) = (asked.clone(), asked.target.clone());
    let mut languages = db.read(move |conn| service::languages_of(conn, &target)).await?;
    languages.push(reader.0.into_iter().next().unwrap_or_else(Language::english));
    languages.sort();
    languages.dedup();
    let said = move || {
        let said = languages.into_iter().filter_map(|language| {
            let said = reasons.reason(now, &asked.requester, asked.need.as_ref(), &asked.target, &language);
            said.map(|sentence| (language, sentence))
        });
        Multilingual(said.collect())
    };
    Ok(db.blocking(said).await?)
}

// There is no `ETag` on what is read: it is made of several rows, each of which changes on its own.
#[utoipa::path(
    tag = "introductions",
    summary = "Read an introduction",
    description = "Nobody but its sides may know of it. The other side's contact details are there once both \
        agreed.\n\n**Rights:** those who manage one of its sides.",
    params(("id" = IntroductionId, Path, description = "The introduction")),
    security(("bearer" = [])),
    responses((status = 200, description = "The introduction", body = IntroductionView))
)]
#[get("/introductions/{id}")]
async fn read_introduction(
    db: web::Data<Db>,
    member: Member,
    id: web::Path<IntroductionId>,
) -> Result<Answer, Problem> {
    db.read(move |conn| {
        let introduction = service::get(conn, &member.id, &id)?;
        Answer::ok(&view(conn, &member, introduction)?)
    })
    .await
}

/// Does `change` for the member and answers with what the introduction is then.
async fn changed(
    db: &Db,
    member: Member,
    change: impl FnOnce(&mut Conn, &Member) -> Result<Introduction, IntroductionError> + Send + 'static,
) -> Result<Answer, Problem> {
    write(db, move |conn| {
        let introduction = change(conn, &member)?;
        Answer::ok(&view(conn, &member, introduction)?)
    })
    .await
}

#[utoipa::path(
    tag = "introductions",
    summary = "Accept an introduction",
    description = "Both sides are shown each other's contact details, here and by mail. Accepting twice changes \
        nothing.\n\n**Rights:** those who manage the target, with a verified e-mail address.",
    params(("id" = IntroductionId, Path, description = "The introduction")),
    security(("bearer" = [])),
    responses((status = 200, description = "The accepted introduction", body = IntroductionView),
        (status = 403, description = "`forbidden`, `email_not_verified`"),
        (status = 409, description = "`invalid_transition`, `conflict`: a side is not published any more"))
)]
#[post("/introductions/{id}/accept")]
async fn accept_introduction(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<IntroductionId>,
) -> Result<Answer, Problem> {
    let (now, member) = (clock.now(), member.verified()?);
    changed(&db, member, move |conn, member| service::accept(conn, now, &member.id, &id)).await
}

#[utoipa::path(
    tag = "introductions",
    summary = "Decline an introduction",
    description = "The requester is told the reason by mail, and may ask again after 180 days. Declining twice \
        changes nothing.\n\n**Rights:** those who manage the target.",
    params(("id" = IntroductionId, Path, description = "The introduction")),
    security(("bearer" = [])),
    request_body = DeclineIntroduction,
    responses((status = 200, description = "The declined introduction", body = IntroductionView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/introductions/{id}/decline")]
async fn decline_introduction(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<IntroductionId>,
    body: ValidJson<DeclineIntroduction>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    changed(&db, member, move |conn, member| service::decline(conn, now, &member.id, &id, body.value)).await
}

#[utoipa::path(
    tag = "introductions",
    summary = "Withdraw a request",
    description = "While it is not answered. Withdrawing twice changes nothing.\n\n**Rights:** those who manage the \
        requester.",
    params(("id" = IntroductionId, Path, description = "The introduction")),
    security(("bearer" = [])),
    responses((status = 200, description = "The withdrawn introduction", body = IntroductionView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/introductions/{id}/withdraw")]
async fn withdraw_introduction(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<IntroductionId>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    changed(&db, member, move |conn, member| service::withdraw(conn, now, &member.id, &id)).await
}

#[utoipa::path(
    tag = "introductions",
    summary = "Tell how an introduction went",
    description = "Each side of an accepted introduction, once; the other side does not see it. The first report \
        decides whether it counts as met. The same report again changes nothing.\n\n**Rights:** those who manage \
        one of its sides.",
    params(("id" = IntroductionId, Path, description = "The introduction")),
    security(("bearer" = [])),
    request_body = Outcome,
    responses((status = 200, description = "The introduction", body = IntroductionView),
        (status = 409, description = "`invalid_transition`, `conflict`: this side has told something else"))
)]
#[post("/introductions/{id}/outcome")]
async fn report_outcome(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<IntroductionId>,
    body: ValidJson<Outcome>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    changed(&db, member, move |conn, member| service::report(conn, now, &member.id, &id, &body.value)).await
}
