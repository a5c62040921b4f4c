//! Lists that clients keep a copy of: a page of the list, or of what has changed in it.
//!
//! A copy begins with all that the list holds, page by page, and goes on with what changes from then on, in the order of
//! the change feed. The place in the feed is noted before the first page is read, so nothing is missed in between;
//! what comes twice is the same thing again. The cursor says all of it, so a client keeps one text beside its copy.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::answer::Answer;
use super::codes::Code;
use super::page::{cursor_text, cut, decode_cursor, encode_cursor, limit, next_link};
use super::problem::Problem;
use crate::db::{self, Audience, Conn, DbError, Follower, News, Part, Position};

/// No cursor of a page begins with it.
pub(super) const MARK: char = '~';

/// A list that can be followed: the domain says how its rows are loaded.
pub trait Followed {
    /// What the list shows of a row.
    type View: Serialize;
    /// What its entries in the change feed are called.
    const KIND: &'static str;

    fn load(&self, conn: &mut Conn, part: Part<'_>) -> Result<Vec<Self::View>, Problem>;

    fn id(view: &Self::View) -> &str;

    /// Where a page that ends with this one goes on.
    fn key(view: &Self::View) -> String {
        Self::id(view).to_owned()
    }

    /// Who reads the list.
    fn follower(&self, conn: &mut Conn) -> Result<Follower, DbError>;
}

/// One page of a list, or of what has changed in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FollowedPage<T> {
    pub items: Vec<T>,
    /// Only with `updated_since`: what the list does not show, or not any more. Take it out of the copy, if it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub gone: Option<Vec<Gone>>,
    /// Cursor of the next page; absent on the last one. With `updated_since` it is always there: ask with it at once
    /// until a page is empty, and then now and then for what has changed meanwhile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// What is not in the list any more.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gone {
    #[schema(
        pattern = r"^(prf|ned|ofr|evt)_[0-7][0-9A-HJKMNP-TV-Z]{25}$",
        example = "ned_01JDBQZ5W0V6P8R3K2M9XE4T7N"
    )]
    pub id: String,
    /// When its last change was made.
    pub at: DateTime<Utc>,
}

/// What a request asks of a list.
#[derive(Debug)]
pub struct Asked {
    limit: u32,
    wanted: Wanted,
    /// Tells this list with these filters from others.
    list: String,
}

#[derive(Debug)]
enum Wanted {
    /// A page of the list, after this key.
    Page(Option<String>),
    /// A copy of what is newer.
    Since(DateTime<Utc>),
    /// The next page of a copy.
    Next(Cursor),
}

/// Where a copy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cursor {
    /// The database that the position is of.
    incarnation: String,
    position: Position,
    /// Tells whether the reader is what he was when he began, see [`Follower::standing`].
    standing: String,
    list: String,
    stage: Stage,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    /// The list itself is being read, after this key.
    List(Option<String>),
    /// Only what changes is read.
    Changes,
}

impl Asked {
    /// Reads what is asked. `since` begins a copy, and a cursor of a copy goes on with it.
    ///
    /// # Errors
    /// A limit out of bounds, a cursor that is none, one of another list, or one of a page beside `since`.
    pub fn of(
        request: &HttpRequest,
        asked_limit: Option<u32>,
        cursor: Option<&str>,
        since: Option<DateTime<Utc>>,
    ) -> Result<Asked, Problem> {
        let (limit, list) = (limit(asked_limit)?, fingerprint_of_list(request));
        let text = cursor.and_then(cursor_text).filter(|text| text.starts_with(MARK));
        let wanted = match (text, since) {
            (Some(text), _) => Wanted::Next(Cursor::read(&text, &list)?),
            (None, None) => Wanted::Page(decode_cursor(cursor)?),
            (None, Some(_)) if cursor.is_some() => {
                return Err(malformed("must be `next` of an earlier page with `updated_since`"));
            }
            (None, Some(time)) => Wanted::Since(time),
        };
        Ok(Asked { limit, wanted, list })
    }

    /// Whether a copy is kept: then nothing may be in the list or not by the time of asking alone.
    pub fn is_for_copy(&self) -> bool {
        !matches!(self.wanted, Wanted::Page(_))
    }

    /// The page that is asked for.
    ///
    /// # Errors
    /// [`Code::CopyOutdated`] where the copy can't be kept any further.
    pub fn page<L: Followed>(
        self,
        conn: &mut Conn,
        now: DateTime<Utc>,
        list: &L,
    ) -> Result<FollowedPage<L::View>, Problem> {
        match self.wanted {
            Wanted::Page(after) => {
                let (items, next) = part_of_list(conn, list, after.as_deref(), self.limit)?;
                Ok(FollowedPage { items, gone: None, next: next.as_deref().map(encode_cursor) })
            }
            Wanted::Since(time) => {
                let follower = list.follower(conn)?;
                let cursor = Cursor::begin(conn, now, time, &follower, self.list)?;
                cursor.page(conn, list, &follower.audience, self.limit)
            }
            Wanted::Next(cursor) => {
                let follower = list.follower(conn)?;
                cursor.expect_good(conn, now, &follower)?;
                cursor.page(conn, list, &follower.audience, self.limit)
            }
        }
    }
}

impl<T: Serialize> FollowedPage<T> {
    /// The answer, with a `Link` to the next page. A copy that is up to date has none: whoever follows links comes to an
    /// end, and `next` is there for later.
    pub fn answer(&self, request: &HttpRequest) -> Result<Answer, Problem> {
        let up_to_date = self.items.is_empty() && self.gone.as_ref().is_some_and(Vec::is_empty);
        let answer = Answer::ok(self)?;
        Ok(match &self.next {
            Some(next) if !up_to_date => answer.with("link", next_link(request, next)),
            _ => answer,
        })
    }
}

impl Cursor {
    /// Begins with all of the list where nothing can be older, else with what has changed since.
    fn begin(
        conn: &mut Conn,
        now: DateTime<Utc>,
        since: DateTime<Utc>,
        follower: &Follower,
        list: String,
    ) -> Result<Cursor, Problem> {
        let (position, stage) = if since <= DateTime::UNIX_EPOCH {
            (Position::latest(conn)?, Stage::List(None))
        } else {
            let position = Position::since(conn, now, since)?;
            (position.ok_or_else(|| outdated("updated_since: is too long ago"))?, Stage::Changes)
        };
        let incarnation = db::incarnation(conn, now)?;
        Ok(Cursor { incarnation, position, standing: fingerprint(&follower.standing), list, stage })
    }

    /// Checks that what has changed since it was given can still be told.
    fn expect_good(&self, conn: &mut Conn, now: DateTime<Utc>, follower: &Follower) -> Result<(), Problem> {
        if self.incarnation != db::incarnation(conn, now)? {
            return Err(outdated("cursor: is of another database"));
        }
        if self.position.is_lost(conn)? {
            return Err(outdated("cursor: is too old"));
        }
        if self.standing != fingerprint(&follower.standing) {
            return Err(outdated("cursor: who reads now may see other things than who read before"));
        }
        Ok(())
    }

    fn page<L: Followed>(
        self,
        conn: &mut Conn,
        list: &L,
        audience: &Audience,
        limit: u32,
    ) -> Result<FollowedPage<L::View>, Problem> {
        let (items, gone, next) = match &self.stage {
            Stage::List(after) => {
                let (items, key) = part_of_list(conn, list, after.as_deref(), limit)?;
                let stage = key.map_or(Stage::Changes, |key| Stage::List(Some(key)));
                (items, Vec::new(), Cursor { stage, ..self })
            }
            Stage::Changes => {
                let (news, position) = self.position.news(conn, L::KIND, audience, limit)?;
                let (items, gone) = now_and_gone(conn, list, news)?;
                (items, gone, Cursor { position, ..self })
            }
        };
        let next = Some(encode_cursor(&next.to_string()));
        Ok(FollowedPage { items, gone: Some(gone), next })
    }

    /// Reads the text of a cursor of this list.
    fn read(text: &str, list: &str) -> Result<Cursor, Problem> {
        let cursor = Cursor::parse(text).ok_or_else(|| malformed("must be `next` of an earlier page"))?;
        if cursor.list == list {
            return Ok(cursor);
        }
        Err(malformed("is of another list; ask with the same filters as before"))
    }

    fn parse(text: &str) -> Option<Cursor> {
        let mut parts = text.strip_prefix(MARK)?.splitn(5, MARK);
        let mut part = || parts.next().map(str::to_owned);
        let (incarnation, position, standing, list) = (part()?, part()?, part()?, part()?);
        let stage = match part()? {
            stage if stage.is_empty() => Stage::Changes,
            key => Stage::List(Some(key)),
        };
        Some(Cursor { incarnation, position: position.parse().ok()?, standing, list, stage })
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Cursor { incarnation, position, standing, list, stage } = self;
        let key = match stage {
            Stage::List(Some(key)) => key,
            Stage::List(None) | Stage::Changes => "",
        };
        write!(f, "{MARK}{incarnation}{MARK}{position}{MARK}{standing}{MARK}{list}{MARK}{key}")
    }
}

/// Up to `limit` of the list itself, and the key of the last one if there are more.
fn part_of_list<L: Followed>(
    conn: &mut Conn,
    list: &L,
    after: Option<&str>,
    limit: u32,
) -> Result<(Vec<L::View>, Option<String>), Problem> {
    Ok(cut(list.load(conn, Part::After(after, i64::from(limit) + 1))?, limit, L::key))
}

/// What has changed, each thing once: as it is now, or as gone.
fn now_and_gone<L: Followed>(
    conn: &mut Conn,
    list: &L,
    news: Vec<News>,
) -> Result<(Vec<L::View>, Vec<Gone>), Problem> {
    let mut changed: BTreeMap<String, DateTime<Utc>> =
        news.into_iter().map(|news| (news.id, news.at.and_utc())).collect();
    if changed.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let ids: Vec<String> = changed.keys().cloned().collect();
    let items = list.load(conn, Part::Of(&ids))?;
    for item in &items {
        changed.remove(L::id(item));
    }
    Ok((items, changed.into_iter().map(|(id, at)| Gone { id, at }).collect()))
}

/// Tells a list with its filters from others: its path and its parameters, in any order, but not those that say which
/// part of it is asked for.
fn fingerprint_of_list(request: &HttpRequest) -> String {
    let query = url::form_urlencoded::parse(request.query_string().as_bytes());
    let mut filters: Vec<_> = query
        .filter(|(name, _)| !["cursor", "limit", "updated_since"].contains(&name.as_ref()))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    filters.sort();
    fingerprint(&format!("{}?{}", request.path(), filters.join("&")))
}

/// A short text that is the same for the same text only.
fn fingerprint(text: &str) -> String {
    Sha256::digest(text).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

fn malformed(detail: &str) -> Problem {
    Problem::new(Code::MalformedQuery, format!("cursor: {detail}"))
}

fn outdated(detail: &str) -> Problem {
    Problem::new(Code::CopyOutdated, format!("{detail}. {}", Code::CopyOutdated.mend()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_from_its_text() {
        let text = |place: &str| format!("~1790000000-0123456789abcdef~7.42~aa~bb~{place}");
        for place in
            ["", "ned_01JDBQZ5W0V6P8R3K2M9XE4T7N", "1790000000.evt_01JDBQZ5W0V6P8R3K2M9XE4T7N", "a~b"]
        {
            let cursor = Cursor::parse(&text(place));
            assert_eq!(cursor.as_ref().map(ToString::to_string), Some(text(place)));
            let stage = if place.is_empty() { Stage::Changes } else { Stage::List(Some(place.to_owned())) };
            assert_eq!(cursor.map(|cursor| cursor.stage), Some(stage));
        }
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        for text in [
            "",
            "~",
            "ned_01JDBQZ5W0V6P8R3K2M9XE4T7N",
            "~i~7.42~aa~bb",
            "~i~7~aa~bb~",
            "~i~-7.42~aa~bb~",
            "~i~7.-1~aa~bb~",
        ] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
    }
}
