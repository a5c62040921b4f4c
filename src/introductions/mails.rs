//! The mails about an introduction, made when they are sent.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::{Value, json};

use super::model::{DeclineCode, Introduction, IntroductionStatus, Side};
use super::{service, store};
use crate::accounts::{Account, AccountError, LinkPurpose, Tokens};
use crate::db::{Conn, DbError};
use crate::http::html::PageLanguage;
use crate::http::languages::ReaderLanguages;
use crate::ids::IntroductionId;
use crate::mail::{Letter, Queued};
use crate::needs;
use crate::profiles::{self, Profile, ProfileStatus};

pub const INTRODUCTION_REQUESTED: &str = "introduction_requested";
pub const INTRODUCTION_ACCEPTED: &str = "introduction_accepted";
pub const INTRODUCTION_DECLINED: &str = "introduction_declined";
pub const INTRODUCTION_WITHDRAWN: &str = "introduction_withdrawn";
pub const INTRODUCTION_EXPIRED: &str = "introduction_expired";

#[derive(Deserialize)]
struct Keys {
    introduction: IntroductionId,
    /// The side whose managers are told.
    side: Side,
}

/// An introduction as a mail tells of it.
struct Told<'a> {
    introduction: Introduction,
    side: Side,
    requester: Profile,
    target: Profile,
    recipient: &'a Account,
}

impl Told<'_> {
    fn both_published(&self) -> bool {
        [&self.requester, &self.target].iter().all(|profile| profile.status == ProfileStatus::Published)
    }
}

/// Makes the mail, or nothing if the introduction is gone or has moved on, or if the recipient no longer manages the
/// side that is told.
pub fn compose(
    conn: &mut Conn,
    now: DateTime<Utc>,
    tokens: &Tokens,
    account: &Account,
    mail: &Queued,
) -> Result<Option<Letter>, AccountError> {
    let Some(told) = load(conn, account, mail)? else { return Ok(None) };
    let status = told.introduction.status_at(now);
    let (template, context) = match (mail.kind.as_str(), status) {
        (INTRODUCTION_REQUESTED, IntroductionStatus::Requested) => {
            // What somebody wrote whose profile was taken down since reaches nobody.
            if told.requester.status != ProfileStatus::Published {
                return Ok(None);
            }
            (INTRODUCTION_REQUESTED, requested(conn, tokens, &told)?)
        }
        (INTRODUCTION_ACCEPTED, status) if status.is_disclosed() && told.both_published() => {
            (INTRODUCTION_ACCEPTED, accepted(conn, &told)?)
        }
        (INTRODUCTION_DECLINED, IntroductionStatus::Declined) => (INTRODUCTION_DECLINED, declined(&told)),
        (INTRODUCTION_WITHDRAWN, IntroductionStatus::Withdrawn) => (INTRODUCTION_WITHDRAWN, names(&told)),
        (INTRODUCTION_EXPIRED, IntroductionStatus::Expired) => (INTRODUCTION_EXPIRED, names(&told)),
        _ => return Ok(None),
    };
    Ok(Some(Letter::new(template, account.language.clone(), &account.display_name, &account.email, context)))
}

fn load<'a>(conn: &mut Conn, recipient: &'a Account, mail: &Queued) -> Result<Option<Told<'a>>, DbError> {
    let keys: Keys =
        serde_json::from_value(mail.keys.clone()).map_err(|fault| DbError::Corrupt(fault.to_string()))?;
    let Some(introduction) = store::find(conn, &keys.introduction)? else { return Ok(None) };
    if !profiles::is_manager(conn, introduction.profile(keys.side), &recipient.id)? {
        return Ok(None);
    }
    let requester = profiles::find(conn, &introduction.requester)?;
    let target = profiles::find(conn, &introduction.target)?;
    Ok(requester.zip(target).map(|(requester, target)| Told {
        introduction,
        side: keys.side,
        requester,
        target,
        recipient,
    }))
}

fn requested(conn: &mut Conn, tokens: &Tokens, told: &Told<'_>) -> Result<Value, AccountError> {
    let (introduction, recipient) = (&told.introduction, told.recipient);
    let languages = [recipient.language.clone()];
    let need = introduction.need.as_ref().map(|id| needs::find(conn, id)).transpose()?.flatten();
    let subject = format!("{}/{}", introduction.id, recipient.id);
    let state = IntroductionStatus::Requested.code();
    let token = tokens.link(LinkPurpose::DecideIntroduction, &subject, state, introduction.expires_at)?;
    Ok(json!({
        "requester": told.requester.content.name,
        "requester_summary": told.requester.content.summary.text(&languages),
        "target": told.target.content.name,
        "note": introduction.note,
        "reason": introduction.reason.best(&languages).map(|(_, sentence)| sentence),
        "need_title": need.map(|need| need.content.title.text(&languages).to_owned()),
        "path": format!("/links/introduction?token={token}"),
        "expires_on": introduction.expires_at.date_naive(),
    }))
}

fn accepted(conn: &mut Conn, told: &Told<'_>) -> Result<Value, DbError> {
    let other = match told.side {
        Side::Requester => &told.target,
        Side::Target => &told.requester,
    };
    let contact = service::contact_of(conn, other, &told.introduction)?.unwrap_or_default();
    Ok(json!({
        "other": other.content.name,
        "contact_name": contact.name,
        "contact_email": contact.email,
        "contact_phone": contact.phone,
        "note": told.introduction.note,
    }))
}

fn declined(told: &Told<'_>) -> Value {
    let language = PageLanguage::of(&ReaderLanguages(vec![told.recipient.language.clone()]));
    let code_text = told.introduction.declined.as_ref().map_or_else(String::new, |declined| {
        let text = decline_text(declined.code, language);
        match &declined.message {
            Some(message) => format!("{text} – {message}"),
            None => text.to_owned(),
        }
    });
    json!({
        "requester": told.requester.content.name,
        "target": told.target.content.name,
        "code_text": code_text,
    })
}

fn names(told: &Told<'_>) -> Value {
    json!({
        "requester": told.requester.content.name,
        "target": told.target.content.name,
        "side": told.side,
    })
}

/// What a decline code means, for people.
pub fn decline_text(code: DeclineCode, language: PageLanguage) -> &'static str {
    match code {
        DeclineCode::NoTime => language.pick("No time", "Keine Zeit", "Pas le temps"),
        DeclineCode::NotMyField => {
            language.pick("Not my field", "Nicht mein Fachgebiet", "Ce n’est pas mon domaine")
        }
        DeclineCode::SomeoneElseFitsBetter => language.pick(
            "Somebody else fits better",
            "Jemand anderes passt besser",
            "Quelqu’un d’autre conviendrait mieux",
        ),
        DeclineCode::NotNow => language.pick("Not at the moment", "Nicht jetzt", "Pas en ce moment"),
        DeclineCode::Other => language.pick("Another reason", "Ein anderer Grund", "Une autre raison"),
    }
}
