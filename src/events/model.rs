//! What an event is, and when and where it may be. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::ids::{EventId, ProfileId};
use crate::profiles::{ProfileError, ProfileKind};
use crate::values::{
    ConceptId, Country, Format, Language, Location, Multilingual, Sector, Size, Stage, codes,
};

codes!(
    /// Where an event is in its life; the middle ones are schema.org's `EventStatusType`.
    EventStatus {
        /// Seen by those who manage its profile only
        Draft = "draft",
        Scheduled = "scheduled",
        /// Takes place at another time than was announced
        Rescheduled = "rescheduled",
        /// Does not take place when it was announced for; a new date follows
        Postponed = "postponed",
        /// Takes place online instead
        MovedOnline = "moved_online",
        /// Is over
        Held = "held",
        /// Does not take place
        Cancelled = "cancelled",
    }
);

/// The longest event.
pub const LONGEST: TimeDelta = TimeDelta::days(31);
/// How far ahead an event may begin: three years.
const FARTHEST: TimeDelta = TimeDelta::days(3 * 365 + 1);
/// How long ago an event may have begun; what is older is a mistyped year.
const OLDEST: TimeDelta = TimeDelta::days(20 * 365);

/// What an event says: the fields that those who manage its profile write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateEvent)]
pub struct EventContent {
    /// Whose event it is: a hub, factory or organisation. Can't be changed later.
    pub profile: ProfileId,
    pub title: Multilingual<160>,
    pub description: Multilingual<4000>,
    /// What it is about, over and above what its texts say: concepts of the vocabulary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    pub concepts: Vec<ConceptId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 22)]
    pub sectors: Vec<Sector>,
    #[serde(default, skip_serializing_if = "Audience::is_anybody")]
    pub audience: Audience,
    /// The languages that are spoken there.
    #[schema(min_items = 1, max_items = 20)]
    pub languages: Vec<Language>,
    pub format: Format,
    /// IANA time zone of the place; local times are shown in it.
    #[schema(min_length = 1, max_length = 64, example = "Europe/Vienna")]
    pub zone: String,
    #[schema(example = "2026-11-24T08:00:00Z")]
    pub starts_at: DateTime<Utc>,
    /// After the start, at most 31 days later.
    #[schema(example = "2026-11-24T15:00:00Z")]
    pub ends_at: DateTime<Utc>,
    /// Where it is; required unless it is online, and absent if it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub venue: Option<Venue>,
    /// Where to register, or to take part online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        max_length = 500,
        format = "uri",
        pattern = "^https://[0-9A-Za-z]",
        example = "https://hub.example/workshop-day"
    )]
    pub url: Option<String>,
    /// Places for participants; absent means no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100_000, example = 30)]
    pub capacity: Option<i32>,
}

/// Whom an event is for; an empty list means anybody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Audience {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 6)]
    pub stages: Vec<Stage>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 5)]
    pub sizes: Vec<Size>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub countries: Vec<Country>,
}

impl Audience {
    fn is_anybody(&self) -> bool {
        *self == Audience::default()
    }
}

/// Where an event takes place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Venue {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 120, pattern = r"^[^\n\r\t]+$", example = "Testhalle")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        min_length = 1,
        max_length = 200,
        pattern = r"^[^\n\r\t]+$",
        example = "Musterstraße 1, 1020 Wien"
    )]
    pub address: Option<String>,
    #[schema(min_length = 1, max_length = 80, pattern = r"^[^\n\r\t]+$", example = "Wien")]
    pub city: String,
    pub country: Country,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

impl Venue {
    /// Name, address, city and country in one line; the city once only.
    pub fn line(&self) -> String {
        let address = self.address.as_deref();
        let city = Some(self.city.as_str()).filter(|city| !address.is_some_and(|a| a.contains(city)));
        let parts = [self.name.as_deref(), address, city, Some(self.country.as_str())];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub id: EventId,
    pub status: EventStatus,
    pub content: EventContent,
    /// Why it was cancelled.
    pub status_reason: Option<String>,
    /// Grows with every change that a calendar must see (RFC 5545, 3.8.7.4).
    pub sequence: i32,
    /// When it was first shown to everybody; `None` as long as it never was.
    pub published_at: Option<DateTime<Utc>>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl EventContent {
    /// Checks what the schema can't say, and that the dates are possible ones as seen from `now`.
    pub fn check(&self, now: DateTime<Utc>) -> Result<(), Faults> {
        let mut faults = Faults::default();
        self.check_times(now, &mut faults);
        match (self.format, &self.venue) {
            (Format::Online, Some(_)) => {
                faults.add("/venue", "venue_online", "must be absent: the event is online");
            }
            (Format::OnSite | Format::Hybrid, None) => {
                faults.add("/venue", "required", "is required unless the event is online");
            }
            _ => {}
        }
        faults.or(())
    }

    fn check_times(&self, now: DateTime<Utc>, faults: &mut Faults) {
        let zone_known = self.zone.parse::<Tz>().is_ok();
        faults.check(zone_known, "/zone", "zone", "must be an IANA time zone, for example Europe/Vienna");
        faults.check(
            self.starts_at < self.ends_at,
            "/ends_at",
            "ends_before_start",
            "must be after starts_at",
        );
        let length = self.ends_at.signed_duration_since(self.starts_at);
        faults.check(length <= LONGEST, "/ends_at", "too_long", "must be at most 31 days after starts_at");
        let ahead = self.starts_at.signed_duration_since(now);
        faults.check(ahead <= FARTHEST, "/starts_at", "too_far_ahead", "must be at most 3 years ahead");
        faults.check(ahead >= -OLDEST, "/starts_at", "too_old", "must be at most 20 years ago");
    }

    /// Refuses an event that is over before anybody hears of it.
    pub fn check_ahead(&self, now: DateTime<Utc>) -> Result<(), Faults> {
        let mut faults = Faults::default();
        faults.check(self.ends_at > now, "/ends_at", "past", "must be in the future");
        faults.or(())
    }

    /// The same content with times in whole seconds, as calendars have them.
    pub fn in_seconds(self) -> EventContent {
        let whole = |at: DateTime<Utc>| DateTime::from_timestamp(at.timestamp(), 0).unwrap_or(at);
        EventContent { starts_at: whole(self.starts_at), ends_at: whole(self.ends_at), ..self }
    }

    /// Its zone; UTC where the stored name is not known any more.
    pub fn tz(&self) -> Tz {
        self.zone.parse().unwrap_or(Tz::UTC)
    }

    /// Whether one can take part online.
    pub fn is_online(&self) -> bool {
        self.format != Format::OnSite
    }

    /// Whether time or zone differ.
    pub fn is_at_another_time(&self, other: &EventContent) -> bool {
        (self.starts_at, self.ends_at, &self.zone) != (other.starts_at, other.ends_at, &other.zone)
    }

    /// Whether a calendar entry made of the two would differ.
    pub fn looks_different(&self, other: &EventContent) -> bool {
        self.is_at_another_time(other)
            || (&self.title, &self.description, &self.venue, &self.url)
                != (&other.title, &other.description, &other.venue, &other.url)
    }
}

impl Event {
    /// A draft.
    pub fn new(now: DateTime<Utc>, content: EventContent) -> Event {
        Event {
            id: EventId::new(now),
            status: EventStatus::Draft,
            content,
            status_reason: None,
            sequence: 0,
            published_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Whether everybody may know of it, as far as the event itself goes.
    pub fn is_public(&self) -> bool {
        self.published_at.is_some()
    }
}

/// Only these have events.
pub fn has_events(kind: ProfileKind) -> bool {
    matches!(kind, ProfileKind::Hub | ProfileKind::Factory | ProfileKind::Organisation)
}

/// Why something about an event was refused.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    #[error("there is no such event, or not for you")]
    NotFound,
    #[error("{0} profiles have no events; those of hubs, factories and organisations do")]
    NoEvents(ProfileKind),
    #[error("the profile is not published; publish it first")]
    ProfileNotPublished,
    #[error("an event that is {0} cannot become {1}")]
    Transition(EventStatus, &'static str),
    #[error("the event is {0}: its time is changed by POST to its /reschedule, so that everybody is told")]
    TimesFixed(EventStatus),
    #[error("the event is {0}: its format is changed by POST to its /move-online, so that everybody is told")]
    FormatFixed(EventStatus),
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Account(#[from] crate::accounts::AccountError),
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}

#[cfg(test)]
pub(super) mod samples {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    pub fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// 1 November 2026, noon.
    pub fn now() -> DateTime<Utc> {
        at("2026-11-01T12:00:00Z")
    }

    /// A day in Vienna, three weeks after [`now`].
    pub fn content() -> EventContent {
        serde_json::from_value(json!({
            "profile": "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N",
            "title": {"de": "Werkstatttag", "en": "Workshop day"},
            "description": {"en": "Bring your data."},
            "languages": ["de", "en"],
            "format": "on_site",
            "zone": "Europe/Vienna",
            "starts_at": "2026-11-24T08:00:00Z",
            "ends_at": "2026-11-24T15:00:00Z",
            "venue": {"name": "Testhalle", "address": "Musterstraße 1, 1020 Wien", "city": "Wien", "country": "AT"},
            "url": "https://hub.example/day",
        }))
        .unwrap()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::samples::{at, content, now};
    use super::*;

    fn faults(change: impl FnOnce(&mut EventContent)) -> Vec<String> {
        let mut content = content();
        change(&mut content);
        let found = content.check(now()).err().unwrap_or_default();
        found.0.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn impossible_times_are_refused_where_they_stand() {
        assert!(faults(|_| {}).is_empty());
        assert_eq!(faults(|c| c.ends_at = c.starts_at), ["/ends_at ends_before_start"]);
        assert!(faults(|c| c.ends_at = c.starts_at + LONGEST).is_empty());
        assert_eq!(
            faults(|c| c.ends_at = c.starts_at + LONGEST + TimeDelta::seconds(1)),
            ["/ends_at too_long"]
        );
        let far = |c: &mut EventContent| {
            c.starts_at = at("2029-11-03T12:00:00Z");
            c.ends_at = at("2029-11-03T13:00:00Z");
        };
        assert_eq!(faults(far), ["/starts_at too_far_ahead"]);
        let old = |c: &mut EventContent| {
            c.starts_at = at("0206-11-24T08:00:00Z");
            c.ends_at = at("0206-11-24T15:00:00Z");
        };
        assert_eq!(faults(old), ["/starts_at too_old"]);
        assert_eq!(faults(|c| c.zone = "Vienna".to_owned()), ["/zone zone"]);
    }

    #[test]
    fn a_venue_is_for_events_that_have_a_place() {
        assert_eq!(faults(|c| c.venue = None), ["/venue required"]);
        assert_eq!(faults(|c| c.format = Format::Online), ["/venue venue_online"]);
        assert!(faults(|c| c.format = Format::Hybrid).is_empty());
    }

    #[test]
    fn an_event_that_is_over_is_not_ahead() {
        let content = content();
        assert!(content.check_ahead(content.ends_at - TimeDelta::seconds(1)).is_ok());
        assert!(content.check_ahead(content.ends_at).is_err());
    }

    #[test]
    fn the_line_of_a_venue_names_the_city_once() {
        let mut venue = content().venue.unwrap();
        assert_eq!(venue.line(), "Testhalle, Musterstraße 1, 1020 Wien, AT");
        venue.address = None;
        assert_eq!(venue.line(), "Testhalle, Wien, AT");
    }

    #[test]
    fn times_are_kept_in_whole_seconds() {
        let mut content = content();
        content.starts_at = at("2026-11-24T08:00:00.123456789Z");
        content.ends_at = at("2026-11-24T15:59:60Z");
        let whole = content.in_seconds();
        assert_eq!(whole.starts_at, at("2026-11-24T08:00:00Z"));
        assert_eq!(whole.ends_at.timestamp_subsec_nanos(), 0);
    }
}
