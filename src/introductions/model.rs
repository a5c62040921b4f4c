//! What an introduction is, who may ask for one, and the rules of its life. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::ids::{AccountId, IntroductionId, NeedId, ProfileId};
use crate::profiles::{Profile, ProfileError, ProfileStatus};
use crate::values::{Multilingual, codes};

/// A request that is not answered ends after this long.
pub const LIFETIME: TimeDelta = TimeDelta::days(14);
/// How many open requests a profile may have.
pub const REQUEST_BUDGET: i64 = 5;
/// For this long after a decline, the same profile does not ask the same one again.
pub const QUIET: TimeDelta = TimeDelta::days(180);

codes!(
    /// Where an introduction is in its life.
    IntroductionStatus {
        /// Waits for the target's answer
        Requested = "requested",
        /// Both agreed and have each other's contact details
        Accepted = "accepted",
        Declined = "declined",
        /// Taken back by the requester
        Withdrawn = "withdrawn",
        /// Not answered in time
        Expired = "expired",
        /// Accepted, and they met
        Met = "met",
        /// Accepted, but they did not meet
        NotMet = "not_met",
    }
);

codes!(
    /// One of the two profiles of an introduction.
    Side {
        /// Asks
        Requester = "requester",
        /// Is asked
        Target = "target",
    }
);

codes!(
    /// Why the target declines.
    DeclineCode {
        NoTime = "no_time",
        NotMyField = "not_my_field",
        SomeoneElseFitsBetter = "someone_else_fits_better",
        NotNow = "not_now",
        Other = "other",
    }
);

/// What is done to an introduction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Accept,
    Decline,
    Withdraw,
    /// By time, see [`LIFETIME`].
    Expire,
    ReportMet,
    ReportNotMet,
}

impl Step {
    /// The status that the step leads to from where it is first allowed.
    pub fn aim(self) -> IntroductionStatus {
        match self {
            Step::Accept => IntroductionStatus::Accepted,
            Step::Decline => IntroductionStatus::Declined,
            Step::Withdraw => IntroductionStatus::Withdrawn,
            Step::Expire => IntroductionStatus::Expired,
            Step::ReportMet => IntroductionStatus::Met,
            Step::ReportNotMet => IntroductionStatus::NotMet,
        }
    }
}

impl IntroductionStatus {
    /// The status after a step by a side (`None`: by time), or `None` where it is not allowed. The first report of how it
    /// went decides; that of the other side changes nothing any more.
    pub fn after(self, step: Step, by: Option<Side>) -> Option<IntroductionStatus> {
        use IntroductionStatus::{Accepted, Met, NotMet, Requested};
        match (self, step, by) {
            (Requested, Step::Accept | Step::Decline, Some(Side::Target))
            | (Requested, Step::Withdraw, Some(Side::Requester))
            | (Requested, Step::Expire, None)
            | (Accepted, Step::ReportMet | Step::ReportNotMet, Some(_)) => Some(step.aim()),
            (Met | NotMet, Step::ReportMet | Step::ReportNotMet, Some(_)) => Some(self),
            _ => None,
        }
    }

    /// Whether both agreed, so that each side has the other's contact details.
    pub fn is_disclosed(self) -> bool {
        matches!(self, IntroductionStatus::Accepted | IntroductionStatus::Met | IntroductionStatus::NotMet)
    }

    /// Whether the two need no other introduction; who did not meet may try again.
    fn is_lasting(self) -> bool {
        matches!(self, IntroductionStatus::Accepted | IntroductionStatus::Met)
    }
}

/// Asks for an introduction.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestIntroduction {
    /// Who asks: a published profile that the caller manages.
    pub requester: ProfileId,
    /// Who is asked.
    pub target: ProfileId,
    /// What it is about: an open need of the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<NeedId>,
    /// What the target reads first.
    #[schema(
        min_length = 1,
        max_length = 2000,
        example = "Half of our vibration warnings are false alarms. You wrote that you cured this at a paper mill: could \
            we talk for half an hour?"
    )]
    pub note: String,
}

/// Declines an introduction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeclineIntroduction {
    pub code: DeclineCode,
    /// Is told to the requester.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 500, example = "Please ask again in spring.")]
    pub message: Option<String>,
}

/// How an accepted introduction went, as one side tells it. The other side does not see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// Whether the two met, in person or online.
    pub met: bool,
    /// From 1, useless, to 5, very useful.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 5, example = 5)]
    pub rating: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1000, example = "We have agreed on a pilot.")]
    pub comment: Option<String>,
}

impl Outcome {
    pub fn step(&self) -> Step {
        if self.met { Step::ReportMet } else { Step::ReportNotMet }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Introduction {
    pub id: IntroductionId,
    pub requester: ProfileId,
    pub target: ProfileId,
    pub need: Option<NeedId>,
    /// Who asked on behalf of the requester.
    pub requested_by: AccountId,
    pub status: IntroductionStatus,
    pub note: String,
    /// Why the two fit, as matching said it when the request was made, in the languages of both sides; may be empty.
    pub reason: Reason,
    pub declined: Option<DeclineIntroduction>,
    pub expires_at: DateTime<Utc>,
    /// When the target answered.
    pub decided_at: Option<DateTime<Utc>>,
    /// When contact details were shown to both.
    pub disclosed_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// The sentence of matching, by language.
pub type Reason = Multilingual<1000>;

impl Introduction {
    /// An open request.
    pub fn new(
        now: DateTime<Utc>,
        requested_by: &AccountId,
        asked: RequestIntroduction,
        reason: Reason,
    ) -> Introduction {
        Introduction {
            id: IntroductionId::new(now),
            requester: asked.requester,
            target: asked.target,
            need: asked.need,
            requested_by: requested_by.clone(),
            status: IntroductionStatus::Requested,
            note: asked.note,
            reason,
            declined: None,
            expires_at: now + LIFETIME,
            decided_at: None,
            disclosed_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    pub fn profile(&self, side: Side) -> &ProfileId {
        match side {
            Side::Requester => &self.requester,
            Side::Target => &self.target,
        }
    }

    /// The status, also where the time ran out and nobody has noted it yet.
    pub fn status_at(&self, now: DateTime<Utc>) -> IntroductionStatus {
        match self.status {
            IntroductionStatus::Requested if self.expires_at <= now => IntroductionStatus::Expired,
            status => status,
        }
    }

    /// Takes one step of its life.
    ///
    /// # Errors
    /// [`IntroductionError::Transition`] where [`IntroductionStatus::after`] does not allow it.
    pub fn take(
        &mut self,
        now: DateTime<Utc>,
        step: Step,
        by: Option<Side>,
    ) -> Result<(), IntroductionError> {
        let from = if step == Step::Expire { self.status } else { self.status_at(now) };
        self.status = from.after(step, by).ok_or(IntroductionError::Transition(from, step.aim()))?;
        match step {
            Step::Accept => (self.decided_at, self.disclosed_at) = (Some(now), Some(now)),
            Step::Decline => self.decided_at = Some(now),
            Step::Withdraw | Step::Expire | Step::ReportMet | Step::ReportNotMet => {}
        }
        Ok(())
    }

    /// When the target said no, if it did.
    fn declined_at(&self) -> Option<DateTime<Utc>> {
        self.decided_at.filter(|_| self.status == IntroductionStatus::Declined)
    }

    /// Why matching does not show `profile` the other side again, and who that is.
    pub fn block(&self, profile: &ProfileId, now: DateTime<Utc>) -> Option<(ProfileId, Block)> {
        let asked = self.requester == *profile;
        let other = if asked { &self.target } else { &self.requester };
        let status = self.status_at(now);
        if status == IntroductionStatus::Requested || status.is_lasting() {
            return Some((other.clone(), Block::Introduced));
        }
        let lately = self.declined_at().is_some_and(|at| now < at + QUIET);
        (asked && lately).then(|| (other.clone(), Block::Declined))
    }
}

/// Why a profile need not be shown another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Block {
    /// A request between the two is open, or was accepted.
    Introduced,
    /// It asked and was declined within [`QUIET`].
    Declined,
}

/// What counts of a profile when an introduction is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    pub id: ProfileId,
    pub status: ProfileStatus,
    /// Open requests that it takes at a time; `None` means no bound.
    pub capacity: Option<i32>,
}

impl From<&Profile> for Party {
    fn from(profile: &Profile) -> Party {
        Party { id: profile.id.clone(), status: profile.status, capacity: profile.content.capacity }
    }
}

/// What there was between a requester and a target until now.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Past {
    /// The open request, and which of the two (as they stand now) asked.
    pub open: Option<(Side, IntroductionId)>,
    /// A request of either was accepted.
    pub introduced: bool,
    /// When the target last declined a request of the requester.
    pub last_declined_at: Option<DateTime<Utc>>,
}

impl Past {
    /// Sums up all introductions between the two, in either direction.
    pub fn of(introductions: &[Introduction], requester: &ProfileId, now: DateTime<Utc>) -> Past {
        let mut past = Past::default();
        for one in introductions {
            let by = if one.requester == *requester { Side::Requester } else { Side::Target };
            if one.status_at(now) == IntroductionStatus::Requested {
                past.open = Some((by, one.id.clone()));
            }
            past.introduced |= one.status.is_lasting();
            if by == Side::Requester {
                past.last_declined_at = past.last_declined_at.max(one.declined_at());
            }
        }
        past
    }
}

/// All that decides whether an introduction may be asked for.
#[derive(Debug, Clone)]
pub struct Asking {
    pub requester: Party,
    pub target: Party,
    pub past: Past,
    /// Open requests that the requester has made.
    pub open_of_requester: i64,
    /// Open requests that wait for the target.
    pub open_of_target: i64,
    pub now: DateTime<Utc>,
}

/// Whether the introduction may be asked for; the first reason against it otherwise.
pub fn may_request(asking: &Asking) -> Result<(), Refusal> {
    let Asking { requester, target, past, now, .. } = asking;
    if requester.id == target.id {
        return Err(Refusal::ToOneself);
    }
    for (party, side) in [(requester, Side::Requester), (target, Side::Target)] {
        if party.status != ProfileStatus::Published {
            return Err(Refusal::NotPublished(side));
        }
    }
    match &past.open {
        Some((Side::Requester, _)) => return Err(Refusal::AlreadyOpen),
        Some((Side::Target, id)) => return Err(Refusal::AskedByTarget(id.clone())),
        None => {}
    }
    if past.introduced {
        return Err(Refusal::AlreadyIntroduced);
    }
    if let Some(until) = past.last_declined_at.map(|at| at + QUIET).filter(|until| now < until) {
        return Err(Refusal::DeclinedUntil(until));
    }
    if asking.open_of_requester >= REQUEST_BUDGET {
        return Err(Refusal::BudgetSpent);
    }
    // A capacity of 0 pauses requests; it is reached from the start.
    if target.capacity.is_some_and(|capacity| asking.open_of_target >= i64::from(capacity)) {
        return Err(Refusal::TargetPaused);
    }
    Ok(())
}

/// Why an introduction may not be asked for, or not be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("requester and target are the same profile")]
    ToOneself,
    #[error("the profile of the {0} is not published")]
    NotPublished(Side),
    #[error("a request of this requester to this target is open; wait for the answer or withdraw it")]
    AlreadyOpen,
    #[error("the target has already asked for the same introduction; answer {0}")]
    AskedByTarget(IntroductionId),
    #[error("the two have been introduced; their contact details are in the accepted introduction")]
    AlreadyIntroduced,
    #[error("the target declined lately; the same requester may ask again from {}", .0.date_naive())]
    DeclinedUntil(DateTime<Utc>),
    #[error("a profile may have {REQUEST_BUDGET} open requests; wait for answers or withdraw one")]
    BudgetSpent,
    #[error("the target takes no more requests at the moment")]
    TargetPaused,
}

/// Why something about an introduction was refused.
#[derive(Debug, thiserror::Error)]
pub enum IntroductionError {
    #[error("there is no such introduction, or not for you")]
    NotFound,
    #[error("{0}")]
    Refused(Refusal),
    #[error("only those who manage the profile of the {0} may do this")]
    NotYours(Side),
    #[error("an introduction that is {0} cannot become {1}")]
    Transition(IntroductionStatus, IntroductionStatus),
    #[error("your side has already told how it went")]
    AlreadyReported,
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}
