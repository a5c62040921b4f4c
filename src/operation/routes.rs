//! All HTTP of running the service.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use search_index::{IndexError, Searcher};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::Metrics;
use crate::accounts::Administrator;
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::http::answer::Answer;
use crate::http::codes::Code;
use crate::http::page::{self, Page};
use crate::http::problem::Problem;
use crate::http::query::ValidQuery;
use crate::ids::MailId;
use crate::mail::{self, MailStatus};

/// Operations outside the version prefix.
pub fn configure_root(api: &mut ServiceConfig<'_>) {
    api.service(check_live).service(check_ready).service(read_metrics);
}

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_mails).service(requeue_mail);
}

/// How the service is.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always the same: what is not well answers with a problem.
    #[schema(pattern = "^ok$", example = "ok")]
    pub status: &'static str,
    /// Documents in the search index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<u64>,
}

#[utoipa::path(
    tag = "start here",
    summary = "Is it alive?",
    description = "Answers as long as the process can answer anything.\n\n**Rights:** anybody.",
    responses((status = 200, description = "Alive", body = Health))
)]
#[get("/health/live")]
async fn check_live() -> Result<Answer, Problem> {
    Answer::ok(&Health { status: "ok", documents: None })
}

#[utoipa::path(
    tag = "operation",
    summary = "Is it ready?",
    description = "Ready when the database answers and the index has been built.\n\n**Rights:** anybody.",
    responses((status = 200, description = "Ready", body = Health))
)]
#[get("/health/ready")]
async fn check_ready(db: web::Data<Db>, searcher: web::Data<Searcher>) -> Result<Answer, Problem> {
    db.read(|conn| mail::counts(conn).map(drop)).await?;
    if searcher.position().is_none() {
        return Err(IndexError::Incomplete.into());
    }
    Answer::ok(&Health { status: "ok", documents: Some(searcher.count()) })
}

#[utoipa::path(
    tag = "operation",
    summary = "Read the metrics",
    description = "Numbers in the text format of Prometheus.\n\n**Rights:** anybody who can reach it; a proxy in \
        front may keep it inside.",
    responses((status = 200, description = "The numbers", content_type = "text/plain", body = String))
)]
#[get("/metrics")]
async fn read_metrics(
    db: web::Data<Db>,
    searcher: web::Data<Searcher>,
    metrics: web::Data<Metrics>,
) -> Result<HttpResponse, Problem> {
    metrics.documents.set(i64::try_from(searcher.count()).unwrap_or(i64::MAX));
    for (status, count) in db.read(mail::counts).await? {
        metrics.mails.with_label_values(&[status.code()]).set(count);
    }
    let text = metrics.text().map_err(Problem::internal)?;
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_TYPE, "text/plain; version=0.0.4")).body(text))
}

/// A mail in the outbox, without address and text.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailView {
    pub id: MailId,
    /// What it is about; names its template.
    #[schema(pattern = "^[a-z_]{1,40}$", example = "introduction_requested")]
    pub kind: String,
    pub status: MailStatus,
    /// How often it was tried.
    #[schema(minimum = 0)]
    pub attempts: i32,
    /// When it is tried next.
    pub due_at: DateTime<Utc>,
    /// What the last try failed with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 200)]
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
    /// When a mail server took it over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_at: Option<DateTime<Utc>>,
}

impl From<mail::Stored> for MailView {
    fn from(stored: mail::Stored) -> MailView {
        MailView {
            id: stored.id,
            kind: stored.kind,
            status: stored.status,
            attempts: stored.attempts,
            due_at: stored.due_at,
            last_error: stored.last_error,
            created_at: stored.created_at,
            sent_at: stored.sent_at,
        }
    }
}

/// Which mails to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListMails {
    /// `dead` for those that were given up.
    pub status: Option<MailStatus>,
    /// How many items at most.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub limit: Option<u32>,
    /// `next` of the page before, unchanged.
    #[param(min_length = 1, max_length = 500, pattern = "^[A-Za-z0-9_-]+$")]
    pub cursor: Option<String>,
}

#[utoipa::path(
    tag = "mail",
    summary = "List mails",
    description = "The outbox, newest first. Dead letters are those that were given up after the last \
        try.\n\n**Rights:** administrators.",
    params(ListMails),
    security(("bearer" = [])),
    responses((status = 200, description = "A page of mails", body = Page<MailView>),
        (status = 403, description = "`forbidden`"))
)]
#[get("/mails")]
async fn list_mails(
    request: HttpRequest,
    db: web::Data<Db>,
    _administrator: Administrator,
    query: ValidQuery<ListMails>,
) -> Result<Answer, Problem> {
    let ListMails { status, limit, cursor } = query.0;
    let (limit, cursor) = (page::limit(limit)?, page::decode_cursor(cursor.as_deref())?);
    let found =
        db.read(move |conn| mail::list(conn, status, cursor.as_deref(), i64::from(limit) + 1)).await?;
    let page = Page::of(found, limit, |mail| mail.id.to_string());
    Answer::page(&request, &page.map(MailView::from))
}

#[utoipa::path(
    tag = "mail",
    summary = "Try a dead letter again",
    description = "Puts a mail that was given up back into the outbox.\n\n**Rights:** administrators.",
    params(("id" = MailId, Path, description = "The mail")),
    security(("bearer" = [])),
    responses((status = 204, description = "It will be tried again at once"),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`: it is not dead"))
)]
#[post("/mails/{id}/requeue")]
async fn requeue_mail(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    _administrator: Administrator,
    id: web::Path<MailId>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    db.write(move |conn| match mail::requeue(conn, now, &id) {
        Ok(true) => Ok(Answer::no_content()),
        Ok(false) => Err(Problem::new(Code::InvalidTransition, "only a dead letter can be requeued")),
        Err(DbError::NotFound) => Err(Problem::of(Code::NotFound)),
        Err(fault) => Err(fault.into()),
    })
    .await
}
