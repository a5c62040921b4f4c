//! All SQL of events and of the tags that they are listed by.

use std::collections::BTreeSet;

use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use super::model::{Event, EventStatus, LONGEST};
use crate::db::schema::{event_tags, events, memberships, profiles};
use crate::db::{Conn, DbError, MultiBackend, Part, each, from_code, from_json, to_json};
use crate::ids::{AccountId, EventId, ProfileId};
use crate::profiles::ProfileStatus;
use crate::values::{ConceptId, Country, Format, Language};

const LANGUAGE: &str = "language";
const CONCEPT: &str = "concept";

#[derive(Queryable, Insertable, AsChangeset)]
#[diesel(table_name = events)]
#[diesel(treat_none_as_null = true)]
struct EventRow {
    id: String,
    profile_id: String,
    status: String,
    format: String,
    country: Option<String>,
    city: Option<String>,
    starts_at: NaiveDateTime,
    ends_at: NaiveDateTime,
    zone: String,
    content: String,
    status_reason: Option<String>,
    sequence: i32,
    published_at: Option<NaiveDateTime>,
    version: i32,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl EventRow {
    fn of(event: &Event) -> Result<EventRow, DbError> {
        let content = &event.content;
        Ok(EventRow {
            id: event.id.to_string(),
            profile_id: content.profile.to_string(),
            status: event.status.to_string(),
            format: content.format.to_string(),
            country: content.venue.as_ref().map(|venue| venue.country.to_string()),
            city: content.venue.as_ref().map(|venue| folded(&venue.city)),
            starts_at: content.starts_at.naive_utc(),
            ends_at: content.ends_at.naive_utc(),
            zone: content.zone.clone(),
            content: to_json(content)?,
            status_reason: event.status_reason.clone(),
            sequence: event.sequence,
            published_at: event.published_at.map(|at| at.naive_utc()),
            version: event.version,
            created_at: event.created_at.naive_utc(),
            updated_at: event.updated_at.naive_utc(),
        })
    }

    fn event(self) -> Result<Event, DbError> {
        Ok(Event {
            id: from_code(&self.id)?,
            status: from_code(&self.status)?,
            content: from_json(&self.content)?,
            status_reason: self.status_reason,
            sequence: self.sequence,
            published_at: self.published_at.map(|at| at.and_utc()),
            version: self.version,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

/// Cities are compared without regard to case, also beyond ASCII, which SQLite alone would not do.
fn folded(city: &str) -> String {
    city.trim().to_lowercase()
}

pub fn find(conn: &mut Conn, id: &EventId) -> Result<Option<Event>, DbError> {
    let row: Option<EventRow> = events::table.find(id.as_str()).first(conn).optional()?;
    row.map(EventRow::event).transpose()
}

pub fn insert(conn: &mut Conn, event: &Event) -> Result<(), DbError> {
    diesel::insert_into(events::table).values(EventRow::of(event)?).execute(conn)?;
    tag(conn, event)
}

/// Saves an event that was read as `event.version`, under the next version.
pub fn update(conn: &mut Conn, event: &mut Event, now: DateTime<Utc>) -> Result<(), DbError> {
    let read = event.version;
    event.version += 1;
    event.updated_at = now;
    let target = events::table.filter(events::id.eq(event.id.as_str())).filter(events::version.eq(read));
    let updated = diesel::update(target).set(EventRow::of(event)?).execute(conn)?;
    if updated != 1 {
        return Err(DbError::Stale);
    }
    diesel::delete(event_tags::table.filter(event_tags::event_id.eq(event.id.as_str()))).execute(conn)?;
    tag(conn, event)
}

fn tag(conn: &mut Conn, event: &Event) -> Result<(), DbError> {
    let languages = event.content.languages.iter().map(|language| (LANGUAGE, language.as_str()));
    let concepts = event.content.concepts.iter().map(|concept| (CONCEPT, concept.0.as_str()));
    let tags: BTreeSet<_> = languages.chain(concepts).collect();
    let rows: Vec<_> = tags
        .into_iter()
        .map(|(kind, value)| {
            (
                event_tags::event_id.eq(event.id.as_str()),
                event_tags::kind.eq(kind),
                event_tags::value.eq(value),
            )
        })
        .collect();
    each!(conn, c => diesel::insert_into(event_tags::table).values(&rows).execute(c))?;
    Ok(())
}

/// What a list of events is narrowed to; an empty list narrows nothing.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Those that end after this moment.
    pub from: Option<DateTime<Utc>>,
    /// Those that begin before this moment.
    pub to: Option<DateTime<Utc>>,
    pub status: Option<EventStatus>,
    pub profile: Option<ProfileId>,
    pub formats: Vec<Format>,
    /// Of the venue.
    pub countries: Vec<Country>,
    /// Of the venue, without regard to case.
    pub city: Option<String>,
    pub languages: Vec<Language>,
    pub concepts: Vec<ConceptId>,
    /// Events of profiles that this account manages, of any status; else those that everybody may see.
    pub managed_by: Option<AccountId>,
}

/// Where a page ended: start and id of its last event.
pub type Cursor = (DateTime<Utc>, EventId);

type Query<'a> = diesel::dsl::IntoBoxed<'a, events::table, MultiBackend>;

/// Earliest first.
pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_, Cursor>) -> Result<Vec<Event>, DbError> {
    let query = in_place(in_time(visible_to(events::table.into_boxed(), filter), filter), filter);
    let query = match part {
        Part::After(None, limit) => query.limit(limit),
        Part::After(Some((starts_at, id)), limit) => {
            let starts_at = starts_at.naive_utc();
            let after = events::starts_at
                .gt(starts_at)
                .or(events::starts_at.eq(starts_at).and(events::id.gt(id.to_string())));
            query.filter(after).limit(limit)
        }
        Part::Of(ids) => query.filter(events::id.eq_any(ids)),
    };
    let rows: Vec<EventRow> = query.order((events::starts_at, events::id)).load(conn)?;
    rows.into_iter().map(EventRow::event).collect()
}

/// Those that the reader of the list may see: his own, or public ones of published profiles. Cancelled ones are listed
/// only if they are asked for.
fn visible_to<'a>(query: Query<'a>, filter: &'a Filter) -> Query<'a> {
    let query = match filter.status {
        Some(status) => query.filter(events::status.eq(status.code())),
        None if filter.managed_by.is_some() => query,
        None => query.filter(events::status.ne(EventStatus::Cancelled.code())),
    };
    match &filter.managed_by {
        Some(account) => {
            let managed = memberships::table
                .filter(memberships::account_id.eq(account.as_str()))
                .select(memberships::profile_id);
            query.filter(events::profile_id.eq_any(managed))
        }
        None => {
            let published = profiles::table
                .filter(profiles::status.eq(ProfileStatus::Published.code()))
                .select(profiles::id);
            query.filter(events::published_at.is_not_null()).filter(events::profile_id.eq_any(published))
        }
    }
}

fn in_time<'a>(mut query: Query<'a>, filter: &'a Filter) -> Query<'a> {
    if let Some(from) = filter.from {
        // No event is longer, so the index on starts may be used.
        let earliest = (from - LONGEST).naive_utc();
        query = query.filter(events::starts_at.ge(earliest)).filter(events::ends_at.gt(from.naive_utc()));
    }
    if let Some(to) = filter.to {
        query = query.filter(events::starts_at.lt(to.naive_utc()));
    }
    query
}

fn in_place<'a>(mut query: Query<'a>, filter: &'a Filter) -> Query<'a> {
    if let Some(profile) = &filter.profile {
        query = query.filter(events::profile_id.eq(profile.as_str()));
    }
    if !filter.formats.is_empty() {
        query = query.filter(events::format.eq_any(filter.formats.iter().map(|format| format.code())));
    }
    if !filter.countries.is_empty() {
        query = query.filter(events::country.eq_any(filter.countries.iter().map(Country::as_str)));
    }
    if let Some(city) = &filter.city {
        query = query.filter(events::city.eq(folded(city)));
    }
    let languages = filter.languages.iter().map(Language::as_str).collect();
    let concepts = filter.concepts.iter().map(|concept| concept.0.as_str()).collect();
    tagged(tagged(query, LANGUAGE, languages), CONCEPT, concepts)
}

/// Those with one of the tags, if any is asked for.
fn tagged<'a>(query: Query<'a>, kind: &'a str, values: Vec<&'a str>) -> Query<'a> {
    if values.is_empty() {
        return query;
    }
    let tagged = event_tags::table
        .filter(event_tags::kind.eq(kind))
        .filter(event_tags::value.eq_any(values))
        .select(event_tags::event_id);
    query.filter(events::id.eq_any(tagged))
}

/// Ids of all events after `cursor`, in their order.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    Ok(events::table
        .filter(events::id.gt(cursor))
        .order(events::id)
        .limit(limit)
        .select(events::id)
        .load(conn)?)
}

/// Ids of all events of a profile, of any status.
pub fn ids_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    Ok(events::table
        .filter(events::profile_id.eq(profile.as_str()))
        .order(events::id)
        .select(events::id)
        .load(conn)?)
}

/// Ids of a profile's events that have been published, whatever became of them.
pub fn public_ids_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    Ok(events::table
        .filter(events::profile_id.eq(profile.as_str()))
        .filter(events::published_at.is_not_null())
        .order(events::id)
        .select(events::id)
        .load(conn)?)
}

/// Events with a date that ended by `now`, the longest over first.
pub fn list_over(conn: &mut Conn, now: DateTime<Utc>, limit: i64) -> Result<Vec<Event>, DbError> {
    let rows: Vec<EventRow> = events::table
        .filter(events::status.eq_any(EventStatus::DATED.map(EventStatus::code)))
        .filter(events::ends_at.le(now.naive_utc()))
        .order((events::ends_at, events::id))
        .limit(limit)
        .load(conn)?;
    rows.into_iter().map(EventRow::event).collect()
}
