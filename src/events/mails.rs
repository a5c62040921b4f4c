//! The mails about an event, made when they are sent: to those who follow its hub, as long as they do.

use chrono::{DateTime, Datelike, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::model::{Event, EventError, EventStatus};
use super::store;
use crate::accounts::{Account, LinkPurpose, Tokens};
use crate::db::{Conn, DbError};
use crate::ids::{AccountId, EventId, ProfileId};
use crate::mail::{Letter, Queued};
use crate::profiles::{self, ProfileStatus};
use crate::values::Language;

pub const EVENT_ANNOUNCED: &str = "event_announced";
pub const EVENT_CHANGED: &str = "event_changed";

/// How long the link that ends such mails works.
const LINK_LIFETIME: TimeDelta = TimeDelta::days(365);
/// The most characters of a description that a mail shows.
const EXCERPT: usize = 300;

/// What a mail about an event is about.
#[derive(Debug, Serialize, Deserialize)]
pub struct Keys {
    pub event: EventId,
    /// Of a change: what it led to. If something else holds by now, another mail says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<Change>,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub status: EventStatus,
    pub starts_at: DateTime<Utc>,
}

impl Change {
    pub fn of(event: &Event) -> Change {
        Change { status: event.status, starts_at: event.content.starts_at }
    }
}

/// Makes the mail, or nothing if it is outdated or not wanted any more.
pub fn compose(
    conn: &mut Conn,
    now: DateTime<Utc>,
    tokens: &Tokens,
    account: &Account,
    mail: &Queued,
) -> Result<Option<Letter>, EventError> {
    let keys: Keys =
        serde_json::from_value(mail.keys.clone()).map_err(|fault| DbError::Corrupt(fault.to_string()))?;
    let Some(event) = store::find(conn, &keys.event)? else { return Ok(None) };
    let template = match (mail.kind.as_str(), &keys.change) {
        (EVENT_ANNOUNCED, _) if event.status.is_upcoming() && event.content.starts_at > now => {
            EVENT_ANNOUNCED
        }
        (EVENT_CHANGED, Some(change)) if *change == Change::of(&event) => EVENT_CHANGED,
        _ => return Ok(None),
    };
    let profile = &event.content.profile;
    let hub = profiles::find(conn, profile)?.filter(|hub| hub.status == ProfileStatus::Published);
    let Some(hub) = hub else { return Ok(None) };
    if !profiles::is_follower(conn, profile, &account.id)? {
        return Ok(None);
    }
    let context = context(&event, &hub.content.name, &account.language);
    let letter =
        Letter::new(template, account.language.clone(), &account.display_name, &account.email, context);
    Ok(Some(letter.with_unsubscribe(unfollow_path(tokens, profile, &account.id, now)?)))
}

fn context(event: &Event, hub: &str, language: &Language) -> serde_json::Value {
    let (content, languages) = (&event.content, std::slice::from_ref(language));
    json!({
        "hub": hub,
        "title": content.title.text(languages),
        "what": event.status,
        "when": when(content.starts_at, content.tz(), language),
        "zone": content.zone,
        "place": content.venue.as_ref().map(|venue| venue.line()),
        "online": content.is_online(),
        "path": format!("/api/v1/events/{}", event.id),
        "summary": excerpt(content.description.text(languages)),
    })
}

fn unfollow_path(
    tokens: &Tokens,
    profile: &ProfileId,
    account: &AccountId,
    now: DateTime<Utc>,
) -> Result<String, EventError> {
    let subject = format!("{profile}/{account}");
    let token = tokens.link(LinkPurpose::Unsubscribe, &subject, "", now + LINK_LIFETIME)?;
    Ok(format!("/links/unfollow?token={token}"))
}

/// Local date and time as they are written in a language that mails are written in.
fn when(at: DateTime<Utc>, zone: Tz, language: &Language) -> String {
    const MONTHS: [&str; 12] = [
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ];
    let local = at.with_timezone(&zone);
    match language.as_str() {
        "de" => local.format("%d.%m.%Y, %H:%M").to_string(),
        "fr" => {
            let day = if local.day() == 1 { "1er".to_owned() } else { local.day().to_string() };
            let month = MONTHS.get(local.month0() as usize).copied().unwrap_or_default();
            format!("{day} {month} {} à {}", local.year(), local.format("%H:%M"))
        }
        _ => local.format("%-d %B %Y, %H:%M").to_string(),
    }
}

/// The beginning of a text, cut between words.
fn excerpt(text: &str) -> String {
    let Some((cut, _)) = text.char_indices().nth(EXCERPT) else { return text.to_owned() };
    let head = text.get(..cut).unwrap_or(text);
    let whole = head.rfind(char::is_whitespace).and_then(|end| head.get(..end)).unwrap_or(head);
    format!("{} …", whole.trim_end())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::model::samples::{at, content, now};
    use super::*;

    #[test]
    fn local_times_are_written_as_readers_expect() {
        let written = |time: &str, language: &str| {
            when(at(time), "Europe/Vienna".parse().unwrap(), &language.parse().unwrap())
        };
        assert_eq!(written("2026-11-24T08:00:00Z", "de"), "24.11.2026, 09:00");
        assert_eq!(written("2026-11-24T08:00:00Z", "en"), "24 November 2026, 09:00");
        assert_eq!(written("2026-11-24T08:00:00Z", "pl"), "24 November 2026, 09:00");
        assert_eq!(written("2026-11-24T08:00:00Z", "fr"), "24 novembre 2026 à 09:00");
        assert_eq!(written("2026-07-31T22:30:00Z", "fr"), "1er août 2026 à 00:30");
        assert_eq!(written("2026-07-01T07:00:00Z", "de"), "01.07.2026, 09:00");
    }

    #[test]
    fn an_excerpt_ends_between_words() {
        assert_eq!(excerpt("short"), "short");
        let long = "wörter ".repeat(100);
        let cut = excerpt(&long);
        assert!(cut.ends_with("wörter …") && cut.chars().count() <= EXCERPT + 2, "{cut}");
        assert_eq!(excerpt(&"x".repeat(400)).chars().count(), EXCERPT + 2);
    }

    #[test]
    fn a_change_is_outdated_by_the_next_one() {
        let mut event = Event { status: EventStatus::Postponed, ..Event::new(now(), content()) };
        let change = Change::of(&event);
        assert_eq!(change, Change::of(&event));
        event.status = EventStatus::Cancelled;
        assert_ne!(change, Change::of(&event));
    }

    #[test]
    fn the_context_is_in_the_readers_language() {
        let event = Event { status: EventStatus::MovedOnline, ..Event::new(now(), content()) };
        let context = context(&event, "Hub", &"de".parse().unwrap());
        assert_eq!(context["title"], "Werkstatttag");
        assert_eq!(context["what"], "moved_online");
        assert_eq!(context["place"], "Testhalle, Musterstraße 1, 1020 Wien, AT");
        assert_eq!(context["online"], false);
    }
}
