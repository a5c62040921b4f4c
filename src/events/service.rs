//! What can be done with an event; each function is called inside one transaction.

use chrono::{DateTime, Utc};

use super::mails::{Change, EVENT_ANNOUNCED, EVENT_CHANGED, Keys};
use super::model::{Event, EventContent, EventError, EventStatus, has_events};
use super::steps::Step;
use super::store::{self, Cursor, Filter};
use crate::accounts::{Caller, Member};
use crate::db::{self, Conn, DbError, Entry, Follower, Part};
use crate::ids::{EventId, ProfileId};
use crate::mail;
use crate::profiles::{self, Profile, ProfileError};

/// What events are called in the change feed.
pub const KIND: &str = "event";
/// How many events one round of upkeep takes on.
const ROUND: i64 = 200;

pub fn find(conn: &mut Conn, id: &EventId) -> Result<Option<Event>, DbError> {
    store::find(conn, id)
}

pub fn get(conn: &mut Conn, id: &EventId) -> Result<Event, EventError> {
    store::find(conn, id)?.ok_or(EventError::NotFound)
}

/// The event, if the caller may know of it: it and its profile are published, or he manages the profile.
pub fn visible(conn: &mut Conn, caller: &Caller, id: &EventId) -> Result<Event, EventError> {
    let event = get(conn, id)?;
    let profile = &event.content.profile;
    if event.is_public() && profiles::is_published(conn, profile)?
        || profiles::may_manage(conn, caller, profile)?
    {
        return Ok(event);
    }
    Err(EventError::NotFound)
}

/// The event, if the member manages its profile; others are told no more than they may know.
pub fn managed(conn: &mut Conn, member: &Member, id: &EventId) -> Result<Event, EventError> {
    let event = visible(conn, &member.clone().into(), id)?;
    profiles::managed(conn, member, &event.content.profile)?;
    Ok(event)
}

/// Earliest first.
pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_, Cursor>) -> Result<Vec<Event>, DbError> {
    store::list(conn, filter, part)
}

/// Who reads a list.
pub fn follower(conn: &mut Conn, filter: &Filter) -> Result<Follower, DbError> {
    profiles::list_follower(conn, filter.managed_by.as_ref(), true, filter.profile.clone())
}

/// Ids of all events after `cursor`, in their order; for a full scan.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    store::list_ids(conn, cursor, limit)
}

/// Ids of all events of a profile, of any status: what changes with it.
pub fn ids_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    store::ids_of_profile(conn, profile)
}

/// Makes a draft of a profile that the member manages.
pub fn create(
    conn: &mut Conn,
    now: DateTime<Utc>,
    member: &Member,
    content: EventContent,
) -> Result<Event, EventError> {
    may_have_events(&profiles::managed(conn, member, &content.profile)?)?;
    let content = content.in_seconds();
    content.check(now)?;
    insert(conn, now, Event::new(now, content))
}

/// Makes or renews an imported event: public as it is, but announced to nobody; held where it is past.
pub fn put_imported(
    conn: &mut Conn,
    now: DateTime<Utc>,
    known: Option<&EventId>,
    content: EventContent,
) -> Result<Event, EventError> {
    match known.map(|id| store::find(conn, id)).transpose()?.flatten() {
        Some(mut event) => {
            event.renew(now, content)?;
            Ok(save(conn, now, event)?)
        }
        None => {
            let profile = profiles::find(conn, &content.profile)?.ok_or(ProfileError::NotFound)?;
            may_have_events(&profile)?;
            let mut event = Event::new(now, content.clone());
            event.renew(now, content)?;
            event.sequence = 0;
            insert(conn, now, event)
        }
    }
}

/// Replaces what an event says.
pub fn replace(
    conn: &mut Conn,
    now: DateTime<Utc>,
    mut event: Event,
    content: EventContent,
) -> Result<Event, EventError> {
    event.rewrite(now, content)?;
    Ok(save(conn, now, event)?)
}

/// Takes a step of an event's life, and tells those who follow its profile what they can plan by.
pub fn step(conn: &mut Conn, now: DateTime<Utc>, mut event: Event, step: Step) -> Result<Event, EventError> {
    if step == Step::Publish && !profiles::is_published(conn, &event.content.profile)? {
        return Err(EventError::ProfileNotPublished);
    }
    let (status, content) = (event.status, event.content.clone());
    event.take(now, step)?;
    let event = save(conn, now, event)?;
    if (status, &content) == (event.status, &event.content) {
        // The same step once more, by a second click: nobody is told twice.
        return Ok(event);
    }
    match event.status {
        EventStatus::Scheduled if event.content.starts_at > now => {
            tell_followers(conn, now, EVENT_ANNOUNCED, &event, None)?;
        }
        EventStatus::Rescheduled
        | EventStatus::Postponed
        | EventStatus::MovedOnline
        | EventStatus::Cancelled
            if event.is_public() =>
        {
            tell_followers(conn, now, EVENT_CHANGED, &event, Some(Change::of(&event)))?;
        }
        _ => {}
    }
    Ok(event)
}

/// Notes which events are over; returns how many, at most one round.
pub fn hold_due(conn: &mut Conn, now: DateTime<Utc>) -> Result<usize, EventError> {
    let over = store::list_over(conn, now, ROUND)?;
    let count = over.len();
    for event in over {
        step(conn, now, event, Step::Hold)?;
    }
    Ok(count)
}

fn may_have_events(profile: &Profile) -> Result<(), EventError> {
    let kind = profile.content.kind;
    if has_events(kind) { Ok(()) } else { Err(EventError::NoEvents(kind)) }
}

fn insert(conn: &mut Conn, now: DateTime<Utc>, event: Event) -> Result<Event, EventError> {
    let public = may_be_seen(conn, &event)?;
    store::insert(conn, &event)?;
    record(conn, now, &event, public)?;
    Ok(event)
}

fn save(conn: &mut Conn, now: DateTime<Utc>, mut event: Event) -> Result<Event, DbError> {
    let public = may_be_seen(conn, &event)?;
    store::update(conn, &mut event, now)?;
    record(conn, now, &event, public)?;
    Ok(event)
}

fn tell_followers(
    conn: &mut Conn,
    now: DateTime<Utc>,
    kind: &str,
    event: &Event,
    change: Option<Change>,
) -> Result<(), DbError> {
    let keys = Keys { event: event.id.clone(), change };
    let keys = serde_json::to_value(keys).map_err(|fault| DbError::Corrupt(fault.to_string()))?;
    for account in profiles::followers(conn, &event.content.profile)? {
        mail::enqueue(conn, now, kind, &account, &keys)?;
    }
    Ok(())
}

/// Notes that everybody begins or ceases to see a profile's events: it was published or taken down.
pub fn seen_or_hidden(conn: &mut Conn, now: DateTime<Utc>, profile: &ProfileId) -> Result<(), DbError> {
    for id in store::public_ids_of_profile(conn, profile)? {
        db::record(conn, now, Entry { kind: KIND, id: &id, profile, public: true })?;
    }
    Ok(())
}

/// Whether everybody may hear of a change. What was published once stays so.
fn may_be_seen(conn: &mut Conn, event: &Event) -> Result<bool, DbError> {
    Ok(event.is_public() && profiles::is_published_locked(conn, &event.content.profile)?)
}

fn record(conn: &mut Conn, now: DateTime<Utc>, event: &Event, public: bool) -> Result<(), DbError> {
    let (id, profile) = (event.id.as_str(), &event.content.profile);
    db::record(conn, now, Entry { kind: KIND, id, profile, public })
}
