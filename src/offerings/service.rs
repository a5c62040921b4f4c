//! What can be done with an offering; each function is called inside one transaction.

use chrono::{DateTime, Utc};

use super::model::{Offering, OfferingContent, OfferingError, OfferingStatus, Step};
use super::store::{self, Filter};
use crate::accounts::{Caller, Member};
use crate::db::{self, Conn, DbError, Entry, Follower, Part};
use crate::ids::{OfferingId, ProfileId};
use crate::profiles;

/// What offerings are called in the change feed.
pub const KIND: &str = "offering";
/// How many offerings one round of upkeep takes on.
const ROUND: i64 = 200;

pub fn find(conn: &mut Conn, id: &OfferingId) -> Result<Option<Offering>, DbError> {
    store::find(conn, id)
}

pub fn get(conn: &mut Conn, id: &OfferingId) -> Result<Offering, OfferingError> {
    store::find(conn, id)?.ok_or(OfferingError::NotFound)
}

/// The offering, if the caller may know of it: it is open and its profile is published, or he
/// manages the profile.
pub fn visible(conn: &mut Conn, caller: &Caller, id: &OfferingId) -> Result<Offering, OfferingError> {
    let offering = get(conn, id)?;
    let profile = &offering.content.profile;
    if offering.status == OfferingStatus::Open && profiles::is_published(conn, profile)?
        || profiles::may_manage(conn, caller, profile)?
    {
        return Ok(offering);
    }
    Err(OfferingError::NotFound)
}

/// The offering, if the member manages its profile; others are told no more than they may know.
pub fn managed(conn: &mut Conn, member: &Member, id: &OfferingId) -> Result<Offering, OfferingError> {
    let offering = visible(conn, &Caller(Some(member.clone())), id)?;
    profiles::managed(conn, member, &offering.content.profile)?;
    Ok(offering)
}

pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_>) -> Result<Vec<Offering>, DbError> {
    store::list(conn, filter, part)
}

/// Who reads a list.
pub fn follower(conn: &mut Conn, filter: &Filter) -> Result<Follower, DbError> {
    let managed_by = filter.managed_by.as_ref();
    profiles::list_follower(conn, managed_by, filter.published, filter.profile.clone())
}

/// Ids of all offerings after `cursor`, in their order; for a full scan.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    store::list_ids(conn, cursor, limit)
}

/// Ids of all offerings of a profile, of any status: what changes with it.
pub fn ids_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    store::ids_of_profile(conn, profile)
}

/// What a profile offers now, oldest first.
pub fn open_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<Offering>, DbError> {
    store::open_of_profile(conn, profile)
}

/// Makes a draft for a profile that the member manages.
pub fn create(
    conn: &mut Conn,
    now: DateTime<Utc>,
    member: &Member,
    content: OfferingContent,
) -> Result<Offering, OfferingError> {
    profiles::managed(conn, member, &content.profile)?;
    content.check_at(now)?;
    Ok(insert(conn, Offering::new(now, OfferingStatus::Draft, content))?)
}

/// Makes or renews an imported offering: open, or expired where its closing day has passed.
pub fn put_imported(
    conn: &mut Conn,
    now: DateTime<Utc>,
    known: Option<&OfferingId>,
    content: OfferingContent,
) -> Result<Offering, OfferingError> {
    match known.map(|id| store::find(conn, id)).transpose()?.flatten() {
        Some(mut offering) => {
            let before = offering.status;
            offering.renew(now, content)?;
            Ok(save(conn, now, before, offering)?)
        }
        None => {
            content.check()?;
            let status = OfferingStatus::imported(now, &content);
            Ok(insert(conn, Offering::new(now, status, content))?)
        }
    }
}

/// Replaces what a draft or an open offering says.
pub fn replace(
    conn: &mut Conn,
    now: DateTime<Utc>,
    mut offering: Offering,
    content: OfferingContent,
) -> Result<Offering, OfferingError> {
    offering.rewrite(now, content)?;
    Ok(save(conn, now, offering.status, offering)?)
}

/// Moves an offering through its life. What is over can't be opened.
pub fn step(
    conn: &mut Conn,
    now: DateTime<Utc>,
    mut offering: Offering,
    step: Step,
) -> Result<Offering, OfferingError> {
    let before = offering.status;
    offering.status = before.after(step).ok_or(OfferingError::Transition(before, step.aim()))?;
    if step == Step::Open && offering.content.is_over(now) {
        return Err(OfferingError::Over);
    }
    Ok(save(conn, now, before, offering)?)
}

/// Ends open offerings whose closing day has passed, a bounded number a call; returns how many.
pub fn expire_due(conn: &mut Conn, now: DateTime<Utc>) -> Result<usize, OfferingError> {
    let due = store::list_due(conn, now, ROUND)?;
    let count = due.len();
    for offering in due {
        step(conn, now, offering, Step::Expire)?;
    }
    Ok(count)
}

fn insert(conn: &mut Conn, offering: Offering) -> Result<Offering, DbError> {
    let public = is_public(conn, &offering, offering.status)?;
    store::insert(conn, &offering)?;
    db::record(conn, offering.created_at, entry(&offering, public))?;
    Ok(offering)
}

fn save(
    conn: &mut Conn,
    now: DateTime<Utc>,
    before: OfferingStatus,
    mut offering: Offering,
) -> Result<Offering, DbError> {
    let public = is_public(conn, &offering, before)?;
    store::update(conn, &mut offering, now)?;
    db::record(conn, now, entry(&offering, public))?;
    Ok(offering)
}

/// Notes that everybody begins or ceases to see what a profile has open: it was published or taken down.
pub fn seen_or_hidden(conn: &mut Conn, now: DateTime<Utc>, profile: &ProfileId) -> Result<(), DbError> {
    for offering in store::open_of_profile(conn, profile)? {
        db::record(conn, now, Entry { kind: KIND, id: offering.id.as_str(), profile, public: true })?;
    }
    Ok(())
}

/// Whether everybody may hear of a change: the offering was open before or is now, and its profile is published.
fn is_public(conn: &mut Conn, offering: &Offering, before: OfferingStatus) -> Result<bool, DbError> {
    let open = [before, offering.status].contains(&OfferingStatus::Open);
    Ok(open && profiles::is_published_locked(conn, &offering.content.profile)?)
}

fn entry(offering: &Offering, public: bool) -> Entry<'_> {
    Entry { kind: KIND, id: offering.id.as_str(), profile: &offering.content.profile, public }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::slice::from_ref;

    use super::*;
    use serde_json::json;

    fn at(instant: &str) -> DateTime<Utc> {
        instant.parse().unwrap()
    }

    /// A database with one published profile.
    fn stored(now: DateTime<Utc>) -> (tempfile::TempDir, Conn, ProfileId) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("offerings.sqlite").display());
        let database = db::Db::connect(&url, 1).unwrap();
        database.migrate().unwrap();
        let mut conn = database.dedicated().unwrap();
        let profile = json!({
            "kind": "hub", "name": "Hub", "summary": {"en": "A hub"},
            "languages": ["en"], "country": "AT",
        });
        let profile = serde_json::from_value(profile).unwrap();
        let profile = profiles::put_imported(&mut conn, now, None, None, profile, false).unwrap();
        (folder, conn, profile.id)
    }

    fn content(profile: &ProfileId, closes_on: &str) -> OfferingContent {
        let content = json!({
            "profile": profile, "type": "compute", "title": {"en": "Fast lane"},
            "description": {"en": "GPU hours"}, "closes_on": closes_on, "access": "fast_lane",
            "price": {"amount_cents": 0, "currency": "EUR"}, "clients": ["sme"],
            "eligibility": {"sizes": ["micro", "small"]}, "pillar": "test_before_invest",
            "maturity": "application", "opens_on": "2027-01-10", "url": "https://hub.example",
        });
        serde_json::from_value(content).unwrap()
    }

    fn public() -> Filter {
        Filter { status: Some(OfferingStatus::Open), published: true, ..Filter::default() }
    }

    #[test]
    fn an_offering_comes_back_as_it_was_stored() {
        let now = at("2027-01-01T00:00:00Z");
        let (_folder, mut conn, profile) = stored(now);
        let open = content(&profile, "2027-03-31");
        let open = put_imported(&mut conn, now, None, open).unwrap();
        assert_eq!(open.status, OfferingStatus::Open);
        assert_eq!(get(&mut conn, &open.id).unwrap(), open);
        assert_eq!(list(&mut conn, &public(), Part::After(None, 9)).unwrap(), from_ref(&open));
        assert_eq!(list(&mut conn, &public(), Part::After(Some(open.id.as_str()), 9)).unwrap(), []);
        assert_eq!(open_of_profile(&mut conn, &profile).unwrap(), from_ref(&open));
        assert_eq!(ids_of_profile(&mut conn, &profile).unwrap(), [open.id.as_str()]);
        assert_eq!(list_ids(&mut conn, "", 9).unwrap(), [open.id.as_str()]);
    }

    #[test]
    fn a_draft_is_hidden_until_it_is_opened() {
        let now = at("2027-01-01T00:00:00Z");
        let (_folder, mut conn, profile) = stored(now);
        let draft = content(&profile, "2027-03-31");
        let draft = Offering::new(now, OfferingStatus::Draft, draft);
        let draft = insert(&mut conn, draft).unwrap();
        let visitor = Caller(None);
        assert!(matches!(visible(&mut conn, &visitor, &draft.id), Err(OfferingError::NotFound)));
        assert_eq!(list(&mut conn, &public(), Part::After(None, 9)).unwrap(), []);
        let id = draft.id.clone();
        let open = step(&mut conn, now, draft, Step::Open).unwrap();
        assert_eq!(visible(&mut conn, &visitor, &id).unwrap(), open);
        let closed = step(&mut conn, now, open, Step::Close).unwrap();
        assert!(visible(&mut conn, &visitor, &id).is_err());
        assert!(matches!(
            step(&mut conn, now, closed, Step::Open),
            Err(OfferingError::Transition(OfferingStatus::Closed, OfferingStatus::Open))
        ));
    }

    #[test]
    fn what_is_over_cannot_be_opened() {
        let now = at("2027-04-01T00:00:00Z");
        let (_folder, mut conn, profile) = stored(now);
        let over = content(&profile, "2027-03-31");
        let draft = Offering::new(now, OfferingStatus::Draft, over);
        let draft = insert(&mut conn, draft).unwrap();
        assert!(matches!(step(&mut conn, now, draft, Step::Open), Err(OfferingError::Over)));
    }

    #[test]
    fn offerings_expire_at_the_end_of_their_closing_day() {
        let now = at("2027-01-01T00:00:00Z");
        let (_folder, mut conn, profile) = stored(now);
        let open = content(&profile, "2027-03-31");
        let open = put_imported(&mut conn, now, None, open).unwrap();
        assert_eq!(expire_due(&mut conn, at("2027-03-31T23:59:59Z")).unwrap(), 0);
        let end = at("2027-04-01T00:00:00Z");
        assert_eq!(expire_due(&mut conn, end).unwrap(), 1);
        assert_eq!(expire_due(&mut conn, end).unwrap(), 0);
        let expired = get(&mut conn, &open.id).unwrap();
        assert_eq!((expired.status, expired.version), (OfferingStatus::Expired, 2));
        assert_eq!(list(&mut conn, &public(), Part::After(None, 9)).unwrap(), []);
    }

    #[test]
    fn an_imported_offering_is_open_or_expired_by_its_closing_day() {
        let now = at("2027-04-01T00:00:00Z");
        let (_folder, mut conn, profile) = stored(now);
        let over = content(&profile, "2027-03-31");
        let first = put_imported(&mut conn, now, None, over).unwrap();
        assert_eq!(first.status, OfferingStatus::Expired);
        let longer = content(&profile, "2027-04-30");
        let renewed = put_imported(&mut conn, now, Some(&first.id), longer).unwrap();
        assert_eq!((&renewed.id, renewed.status), (&first.id, OfferingStatus::Open));
        let elsewhere = content(&ProfileId::new(now), "2027-04-30");
        let moved = put_imported(&mut conn, now, Some(&first.id), elsewhere);
        assert!(matches!(moved, Err(OfferingError::Faults(_))));
    }

    #[test]
    fn offerings_of_an_archived_profile_are_not_public() {
        let now = at("2027-01-01T00:00:00Z");
        let (_folder, mut conn, profile) = stored(now);
        let open = content(&profile, "2029-03-31");
        let open = put_imported(&mut conn, now, None, open).unwrap();
        // Reminded first, archived when the time that the reminder gives is over.
        let belongings = profiles::Belongings(seen_or_hidden);
        for day in ["2028-03-01T00:00:00Z", "2028-03-15T00:00:00Z"] {
            profiles::keep_fresh(&mut conn, at(day), belongings).unwrap();
        }
        assert!(visible(&mut conn, &Caller(None), &open.id).is_err());
        assert_eq!(list(&mut conn, &public(), Part::After(None, 9)).unwrap(), []);
    }
}
