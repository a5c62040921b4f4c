//! The life of an event: which step leads where, and what it changes. Pure.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

use super::model::{Event, EventContent, EventError, EventStatus};
use crate::faults::Faults;
use crate::values::Format;

/// Another time for an event.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RescheduleEvent {
    #[schema(example = "2026-12-01T08:00:00Z")]
    pub starts_at: DateTime<Utc>,
    /// After the start, at most 31 days later.
    #[schema(example = "2026-12-01T15:00:00Z")]
    pub ends_at: DateTime<Utc>,
    /// IANA time zone; absent means that it stays as it is.
    #[schema(min_length = 1, max_length = 64, example = "Europe/Vienna")]
    pub zone: Option<String>,
}

/// Where an event takes place instead.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveEventOnline {
    #[schema(
        max_length = 500,
        format = "uri",
        pattern = "^https://[0-9A-Za-z]",
        example = "https://hub.example/meeting"
    )]
    pub url: String,
}

/// Why an event does not take place.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelEvent {
    /// One line; is shown with the event.
    #[schema(min_length = 1, max_length = 300, pattern = r"^[^\n\r\t]+$", example = "The trainer is ill.")]
    pub reason: Option<String>,
}

/// What is done to an event.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    Publish,
    Reschedule(RescheduleEvent),
    Postpone,
    MoveOnline(MoveEventOnline),
    Cancel(CancelEvent),
    /// Time does this one.
    Hold,
}

impl Step {
    /// The status that the step leads to.
    pub fn aim(&self) -> EventStatus {
        match self {
            Step::Publish => EventStatus::Scheduled,
            Step::Reschedule(_) => EventStatus::Rescheduled,
            Step::Postpone => EventStatus::Postponed,
            Step::MoveOnline(_) => EventStatus::MovedOnline,
            Step::Cancel(_) => EventStatus::Cancelled,
            Step::Hold => EventStatus::Held,
        }
    }
}

impl EventStatus {
    /// Those that end by being held.
    pub const DATED: [EventStatus; 3] =
        [EventStatus::Scheduled, EventStatus::Rescheduled, EventStatus::MovedOnline];

    /// Whether the event is announced and to take place, be it at a date to come.
    pub fn is_upcoming(self) -> bool {
        EventStatus::DATED.contains(&self) || self == EventStatus::Postponed
    }

    /// The status after a step, or `None` where it is not allowed.
    pub fn after(self, step: &Step) -> Option<EventStatus> {
        let allowed = match step {
            Step::Publish => self == EventStatus::Draft,
            Step::Reschedule(_) | Step::MoveOnline(_) => self.is_upcoming(),
            Step::Postpone | Step::Hold => EventStatus::DATED.contains(&self),
            Step::Cancel(_) => self == EventStatus::Draft || self.is_upcoming(),
        };
        allowed.then(|| step.aim())
    }
}

impl Event {
    /// The status at a moment: what has a date is held once that is past, whether or not somebody has noted it yet.
    pub fn status_at(&self, now: DateTime<Utc>) -> EventStatus {
        if EventStatus::DATED.contains(&self.status) && self.content.ends_at <= now {
            return EventStatus::Held;
        }
        self.status
    }

    /// Takes a step of its life.
    ///
    /// # Errors
    /// [`EventError::Transition`] where its status forbids it; faults where its time is not a possible one.
    pub fn take(&mut self, now: DateTime<Utc>, step: Step) -> Result<(), EventError> {
        let status = if step == Step::Hold { self.status } else { self.status_at(now) };
        let refused = || EventError::Transition(status, step.aim().code());
        let next = status.after(&step).ok_or_else(refused)?;
        self.sequence += i32::from(step != Step::Hold);
        match step {
            Step::Publish => {
                self.content.check(now)?;
                self.content.check_ahead(now)?;
                self.published_at = Some(now);
            }
            Step::Reschedule(times) => {
                self.content.starts_at = times.starts_at;
                self.content.ends_at = times.ends_at;
                self.content.zone = times.zone.unwrap_or_else(|| self.content.zone.clone());
                self.content = self.content.clone().in_seconds();
                self.content.check(now)?;
                self.content.check_ahead(now)?;
            }
            Step::MoveOnline(place) => {
                // A postponed event whose old date has passed needs a new one first.
                self.content.check_ahead(now).map_err(|_| EventError::TimesFixed(status))?;
                self.content.format = Format::Online;
                self.content.venue = None;
                self.content.url = Some(place.url);
            }
            Step::Cancel(cancel) => self.status_reason = cancel.reason,
            Step::Postpone | Step::Hold => {}
        }
        self.status = next;
        Ok(())
    }

    /// Replaces what it says. Once it is published, time and format have steps of their own.
    ///
    /// # Errors
    /// [`EventError::TimesFixed`], [`EventError::FormatFixed`], and faults.
    pub fn rewrite(&mut self, now: DateTime<Utc>, content: EventContent) -> Result<(), EventError> {
        let content = content.in_seconds();
        self.stays_with(&content)?;
        if self.status != EventStatus::Draft {
            let status = self.status_at(now);
            if content.is_at_another_time(&self.content) {
                return Err(EventError::TimesFixed(status));
            }
            if content.format != self.content.format {
                return Err(EventError::FormatFixed(status));
            }
        }
        content.check(now)?;
        self.put(content);
        Ok(())
    }

    /// Takes over what its source says now: with another time it is rescheduled, and held where that is past. What its
    /// people cancelled or postponed stays so, unless its source has a new time for what was postponed.
    ///
    /// # Errors
    /// Faults, also where it names another profile.
    pub fn renew(&mut self, now: DateTime<Utc>, content: EventContent) -> Result<(), EventError> {
        let content = content.in_seconds();
        self.stays_with(&content)?;
        content.check(now)?;
        let moved = content.is_at_another_time(&self.content);
        self.put(content);
        self.published_at = self.published_at.or(Some(now));
        self.status = match self.status {
            EventStatus::Cancelled => EventStatus::Cancelled,
            EventStatus::Postponed if !moved => EventStatus::Postponed,
            _ if self.content.ends_at <= now => EventStatus::Held,
            EventStatus::Draft | EventStatus::Held => EventStatus::Scheduled,
            _ if moved => EventStatus::Rescheduled,
            unchanged => unchanged,
        };
        Ok(())
    }

    fn stays_with(&self, content: &EventContent) -> Result<(), Faults> {
        if content.profile == self.content.profile {
            return Ok(());
        }
        Err(Faults::one("/profile", "immutable", "cannot be changed; make another event"))
    }

    fn put(&mut self, content: EventContent) {
        self.sequence += i32::from(content.looks_different(&self.content));
        self.content = content;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::model::samples::{at, content, now};
    use super::*;
    use EventStatus::{Cancelled, Draft, Held, MovedOnline, Postponed, Rescheduled, Scheduled};
    use chrono::TimeDelta;

    fn reschedule() -> Step {
        let (starts_at, ends_at) = (at("2026-12-01T08:00:00Z"), at("2026-12-01T09:00:00Z"));
        Step::Reschedule(RescheduleEvent { starts_at, ends_at, zone: None })
    }

    fn move_online() -> Step {
        Step::MoveOnline(MoveEventOnline { url: "https://hub.example/meeting".to_owned() })
    }

    fn cancel() -> Step {
        Step::Cancel(CancelEvent { reason: Some("ill".to_owned()) })
    }

    fn steps() -> [Step; 6] {
        [Step::Publish, reschedule(), Step::Postpone, move_online(), cancel(), Step::Hold]
    }

    fn event(status: EventStatus) -> Event {
        Event { status, ..Event::new(now(), content()) }
    }

    #[test]
    fn every_transition_is_as_the_domain_says() {
        let mut allowed = Vec::new();
        for from in EventStatus::ALL {
            for step in steps() {
                let after = from.after(&step);
                let mut event = event(*from);
                match (after, event.take(now(), step)) {
                    (Some(to), Ok(())) => {
                        assert_eq!(event.status, to);
                        allowed.push((*from, to));
                    }
                    (None, Err(EventError::Transition(status, _))) => assert_eq!(status, *from),
                    (after, taken) => unreachable!("{from}: {after:?}, {taken:?}"),
                }
            }
        }
        let upcoming = |from| {
            [(from, Rescheduled), (from, Postponed), (from, MovedOnline), (from, Cancelled), (from, Held)]
        };
        let mut expected = vec![(Draft, Scheduled), (Draft, Cancelled)];
        expected.extend(upcoming(Scheduled));
        expected.extend(upcoming(Rescheduled));
        expected.extend([(Postponed, Rescheduled), (Postponed, MovedOnline), (Postponed, Cancelled)]);
        expected.extend(upcoming(MovedOnline));
        assert_eq!(allowed, expected);
    }

    #[test]
    fn every_step_but_holding_is_seen_by_calendars() {
        let mut event = event(Draft);
        for (step, sequence) in
            [(Step::Publish, 1), (reschedule(), 2), (Step::Postpone, 3), (move_online(), 4), (Step::Hold, 4)]
        {
            event.take(now(), step).unwrap();
            assert_eq!(event.sequence, sequence);
        }
        assert_eq!(event.published_at, Some(now()));
        assert_eq!((event.content.format, event.content.venue), (Format::Online, None));
    }

    #[test]
    fn what_is_over_cannot_be_published_rescheduled_or_changed() {
        let over = content().ends_at;
        assert!(matches!(event(Draft).take(over, Step::Publish), Err(EventError::Faults(_))));
        for step in [reschedule(), Step::Postpone, move_online(), cancel()] {
            let refused = event(Scheduled).take(over, step);
            assert!(matches!(refused, Err(EventError::Transition(Held, _))), "{refused:?}");
        }
        let past = Step::Reschedule(RescheduleEvent {
            starts_at: now() - TimeDelta::hours(2),
            ends_at: now(),
            zone: None,
        });
        assert!(matches!(event(Scheduled).take(now(), past), Err(EventError::Faults(_))));
        let after = at("2026-12-24T00:00:00Z");
        assert!(matches!(
            event(Postponed).take(after, move_online()),
            Err(EventError::TimesFixed(Postponed))
        ));
        assert!(event(Postponed).take(at("2026-11-30T00:00:00Z"), reschedule()).is_ok());
    }

    #[test]
    fn a_published_event_keeps_time_format_and_profile_when_its_text_changes() {
        let mut later = content();
        later.ends_at += TimeDelta::hours(1);
        assert!(event(Draft).rewrite(now(), later.clone()).is_ok());
        assert!(matches!(event(Scheduled).rewrite(now(), later), Err(EventError::TimesFixed(Scheduled))));
        let hybrid = EventContent { format: Format::Hybrid, ..content() };
        assert!(matches!(event(Scheduled).rewrite(now(), hybrid), Err(EventError::FormatFixed(_))));
        let other = EventContent { profile: crate::ids::ProfileId::new(now()), ..content() };
        assert!(matches!(event(Draft).rewrite(now(), other), Err(EventError::Faults(_))));
        let mut event = event(Scheduled);
        let roomier = EventContent { capacity: Some(50), ..content() };
        event.rewrite(now(), roomier).unwrap();
        assert_eq!(event.sequence, 0);
        let elsewhere = EventContent { url: None, ..content() };
        event.rewrite(now(), elsewhere).unwrap();
        assert_eq!(event.sequence, 1);
    }

    #[test]
    fn a_renewed_import_follows_its_source_but_not_against_its_people() {
        let mut moved = content();
        moved.ends_at += TimeDelta::hours(1);
        let after = |status, content: &EventContent, now| {
            let mut event = event(status);
            event.renew(now, content.clone()).unwrap();
            event.status
        };
        assert_eq!(after(Scheduled, &content(), now()), Scheduled);
        assert_eq!(after(Scheduled, &moved, now()), Rescheduled);
        assert_eq!(after(Scheduled, &moved, moved.ends_at), Held);
        assert_eq!(after(Postponed, &content(), content().ends_at), Postponed);
        assert_eq!(after(Postponed, &moved, now()), Rescheduled);
        assert_eq!(after(Cancelled, &moved, now()), Cancelled);
        assert_eq!(after(Held, &moved, now()), Scheduled);
        assert_eq!(after(Draft, &content(), now()), Scheduled);
    }

    #[test]
    fn time_holds_what_has_a_date() {
        let over = content().ends_at;
        assert_eq!(event(Scheduled).status_at(over), Held);
        assert_eq!(event(Scheduled).status_at(over - TimeDelta::seconds(1)), Scheduled);
        assert_eq!(event(Postponed).status_at(over), Postponed);
        assert_eq!(event(Draft).status_at(over), Draft);
    }
}
