//! How rows become documents of the index: what a thing seeks, what it offers, and who may see which piece.
//!
//! A field that fewer people than all members may see is not handed over at all, so no search, count, score or reason
//! can tell anything of it.

use search_index::{Audience, Case, Claim, Document, Face, Kind, Passage, Place};

use crate::db::{Conn, DbError};
use crate::events::{self, Event};
use crate::ids::{EventId, NeedId, OfferingId, ProfileId};
use crate::indexing::Source;
use crate::needs::{self, Need, NeedStatus};
use crate::offerings::{self, Offering, OfferingStatus};
use crate::profiles::{self, Profile, ProfileContent, ProfileStatus};
use crate::values::{ConceptId, Multilingual, Visibility, codes_of};

/// The rows of all domains as documents.
pub struct Documents;

impl Source for Documents {
    fn affected(&self, conn: &mut Conn, kind: &str, id: &str) -> Result<Vec<(Kind, String)>, DbError> {
        let Some(kind) = Kind::from_code(kind) else { return Ok(Vec::new()) };
        let mut affected = vec![(kind, id.to_owned())];
        match kind {
            // What belongs to a profile repeats its place, its languages and its past cases.
            Kind::Profile => {
                let Ok(profile) = ProfileId::parse(id) else { return Ok(Vec::new()) };
                let of = |kind: Kind, ids: Vec<String>| ids.into_iter().map(move |id| (kind, id));
                affected.extend(of(Kind::Need, needs::ids_of_profile(conn, &profile)?));
                affected.extend(of(Kind::Offering, offerings::ids_of_profile(conn, &profile)?));
                affected.extend(of(Kind::Event, events::ids_of_profile(conn, &profile)?));
            }
            // A profile seeks what its open needs seek, and offers what its open offerings offer.
            Kind::Need | Kind::Offering => {
                affected.extend(owner(conn, kind, id)?.map(|profile| (Kind::Profile, profile)));
            }
            Kind::Event => {}
        }
        Ok(affected)
    }

    fn load(&self, conn: &mut Conn, kind: Kind, id: &str) -> Result<Option<Document>, DbError> {
        let Some(row) = Row::find(conn, kind, id)? else { return Ok(None) };
        if row.is_public() { row.document(conn).map(Some) } else { Ok(None) }
    }

    fn list(&self, conn: &mut Conn, kind: Kind, cursor: &str, limit: i64) -> Result<Vec<String>, DbError> {
        match kind {
            Kind::Profile => profiles::list_ids(conn, cursor, limit),
            Kind::Need => needs::list_ids(conn, cursor, limit),
            Kind::Offering => offerings::list_ids(conn, cursor, limit),
            Kind::Event => events::list_ids(conn, cursor, limit),
        }
    }
}

/// The document of a row, published or not: what its managers ask matches for.
pub fn seeker(conn: &mut Conn, kind: Kind, id: &str) -> Result<Option<Document>, DbError> {
    match Row::find(conn, kind, id)? {
        Some(row) => row.document(conn).map(Some),
        None => Ok(None),
    }
}

/// Id of the profile that a need or an offering belongs to.
fn owner(conn: &mut Conn, kind: Kind, id: &str) -> Result<Option<String>, DbError> {
    Ok(Row::find(conn, kind, id)?.map(|row| row.profile().id.to_string()))
}

/// A row with the profile that it belongs to.
enum Row {
    Profile(Profile),
    Need(Need, Profile),
    Offering(Offering, Profile),
    Event(Event, Profile),
}

impl Row {
    fn find(conn: &mut Conn, kind: Kind, id: &str) -> Result<Option<Row>, DbError> {
        fn with_owner<T>(
            conn: &mut Conn,
            found: Option<T>,
            owner: impl Fn(&T) -> &ProfileId,
            row: impl Fn(T, Profile) -> Row,
        ) -> Result<Option<Row>, DbError> {
            let Some(found) = found else { return Ok(None) };
            Ok(profiles::find(conn, owner(&found))?.map(|profile| row(found, profile)))
        }
        match kind {
            Kind::Profile => {
                let Ok(id) = ProfileId::parse(id) else { return Ok(None) };
                Ok(profiles::find(conn, &id)?.map(Row::Profile))
            }
            Kind::Need => {
                let Ok(id) = NeedId::parse(id) else { return Ok(None) };
                let found = needs::find(conn, &id)?;
                with_owner(conn, found, |need| &need.content.profile, Row::Need)
            }
            Kind::Offering => {
                let Ok(id) = OfferingId::parse(id) else { return Ok(None) };
                let found = offerings::find(conn, &id)?;
                with_owner(conn, found, |offering| &offering.content.profile, Row::Offering)
            }
            Kind::Event => {
                let Ok(id) = EventId::parse(id) else { return Ok(None) };
                let found = events::find(conn, &id)?;
                with_owner(conn, found, |event| &event.content.profile, Row::Event)
            }
        }
    }

    fn profile(&self) -> &Profile {
        match self {
            Row::Profile(profile)
            | Row::Need(_, profile)
            | Row::Offering(_, profile)
            | Row::Event(_, profile) => profile,
        }
    }

    /// Whether anybody but its managers may know of it.
    fn is_public(&self) -> bool {
        self.profile().status == ProfileStatus::Published
            && match self {
                Row::Profile(_) => true,
                Row::Need(need, _) => need.status == NeedStatus::Open,
                Row::Offering(offering, _) => offering.status == OfferingStatus::Open,
                Row::Event(event, _) => event.status.is_upcoming(),
            }
    }

    fn document(&self, conn: &mut Conn) -> Result<Document, DbError> {
        Ok(match self {
            Row::Profile(profile) => {
                let offerings = offerings::open_of_profile(conn, &profile.id)?;
                let needs = needs::open_of_profile(conn, &profile.id)?;
                of_profile(profile, &offerings, &needs)
            }
            Row::Need(need, profile) => of_need(need, profile),
            Row::Offering(offering, profile) => of_offering(offering, profile),
            Row::Event(event, profile) => of_event(event, profile),
        })
    }
}

/// The audience of a field, or `None` where the index may not have it.
fn audience(visibility: Option<Visibility>) -> Option<Audience> {
    match visibility.unwrap_or(Visibility::Public) {
        Visibility::Public => Some(Audience::Public),
        Visibility::Members => Some(Audience::Members),
        Visibility::Hub | Visibility::Matched | Visibility::Private => None,
    }
}

fn passages<const MAX: usize>(text: &Multilingual<MAX>, audience: Audience) -> Vec<Passage> {
    let passage = |(language, text): (&crate::values::Language, &String)| Passage {
        language: Some(language.to_string()),
        text: text.clone(),
        audience,
    };
    text.0.iter().map(passage).collect()
}

fn public<const MAX: usize>(text: &Multilingual<MAX>) -> Vec<Passage> {
    passages(text, Audience::Public)
}

fn claims(concepts: &[ConceptId], audience: Audience) -> Vec<Claim> {
    concepts.iter().map(|concept| Claim { concept: concept.0.clone(), audience }).collect()
}

/// What a profile says of itself that may be searched and matched.
fn self_description(content: &ProfileContent) -> Vec<Passage> {
    let mut texts = public(&content.summary);
    if let (Some(text), Some(audience)) = (&content.description, audience(content.visibility.description)) {
        texts.extend(passages(text, audience));
    }
    texts
}

fn cases(content: &ProfileContent) -> Vec<Case> {
    let Some(audience) = audience(content.visibility.track_record) else { return Vec::new() };
    let case = |(index, case): (usize, &profiles::Case)| Case {
        key: index.to_string(),
        titles: passages(&case.title, audience),
        texts: case.description.as_ref().map(|text| passages(text, audience)).unwrap_or_default(),
        claims: claims(&case.concepts, audience),
        sectors: codes_of(&case.sectors),
        year: case.year,
        audience,
    };
    content.track_record.iter().enumerate().map(case).collect()
}

fn place(content: &ProfileContent) -> Place {
    let public = |visibility| audience(visibility) == Some(Audience::Public);
    let city = public(content.visibility.city);
    let point = city && public(content.visibility.location);
    Place {
        country: Some(content.country.to_string()),
        region: content.region.as_ref().map(|region| region.as_str().to_owned()),
        city: content.city.clone().filter(|_| city),
        point: content.location.filter(|_| point).map(|at| (at.lat, at.lon)),
    }
}

/// What all documents take from the profile that they belong to.
fn base(kind: Kind, id: &str, profile: &Profile) -> Document {
    let content = &profile.content;
    Document {
        id: id.to_owned(),
        kind,
        category: kind.code().to_owned(),
        profile: profile.id.to_string(),
        audience: Audience::Public,
        titles: Vec::new(),
        texts: Vec::new(),
        seeks: Face::default(),
        offers: Face::default(),
        place: place(content),
        sectors: codes_of(&content.sectors),
        stage: content.stage.map(|stage| stage.to_string()),
        size: content.size.map(|size| size.to_string()),
        languages: codes_of(&content.languages),
        formats: codes_of(&content.formats),
        paused: false,
        created_at: profile.created_at,
        updated_at: profile.updated_at,
        starts_at: None,
        ends_at: None,
    }
}

fn of_profile(profile: &Profile, offerings: &[Offering], needs: &[Need]) -> Document {
    let content = &profile.content;
    let name = Passage { language: None, text: content.name.clone(), audience: Audience::Public };
    let (offers, seeks) = (offers(content, offerings), seeks(content, needs));
    let mut texts = self_description(content);
    for case in &offers.cases {
        texts.extend(case.titles.iter().chain(&case.texts).cloned());
    }
    Document {
        category: content.kind.to_string(),
        titles: vec![name],
        texts,
        offers,
        seeks,
        paused: content.capacity == Some(0),
        updated_at: profile.confirmed_at.max(profile.updated_at),
        ..base(Kind::Profile, profile.id.as_str(), profile)
    }
}

/// A profile offers its expertise, its past cases, and what its open offerings offer.
fn offers(content: &ProfileContent, offerings: &[Offering]) -> Face {
    let mut face = Face {
        passages: self_description(content),
        cases: cases(content),
        formats: codes_of(&content.formats),
        ..Face::default()
    };
    if let Some(audience) = audience(content.visibility.expertise) {
        face.claims = claims(&content.expertise, audience);
    }
    for offering in offerings {
        face.passages.extend(public(&offering.content.title));
        face.passages.extend(public(&offering.content.description));
        face.claims.extend(claims(&offering.content.concepts, Audience::Public));
    }
    face
}

/// A profile seeks what its standing wish says, and what its open needs seek.
fn seeks(content: &ProfileContent, needs: &[Need]) -> Face {
    let mut face = Face::default();
    if let (Some(wish), Some(audience)) = (&content.seeks, audience(content.visibility.seeks)) {
        face.passages = wish.text.as_ref().map(|text| passages(text, audience)).unwrap_or_default();
        face.claims = claims(&wish.concepts, audience);
        face.audience = audience;
        face.sectors = codes_of(&wish.sectors);
        face.stages = codes_of(&wish.stages);
        face.countries = codes_of(&wish.countries);
    }
    for need in needs {
        face.passages.extend(public(&need.content.title));
        face.passages.extend(public(&need.content.description));
        face.claims.extend(claims(&need.content.concepts, Audience::Public));
    }
    face
}

fn of_need(need: &Need, profile: &Profile) -> Document {
    let content = &need.content;
    let owner = base(Kind::Need, need.id.as_str(), profile);
    let titles = public(&content.title);
    let texts = public(&content.description);
    Document {
        category: content.kind.to_string(),
        seeks: Face {
            passages: titles.iter().chain(&texts).cloned().collect(),
            claims: claims(&content.concepts, Audience::Public),
            sectors: codes_of(&content.sectors),
            countries: codes_of(&content.countries),
            formats: codes_of(&content.formats),
            ..Face::default()
        },
        offers: offers(&profile.content, &[]),
        titles,
        texts,
        languages: or(codes_of(&content.languages), owner.languages),
        formats: or(codes_of(&content.formats), owner.formats),
        created_at: need.created_at,
        updated_at: need.updated_at,
        ends_at: Some(need.expires_at),
        ..owner
    }
}

/// The first list, or the second where the first says nothing.
fn or(own: Vec<String>, inherited: Vec<String>) -> Vec<String> {
    if own.is_empty() { inherited } else { own }
}

fn of_offering(offering: &Offering, profile: &Profile) -> Document {
    let content = &offering.content;
    let owner = base(Kind::Offering, offering.id.as_str(), profile);
    let titles = public(&content.title);
    let texts = public(&content.description);
    let seeks = content.eligibility.as_ref().map(|eligibility| Face {
        countries: codes_of(&eligibility.countries),
        sizes: codes_of(&eligibility.sizes),
        stages: codes_of(&eligibility.stages),
        strict: true,
        ..Face::default()
    });
    Document {
        category: content.kind.to_string(),
        offers: Face {
            passages: titles.iter().chain(&texts).cloned().collect(),
            claims: claims(&content.concepts, Audience::Public),
            cases: cases(&profile.content),
            sectors: codes_of(&content.sectors),
            formats: codes_of(&content.formats),
            ..Face::default()
        },
        seeks: seeks.unwrap_or_default(),
        titles,
        texts,
        sectors: or(codes_of(&content.sectors), owner.sectors),
        languages: or(codes_of(&content.languages), owner.languages),
        formats: or(codes_of(&content.formats), owner.formats),
        created_at: offering.created_at,
        updated_at: offering.updated_at,
        starts_at: content.opens_at(),
        ends_at: content.closes_at(),
        ..owner
    }
}

fn of_event(event: &Event, profile: &Profile) -> Document {
    let content = &event.content;
    let titles = public(&content.title);
    let texts = public(&content.description);
    let seeks = Face {
        countries: codes_of(&content.audience.countries),
        sizes: codes_of(&content.audience.sizes),
        stages: codes_of(&content.audience.stages),
        ..Face::default()
    };
    let venue = content.venue.as_ref().map(|venue| Place {
        country: Some(venue.country.to_string()),
        region: None,
        city: Some(venue.city.clone()),
        point: venue.location.map(|at| (at.lat, at.lon)),
    });
    let owner = base(Kind::Event, event.id.as_str(), profile);
    Document {
        offers: Face {
            passages: titles.iter().chain(&texts).cloned().collect(),
            claims: claims(&content.concepts, Audience::Public),
            sectors: codes_of(&content.sectors),
            formats: vec![content.format.to_string()],
            ..Face::default()
        },
        seeks,
        titles,
        texts,
        place: venue.unwrap_or(owner.place),
        sectors: codes_of(&content.sectors),
        languages: codes_of(&content.languages),
        formats: vec![content.format.to_string()],
        created_at: event.created_at,
        updated_at: event.updated_at,
        starts_at: Some(content.starts_at),
        ends_at: Some(content.ends_at),
        ..owner
    }
}
