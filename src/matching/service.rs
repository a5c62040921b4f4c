//! From a question of the API to a question of the index, and back.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use search_index::matching::{Blocker, Match, MatchRequest, Matcher};
use search_index::{Audience, Document, Face, Kind, Passage, Place, Searcher};

use crate::accounts::Caller;
use crate::db::{Conn, Db, DbError, from_code};
use crate::http::codes::Code;
use crate::http::problem::Problem;
use crate::ids::{NeedId, ProfileId};
use crate::introductions::{self, Block, Reasons};
use crate::search::seeker;
use crate::values::{Language, codes_of};
use crate::{needs, profiles};

use super::routes::{Description, MatchView, Subject};

/// Who asks, and who is kept out of his answers.
pub struct Asking {
    pub seeker: Document,
    pub exclude: HashMap<String, Blocker>,
}

/// Loads what a subject seeks and offers, as it is stored now. The caller must be allowed to know of it.
pub fn asking(
    conn: &mut Conn,
    now: DateTime<Utc>,
    caller: &Caller,
    subject: &Subject,
) -> Result<Asking, Problem> {
    let (kind, id, profile) = match subject {
        Subject::Need(id) => {
            let need = needs::visible(conn, caller, id)?;
            (Kind::Need, id.to_string(), need.content.profile)
        }
        Subject::Profile(id) => (Kind::Profile, id.to_string(), profiles::visible(conn, caller, id)?.id),
        Subject::Description(description) => {
            let seeker = described(description, now);
            return Ok(Asking { seeker, exclude: HashMap::new() });
        }
    };
    let seeker = seeker(conn, kind, &id)?.ok_or_else(|| Problem::of(Code::NotFound))?;
    Ok(Asking { seeker, exclude: blocked(conn, now, caller, &profile)? })
}

/// Whom the asking profile has met, asked, or been declined by. Only its managers may know, so for others nobody is
/// kept out.
fn blocked(
    conn: &mut Conn,
    now: DateTime<Utc>,
    caller: &Caller,
    profile: &ProfileId,
) -> Result<HashMap<String, Blocker>, DbError> {
    let Some(account) = caller.account() else { return Ok(HashMap::new()) };
    if !profiles::is_manager(conn, profile, account)? {
        return Ok(HashMap::new());
    }
    let blocks = introductions::blocks(conn, profile, now)?.into_iter().map(|(other, block)| {
        let blocker = match block {
            Block::Introduced => Blocker::AlreadyIntroduced,
            Block::Declined => Blocker::Declined,
        };
        (other.to_string(), blocker)
    });
    Ok(blocks.collect())
}

/// A document made of a description that is not stored.
fn described(description: &Description, now: DateTime<Utc>) -> Document {
    let passage = Passage {
        language: description.language.as_ref().map(ToString::to_string),
        text: description.text.clone(),
        audience: Audience::Public,
    };
    Document {
        id: "description".to_owned(),
        kind: Kind::Need,
        category: "description".to_owned(),
        profile: "description".to_owned(),
        audience: Audience::Public,
        titles: Vec::new(),
        texts: vec![passage.clone()],
        seeks: Face { passages: vec![passage], ..Face::default() },
        offers: Face::default(),
        place: Place {
            country: description.country.as_ref().map(ToString::to_string),
            region: description.region.as_ref().map(|region| region.as_str().to_owned()),
            ..Place::default()
        },
        sectors: codes_of(&description.sectors),
        stage: description.stage.map(|stage| stage.to_string()),
        size: None,
        languages: codes_of(&description.languages),
        formats: Vec::new(),
        paused: false,
        created_at: now,
        updated_at: now,
        starts_at: None,
        ends_at: None,
    }
}

/// Gives an introduction the sentence with which matching would recommend it.
pub struct MatchReasons {
    pub db: Db,
    pub matcher: Arc<Matcher>,
    pub searcher: Searcher,
}

impl Reasons for MatchReasons {
    fn reason(
        &self,
        now: DateTime<Utc>,
        requester: &ProfileId,
        need: Option<&NeedId>,
        target: &ProfileId,
        language: &Language,
    ) -> Option<String> {
        let (kind, id) = match need {
            Some(need) => (Kind::Need, need.to_string()),
            None => (Kind::Profile, requester.to_string()),
        };
        let seeker = self.db.read_now(|conn| seeker(conn, kind, &id)).ok().flatten()?;
        // The sentence is read by both sides, so it is made of what every member may see.
        let request = MatchRequest {
            languages: vec![language.to_string()],
            want: vec![Kind::Profile],
            limit: 1,
            ..MatchRequest::new(seeker, now)
        };
        let why = self.matcher.why(&self.searcher, &request, target.as_str()).ok().flatten()?;
        Some(why.candidate.reason)
    }
}

/// Adds to each match the name of the profile that it belongs to.
pub fn names(conn: &mut Conn, matches: Vec<Match>) -> Result<Vec<MatchView>, DbError> {
    let mut views = Vec::with_capacity(matches.len());
    for found in matches {
        // A profile that went away since the index was written has no name to show any more.
        let Some(profile) = profiles::find(conn, &from_code(&found.profile)?)? else { continue };
        views.push(MatchView { found, profile_name: profile.content.name, fictional: profile.fictional });
    }
    Ok(views)
}
