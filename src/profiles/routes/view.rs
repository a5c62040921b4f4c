//! Profiles as the contract shows them.

use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

use crate::ids::ProfileId;
use crate::profiles::model::{
    Case, Contact, FieldVisibility, Profile, ProfileKind, ProfileStatus, Reader, Wish,
};
use crate::values::{
    ConceptId, Country, Format, Language, Location, Multilingual, Region, Sector, Size, Stage,
};

/// A profile as its reader may see it: fields that are not for him are absent.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    pub id: ProfileId,
    pub kind: ProfileKind,
    pub status: ProfileStatus,
    /// Why it was rejected or suspended; for those who manage it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 1000)]
    pub status_reason: Option<String>,
    /// Invented, for demonstration.
    pub fictional: bool,
    #[schema(example = "Vibrasense GmbH")]
    pub name: String,
    pub summary: Multilingual<300>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Multilingual<6000>>,
    pub expertise: Vec<ConceptId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeks: Option<Wish>,
    pub track_record: Vec<Case>,
    pub sectors: Vec<Sector>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<Size>,
    /// Technology readiness level.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 9)]
    pub trl: Option<i32>,
    pub languages: Vec<Language>,
    pub country: Country,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Wien")]
    pub city: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    pub formats: Vec<Format>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri", example = "https://vibrasense.example")]
    pub website: Option<String>,
    /// Whether it takes requests for an introduction now.
    pub takes_requests: bool,
    /// Requests that it takes at a time; for those who manage it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 0, maximum = 50)]
    pub capacity: Option<i32>,
    /// For those who manage it; others see it in an introduction that both sides accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Who may see what; for those who manage it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub visibility: Option<FieldVisibility>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Somebody who manages the profile that he reads.
pub(super) const MANAGER: Reader =
    Reader { member: true, manager: true, hub_staff: false, matched: false, administrator: false };
/// Somebody who looks after the service.
pub(super) const ADMINISTRATOR: Reader = Reader { administrator: true, manager: false, ..MANAGER };

impl ProfileView {
    pub fn of(profile: &Profile, reader: Reader) -> ProfileView {
        let seen = profile.content.visible_to(reader);
        ProfileView {
            id: profile.id.clone(),
            kind: seen.kind,
            status: profile.status,
            status_reason: profile.status_reason.clone().filter(|_| reader.manager || reader.administrator),
            fictional: profile.fictional,
            name: seen.name,
            summary: seen.summary,
            description: seen.description,
            expertise: seen.expertise,
            seeks: seen.seeks,
            track_record: seen.track_record,
            sectors: seen.sectors,
            stage: seen.stage,
            size: seen.size,
            trl: seen.trl,
            languages: seen.languages,
            country: seen.country,
            region: seen.region,
            city: seen.city,
            location: seen.location,
            formats: seen.formats,
            website: seen.website,
            takes_requests: profile.content.capacity != Some(0),
            capacity: seen.capacity,
            contact: seen.contact,
            visibility: reader.manager.then_some(seen.visibility),
            created_at: profile.created_at,
            updated_at: profile.updated_at,
        }
    }

    /// The view of somebody who manages the profile.
    pub(super) fn managed(profile: &Profile) -> ProfileView {
        ProfileView::of(profile, MANAGER)
    }
}
