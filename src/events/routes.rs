//! All HTTP of events.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, get, patch, post, web};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::calendar;
use super::model::{Audience, Event, EventContent, EventError, EventStatus, Venue};
use super::service;
use super::steps::{CancelEvent, MoveEventOnline, RescheduleEvent, Step};
use super::store::{Cursor, Filter};
use crate::accounts::{Caller, Member};
use crate::clock::Clock;
use crate::db::{Conn, Db, DbError, Follower, Part};
use crate::http::answer::Answer;
use crate::http::body::{MergePatch, ValidJson, patch_schema};
use crate::http::codes::Code;
use crate::http::conditional::IfMatch;
use crate::http::idempotency::IdempotencyKey;
use crate::http::index_token::write;
use crate::http::languages::ReaderLanguages;
use crate::http::problem::Problem;
use crate::http::query::{ValidQuery, expect_length};
use crate::http::sync::{Asked, Followed, FollowedPage};
use crate::ids::{EventId, ProfileId};
use crate::values::{ConceptId, Country, Format, Language, Multilingual, Sector};

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(list_events)
        .service(create_event)
        .service(read_event)
        .service(update_event)
        .service(publish_event)
        .service(reschedule_event)
        .service(postpone_event)
        .service(move_event_online)
        .service(cancel_event)
        .service(read_event_calendar);
}

impl From<EventError> for Problem {
    fn from(error: EventError) -> Problem {
        let detail = error.to_string();
        match error {
            EventError::NotFound => Problem::of(Code::NotFound),
            EventError::NoEvents(_) | EventError::ProfileNotPublished => Problem::new(Code::Conflict, detail),
            EventError::Transition(from, to) => Problem::transition("the event", from.code(), to),
            EventError::TimesFixed(_) | EventError::FormatFixed(_) => {
                Problem::new(Code::InvalidTransition, detail)
            }
            EventError::Faults(faults) => faults.into(),
            EventError::Profile(fault) => fault.into(),
            EventError::Account(fault) => fault.into(),
            EventError::Database(fault) => fault.into(),
        }
    }
}

patch_schema!(
    /// A merge patch (RFC 7396) of an event: absent members stay, null removes. `profile` can't be changed.
    UpdateEvent, EventContent
);

/// An event.
#[derive(Debug, Serialize, ToSchema)]
pub struct EventView {
    pub id: EventId,
    pub profile: ProfileId,
    pub status: EventStatus,
    /// Why it was cancelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 300, example = "The trainer is ill.")]
    pub status_reason: Option<String>,
    pub title: Multilingual<160>,
    pub description: Multilingual<4000>,
    pub concepts: Vec<ConceptId>,
    pub sectors: Vec<Sector>,
    pub audience: Audience,
    pub languages: Vec<Language>,
    pub format: Format,
    /// IANA time zone of the place.
    #[schema(example = "Europe/Vienna")]
    pub zone: String,
    /// Of a postponed event: the time that does not hold any more.
    pub starts_at: DateTime<Utc>,
    pub ends_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", example = "https://hub.example/workshop-day")]
    pub url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, example = 30)]
    pub capacity: Option<i32>,
    /// Grows with every change that a calendar must see.
    #[schema(minimum = 0, example = 1)]
    pub sequence: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl From<Event> for EventView {
    fn from(event: Event) -> EventView {
        let content = event.content;
        EventView {
            id: event.id,
            profile: content.profile,
            status: event.status,
            status_reason: event.status_reason,
            title: content.title,
            description: content.description,
            concepts: content.concepts,
            sectors: content.sectors,
            audience: content.audience,
            languages: content.languages,
            format: content.format,
            zone: content.zone,
            starts_at: content.starts_at,
            ends_at: content.ends_at,
            venue: content.venue,
            url: content.url,
            capacity: content.capacity,
            sequence: event.sequence,
            created_at: event.created_at,
            updated_at: event.updated_at,
        }
    }
}

fn answer(event: Event) -> Result<Answer, Problem> {
    Answer::versioned(event.version, &EventView::from(event))
}

/// Which events to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListEvents {
    /// Those that end after this moment, or on this day (UTC) or later. Default: now, or any time with `managed` or
    /// `updated_since`.
    #[param(value_type = Option<DateOrTime>, example = "2026-11-24")]
    pub from: Option<String>,
    /// Those that begin before this moment, or on this day (UTC) or earlier.
    #[param(value_type = Option<DateOrTime>, example = "2026-12-31T23:00:00Z")]
    pub to: Option<String>,
    /// Country of the venue, ISO 3166-1 alpha-2; one of those given.
    #[serde(default)]
    pub country: Vec<Country>,
    /// City of the venue, in any case.
    #[param(min_length = 1, max_length = 80, example = "wien")]
    pub city: Option<String>,
    /// Spoken there, ISO 639-1; one of those given.
    #[serde(default)]
    pub language: Vec<Language>,
    /// Topic, a concept of the vocabulary; one of those given.
    #[serde(default)]
    pub concept: Vec<ConceptId>,
    /// The hub, factory or organisation.
    pub profile: Option<ProfileId>,
    /// One of those given.
    #[serde(default)]
    pub format: Vec<Format>,
    /// Cancelled events are listed with `cancelled` only; drafts are for those who manage them.
    pub status: Option<EventStatus>,
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

impl ListEvents {
    /// The filter; `earliest` is where the list begins unless it is said.
    fn filter(self, caller: &Caller, earliest: Option<DateTime<Utc>>) -> Result<Filter, Problem> {
        let managed_by = match (self.managed, caller.account()) {
            (true, None) => return Err(Problem::of(Code::TokenMissing)),
            (true, Some(account)) => Some(account.clone()),
            (false, _) => None,
        };
        if self.status == Some(EventStatus::Draft) && !self.managed {
            let detail = "drafts are for those who manage them; ask with managed=true";
            return Err(Problem::new(Code::Forbidden, detail));
        }
        self.city.as_deref().map(|city| expect_length("city", city, 1..=80)).transpose()?;
        let from = self.from.as_deref().map(|text| moment("from", text, Days::new(0))).transpose()?;
        let to = self.to.as_deref().map(|text| moment("to", text, Days::new(1))).transpose()?;
        Ok(Filter {
            from: from.or(earliest.filter(|_| !self.managed)),
            to,
            status: self.status,
            profile: self.profile,
            formats: self.format,
            countries: self.country,
            city: self.city,
            languages: self.language,
            concepts: self.concept,
            managed_by,
        })
    }
}

/// An instant, or the midnight (UTC) that is `days` after the beginning of a date.
fn moment(name: &str, text: &str, days: Days) -> Result<DateTime<Utc>, Problem> {
    let instant = DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    let midnight = || {
        let date = text.parse::<NaiveDate>().ok()?.checked_add_days(days)?;
        Some(date.and_time(NaiveTime::MIN).and_utc())
    };
    // Far from the ends of the calendar, so that durations can be added.
    let found = instant.or_else(midnight).filter(|at| (1900..=2200).contains(&chrono::Datelike::year(at)));
    found.ok_or_else(|| {
        let detail = format!("{name}: must be an RFC 3339 time or a date (YYYY-MM-DD) between 1900 and 2200");
        Problem::new(Code::MalformedQuery, detail)
    })
}

/// The form of what [`moment`] reads: a date, or an RFC 3339 time.
pub struct DateOrTime;

impl PartialSchema for DateOrTime {
    fn schema() -> RefOr<Schema> {
        let date = r"(19|20|21)\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])";
        let time = r"[Tt ]([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)";
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A date (YYYY-MM-DD) or an RFC 3339 time."))
            .pattern(Some(format!("^{date}({time})?$")))
            .into()
    }
}

impl ToSchema for DateOrTime {}

/// Reads what [`EventList`] says of where a page ends.
fn cursor(key: &str) -> Result<Cursor, Problem> {
    let read = || {
        let (seconds, id) = key.split_once('.')?;
        Some((DateTime::from_timestamp(seconds.parse().ok()?, 0)?, id.parse().ok()?))
    };
    let wrong = || Problem::new(Code::MalformedQuery, "cursor: must be `next` of an earlier page of events");
    read().ok_or_else(wrong)
}

#[utoipa::path(
    tag = "events",
    summary = "List events",
    description = "What takes place from now on, earliest first. To find by words or by fit, use search and \
        matching.\n\n**Rights:** anybody; drafts with `managed` only, for those who manage the profiles.",
    params(ListEvents),
    security((), ("bearer" = [])),
    responses((status = 200, description = "A page of events", body = FollowedPage<EventView>),
        (status = 403, description = "`forbidden`: drafts of others"),
        (status = 410, description = "`copy_outdated`"))
)]
#[get("/events")]
async fn list_events(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    caller: Caller,
    query: ValidQuery<ListEvents>,
) -> Result<Answer, Problem> {
    let (query, now) = (query.0, clock.now());
    let asked = Asked::of(&request, query.limit, query.cursor.as_deref(), query.updated_since)?;
    let earliest = (!asked.is_for_copy()).then_some(now);
    let list = EventList(query.filter(&caller, earliest)?);
    let page = db.read(move |conn| asked.page(conn, now, &list)).await?;
    page.answer(&request)
}

/// A list, as it can be followed.
struct EventList(Filter);

impl Followed for EventList {
    type View = EventView;
    const KIND: &'static str = service::KIND;

    fn load(&self, conn: &mut Conn, part: Part<'_>) -> Result<Vec<EventView>, Problem> {
        let part = match part {
            Part::After(key, limit) => Part::After(key.map(cursor).transpose()?, limit),
            Part::Of(ids) => Part::Of(ids),
        };
        Ok(service::list(conn, &self.0, part)?.into_iter().map(EventView::from).collect())
    }

    fn id(view: &EventView) -> &str {
        view.id.as_str()
    }

    fn key(view: &EventView) -> String {
        format!("{}.{}", view.starts_at.timestamp(), view.id)
    }

    fn follower(&self, conn: &mut Conn) -> Result<Follower, DbError> {
        service::follower(conn, &self.0)
    }
}

#[utoipa::path(
    tag = "events",
    summary = "Create an event",
    description = "Makes a draft of a hub, factory or organisation that the caller manages. Publish it when it is \
        ready.\n\n**Rights:** those who manage the profile.",
    security(("bearer" = [])),
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key and body get the same answer for 24 hours")),
    request_body = EventContent,
    responses((status = 201, description = "The draft; `Location` is its address", body = EventView),
        (status = 403, description = "`forbidden`"), (status = 404, description = "`not_found`: the profile"),
        (status = 409, description = "`conflict`: only hubs, factories and organisations have events"))
)]
#[post("/events")]
async fn create_event(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    key: IdempotencyKey,
    body: ValidJson<EventContent>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    let (scope, fingerprint) = (member.id.to_string(), body.fingerprint);
    key.once(&db, now, scope, fingerprint, move |conn| {
        let event = service::create(conn, now, &member, body.value)?;
        let location = format!("/api/v1/events/{}", event.id);
        Answer::created(location, event.version, &EventView::from(event))
    })
    .await
}

#[utoipa::path(
    tag = "events",
    summary = "Read an event",
    description = "Drafts, and events of profiles that are not published, are for those who manage \
        them.\n\n**Rights:** anybody, once it and its profile are published; else those who manage the profile, and \
        administrators.",
    params(("id" = EventId, Path, description = "The event")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The event; `ETag` is its version", body = EventView))
)]
#[get("/events/{id}")]
async fn read_event(db: web::Data<Db>, caller: Caller, id: web::Path<EventId>) -> Result<Answer, Problem> {
    db.read(move |conn| answer(service::visible(conn, &caller, &id)?)).await
}

#[utoipa::path(
    tag = "events",
    summary = "Change an event",
    description = "A JSON merge patch (RFC 7396). Texts, venue and the like can be changed at any time; time and \
        format of a draft only: a published event is rescheduled or moved online, so that everybody is \
        told.\n\n**Rights:** those who manage the profile.",
    params(("id" = EventId, Path, description = "The event"), ("If-Match" = String, Header, description = "The `ETag` that was read")),
    security(("bearer" = [])),
    request_body(content = UpdateEvent, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed event", body = EventView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[patch("/events/{id}")]
async fn update_event(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<EventId>,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Answer, Problem> {
    let now = clock.now();
    write(&db, move |conn| {
        let event = service::managed(conn, &member, &id)?;
        if_match.check(event.version)?;
        let content = patch.apply::<UpdateEvent, _>(&event.content)?;
        answer(service::replace(conn, now, event, content)?)
    })
    .await
}

/// Takes a step of the life of an event that the member manages, and answers with what it is then.
async fn step(db: &Db, clock: &Clock, member: Member, id: EventId, step: Step) -> Result<Answer, Problem> {
    let now = clock.now();
    write(db, move |conn| {
        let event = service::managed(conn, &member, &id)?;
        answer(service::step(conn, now, event, step)?)
    })
    .await
}

#[utoipa::path(
    tag = "events",
    summary = "Publish an event",
    description = "Its profile must be published. Everybody who follows the profile gets a mail.\n\n**Rights:** \
        those who manage the profile, with a verified e-mail address.",
    params(("id" = EventId, Path, description = "The event")),
    security(("bearer" = [])),
    responses((status = 200, description = "The scheduled event", body = EventView),
        (status = 403, description = "`forbidden`, `email_not_verified`"),
        (status = 409, description = "`invalid_transition`, `conflict`: its profile is not published"),
        (status = 422, description = "`invalid_fields`: it is over already"))
)]
#[post("/events/{id}/publish")]
async fn publish_event(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<EventId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member.verified()?, id.into_inner(), Step::Publish).await
}

#[utoipa::path(
    tag = "events",
    summary = "Reschedule an event",
    description = "Gives a published event, also a postponed one, another time; followers get a \
        mail.\n\n**Rights:** those who manage the profile.",
    params(("id" = EventId, Path, description = "The event")),
    security(("bearer" = [])),
    request_body = RescheduleEvent,
    responses((status = 200, description = "The rescheduled event", body = EventView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/events/{id}/reschedule")]
async fn reschedule_event(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<EventId>,
    body: ValidJson<RescheduleEvent>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::Reschedule(body.value)).await
}

#[utoipa::path(
    tag = "events",
    summary = "Postpone an event",
    description = "Says that it does not take place at its time, and that a new one follows; followers get a \
        mail.\n\n**Rights:** those who manage the profile.",
    params(("id" = EventId, Path, description = "The event")),
    security(("bearer" = [])),
    responses((status = 200, description = "The postponed event", body = EventView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/events/{id}/postpone")]
async fn postpone_event(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<EventId>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::Postpone).await
}

#[utoipa::path(
    tag = "events",
    summary = "Move an event online",
    description = "Takes place at its time, at an address on the web instead of its venue; followers get a mail. A \
        postponed event whose old time has passed is rescheduled first.\n\n**Rights:** those who manage the profile.",
    params(("id" = EventId, Path, description = "The event")),
    security(("bearer" = [])),
    request_body = MoveEventOnline,
    responses((status = 200, description = "The event, online", body = EventView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/events/{id}/move-online")]
async fn move_event_online(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<EventId>,
    body: ValidJson<MoveEventOnline>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::MoveOnline(body.value)).await
}

#[utoipa::path(
    tag = "events",
    summary = "Cancel an event",
    description = "Calls it off, perhaps with a reason that is shown; followers get a mail. A draft is given \
        up.\n\n**Rights:** those who manage the profile.",
    params(("id" = EventId, Path, description = "The event")),
    security(("bearer" = [])),
    request_body = CancelEvent,
    responses((status = 200, description = "The cancelled event", body = EventView),
        (status = 403, description = "`forbidden`"), (status = 409, description = "`invalid_transition`"))
)]
#[post("/events/{id}/cancel")]
async fn cancel_event(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    id: web::Path<EventId>,
    body: ValidJson<CancelEvent>,
) -> Result<Answer, Problem> {
    step(&db, &clock, member, id.into_inner(), Step::Cancel(body.value)).await
}

#[utoipa::path(
    tag = "events",
    summary = "Read an event as a calendar entry",
    description = "An iCalendar file (RFC 5545). Its UID stays; a calendar that reads it again follows every \
        change.\n\n**Rights:** anybody, once it and its profile are published; else those who manage the profile, \
        and administrators.",
    params(("id" = EventId, Path, description = "The event")),
    security((), ("bearer" = [])),
    responses((status = 200, description = "The entry", content_type = "text/calendar", body = String))
)]
#[get("/events/{id}/calendar.ics")]
async fn read_event_calendar(
    db: web::Data<Db>,
    caller: Caller,
    reader: ReaderLanguages,
    id: web::Path<EventId>,
) -> Result<HttpResponse, Problem> {
    let event = db.read(move |conn| service::visible(conn, &caller, &id)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, "text/calendar; charset=utf-8"))
        .insert_header((header::VARY, "accept-language"))
        .body(calendar::file(&event, &reader.0)))
}
