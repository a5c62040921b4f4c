//! The state machine and the rules of asking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;

use super::model::*;
use crate::ids::{AccountId, IntroductionId, ProfileId};
use crate::profiles::ProfileStatus;

use IntroductionStatus::{Accepted, Declined, Expired, Met, NotMet, Requested, Withdrawn};

const STEPS: [Step; 6] =
    [Step::Accept, Step::Decline, Step::Withdraw, Step::Expire, Step::ReportMet, Step::ReportNotMet];
const BY: [Option<Side>; 3] = [Some(Side::Requester), Some(Side::Target), None];

fn now() -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(20_000)
}

fn introduction() -> Introduction {
    let asked = RequestIntroduction {
        requester: ProfileId::new(now()),
        target: ProfileId::new(now()),
        need: None,
        note: "Hello".to_owned(),
    };
    Introduction::new(now(), &AccountId::new(now()), asked, Reason::default())
}

#[test]
fn every_transition_is_as_the_domain_says() {
    let (asks, asked) = (Some(Side::Requester), Some(Side::Target));
    let allowed = [
        (Requested, Step::Accept, asked, Accepted),
        (Requested, Step::Decline, asked, Declined),
        (Requested, Step::Withdraw, asks, Withdrawn),
        (Requested, Step::Expire, None, Expired),
        (Accepted, Step::ReportMet, asks, Met),
        (Accepted, Step::ReportMet, asked, Met),
        (Accepted, Step::ReportNotMet, asks, NotMet),
        (Accepted, Step::ReportNotMet, asked, NotMet),
        (Met, Step::ReportMet, asks, Met),
        (Met, Step::ReportMet, asked, Met),
        (Met, Step::ReportNotMet, asks, Met),
        (Met, Step::ReportNotMet, asked, Met),
        (NotMet, Step::ReportMet, asks, NotMet),
        (NotMet, Step::ReportMet, asked, NotMet),
        (NotMet, Step::ReportNotMet, asks, NotMet),
        (NotMet, Step::ReportNotMet, asked, NotMet),
    ];
    for from in IntroductionStatus::ALL {
        for step in STEPS {
            for by in BY {
                let known = allowed.iter().find(|(f, s, b, _)| (f, *s, *b) == (from, step, by));
                let expected = known.map(|(.., to)| *to);
                assert_eq!(from.after(step, by), expected, "{from} {step:?} {by:?}");
            }
        }
    }
}

#[test]
fn a_refused_step_changes_nothing_and_names_the_state() {
    let mut declined = introduction();
    declined.take(now(), Step::Decline, Some(Side::Target)).unwrap();
    let before = declined.clone();
    let refused = declined.take(now(), Step::Accept, Some(Side::Target));
    assert!(matches!(refused, Err(IntroductionError::Transition(Declined, Accepted))));
    assert_eq!(declined, before);
}

#[test]
fn nobody_answers_after_the_time_ran_out_even_if_it_is_not_noted_yet() {
    let mut late = introduction();
    let refused = late.take(now() + LIFETIME, Step::Accept, Some(Side::Target));
    assert!(matches!(refused, Err(IntroductionError::Transition(Expired, Accepted))));
    assert_eq!(late.status_at(now() + LIFETIME - TimeDelta::microseconds(1)), Requested);
    late.take(now() + LIFETIME, Step::Expire, None).unwrap();
    assert_eq!((late.status, late.disclosed_at), (Expired, None));
}

proptest! {
    /// Whatever is tried in whatever order: contact details are disclosed exactly when the target accepted an open
    /// request in time, and what ended stays ended.
    #[test]
    fn no_sequence_of_steps_reaches_an_impossible_state(
        tries in proptest::collection::vec((0..STEPS.len(), 0..BY.len(), 0..200_i64), 0..20)
    ) {
        let (mut one, mut at, mut accepted) = (introduction(), now(), false);
        for (step, by, hours) in tries {
            at += TimeDelta::hours(hours);
            let (before, step, by) = (one.clone(), STEPS[step], BY[by]);
            let taken = one.take(at, step, by).is_ok();
            if !taken {
                prop_assert_eq!(&one, &before);
                continue;
            }
            if step == Step::Accept {
                prop_assert_eq!(before.status, Requested);
                prop_assert_eq!(by, Some(Side::Target));
                prop_assert!(at < one.expires_at);
                accepted = true;
            }
            prop_assert!(before.status == one.status || matches!(before.status, Requested | Accepted));
            prop_assert_eq!(one.disclosed_at.is_some(), accepted);
            prop_assert_eq!(one.status.is_disclosed(), accepted);
        }
    }
}

fn asking() -> Asking {
    let party = || Party { id: ProfileId::new(now()), status: ProfileStatus::Published, capacity: None };
    Asking {
        requester: party(),
        target: party(),
        past: Past::default(),
        open_of_requester: 0,
        open_of_target: 0,
        now: now(),
    }
}

#[test]
fn a_first_request_between_published_profiles_is_allowed() {
    assert_eq!(may_request(&asking()), Ok(()));
}

#[test]
fn introduction_to_oneself_is_refused() {
    let mut asking = asking();
    asking.target = asking.requester.clone();
    assert_eq!(may_request(&asking), Err(Refusal::ToOneself));
}

#[test]
fn both_sides_must_be_published() {
    for status in ProfileStatus::ALL.iter().filter(|status| **status != ProfileStatus::Published) {
        let mut unpublished = asking();
        unpublished.target.status = *status;
        assert_eq!(may_request(&unpublished), Err(Refusal::NotPublished(Side::Target)));
        unpublished.requester.status = *status;
        assert_eq!(may_request(&unpublished), Err(Refusal::NotPublished(Side::Requester)));
    }
}

#[test]
fn an_open_request_of_either_side_stands_in_the_way() {
    let (mut asking, id) = (asking(), IntroductionId::new(now()));
    asking.past.open = Some((Side::Requester, id.clone()));
    assert_eq!(may_request(&asking), Err(Refusal::AlreadyOpen));
    asking.past.open = Some((Side::Target, id.clone()));
    assert_eq!(may_request(&asking), Err(Refusal::AskedByTarget(id.clone())));
    assert!(Refusal::AskedByTarget(id.clone()).to_string().contains(id.as_str()));
}

#[test]
fn who_was_introduced_needs_no_other_introduction() {
    let mut asking = asking();
    asking.past.introduced = true;
    assert_eq!(may_request(&asking), Err(Refusal::AlreadyIntroduced));
}

#[test]
fn a_decline_is_respected_for_180_days() {
    let mut asking = asking();
    asking.past.last_declined_at = Some(now() - QUIET + TimeDelta::seconds(1));
    assert_eq!(may_request(&asking), Err(Refusal::DeclinedUntil(now() + TimeDelta::seconds(1))));
    asking.past.last_declined_at = Some(now() - QUIET);
    assert_eq!(may_request(&asking), Ok(()));
}

#[test]
fn budget_and_capacity_bound_open_requests() {
    let mut asking = asking();
    asking.open_of_requester = REQUEST_BUDGET - 1;
    assert_eq!(may_request(&asking), Ok(()));
    asking.open_of_requester = REQUEST_BUDGET;
    assert_eq!(may_request(&asking), Err(Refusal::BudgetSpent));
    asking.open_of_requester = 0;
    for (capacity, open, expected) in [
        (None, 1000, Ok(())),
        (Some(0), 0, Err(Refusal::TargetPaused)),
        (Some(2), 1, Ok(())),
        (Some(2), 2, Err(Refusal::TargetPaused)),
        (Some(2), 3, Err(Refusal::TargetPaused)),
    ] {
        asking.target.capacity = capacity;
        asking.open_of_target = open;
        assert_eq!(may_request(&asking), expected, "{capacity:?} {open}");
    }
}

#[test]
fn the_past_and_the_blocks_know_who_asked() {
    let later = now() + TimeDelta::days(1);
    let seen = |status: IntroductionStatus| {
        let mut one = introduction();
        one.status = status;
        one.decided_at = Some(now());
        let past =
            [&one.requester, &one.target].map(|asker| Past::of(std::slice::from_ref(&one), asker, later));
        let block =
            [&one.requester, &one.target].map(|asker| one.block(asker, later).map(|(_, block)| block));
        let by = past.each_ref().map(|past| past.open.as_ref().map(|(by, _)| *by));
        let introduced = past.each_ref().map(|past| past.introduced);
        let declined = past.map(|past| past.last_declined_at.is_some());
        (by, introduced, declined, block)
    };
    let (yes, no, none) = ([true, true], [false, false], [None, None]);
    let introduced = [Some(Block::Introduced), Some(Block::Introduced)];
    let open = [Some(Side::Requester), Some(Side::Target)];
    assert_eq!(seen(Requested), (open, no, no, introduced));
    assert_eq!(seen(Accepted), (none, yes, no, introduced));
    assert_eq!(seen(Met), (none, yes, no, introduced));
    assert_eq!(seen(Declined), (none, no, [true, false], [Some(Block::Declined), None]));
    for over in [NotMet, Withdrawn, Expired] {
        assert_eq!(seen(over), (none, no, no, [None, None]), "{over}");
    }
}

#[test]
fn a_block_names_the_other_side_and_ends_with_time() {
    let mut one = introduction();
    let (requester, target) = (one.requester.clone(), one.target.clone());
    assert_eq!(one.block(&requester, now()), Some((target.clone(), Block::Introduced)));
    assert_eq!(one.block(&target, now()), Some((requester.clone(), Block::Introduced)));
    assert_eq!(one.block(&requester, now() + LIFETIME), None);
    one.take(now(), Step::Decline, Some(Side::Target)).unwrap();
    assert_eq!(one.block(&requester, now()), Some((target, Block::Declined)));
    assert_eq!(one.block(&requester, now() + QUIET), None);
}
