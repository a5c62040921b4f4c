//! What an offering is, and the rules of its life. Pure.

use chrono::{DateTime, Datelike, NaiveDate, NaiveTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::faults::Faults;
use crate::ids::{OfferingId, ProfileId};
use crate::profiles::ProfileError;
use crate::values::{
    ConceptId, Country, Format, HelpType, Language, Multilingual, Sector, Size, Stage, codes,
};

codes!(
    /// Where an offering is in its life.
    OfferingStatus {
        /// Seen by those who manage its profile only
        Draft = "draft",
        /// Can be taken up
        Open = "open",
        /// Not offered any more
        Closed = "closed",
        /// Its closing day has passed
        Expired = "expired",
    }
);

codes!(
    /// The maturity in AI that a service is made for, as European Digital Innovation Hubs state it.
    Maturity {
        /// Getting ready for AI
        Readiness = "readiness",
        /// Applying AI
        Application = "application",
        /// Innovating with AI
        Innovation = "innovation",
    }
);

codes!(
    /// Which of the four pillars of a hub's services it belongs to.
    Pillar {
        TestBeforeInvest = "test_before_invest",
        SkillsAndTraining = "skills_and_training",
        SupportToFindInvestments = "support_to_find_investments",
        InnovationEcosystemAndNetworking = "innovation_ecosystem_and_networking",
    }
);

codes!(
    /// Whom a service is for.
    ClientKind {
        Sme = "sme",
        SmallMidCap = "small_mid_cap",
        PublicSector = "public_sector",
    }
);

/// What an offering says: the fields that those who manage its profile write.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateOffering)]
pub struct OfferingContent {
    /// Who offers. Can't be changed later.
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
    /// Languages in which it is given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 20)]
    pub languages: Vec<Language>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub formats: Vec<Format>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maturity: Option<Maturity>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pillar: Option<Pillar>,
    /// Whom it is for; empty means anybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 3)]
    pub clients: Vec<ClientKind>,
    /// Who can take it up; absent means anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eligibility: Option<Eligibility>,
    /// Mode of access to compute or data, a short code of the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[a-z][a-z0-9_]{0,39}$", example = "fast_lane")]
    pub access: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
    /// Where to read more or to apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(
        max_length = 500,
        format = "uri",
        pattern = "^https://[0-9A-Za-z]",
        example = "https://hub.example/call"
    )]
    pub url: Option<String>,
    /// First day on which it can be taken up, from midnight UTC. It is listed before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-01-15")]
    pub opens_on: Option<NaiveDate>,
    /// Last day on which it can be taken up, until midnight UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2027-03-31")]
    pub closes_on: Option<NaiveDate>,
}

/// Conditions that exclude whoever does not meet them; an empty one excludes nobody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Eligibility {
    /// Where the taker is established.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 100)]
    pub countries: Vec<Country>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 5)]
    pub sizes: Vec<Size>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(max_items = 6)]
    pub stages: Vec<Stage>,
}

/// What it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// In hundredths of the currency; 0 is free of charge.
    #[schema(minimum = 0, maximum = 100_000_000_000i64, example = 29_000)]
    pub amount_cents: i64,
    /// ISO 4217 code.
    #[schema(pattern = "^[A-Z]{3}$", example = "EUR")]
    pub currency: String,
}

/// Days outside these years are slips of the pen, and not all of them can be stored.
const YEARS: std::ops::RangeInclusive<i32> = 2000..=2100;

impl OfferingContent {
    /// The instant from which it can be taken up.
    pub fn opens_at(&self) -> Option<DateTime<Utc>> {
        self.opens_on.map(midnight)
    }

    /// The instant at which it closes: the end of its last day.
    pub fn closes_at(&self) -> Option<DateTime<Utc>> {
        self.closes_on.and_then(|day| day.succ_opt()).map(midnight)
    }

    /// Whether its closing day has passed.
    pub fn is_over(&self, now: DateTime<Utc>) -> bool {
        self.closes_at().is_some_and(|end| end <= now)
    }

    /// Checks what the schema can't say.
    pub fn check(&self) -> Result<(), Faults> {
        self.faults().or(())
    }

    /// [`OfferingContent::check`] for what is written now: it may not be over already.
    pub fn check_at(&self, now: DateTime<Utc>) -> Result<(), Faults> {
        let mut faults = self.faults();
        faults.check(!self.is_over(now), "/closes_on", "past", "must not be in the past");
        faults.or(())
    }

    fn faults(&self) -> Faults {
        let mut faults = Faults::default();
        for (pointer, day) in [("/opens_on", self.opens_on), ("/closes_on", self.closes_on)] {
            let known = day.is_none_or(|day| YEARS.contains(&day.year()));
            let detail = format!("must be in the years {} to {}", YEARS.start(), YEARS.end());
            faults.check(known, pointer, "date_range", &detail);
        }
        if let (Some(opens), Some(closes)) = (self.opens_on, self.closes_on) {
            let detail = "must not be before opens_on";
            faults.check(opens <= closes, "/closes_on", "before_opening", detail);
        }
        let currency = self.price.as_ref().map(|price| price.currency.as_str());
        faults.check(
            currency.is_none_or(|code| iso_currency::Currency::from_code(code).is_some()),
            "/price/currency",
            "currency",
            "must be an ISO 4217 currency code, for example EUR",
        );
        faults
    }
}

fn midnight(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(NaiveTime::MIN).and_utc()
}

#[derive(Debug, Clone, PartialEq)]
pub struct Offering {
    pub id: OfferingId,
    pub status: OfferingStatus,
    pub content: OfferingContent,
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Offering {
    pub fn new(now: DateTime<Utc>, status: OfferingStatus, content: OfferingContent) -> Offering {
        Offering { id: OfferingId::new(now), status, content, version: 1, created_at: now, updated_at: now }
    }

    /// Replaces what it says.
    ///
    /// # Errors
    /// [`OfferingError::Ended`] where it is closed or expired, faults where it names another
    /// profile or breaks a rule of its content.
    pub fn rewrite(&mut self, now: DateTime<Utc>, content: OfferingContent) -> Result<(), OfferingError> {
        if !matches!(self.status, OfferingStatus::Draft | OfferingStatus::Open) {
            return Err(OfferingError::Ended(self.status));
        }
        content.check_at(now)?;
        self.put(content)
    }

    /// Takes over what its source says now. Time decides whether it is open or expired; what its
    /// people closed stays so.
    ///
    /// # Errors
    /// Faults where it names another profile or breaks a rule of its content.
    pub fn renew(&mut self, now: DateTime<Utc>, content: OfferingContent) -> Result<(), OfferingError> {
        content.check()?;
        if self.status != OfferingStatus::Closed {
            self.status = OfferingStatus::imported(now, &content);
        }
        self.put(content)
    }

    fn put(&mut self, content: OfferingContent) -> Result<(), OfferingError> {
        if content.profile != self.content.profile {
            let detail = "cannot be changed; make another offering";
            return Err(Faults::one("/profile", "immutable", detail).into());
        }
        self.content = content;
        Ok(())
    }
}

/// What is done to an offering's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    Open,
    Close,
    /// By time, see [`OfferingContent::closes_at`].
    Expire,
}

impl OfferingStatus {
    /// The status after a step, or `None` where it is not allowed.
    pub fn after(self, step: Step) -> Option<OfferingStatus> {
        use OfferingStatus::{Draft, Open};
        match (step, self) {
            (Step::Open, Draft) | (Step::Close | Step::Expire, Open) => Some(step.aim()),
            _ => None,
        }
    }

    /// The status of an imported offering: open until its closing day has passed.
    pub fn imported(now: DateTime<Utc>, content: &OfferingContent) -> OfferingStatus {
        if content.is_over(now) { OfferingStatus::Expired } else { OfferingStatus::Open }
    }
}

impl Step {
    /// The status that the step leads to.
    pub fn aim(self) -> OfferingStatus {
        match self {
            Step::Open => OfferingStatus::Open,
            Step::Close => OfferingStatus::Closed,
            Step::Expire => OfferingStatus::Expired,
        }
    }
}

/// Why something about an offering was refused.
#[derive(Debug, thiserror::Error)]
pub enum OfferingError {
    #[error("there is no such offering, or not for you")]
    NotFound,
    #[error("an offering that is {0} cannot be changed")]
    Ended(OfferingStatus),
    #[error("an offering that is {0} cannot become {1}")]
    Transition(OfferingStatus, OfferingStatus),
    #[error("its closing day has passed; change closes_on first")]
    Over,
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
    use serde_json::json;

    fn content(more: serde_json::Value) -> OfferingContent {
        let mut content = json!({
            "profile": "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N", "type": "training",
            "title": {"en": "Course"}, "description": {"en": "Two days on the AI Act"},
        });
        let members = content.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        serde_json::from_value(content).unwrap()
    }

    fn at(instant: &str) -> DateTime<Utc> {
        instant.parse().unwrap()
    }

    fn codes_of(faults: Result<(), Faults>) -> Vec<(String, String)> {
        let faults = faults.err().unwrap_or_default().0;
        faults.into_iter().map(|fault| (fault.pointer, fault.code)).collect()
    }

    #[test]
    fn every_transition_is_as_the_domain_says() {
        let mut allowed = Vec::new();
        for from in OfferingStatus::ALL {
            for step in [Step::Open, Step::Close, Step::Expire] {
                allowed.extend(from.after(step).map(|to| (*from, step, to)));
            }
        }
        let domain = [
            (OfferingStatus::Draft, Step::Open, OfferingStatus::Open),
            (OfferingStatus::Open, Step::Close, OfferingStatus::Closed),
            (OfferingStatus::Open, Step::Expire, OfferingStatus::Expired),
        ];
        assert_eq!(allowed, domain);
    }

    #[test]
    fn it_closes_at_the_end_of_its_last_day() {
        let course = content(json!({"opens_on": "2027-02-28", "closes_on": "2027-02-28"}));
        assert_eq!(course.opens_at(), Some(at("2027-02-28T00:00:00Z")));
        assert_eq!(course.closes_at(), Some(at("2027-03-01T00:00:00Z")));
        assert!(!course.is_over(at("2027-02-28T23:59:59.999999Z")));
        assert!(course.is_over(at("2027-03-01T00:00:00Z")));
        assert!(!content(json!({})).is_over(at("2999-01-01T00:00:00Z")));
    }

    #[test]
    fn every_fault_is_named() {
        let now = at("2027-01-01T00:00:00Z");
        let wrong = content(json!({
            "opens_on": "9999-12-31", "closes_on": "2026-12-31",
            "price": {"amount_cents": 100, "currency": "XYZ"},
        }));
        let always =
            [("/opens_on", "date_range"), ("/closes_on", "before_opening"), ("/price/currency", "currency")]
                .map(|(pointer, code)| (pointer.to_owned(), code.to_owned()));
        assert_eq!(codes_of(wrong.check()), always);
        let mut now_too = always.to_vec();
        now_too.push(("/closes_on".to_owned(), "past".to_owned()));
        assert_eq!(codes_of(wrong.check_at(now)), now_too);
        let today = content(json!({
            "closes_on": "2027-01-01", "price": {"amount_cents": 0, "currency": "SEK"},
        }));
        assert_eq!(today.check_at(now), Ok(()));
    }

    #[test]
    fn only_what_has_not_ended_is_rewritten() {
        let now = at("2027-01-01T00:00:00Z");
        for status in OfferingStatus::ALL {
            let mut offering = Offering::new(now, *status, content(json!({})));
            let url = content(json!({"url": "https://hub.example"}));
            let rewritten = offering.rewrite(now, url.clone());
            let running = matches!(status, OfferingStatus::Draft | OfferingStatus::Open);
            assert_eq!(rewritten.is_ok(), running, "{status}");
            assert_eq!(offering.content == url, running, "{status}");
        }
    }

    #[test]
    fn an_offering_stays_with_its_profile() {
        let now = at("2027-01-01T00:00:00Z");
        let elsewhere = OfferingContent { profile: ProfileId::new(now), ..content(json!({})) };
        let mut offering = Offering::new(now, OfferingStatus::Open, content(json!({})));
        for moved in [offering.clone().rewrite(now, elsewhere.clone()), offering.renew(now, elsewhere)] {
            assert!(matches!(moved, Err(OfferingError::Faults(_))), "{moved:?}");
        }
    }

    #[test]
    fn renewing_follows_the_closing_day_but_opens_nothing_that_was_closed() {
        let now = at("2027-01-01T00:00:00Z");
        let renewed = |status, closes_on: &str| {
            let mut offering = Offering::new(now, status, content(json!({})));
            offering.renew(now, content(json!({"closes_on": closes_on}))).unwrap();
            offering.status
        };
        use OfferingStatus::{Closed, Expired, Open};
        assert_eq!(renewed(Open, "2026-12-31"), Expired);
        assert_eq!(renewed(Expired, "2027-01-01"), Open);
        assert_eq!(renewed(Closed, "2027-01-01"), Closed);
    }
}
