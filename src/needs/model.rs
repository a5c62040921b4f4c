//! What a need is, and the rules of its life. Pure.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::ids::{NeedId, ProfileId};
use crate::profiles::ProfileError;
use crate::values::{ConceptId, Country, Format, HelpType, Language, Multilingual, Sector, codes};

codes!(
    /// Where a need is in its life.
    NeedStatus {
        /// Somebody is sought
        Open = "open",
        /// Somebody was found
        Met = "met",
        /// Not sought any more
        Withdrawn = "withdrawn",
        /// Its time ran out
        Expired = "expired",
    }
);

/// What a need says: the fields that those who manage its profile write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateNeed)]
pub struct NeedContent {
    /// Who seeks. Can't be changed later.
    pub profile: ProfileId,
    #[serde(rename = "type")]
    pub kind: HelpType,
    pub title: Multilingual<160>,
    pub description: Multilingual<4000>,
    /// What it is about, over and above what its texts say: concepts of the vocabulary.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 30)]
    pub concepts: Vec<ConceptId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 22)]
    pub sectors: Vec<Sector>,
    /// Working languages that are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub languages: Vec<Language>,
    /// How to meet; empty means any way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub formats: Vec<Format>,
    /// Countries that the provider may come from; empty means any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 50)]
    pub countries: Vec<Country>,
    /// Days until it expires, counted from its creation, and anew whenever this number is changed; 180 where none is
    /// named.
    #[serde(default = "default_lifetime")]
    #[schema(minimum = 1, maximum = 365, example = 120)]
    pub expires_in_days: u16,
}

fn default_lifetime() -> u16 {
    180
}

impl NeedContent {
    /// When a need that is written now runs out.
    pub fn expires_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::days(i64::from(self.expires_in_days))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Need {
    pub id: NeedId,
    pub status: NeedStatus,
    pub content: NeedContent,
    pub expires_at: DateTime<Utc>,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Need {
    /// An open need.
    pub fn new(now: DateTime<Utc>, content: NeedContent) -> Need {
        Need {
            id: NeedId::new(now),
            status: NeedStatus::Open,
            expires_at: content.expires_at(now),
            content,
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    /// Replaces what it says. Its time starts anew if another number of days is given.
    ///
    /// # Errors
    /// [`NeedError::NotOpen`] where it is not open any more, a fault where it names another
    /// profile.
    pub fn rewrite(&mut self, now: DateTime<Utc>, content: NeedContent) -> Result<(), NeedError> {
        if self.status != NeedStatus::Open {
            return Err(NeedError::NotOpen(self.status));
        }
        if content.expires_in_days != self.content.expires_in_days {
            self.expires_at = content.expires_at(now);
        }
        self.put(content)
    }

    /// Takes over what its source says now. What had expired is open again; what its people met or
    /// withdrew stays so.
    ///
    /// # Errors
    /// A fault where it names another profile.
    pub fn renew(&mut self, now: DateTime<Utc>, content: NeedContent) -> Result<(), NeedError> {
        self.expires_at = content.expires_at(now);
        if self.status == NeedStatus::Expired {
            self.status = NeedStatus::Open;
        }
        self.put(content)
    }

    fn put(&mut self, content: NeedContent) -> Result<(), NeedError> {
        if content.profile != self.content.profile {
            let detail = "cannot be changed; make another need";
            return Err(Faults::one("/profile", "immutable", detail).into());
        }
        self.content = content;
        Ok(())
    }
}

/// What is done to a need's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Meet,
    Withdraw,
    /// By time, see [`Need::expires_at`].
    Expire,
}

impl NeedStatus {
    /// The status after a step, or `None` where it is not allowed: every end is final.
    pub fn after(self, step: Step) -> Option<NeedStatus> {
        (self == NeedStatus::Open).then(|| step.aim())
    }
}

impl Step {
    /// The status that the step leads to.
    pub fn aim(self) -> NeedStatus {
        match self {
            Step::Meet => NeedStatus::Met,
            Step::Withdraw => NeedStatus::Withdrawn,
            Step::Expire => NeedStatus::Expired,
        }
    }
}

/// Why something about a need was refused.
#[derive(Debug, thiserror::Error)]
pub enum NeedError {
    #[error("there is no such need, or not for you")]
    NotFound,
    #[error("a need that is {0} cannot be changed")]
    NotOpen(NeedStatus),
    #[error("a need that is {0} cannot become {1}")]
    Transition(NeedStatus, NeedStatus),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error(transparent)]
    Faults(#[from] Faults),
    #[error(transparent)]
    Database(#[from] crate::db::DbError),
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn content(expires_in_days: u16) -> NeedContent {
        let content = serde_json::json!({
            "profile": "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N", "type": "advice",
            "title": {"en": "Advice"}, "description": {"en": "On the AI Act"},
            "expires_in_days": expires_in_days,
        });
        serde_json::from_value(content).unwrap()
    }

    #[test]
    fn every_transition_is_as_the_domain_says() {
        let mut allowed = Vec::new();
        for from in NeedStatus::ALL {
            for step in [Step::Meet, Step::Withdraw, Step::Expire] {
                allowed.extend(from.after(step).map(|to| (*from, step, to)));
            }
        }
        let domain = [
            (NeedStatus::Open, Step::Meet, NeedStatus::Met),
            (NeedStatus::Open, Step::Withdraw, NeedStatus::Withdrawn),
            (NeedStatus::Open, Step::Expire, NeedStatus::Expired),
        ];
        assert_eq!(allowed, domain);
    }

    #[test]
    fn the_time_starts_anew_only_with_another_number_of_days() {
        let (made, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(10));
        let mut need = Need::new(made, content(30));
        need.rewrite(later, content(30)).unwrap();
        assert_eq!(need.expires_at, made + TimeDelta::days(30));
        need.rewrite(later, content(31)).unwrap();
        assert_eq!(need.expires_at, later + TimeDelta::days(31));
    }

    #[test]
    fn only_an_open_need_is_rewritten() {
        let now = DateTime::UNIX_EPOCH;
        for status in NeedStatus::ALL {
            let mut need = Need { status: *status, ..Need::new(now, content(30)) };
            let rewritten = need.rewrite(now, content(40));
            assert_eq!(rewritten.is_ok(), *status == NeedStatus::Open, "{status}");
            assert_eq!(need.content == content(40), rewritten.is_ok(), "{status}");
        }
    }

    #[test]
    fn a_need_stays_with_its_profile() {
        let now = DateTime::UNIX_EPOCH;
        let mut need = Need::new(now, content(30));
        let elsewhere = NeedContent { profile: ProfileId::new(now), ..content(30) };
        for moved in [need.clone().rewrite(now, elsewhere.clone()), need.renew(now, elsewhere)] {
            let faults = match moved {
                Err(NeedError::Faults(faults)) => faults,
                other => unreachable!("{other:?}"),
            };
            let pointers: Vec<_> = faults.0.iter().map(|fault| fault.pointer.as_str()).collect();
            assert_eq!(pointers, ["/profile"]);
        }
    }

    #[test]
    fn renewing_opens_what_time_closed_and_nothing_else() {
        let (made, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(99));
        for status in NeedStatus::ALL {
            let mut need = Need { status: *status, ..Need::new(made, content(30)) };
            need.renew(later, content(30)).unwrap();
            let kept = matches!(status, NeedStatus::Met | NeedStatus::Withdrawn);
            assert_eq!(need.status, if kept { *status } else { NeedStatus::Open });
            assert_eq!(need.expires_at, later + TimeDelta::days(30));
        }
    }
}
