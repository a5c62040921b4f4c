//! What can be done with a need; each function is called inside one transaction.

use chrono::{DateTime, Utc};

use super::model::{Need, NeedContent, NeedError, NeedStatus, Step};
use super::store::{self, Filter};
use crate::accounts::{Caller, Member};
use crate::db::{self, Conn, DbError, Entry, Follower, Part};
use crate::ids::{NeedId, ProfileId};
use crate::profiles;

/// What needs are called in the change feed.
pub const KIND: &str = "need";
/// How many needs one round of upkeep takes on.
const ROUND: i64 = 200;

pub fn find(conn: &mut Conn, id: &NeedId) -> Result<Option<Need>, DbError> {
    store::find(conn, id)
}

pub fn get(conn: &mut Conn, id: &NeedId) -> Result<Need, NeedError> {
    store::find(conn, id)?.ok_or(NeedError::NotFound)
}

/// The need, if the caller may know of it: it is open and its profile is published, or he manages
/// the profile.
pub fn visible(conn: &mut Conn, caller: &Caller, id: &NeedId) -> Result<Need, NeedError> {
    let need = get(conn, id)?;
    let profile = &need.content.profile;
    if need.status == NeedStatus::Open && profiles::is_published(conn, profile)?
        || profiles::may_manage(conn, caller, profile)?
    {
        return Ok(need);
    }
    Err(NeedError::NotFound)
}

/// The need, if the member manages its profile; others are told no more than they may know.
pub fn managed(conn: &mut Conn, member: &Member, id: &NeedId) -> Result<Need, NeedError> {
    let need = visible(conn, &Caller(Some(member.clone())), id)?;
    profiles::managed(conn, member, &need.content.profile)?;
    Ok(need)
}

pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_>) -> Result<Vec<Need>, DbError> {
    store::list(conn, filter, part)
}

/// Who reads a list.
pub fn follower(conn: &mut Conn, filter: &Filter) -> Result<Follower, DbError> {
    let managed_by = filter.managed_by.as_ref();
    profiles::list_follower(conn, managed_by, filter.published, filter.profile.clone())
}

/// Ids of all needs after `cursor`, in their order; for a full scan.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    store::list_ids(conn, cursor, limit)
}

/// Ids of all needs of a profile, of any status: what changes with it.
pub fn ids_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<String>, DbError> {
    store::ids_of_profile(conn, profile)
}

/// What a profile seeks now, oldest first.
pub fn open_of_profile(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<Need>, DbError> {
    store::open_of_profile(conn, profile)
}

/// Makes an open need of a profile that the member manages.
pub fn create(
    conn: &mut Conn,
    now: DateTime<Utc>,
    member: &Member,
    content: NeedContent,
) -> Result<Need, NeedError> {
    profiles::managed(conn, member, &content.profile)?;
    Ok(insert(conn, now, content)?)
}

/// Makes or renews an imported need.
pub fn put_imported(
    conn: &mut Conn,
    now: DateTime<Utc>,
    known: Option<&NeedId>,
    content: NeedContent,
) -> Result<Need, NeedError> {
    match known.map(|id| store::find(conn, id)).transpose()?.flatten() {
        Some(mut need) => {
            let before = need.status;
            need.renew(now, content)?;
            Ok(save(conn, now, before, need)?)
        }
        None => Ok(insert(conn, now, content)?),
    }
}

/// Replaces what an open need says.
pub fn replace(
    conn: &mut Conn,
    now: DateTime<Utc>,
    mut need: Need,
    content: NeedContent,
) -> Result<Need, NeedError> {
    need.rewrite(now, content)?;
    Ok(save(conn, now, need.status, need)?)
}

/// Ends a need.
pub fn step(conn: &mut Conn, now: DateTime<Utc>, mut need: Need, step: Step) -> Result<Need, NeedError> {
    let next = need.status.after(step).ok_or(NeedError::Transition(need.status, step.aim()))?;
    let before = std::mem::replace(&mut need.status, next);
    Ok(save(conn, now, before, need)?)
}

/// Ends needs whose time ran out, a bounded number a call; returns how many.
pub fn expire_due(conn: &mut Conn, now: DateTime<Utc>) -> Result<usize, NeedError> {
    let due = store::list_due(conn, now, ROUND)?;
    let count = due.len();
    for need in due {
        step(conn, now, need, Step::Expire)?;
    }
    Ok(count)
}

fn insert(conn: &mut Conn, now: DateTime<Utc>, content: NeedContent) -> Result<Need, DbError> {
    let need = Need::new(now, content);
    let public = is_public(conn, &need, need.status)?;
    store::insert(conn, &need)?;
    db::record(conn, now, entry(&need, public))?;
    Ok(need)
}

fn save(conn: &mut Conn, now: DateTime<Utc>, before: NeedStatus, mut need: Need) -> Result<Need, DbError> {
    let public = is_public(conn, &need, before)?;
    store::update(conn, &mut need, now)?;
    db::record(conn, now, entry(&need, public))?;
    Ok(need)
}

/// Notes that everybody begins or ceases to see what a profile has open: it was published or taken down.
pub fn seen_or_hidden(conn: &mut Conn, now: DateTime<Utc>, profile: &ProfileId) -> Result<(), DbError> {
    for need in store::open_of_profile(conn, profile)? {
        db::record(conn, now, Entry { kind: KIND, id: need.id.as_str(), profile, public: true })?;
    }
    Ok(())
}

/// Whether everybody may hear of a change: the need was open before or is now, and its profile is published.
fn is_public(conn: &mut Conn, need: &Need, before: NeedStatus) -> Result<bool, DbError> {
    let open = [before, need.status].contains(&NeedStatus::Open);
    Ok(open && profiles::is_published_locked(conn, &need.content.profile)?)
}

fn entry(need: &Need, public: bool) -> Entry<'_> {
    Entry { kind: KIND, id: need.id.as_str(), profile: &need.content.profile, public }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::slice::from_ref;

    use super::*;
    use chrono::TimeDelta;
    use serde_json::json;

    /// A database with one published profile.
    fn stored(now: DateTime<Utc>) -> (tempfile::TempDir, Conn, ProfileId) {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("needs.sqlite").display());
        let database = db::Db::connect(&url, 1).unwrap();
        database.migrate().unwrap();
        let mut conn = database.dedicated().unwrap();
        let profile = json!({
            "kind": "startup", "name": "Vibrasense", "summary": {"en": "Sensors"},
            "languages": ["en"], "country": "AT",
        });
        let profile = serde_json::from_value(profile).unwrap();
        let profile = profiles::put_imported(&mut conn, now, None, None, profile, false).unwrap();
        (folder, conn, profile.id)
    }

    fn content(profile: &ProfileId, title: &str) -> NeedContent {
        let content = json!({
            "profile": profile, "type": "mentoring", "title": {"en": title},
            "description": {"en": "False alarms"}, "expires_in_days": 10,
        });
        serde_json::from_value(content).unwrap()
    }

    fn public() -> Filter {
        Filter { status: Some(NeedStatus::Open), published: true, ..Filter::default() }
    }

    #[test]
    fn a_need_comes_back_as_it_was_stored() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let (_folder, mut conn, profile) = stored(now);
        let need = put_imported(&mut conn, now, None, content(&profile, "Mentor")).unwrap();
        assert_eq!(get(&mut conn, &need.id).unwrap(), need);
        assert_eq!(list(&mut conn, &public(), Part::After(None, 9)).unwrap(), from_ref(&need));
        assert_eq!(list(&mut conn, &public(), Part::After(Some(need.id.as_str()), 9)).unwrap(), []);
        assert_eq!(open_of_profile(&mut conn, &profile).unwrap(), from_ref(&need));
        assert_eq!(ids_of_profile(&mut conn, &profile).unwrap(), [need.id.as_str()]);
        assert_eq!(list_ids(&mut conn, "", 9).unwrap(), [need.id.as_str()]);
        assert!(list_ids(&mut conn, need.id.as_str(), 9).unwrap().is_empty());
    }

    #[test]
    fn a_list_is_narrowed_by_type_and_profile() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let (_folder, mut conn, profile) = stored(now);
        put_imported(&mut conn, now, None, content(&profile, "Mentor")).unwrap();
        let mut count = |filter| list(&mut conn, &filter, Part::After(None, 9)).unwrap().len();
        let of = |kind| Filter { kind: Some(kind), ..public() };
        assert_eq!(count(of(crate::values::HelpType::Mentoring)), 1);
        assert_eq!(count(of(crate::values::HelpType::Funding)), 0);
        assert_eq!(count(Filter { profile: Some(profile), ..public() }), 1);
        assert_eq!(count(Filter { profile: Some(ProfileId::new(now)), ..public() }), 0);
        let stranger = Some(crate::ids::AccountId::new(now));
        assert_eq!(count(Filter { managed_by: stranger, ..Filter::default() }), 0);
    }

    #[test]
    fn needs_of_an_archived_profile_are_not_public() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let (_folder, mut conn, profile) = stored(now);
        let need = put_imported(&mut conn, now, None, content(&profile, "Mentor")).unwrap();
        let visitor = Caller(None);
        assert!(visible(&mut conn, &visitor, &need.id).is_ok());
        // Reminded first, archived when the time that the reminder gives is over.
        let belongings = profiles::Belongings(seen_or_hidden);
        for day in [400, 414] {
            profiles::keep_fresh(&mut conn, now + TimeDelta::days(day), belongings).unwrap();
        }
        assert!(matches!(visible(&mut conn, &visitor, &need.id), Err(NeedError::NotFound)));
        assert_eq!(list(&mut conn, &public(), Part::After(None, 9)).unwrap(), []);
        assert_eq!(ids_of_profile(&mut conn, &profile).unwrap(), [need.id.as_str()]);
    }

    #[test]
    fn needs_expire_when_their_time_is_out_and_are_hidden_then() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let (_folder, mut conn, profile) = stored(now);
        let need = put_imported(&mut conn, now, None, content(&profile, "Mentor")).unwrap();
        let end = now + TimeDelta::days(10);
        assert_eq!(expire_due(&mut conn, end - TimeDelta::microseconds(1)).unwrap(), 0);
        assert_eq!(expire_due(&mut conn, end).unwrap(), 1);
        assert_eq!(expire_due(&mut conn, end).unwrap(), 0);
        let expired = get(&mut conn, &need.id).unwrap();
        assert_eq!((expired.status, expired.version), (NeedStatus::Expired, 2));
        assert!(visible(&mut conn, &Caller(None), &need.id).is_err());
        assert!(matches!(
            step(&mut conn, end, expired, Step::Meet),
            Err(NeedError::Transition(NeedStatus::Expired, NeedStatus::Met))
        ));
    }

    #[test]
    fn an_imported_need_is_renewed_under_its_id() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let (_folder, mut conn, profile) = stored(now);
        let first = put_imported(&mut conn, now, None, content(&profile, "Mentor")).unwrap();
        let later = now + TimeDelta::days(11);
        expire_due(&mut conn, later).unwrap();
        let again = content(&profile, "Mentor, still");
        let renewed = put_imported(&mut conn, later, Some(&first.id), again).unwrap();
        assert_eq!((&renewed.id, renewed.status), (&first.id, NeedStatus::Open));
        assert_eq!(renewed.expires_at, later + TimeDelta::days(10));
        assert_eq!(list(&mut conn, &public(), Part::After(None, 9)).unwrap(), [renewed]);
    }
}
