//! What can be done with a profile; each function is called inside one transaction.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::mails;
use super::model::{
    FieldVisibility, PROFILE_LIFETIME, Profile, ProfileContent, ProfileError, ProfileKind, ProfileStatus,
    REMINDER, Reader, Step,
};
use super::store::{self, Filter};
use super::{Acquaintances, Belongings};
use crate::accounts::{self, Caller, Member};
use crate::db::{self, Audience, Conn, DbError, Entry, Follower, Part, from_code};
use crate::faults::Faults;
use crate::ids::{AccountId, ProfileId};
use crate::mail;

/// What profiles are called in the change feed.
pub const KIND: &str = "profile";
/// How many profiles one round of upkeep takes on.
const ROUND: i64 = 200;

pub fn find(conn: &mut Conn, id: &ProfileId) -> Result<Option<Profile>, DbError> {
    store::find(conn, id)
}

pub fn get(conn: &mut Conn, id: &ProfileId) -> Result<Profile, ProfileError> {
    store::find(conn, id)?.ok_or(ProfileError::NotFound)
}

/// Whether there is such a profile and it is published.
pub fn is_published(conn: &mut Conn, id: &ProfileId) -> Result<bool, DbError> {
    Ok(store::find(conn, id)?.is_some_and(|profile| profile.status == ProfileStatus::Published))
}

/// The same, and nobody changes that before the end of the transaction. Whoever notes in the change feed that everybody
/// can see a thing of the profile needs to be sure: else a change of both at once would be told to nobody.
pub fn is_published_locked(conn: &mut Conn, id: &ProfileId) -> Result<bool, DbError> {
    Ok(store::find_status_locked(conn, id)? == Some(ProfileStatus::Published))
}

/// The profile, if the caller may know of it: it is published, or he manages it.
pub fn visible(conn: &mut Conn, caller: &Caller, id: &ProfileId) -> Result<Profile, ProfileError> {
    let profile = get(conn, id)?;
    if profile.status == ProfileStatus::Published || may_manage(conn, caller, id)? {
        return Ok(profile);
    }
    Err(ProfileError::NotFound)
}

/// The profile, if the member manages it; others are told no more than they may know.
pub fn managed(conn: &mut Conn, member: &Member, id: &ProfileId) -> Result<Profile, ProfileError> {
    let profile = visible(conn, &Caller(Some(member.clone())), id)?;
    if store::is_manager(conn, id, &member.id)? {
        return Ok(profile);
    }
    Err(ProfileError::NotManaged)
}

pub fn is_manager(conn: &mut Conn, id: &ProfileId, account: &AccountId) -> Result<bool, DbError> {
    store::is_manager(conn, id, account)
}

/// Whether the caller manages the profile, or looks after the service.
pub fn may_manage(conn: &mut Conn, caller: &Caller, id: &ProfileId) -> Result<bool, DbError> {
    match caller.account() {
        Some(_) if caller.is_administrator() => Ok(true),
        Some(account) => store::is_manager(conn, id, account),
        None => Ok(false),
    }
}

/// What the caller is to a profile.
pub fn reader(
    conn: &mut Conn,
    acquaintances: &dyn Acquaintances,
    caller: &Caller,
    id: &ProfileId,
) -> Result<Reader, DbError> {
    let Some(account) = caller.account() else { return Ok(Reader::default()) };
    Ok(Reader {
        member: true,
        hub_staff: store::is_hub_staff(conn, account)?,
        matched: acquaintances.are_matched(conn, id, account)?,
        manager: store::is_manager(conn, id, account)?,
        administrator: caller.is_administrator(),
    })
}

/// Accounts that manage a profile.
pub fn managers(conn: &mut Conn, id: &ProfileId) -> Result<Vec<AccountId>, DbError> {
    store::managers(conn, id)?.iter().map(|(account, _)| from_code(account)).collect()
}

/// Profiles that an account manages, newest first, 200 at most.
pub fn managed_by(conn: &mut Conn, account: &AccountId) -> Result<Vec<ProfileId>, DbError> {
    let filter = Filter { managed_by: Some(account.clone()), ..Filter::default() };
    Ok(store::list(conn, &filter, Part::After(None, ROUND))?.into_iter().map(|profile| profile.id).collect())
}

/// Who reads a list of what belongs to profiles: of those that `managed_by` manages, of published ones, or of all; only
/// of one, where it is named.
pub fn list_follower(
    conn: &mut Conn,
    managed_by: Option<&AccountId>,
    published: bool,
    only: Option<ProfileId>,
) -> Result<Follower, DbError> {
    let Some(account) = managed_by else {
        let audience = Audience { all: !published, public: published, only, ..Audience::default() };
        return Ok(Follower { audience, standing: String::new() });
    };
    let (profiles, standing) = managed_with_standing(conn, account)?;
    Ok(Follower { audience: Audience { profiles, only, ..Audience::default() }, standing })
}

/// Who reads a list of profiles. Somebody who is logged in sees more of some than others do, and hears of the changes
/// that are told to the profiles that he manages.
pub fn follower(conn: &mut Conn, caller: &Caller, filter: &Filter) -> Result<Follower, DbError> {
    let published = filter.status == Some(ProfileStatus::Published);
    let mut follower = list_follower(conn, filter.managed_by.as_ref(), published, None)?;
    if let (None, Some(account)) = (&filter.managed_by, caller.account()) {
        let (profiles, standing) = managed_with_standing(conn, account)?;
        let (hub_staff, administrator) = (store::is_hub_staff(conn, account)?, caller.is_administrator());
        follower.audience.profiles = profiles;
        follower.standing = format!("{standing} {hub_staff} {administrator}");
    }
    Ok(follower)
}

/// The profiles that an account manages, and a text that changes with those that it came to manage later than they were
/// made: their things are older than its right to them.
fn managed_with_standing(conn: &mut Conn, account: &AccountId) -> Result<(Vec<ProfileId>, String), DbError> {
    let memberships = store::memberships(conn, account)?;
    let late = memberships.iter().filter(|membership| membership.is_late);
    let late: Vec<&str> = late.map(|membership| membership.profile.as_str()).collect();
    let standing = format!("{account} {}", late.join(" "));
    Ok((memberships.into_iter().map(|membership| membership.profile).collect(), standing))
}

/// Accounts that follow a profile.
pub fn followers(conn: &mut Conn, id: &ProfileId) -> Result<Vec<AccountId>, DbError> {
    store::followers(conn, id)?.iter().map(|account| from_code(account)).collect()
}

pub fn is_follower(conn: &mut Conn, id: &ProfileId, account: &AccountId) -> Result<bool, DbError> {
    store::is_follower(conn, id, account)
}

/// Takes the profile's lock until the end of the transaction: what counts its open requests counts alone.
pub fn lock(conn: &mut Conn, id: &ProfileId) -> Result<(), DbError> {
    store::lock(conn, id)
}

/// Ids of all profiles after `cursor`, in their order; for a full scan.
pub fn list_ids(conn: &mut Conn, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
    store::list_ids(conn, cursor, limit)
}

pub fn list(conn: &mut Conn, filter: &Filter, part: Part<'_>) -> Result<Vec<Profile>, DbError> {
    store::list(conn, filter, part)
}

/// Makes a draft that the account manages.
pub fn create(
    conn: &mut Conn,
    now: DateTime<Utc>,
    owner: &AccountId,
    content: ProfileContent,
) -> Result<Profile, ProfileError> {
    content.check()?;
    let profile = Profile {
        id: ProfileId::new(now),
        status: ProfileStatus::Draft,
        content,
        status_reason: None,
        fictional: false,
        version: 1,
        created_at: now,
        updated_at: now,
        confirmed_at: now,
        reminded_at: None,
    };
    store::insert(conn, &profile)?;
    store::add_manager(conn, &profile.id, owner, "owner", now)?;
    record(conn, now, &profile, profile.status)?;
    Ok(profile)
}

/// Makes or replaces an imported profile: published as it is, owned by `owner` if there is one.
pub fn put_imported(
    conn: &mut Conn,
    now: DateTime<Utc>,
    known: Option<&ProfileId>,
    owner: Option<&AccountId>,
    content: ProfileContent,
    fictional: bool,
) -> Result<Profile, ProfileError> {
    content.check()?;
    let stored = known.map(|id| store::find(conn, id)).transpose()?.flatten();
    let profile = match stored {
        Some(profile) => {
            let content = with_choices_of(&profile.content, content);
            replace(conn, now, profile, content)?
        }
        None => {
            let profile = Profile {
                id: ProfileId::new(now),
                status: ProfileStatus::Published,
                content,
                status_reason: None,
                fictional,
                version: 1,
                created_at: now,
                updated_at: now,
                confirmed_at: now,
                reminded_at: None,
            };
            store::insert(conn, &profile)?;
            record(conn, now, &profile, profile.status)?;
            profile
        }
    };
    if let Some(owner) = owner {
        store::add_manager(conn, &profile.id, owner, "owner", now)?;
    }
    Ok(profile)
}

/// New content from a source that knows nothing of privacy keeps what the profile's people chose.
fn with_choices_of(stored: &ProfileContent, content: ProfileContent) -> ProfileContent {
    ProfileContent {
        visibility: if content.visibility == FieldVisibility::default() {
            stored.visibility.clone()
        } else {
            content.visibility
        },
        contact: content.contact.or_else(|| stored.contact.clone()),
        ..content
    }
}

/// Replaces what a profile says of itself; whoever writes it confirms it.
pub fn replace(
    conn: &mut Conn,
    now: DateTime<Utc>,
    mut profile: Profile,
    content: ProfileContent,
) -> Result<Profile, ProfileError> {
    content.check()?;
    if content.kind != profile.content.kind {
        return Err(Faults::one("/kind", "immutable", "cannot be changed; make another profile").into());
    }
    profile.content = content;
    profile.confirmed_at = now;
    store::update(conn, &mut profile, now)?;
    record(conn, now, &profile, profile.status)?;
    Ok(profile)
}

/// Moves a profile through its life, and tells its managers what an administrator did.
pub fn step(
    conn: &mut Conn,
    now: DateTime<Utc>,
    belongings: Belongings,
    mut profile: Profile,
    step: Step,
    reason: Option<String>,
) -> Result<Profile, ProfileError> {
    let next = profile
        .status
        .after(step, profile.content.kind)
        .ok_or(ProfileError::Transition(profile.status, step.aim()))?;
    let before = std::mem::replace(&mut profile.status, next);
    profile.status_reason = reason;
    if next == ProfileStatus::Published {
        profile.confirmed_at = now;
    }
    store::update(conn, &mut profile, now)?;
    record(conn, now, &profile, before)?;
    if (before == ProfileStatus::Published) != (next == ProfileStatus::Published) {
        belongings.0(conn, now, &profile.id)?;
    }
    let mail = match step {
        Step::Approve => Some(mails::PROFILE_PUBLISHED),
        Step::Reject => Some(mails::PROFILE_REJECTED),
        _ => None,
    };
    if let Some(kind) = mail {
        tell_managers(conn, now, kind, &profile.id)?;
    }
    Ok(profile)
}

/// Says that a profile is still true.
pub fn confirm(conn: &mut Conn, now: DateTime<Utc>, mut profile: Profile) -> Result<Profile, DbError> {
    profile.confirmed_at = now;
    store::update(conn, &mut profile, now)?;
    record(conn, now, &profile, profile.status)?;
    Ok(profile)
}

/// Reminds managers of profiles that run out soon and archives those that have; returns how many were touched.
pub fn keep_fresh(
    conn: &mut Conn,
    now: DateTime<Utc>,
    belongings: Belongings,
) -> Result<usize, ProfileError> {
    let due = store::list_unreminded(conn, now - PROFILE_LIFETIME + REMINDER, ROUND)?;
    for profile in &due {
        // Another process may be at the same work.
        if store::set_reminded(conn, &profile.id, now)? {
            tell_managers(conn, now, mails::PROFILE_REMINDER, &profile.id)?;
        }
    }
    // Nobody is archived without having had the time that the reminder promises.
    let over = store::list_unanswered(conn, now - REMINDER, ROUND)?;
    let touched = due.len() + over.len();
    for profile in over {
        step(conn, now, belongings, profile, Step::Archive, None)?;
    }
    Ok(touched)
}

/// Lets another account manage the profile too. Nothing happens where the address has no account, and nobody is told:
/// the answer must not tell who is registered.
pub fn add_staff(conn: &mut Conn, now: DateTime<Utc>, id: &ProfileId, email: &str) -> Result<(), DbError> {
    match accounts::find_by_email(conn, email)? {
        Some(account) if account.is_verified() => store::add_manager(conn, id, &account.id, "staff", now),
        _ => Ok(()),
    }
}

pub fn remove_staff(conn: &mut Conn, id: &ProfileId, account: &AccountId) -> Result<(), ProfileError> {
    if store::remove_staff(conn, id, account)? { Ok(()) } else { Err(ProfileError::NotFound) }
}

/// Everybody who manages a profile, with name and role.
pub fn staff(conn: &mut Conn, id: &ProfileId) -> Result<Vec<(accounts::Account, String)>, DbError> {
    let mut staff = Vec::new();
    for (account, role) in store::managers(conn, id)? {
        staff.extend(accounts::find(conn, &from_code(&account)?)?.map(|account| (account, role)));
    }
    Ok(staff)
}

/// Makes an account hear of a hub's new events.
pub fn follow(
    conn: &mut Conn,
    now: DateTime<Utc>,
    profile: &Profile,
    account: &AccountId,
) -> Result<(), ProfileError> {
    match profile.content.kind {
        ProfileKind::Hub | ProfileKind::Factory | ProfileKind::Organisation => {
            Ok(store::follow(conn, &profile.id, account, now)?)
        }
        other => Err(ProfileError::NotFollowable(other)),
    }
}

pub fn stop_following(conn: &mut Conn, profile: &ProfileId, account: &AccountId) -> Result<(), DbError> {
    store::unfollow(conn, profile, account)
}

fn tell_managers(conn: &mut Conn, now: DateTime<Utc>, kind: &str, id: &ProfileId) -> Result<(), DbError> {
    for account in managers(conn, id)? {
        mail::enqueue(conn, now, kind, &account, &json!({ "profile": id }))?;
    }
    Ok(())
}

/// Notes that those who manage `reader` see more or less of a profile from now on. Nobody else hears of it.
pub fn looks_different_to(
    conn: &mut Conn,
    now: DateTime<Utc>,
    id: &ProfileId,
    reader: &ProfileId,
) -> Result<(), DbError> {
    db::record(conn, now, Entry { kind: KIND, id: id.as_str(), profile: reader, public: false })
}

fn record(
    conn: &mut Conn,
    now: DateTime<Utc>,
    profile: &Profile,
    before: ProfileStatus,
) -> Result<(), DbError> {
    let id = &profile.id;
    let public = [before, profile.status].contains(&ProfileStatus::Published);
    db::record(conn, now, Entry { kind: KIND, id: id.as_str(), profile: id, public })
}
