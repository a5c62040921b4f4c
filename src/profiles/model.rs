//! What a profile is, who may see which of its fields, and the rules of its life. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::ids::ProfileId;
use crate::values::{
    ConceptId, Country, Format, Language, Location, Multilingual, Region, Sector, Size, Stage, Visibility,
    codes,
};

codes!(
    /// What takes part.
    ProfileKind {
        /// A start-up, or a small or medium-sized enterprise
        Startup = "startup",
        Mentor = "mentor",
        /// An AI hub or European Digital Innovation Hub: the contact point
        Hub = "hub",
        /// An AI factory: supercomputers and data
        Factory = "factory",
        /// Research, corporate, investor, training provider
        Organisation = "organisation",
        /// Somebody who looks for programmes and training
        Talent = "talent",
    }
);

codes!(
    /// Where a profile is in its life.
    ProfileStatus {
        /// Seen by those who manage it only
        Draft = "draft",
        /// Waits for an administrator's approval
        Submitted = "submitted",
        Published = "published",
        /// Not approved, with a reason
        Rejected = "rejected",
        /// Taken down by an administrator, with a reason
        Suspended = "suspended",
        Archived = "archived",
    }
);

/// A profile is archived when it has not been confirmed for this long.
pub const PROFILE_LIFETIME: TimeDelta = TimeDelta::days(365);
/// Its managers are reminded this long before.
pub const REMINDER: TimeDelta = TimeDelta::days(14);

/// What a profile says of itself: the fields that its managers write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateProfile)]
pub struct ProfileContent {
    /// Can't be changed later.
    pub kind: ProfileKind,
    /// One line.
    #[schema(min_length = 1, max_length = 120, pattern = r"^[^\n\r\t]+$", example = "Vibrasense GmbH")]
    pub name: String,
    /// One or two sentences.
    pub summary: Multilingual<300>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Multilingual<6000>>,
    /// What it offers, over and above what its texts say: concepts of the vocabulary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    pub expertise: Vec<ConceptId>,
    /// A standing wish: whom a mentor wants to help, what a start-up looks for in general.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeks: Option<Wish>,
    /// Past cases; they count more in matching than any description.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub track_record: Vec<Case>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 22)]
    pub sectors: Vec<Sector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Technology readiness level.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9, example = 6)]
    pub trl: Option<i32>,
    /// Working languages.
    #[schema(min_items = 1, max_items = 20)]
    pub languages: Vec<Language>,
    pub country: Country,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 80, pattern = r"^[^\n\r\t]+$", example = "Wien")]
    pub city: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// How it meets people.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub formats: Vec<Format>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        max_length = 500,
        format = "uri",
        pattern = "^https://[0-9A-Za-z]",
        example = "https://vibrasense.example"
    )]
    pub website: Option<String>,
    /// Requests for an introduction that it takes at a time; 0 pauses them, absent means no bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 50, example = 3)]
    pub capacity: Option<i32>,
    /// Shown to nobody before both sides agreed to an introduction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    #[serde(default, skip_serializing_if = "FieldVisibility::is_default")]
    pub visibility: FieldVisibility,
}

/// Whom or what a profile looks for in general.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wish {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<Multilingual<2000>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    pub concepts: Vec<ConceptId>,
    /// Empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 22)]
    pub sectors: Vec<Sector>,
    /// Empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 6)]
    pub stages: Vec<Stage>,
    /// Empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub countries: Vec<Country>,
}

/// A past case: what was done, for whom, with what outcome.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub title: Multilingual<200>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Multilingual<2000>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    pub concepts: Vec<ConceptId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 22)]
    pub sectors: Vec<Sector>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1950, maximum = 2100, example = 2024)]
    pub year: Option<i32>,
}

/// How to reach the people behind a profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 120, pattern = r"^[^\n\r\t]+$", example = "Claire Exemple")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(format = "email", max_length = 254, example = "claire@mentor.example")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 40, pattern = r"^\+?[0-9 ()./-]{4,40}$", example = "+33 1 23 45 67 89")]
    pub phone: Option<String>,
}

codes!(
    /// Who may see the contact details: never anybody before both sides have agreed to an introduction.
    ContactVisibility {
        /// Those who are introduced
        Matched = "matched",
        /// Nobody
        Private = "private",
    }
);

/// Who may see which field; an absent one is public, but `contact` is for those who are matched.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FieldVisibility {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expertise: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeks: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub track_record: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub city: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub website: Option<Visibility>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<ContactVisibility>,
}

impl FieldVisibility {
    fn is_default(&self) -> bool {
        *self == FieldVisibility::default()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    pub id: ProfileId,
    pub status: ProfileStatus,
    pub content: ProfileContent,
    /// Why it was rejected or suspended.
    pub status_reason: Option<String>,
    /// Invented, for demonstration.
    pub fictional: bool,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// When its managers last said that it is still true.
    pub confirmed_at: DateTime<Utc>,
    pub reminded_at: Option<DateTime<Utc>>,
}

/// What somebody is to a profile that he looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reader {
    /// Is logged in.
    pub member: bool,
    /// Is on the staff of a published hub.
    pub hub_staff: bool,
    /// Manages a profile with an accepted introduction to this one.
    pub matched: bool,
    /// Manages this profile.
    pub manager: bool,
    /// Looks after the service: sees what must be judged, but nothing private and no contact.
    pub administrator: bool,
}

impl Reader {
    /// One letter for everybody who sees the same.
    pub fn class(self) -> char {
        match self {
            Reader { manager: true, .. } => 'p',
            Reader { administrator: true, .. } => 'a',
            Reader { matched: true, .. } => 'x',
            Reader { hub_staff: true, .. } => 'h',
            Reader { member: true, .. } => 'm',
            _ => 'v',
        }
    }

    /// Whether a field of this visibility is shown.
    pub fn may_see(self, visibility: Visibility) -> bool {
        self.manager
            || (self.administrator && visibility != Visibility::Private)
            || match visibility {
                Visibility::Public => true,
                Visibility::Members => self.member,
                Visibility::Hub => self.hub_staff || self.matched,
                Visibility::Matched => self.matched,
                Visibility::Private => false,
            }
    }
}

impl ProfileContent {
    /// Checks what the schema can't say.
    pub fn check(&self) -> Result<(), Faults> {
        let mut faults = Faults::default();
        faults.check(
            self.region.as_ref().is_none_or(|region| region.is_in(&self.country)),
            "/region",
            "region_elsewhere",
            &format!("must begin with {}, the prefix of the country", self.country.nuts_prefix()),
        );
        faults.or(())
    }

    /// The same content as this reader may see it; contact details are for those alone who manage the profile.
    pub fn visible_to(&self, reader: Reader) -> ProfileContent {
        let may = |level: Option<Visibility>| reader.may_see(level.unwrap_or(Visibility::Public));
        let levels = &self.visibility;
        let mut seen = self.clone();
        seen.contact = seen.contact.filter(|_| reader.manager);
        seen.capacity = seen.capacity.filter(|_| reader.manager);
        seen.description = seen.description.filter(|_| may(levels.description));
        seen.seeks = seen.seeks.filter(|_| may(levels.seeks));
        seen.city = seen.city.filter(|_| may(levels.city));
        // A point on the map tells the city.
        seen.location = seen.location.filter(|_| may(levels.location) && may(levels.city));
        seen.website = seen.website.filter(|_| may(levels.website));
        if !may(levels.expertise) {
            seen.expertise.clear();
        }
        if !may(levels.track_record) {
            seen.track_record.clear();
        }
        if !reader.manager {
            seen.visibility = FieldVisibility::default();
        }
        seen
    }
}

/// What is done to a profile's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Publish,
    Approve,
    Reject,
    Suspend,
    Reinstate,
    Archive,
}

impl ProfileStatus {
    /// The status after a step, or `None` where it is not allowed. A hub or factory is published by an administrator.
    pub fn after(self, step: Step, kind: ProfileKind) -> Option<ProfileStatus> {
        use ProfileStatus::{Archived, Draft, Published, Rejected, Submitted, Suspended};
        let needs_approval = matches!(kind, ProfileKind::Hub | ProfileKind::Factory);
        match (step, self) {
            (Step::Publish, Draft | Rejected | Archived) if needs_approval => Some(Submitted),
            (Step::Publish, Draft | Rejected | Archived) => Some(Published),
            (Step::Approve, Submitted) => Some(Published),
            (Step::Reject, Submitted) => Some(Rejected),
            (Step::Suspend, Published) => Some(Suspended),
            (Step::Reinstate, Suspended) => Some(Published),
            (Step::Archive, Draft | Submitted | Published | Rejected) => Some(Archived),
            _ => None,
        }
    }
}

impl Step {
    /// The word for the status that the step leads to, for messages.
    pub fn aim(self) -> &'static str {
        match self {
            Step::Publish | Step::Approve | Step::Reinstate => "published",
            Step::Reject => "rejected",
            Step::Suspend => "suspended",
            Step::Archive => "archived",
        }
    }
}

/// Why something about a profile was refused.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("there is no such profile, or not for you")]
    NotFound,
    #[error("only those who manage the profile may do this")]
    NotManaged,
    #[error("a profile that is {0} cannot become {1}")]
    Transition(ProfileStatus, &'static str),
    #[error("{0} profiles cannot be followed")]
    NotFollowable(ProfileKind),
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}

#[cfg(test)]
mod tests {
    use super::*;

    const STEPS: [Step; 6] =
        [Step::Publish, Step::Approve, Step::Reject, Step::Suspend, Step::Reinstate, Step::Archive];

    #[test]
    fn every_transition_is_as_the_domain_says() {
        use ProfileStatus::*;
        let allowed = |kind| {
            let mut found = Vec::new();
            for from in ProfileStatus::ALL {
                for step in STEPS {
                    if let Some(to) = from.after(step, kind) {
                        found.push((*from, step, to));
                    }
                }
            }
            found
        };
        let own = vec![
            (Draft, Step::Publish, Published),
            (Draft, Step::Archive, Archived),
            (Submitted, Step::Approve, Published),
            (Submitted, Step::Reject, Rejected),
            (Submitted, Step::Archive, Archived),
            (Published, Step::Suspend, Suspended),
            (Published, Step::Archive, Archived),
            (Rejected, Step::Publish, Published),
            (Rejected, Step::Archive, Archived),
            (Suspended, Step::Reinstate, Published),
            (Archived, Step::Publish, Published),
        ];
        assert_eq!(allowed(ProfileKind::Mentor), own);
        let approved = own.iter().map(|(from, step, to)| match step {
            Step::Publish => (*from, *step, Submitted),
            _ => (*from, *step, *to),
        });
        assert_eq!(allowed(ProfileKind::Hub), approved.collect::<Vec<_>>());
    }

    #[test]
    fn visibility_is_a_lattice_of_readers() {
        let sees = |reader: Reader| {
            Visibility::ALL
                .iter()
                .filter(|level| reader.may_see(**level))
                .map(|l| l.code())
                .collect::<Vec<_>>()
        };
        let visitor = Reader::default();
        let member = Reader { member: true, ..visitor };
        assert_eq!(sees(visitor), ["public"]);
        assert_eq!(sees(member), ["public", "members"]);
        assert_eq!(sees(Reader { hub_staff: true, ..member }), ["public", "members", "hub"]);
        assert_eq!(sees(Reader { matched: true, ..member }), ["public", "members", "hub", "matched"]);
        assert_eq!(sees(Reader { administrator: true, ..member }), ["public", "members", "hub", "matched"]);
        assert_eq!(sees(Reader { manager: true, ..member }).len(), 5);
    }
}
