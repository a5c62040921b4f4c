//! What can be done with an introduction; each function is called inside one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::mails;
use super::model::{
    Asking, Block, DeclineIntroduction, Introduction, IntroductionError, IntroductionStatus, Outcome, Past,
    QUIET, Reason, Refusal, RequestIntroduction, Side, Step, may_request,
};
use super::store::{self, Filter};
use crate::accounts::{Caller, Member};
use crate::db::{self, Conn, DbError, Entry};
use crate::faults::Faults;
use crate::ids::{AccountId, IntroductionId, NeedId, ProfileId};
use crate::mail;
use crate::needs::{self, Need, NeedStatus};
use crate::profiles::{self, Contact, ContactVisibility, Profile, ProfileStatus};
use crate::values::Language;

/// How many introductions one round of upkeep takes on.
const ROUND: i64 = 200;

/// Whether the account manages a profile that has an accepted introduction with `profile`.
pub fn is_matched(conn: &mut Conn, profile: &ProfileId, account: &AccountId) -> Result<bool, DbError> {
    store::is_matched(conn, profile, account)
}

/// Whom matching need not show a profile again, and why; each other profile once.
pub fn blocks(
    conn: &mut Conn,
    profile: &ProfileId,
    now: DateTime<Utc>,
) -> Result<Vec<(ProfileId, Block)>, DbError> {
    let mut blocks: BTreeMap<ProfileId, Block> = BTreeMap::new();
    for introduction in store::list_blocking(conn, profile, now - QUIET)? {
        if let Some((other, block)) = introduction.block(profile, now) {
            let known = blocks.entry(other).or_insert(block);
            *known = block.min(*known);
        }
    }
    Ok(blocks.into_iter().collect())
}

pub fn list(
    conn: &mut Conn,
    filter: &Filter,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Vec<Introduction>, DbError> {
    store::list(conn, filter, cursor, limit)
}

/// Which sides of an introduction an account manages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    pub requester: bool,
    pub target: bool,
}

impl Sides {
    fn of(conn: &mut Conn, account: &AccountId, introduction: &Introduction) -> Result<Sides, DbError> {
        Ok(Sides {
            requester: profiles::is_manager(conn, &introduction.requester, account)?,
            target: profiles::is_manager(conn, &introduction.target, account)?,
        })
    }

    pub fn has(self, side: Side) -> bool {
        match side {
            Side::Requester => self.requester,
            Side::Target => self.target,
        }
    }

    /// The side that the account speaks for: the requester's where it manages both.
    pub fn first(self) -> Option<Side> {
        [Side::Requester, Side::Target].into_iter().find(|side| self.has(*side))
    }
}

/// The introduction, if the account manages a side of it; nobody else may know of it, administrators neither.
pub fn get(
    conn: &mut Conn,
    account: &AccountId,
    id: &IntroductionId,
) -> Result<Introduction, IntroductionError> {
    let introduction = store::find(conn, id)?.ok_or(IntroductionError::NotFound)?;
    match Sides::of(conn, account, &introduction)?.first() {
        Some(_) => Ok(introduction),
        None => Err(IntroductionError::NotFound),
    }
}

/// The languages of those who manage a profile.
pub fn languages_of(conn: &mut Conn, profile: &ProfileId) -> Result<Vec<Language>, DbError> {
    Ok(profiles::staff(conn, profile)?.into_iter().map(|(account, _)| account.language).collect())
}

/// Asks for an introduction. `reason` is what matching says of the two.
pub fn request(
    conn: &mut Conn,
    now: DateTime<Utc>,
    member: &Member,
    asked: RequestIntroduction,
    reason: Reason,
) -> Result<Introduction, IntroductionError> {
    lock_both(conn, &asked.requester, &asked.target)?;
    let requester = profiles::managed(conn, member, &asked.requester)?;
    let target = profiles::visible(conn, &Caller::from(member.clone()), &asked.target)?;
    expire(conn, now, Some([&requester.id, &target.id]))?;
    check_need(conn, &requester.id, asked.need.as_ref())?;
    let between = store::between(conn, &requester.id, &target.id)?;
    let asking = Asking {
        requester: (&requester).into(),
        target: (&target).into(),
        past: Past::of(&between, &requester.id, now),
        open_of_requester: store::count_open(conn, Side::Requester, &requester.id)?,
        open_of_target: store::count_open(conn, Side::Target, &target.id)?,
        now,
    };
    may_request(&asking).map_err(IntroductionError::Refused)?;
    let introduction = Introduction::new(now, &member.id, asked, reason);
    store::insert(conn, &introduction).map_err(already_open)?;
    record(conn, now, &introduction)?;
    tell(conn, now, mails::INTRODUCTION_REQUESTED, &introduction, Side::Target)?;
    Ok(introduction)
}

/// Locks both profiles, so that what counts their open requests counts alone; always in the order of their ids, so that
/// two requests never wait for each other.
fn lock_both(conn: &mut Conn, one: &ProfileId, other: &ProfileId) -> Result<(), DbError> {
    let (first, second) = if one < other { (one, other) } else { (other, one) };
    profiles::lock(conn, first)?;
    if first == second { Ok(()) } else { profiles::lock(conn, second) }
}

fn check_need(
    conn: &mut Conn,
    requester: &ProfileId,
    need: Option<&NeedId>,
) -> Result<(), IntroductionError> {
    let Some(id) = need else { return Ok(()) };
    let own = needs::find(conn, id)?.filter(|need| need.content.profile == *requester);
    if own.is_some_and(|need| need.status == NeedStatus::Open) {
        return Ok(());
    }
    Err(Faults::one("/need", "need_elsewhere", "must be an open need of the requester").into())
}

/// A request that came in between: the unique index on open pairs refused this one.
fn already_open(error: DbError) -> IntroductionError {
    if error.is_unique("introductions_open_pair") {
        return IntroductionError::Refused(Refusal::AlreadyOpen);
    }
    error.into()
}

pub fn accept(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &AccountId,
    id: &IntroductionId,
) -> Result<Introduction, IntroductionError> {
    answer(conn, now, account, id, Answer::Accept)
}

pub fn decline(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &AccountId,
    id: &IntroductionId,
    declined: DeclineIntroduction,
) -> Result<Introduction, IntroductionError> {
    answer(conn, now, account, id, Answer::Decline(declined))
}

pub fn withdraw(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &AccountId,
    id: &IntroductionId,
) -> Result<Introduction, IntroductionError> {
    answer(conn, now, account, id, Answer::Withdraw)
}

/// How a side ends a request.
enum Answer {
    Accept,
    Decline(DeclineIntroduction),
    Withdraw,
}

impl Answer {
    fn step(&self) -> (Step, Side) {
        match self {
            Answer::Accept => (Step::Accept, Side::Target),
            Answer::Decline(_) => (Step::Decline, Side::Target),
            Answer::Withdraw => (Step::Withdraw, Side::Requester),
        }
    }

    /// The mail that tells of it, and who gets it.
    fn mail(&self) -> (&'static str, &'static [Side]) {
        match self {
            Answer::Accept => (mails::INTRODUCTION_ACCEPTED, Side::ALL),
            Answer::Decline(_) => (mails::INTRODUCTION_DECLINED, &[Side::Requester]),
            Answer::Withdraw => (mails::INTRODUCTION_WITHDRAWN, &[Side::Target]),
        }
    }
}

/// Ends a request. The same answer a second time changes nothing and tells nobody.
fn answer(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &AccountId,
    id: &IntroductionId,
    answer: Answer,
) -> Result<Introduction, IntroductionError> {
    let (mut introduction, sides) = locked(conn, account, id)?;
    let (step, side) = answer.step();
    if !sides.has(side) {
        return Err(IntroductionError::NotYours(side));
    }
    if introduction.status == step.aim() {
        return Ok(introduction);
    }
    introduction.take(now, step, Some(side))?;
    if step == Step::Accept {
        expect_published(conn, &introduction)?;
    }
    let (kind, told) = answer.mail();
    if let Answer::Decline(declined) = answer {
        introduction.declined = Some(declined);
    }
    store::update(conn, &mut introduction, now)?;
    record(conn, now, &introduction)?;
    if step == Step::Accept {
        let (requester, target) = (&introduction.requester, &introduction.target);
        profiles::looks_different_to(conn, now, target, requester)?;
        profiles::looks_different_to(conn, now, requester, target)?;
    }
    for side in told {
        tell(conn, now, kind, &introduction, *side)?;
    }
    Ok(introduction)
}

/// The introduction with its row locked, and the sides that the account manages: at least one.
fn locked(
    conn: &mut Conn,
    account: &AccountId,
    id: &IntroductionId,
) -> Result<(Introduction, Sides), IntroductionError> {
    let introduction = store::find_locked(conn, id)?.ok_or(IntroductionError::NotFound)?;
    let sides = Sides::of(conn, account, &introduction)?;
    if sides.first().is_none() {
        return Err(IntroductionError::NotFound);
    }
    Ok((introduction, sides))
}

/// Nobody's contact details are given to a profile that was taken down or went away.
fn expect_published(conn: &mut Conn, introduction: &Introduction) -> Result<(), IntroductionError> {
    for side in Side::ALL {
        if !profiles::is_published_locked(conn, introduction.profile(*side))? {
            return Err(IntroductionError::Refused(Refusal::NotPublished(*side)));
        }
    }
    Ok(())
}

/// Stores how an accepted introduction went, as the account's side tells it; once for each side.
pub fn report(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &AccountId,
    id: &IntroductionId,
    outcome: &Outcome,
) -> Result<Introduction, IntroductionError> {
    let (mut introduction, sides) = locked(conn, account, id)?;
    let side = sides.first().ok_or(IntroductionError::NotFound)?;
    let profile = introduction.profile(side).clone();
    match store::find_outcome(conn, id, &profile)? {
        Some(told) if told == *outcome => return Ok(introduction),
        Some(_) => return Err(IntroductionError::AlreadyReported),
        None => {}
    }
    introduction.take(now, outcome.step(), Some(side))?;
    store::insert_outcome(conn, id, &profile, outcome, now)?;
    store::update(conn, &mut introduction, now)?;
    record(conn, now, &introduction)?;
    Ok(introduction)
}

/// Ends requests that were not answered in time, a bounded number a call, and tells both sides; returns how many.
pub fn expire_due(conn: &mut Conn, now: DateTime<Utc>) -> Result<usize, IntroductionError> {
    expire(conn, now, None)
}

fn expire(
    conn: &mut Conn,
    now: DateTime<Utc>,
    of: Option<[&ProfileId; 2]>,
) -> Result<usize, IntroductionError> {
    let mut count = 0;
    for id in store::list_due(conn, now, of, ROUND)? {
        // An answer may have come between the list and the lock.
        let Some(mut introduction) = store::find_locked(conn, &id)? else { continue };
        if introduction.status != IntroductionStatus::Requested {
            continue;
        }
        introduction.take(now, Step::Expire, None)?;
        store::update(conn, &mut introduction, now)?;
        record(conn, now, &introduction)?;
        for side in Side::ALL {
            tell(conn, now, mails::INTRODUCTION_EXPIRED, &introduction, *side)?;
        }
        count += 1;
    }
    Ok(count)
}

/// Queues a mail for everybody who manages a side's profile.
fn tell(
    conn: &mut Conn,
    now: DateTime<Utc>,
    kind: &str,
    introduction: &Introduction,
    side: Side,
) -> Result<(), DbError> {
    let keys = json!({ "introduction": introduction.id, "side": side });
    for account in profiles::managers(conn, introduction.profile(side))? {
        mail::enqueue(conn, now, kind, &account, &keys)?;
    }
    Ok(())
}

fn record(conn: &mut Conn, now: DateTime<Utc>, introduction: &Introduction) -> Result<(), DbError> {
    let (id, profile) = (introduction.id.as_str(), &introduction.requester);
    db::record(conn, now, Entry { kind: "introduction", id, profile, public: false })
}

/// Notes that those who manage a profile see more or less of whom it has met: it was published or taken down.
pub fn seen_or_hidden(conn: &mut Conn, now: DateTime<Utc>, profile: &ProfileId) -> Result<(), DbError> {
    for other in store::acquaintances(conn, profile)? {
        profiles::looks_different_to(conn, now, &other, profile)?;
    }
    Ok(())
}

/// An introduction with all that its reader may see of it.
#[derive(Debug, Clone)]
pub struct Details {
    pub introduction: Introduction,
    /// The side that the reader manages: the requester's where he manages both.
    pub side: Side,
    pub requester: Profile,
    pub target: Profile,
    pub need: Option<Need>,
    /// How to reach the other side; only once both agreed.
    pub contact: Option<Contact>,
    /// What the reader's side told of how it went.
    pub outcome: Option<Outcome>,
}

impl Details {
    /// The reader's own profile.
    pub fn own(&self) -> &Profile {
        match self.side {
            Side::Requester => &self.requester,
            Side::Target => &self.target,
        }
    }

    /// The profile that is not the reader's.
    pub fn other(&self) -> &Profile {
        match self.side {
            Side::Requester => &self.target,
            Side::Target => &self.requester,
        }
    }
}

/// Loads what belongs to an introduction, for somebody who manages a side of it.
pub fn details(
    conn: &mut Conn,
    account: &AccountId,
    introduction: Introduction,
) -> Result<Details, IntroductionError> {
    let sides = Sides::of(conn, account, &introduction)?;
    let side = sides.first().ok_or(IntroductionError::NotFound)?;
    load_details(conn, introduction, side)
}

/// The introduction as the target sees it, if the account manages the target.
pub fn details_of_target(
    conn: &mut Conn,
    account: &AccountId,
    id: &IntroductionId,
) -> Result<Details, IntroductionError> {
    let introduction = get(conn, account, id)?;
    if !profiles::is_manager(conn, &introduction.target, account)? {
        return Err(IntroductionError::NotYours(Side::Target));
    }
    load_details(conn, introduction, Side::Target)
}

fn load_details(
    conn: &mut Conn,
    introduction: Introduction,
    side: Side,
) -> Result<Details, IntroductionError> {
    let need = introduction.need.as_ref().map(|id| needs::find(conn, id)).transpose()?.flatten();
    let mut details = Details {
        side,
        requester: profiles::get(conn, &introduction.requester)?,
        target: profiles::get(conn, &introduction.target)?,
        need,
        contact: None,
        outcome: store::find_outcome(conn, &introduction.id, introduction.profile(side))?,
        introduction,
    };
    // Whose own profile was taken down since keeps what he has, and hears nothing new.
    if details.own().status == ProfileStatus::Published {
        details.contact = contact_of(conn, details.other(), &details.introduction)?;
    }
    Ok(details)
}

/// How to reach a side's profile: nothing before both agreed, and nothing where it keeps its contact private. A profile
/// that names no contact is reached at the address of its owner, who has agreed.
pub fn contact_of(
    conn: &mut Conn,
    profile: &Profile,
    introduction: &Introduction,
) -> Result<Option<Contact>, DbError> {
    let content = &profile.content;
    let private = content.visibility.contact == Some(ContactVisibility::Private);
    if private || !introduction.status.is_disclosed() {
        return Ok(None);
    }
    if let Some(contact) = content.contact.as_ref().filter(|contact| **contact != Contact::default()) {
        return Ok(Some(contact.clone()));
    }
    let owner = profiles::staff(conn, &profile.id)?.into_iter().find(|(_, role)| role == "owner");
    Ok(owner.map(|(account, _)| Contact { email: Some(account.email), ..Contact::default() }))
}
