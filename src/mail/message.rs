//! A mail as it goes over the wire: headers and both parts.

use std::time::SystemTime;

use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, MultiPartKind, SinglePart};
use url::Url;

use super::Letter;
use super::model::{Claimed, SendError};
use super::text::{Content, one_line, plain};
use crate::ids::MailId;

/// A mail that is ready to leave.
#[derive(Debug, Clone)]
pub struct Outgoing {
    pub id: MailId,
    pub kind: String,
    pub content: Content,
    pub message: Message,
}

const AUTO_SUBMITTED: HeaderName = HeaderName::new_from_ascii_str("Auto-Submitted");
const LIST_UNSUBSCRIBE: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe");
const LIST_UNSUBSCRIBE_POST: HeaderName = HeaderName::new_from_ascii_str("List-Unsubscribe-Post");

/// Puts a mail together. A repeat of the same mail has the same Message-ID, Date and boundary, so that
/// servers and readers can tell that it is one.
///
/// # Errors
/// [`SendError::Permanent`] where the recipient's address can't stand in a mail.
pub fn outgoing(
    from: &Mailbox,
    host: &str,
    claimed: &Claimed,
    letter: &Letter,
    content: Content,
    unsubscribe: Option<&Url>,
) -> Result<Outgoing, SendError> {
    let unusable = |what: &str| SendError::Permanent(format!("{what} cannot be used in a mail"));
    let id = &claimed.queued.id;
    let address = letter.address.parse().map_err(|_| unusable("the recipient's address"))?;
    let name = Some(one_line(&plain(&letter.name))).filter(|name| !name.is_empty());
    let mut builder = Message::builder()
        .message_id(Some(format!("<{id}@{host}>")))
        .date(SystemTime::from(claimed.created_at))
        .from(from.clone())
        .to(Mailbox::new(name, address))
        .subject(content.subject.clone())
        .raw_header(HeaderValue::new(AUTO_SUBMITTED, "auto-generated".to_owned()));
    if let Some(url) = unsubscribe {
        // RFC 8058: one POST to this address ends mails of the kind.
        let one_click = "List-Unsubscribe=One-Click".to_owned();
        builder = builder
            .raw_header(HeaderValue::new(LIST_UNSUBSCRIBE, format!("<{url}>")))
            .raw_header(HeaderValue::new(LIST_UNSUBSCRIBE_POST, one_click));
    }
    let parts = MultiPart::builder()
        .kind(MultiPartKind::Alternative)
        .boundary(format!("=_{id}"))
        .singlepart(SinglePart::plain(content.text.clone()))
        .singlepart(SinglePart::html(content.html.clone()));
    let message = builder.multipart(parts).map_err(|_| unusable("a header"))?;
    Ok(Outgoing { id: id.clone(), kind: claimed.queued.kind.clone(), content, message })
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use chrono::{DateTime, Utc};
    use serde_json::json;

    use super::super::Queued;
    use super::*;
    use crate::ids::AccountId;

    pub(in crate::mail) fn example(name: &str, subject: &str, unsubscribe: Option<&str>) -> Outgoing {
        let created_at: DateTime<Utc> = "2026-11-23T09:30:00Z".parse().unwrap();
        let queued = Queued {
            id: MailId::new(created_at),
            kind: "example".to_owned(),
            account: AccountId::new(created_at),
            keys: json!({}),
        };
        let letter = Letter::new("example", "en".parse().unwrap(), name, "jo@example.eu", json!({}));
        let content = Content {
            subject: subject.to_owned(),
            text: "Grüße\n.\nFrom here\n".to_owned(),
            html: "<p>Grüße</p>".to_owned(),
        };
        let claimed = Claimed { queued, attempts: 1, created_at };
        let from = "aihub <aihub@hub.example>".parse().unwrap();
        let url = unsubscribe.map(|url| url.parse().unwrap());
        outgoing(&from, "hub.example", &claimed, &letter, content, url.as_ref()).unwrap()
    }

    fn headers(mail: &Outgoing) -> String {
        let source = String::from_utf8(mail.message.formatted()).unwrap();
        source.split("\r\n\r\n").next().unwrap().to_owned()
    }

    #[test]
    fn the_headers_are_complete_and_stable() {
        let mail = example("Jo", "Hello", Some("https://hub.example/mails/off?token=x"));
        let headers = headers(&mail);
        let id = &mail.id;
        for expected in [
            format!("Message-ID: <{id}@hub.example>"),
            "Date: Mon, 23 Nov 2026 09:30:00 +0000".to_owned(),
            "From: aihub <aihub@hub.example>".to_owned(),
            "To: Jo <jo@example.eu>".to_owned(),
            "Subject: Hello".to_owned(),
            "Auto-Submitted: auto-generated".to_owned(),
            "List-Unsubscribe: <https://hub.example/mails/off?token=x>".to_owned(),
            "List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned(),
        ] {
            assert!(headers.lines().any(|line| line == expected), "{expected} is not in\n{headers}");
        }
        assert!(headers.contains("multipart/alternative;"));
        assert!(!headers_of_plain().contains("List-Unsubscribe"));
    }

    fn headers_of_plain() -> String {
        headers(&example("Jo", "Hello", None))
    }

    #[test]
    fn no_header_can_be_smuggled_in() {
        let evil = "Eve\r\nBcc: all@example.eu\r\n\r\n<b>body</b>\u{0}";
        let headers = headers(&example(evil, evil, Some("https://hub.example/off")));
        assert!(!headers.lines().any(|line| line.to_ascii_lowercase().starts_with("bcc")), "{headers}");
        assert!(headers.contains("Auto-Submitted"), "the headers end early:\n{headers}");
        let mail = example(evil, evil, None);
        let to: Vec<_> = mail.message.envelope().to().iter().map(ToString::to_string).collect();
        assert_eq!(to, ["jo@example.eu"]);
    }

    #[test]
    fn an_address_that_is_none_is_given_up() {
        let mail = example("Jo", "Hello", None);
        let queued = Queued {
            id: mail.id.clone(),
            kind: mail.kind.clone(),
            account: AccountId::new(Utc::now()),
            keys: json!({}),
        };
        let claimed = Claimed { queued, attempts: 1, created_at: Utc::now() };
        let from = "aihub@hub.example".parse().unwrap();
        for address in ["", "jo", "jo@a.eu\r\nRCPT TO:<x@b.eu>", "jo@a.eu, x@b.eu"] {
            let letter = Letter::new("example", "en".parse().unwrap(), "Jo", address, json!({}));
            let made = outgoing(&from, "h", &claimed, &letter, mail.content.clone(), None);
            let fault = made.unwrap_err();
            assert!(matches!(&fault, SendError::Permanent(text) if !text.contains('@')), "{fault:?}");
        }
    }
}
