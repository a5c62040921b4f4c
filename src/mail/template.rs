//! The texts of all mails: one template for each kind and language, embedded in the binary.
//!
//! A template is plain text: `Subject: …`, a blank line, paragraphs. A paragraph `[Label] {{ link(path) }}`
//! becomes a button in the HTML part; `{{ note | quote }}` becomes a quotation. The HTML part is made from
//! the same text by one layout, so that there is one text to maintain. What a user wrote is put on one line
//! wherever it is not quoted, and is escaped in HTML; a name that the context lacks is an error, not a gap.

use minijinja::value::Value as Shown;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, State, UndefinedBehavior, context};
use serde_json::Value;
use url::Url;

use super::Letter;
use super::text::{self, Block, Content};

/// Languages that the mails are written in; everybody else reads the first.
const LANGUAGES: [&str; 3] = ["en", "de", "fr"];

const LAYOUT: &str = "layout.html";

/// Lists the texts of these mails, in all languages, with the names of their files.
macro_rules! texts {
    ($($kind:literal),+ $(,)?) => {
        &[$(
            (concat!($kind, ".en"), include_str!(concat!("templates/", $kind, ".en.txt"))),
            (concat!($kind, ".de"), include_str!(concat!("templates/", $kind, ".de.txt"))),
            (concat!($kind, ".fr"), include_str!(concat!("templates/", $kind, ".fr.txt"))),
        )+]
    };
}

const TEXTS: &[(&str, &str)] = texts![
    "address_known",
    "event_announced",
    "event_changed",
    "footer",
    "introduction_accepted",
    "introduction_declined",
    "introduction_expired",
    "introduction_requested",
    "introduction_withdrawn",
    "password_changed",
    "profile_published",
    "profile_rejected",
    "profile_reminder",
    "reset_password",
    "verify_email",
];

/// A mail that can't be made from its template and context.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// No such template, a name that the context lacks, a path that is not one.
    #[error(transparent)]
    Engine(#[from] Error),
    #[error("the template {0} has no subject, or a link outside of a paragraph `[Label] link`")]
    Form(String),
}

/// All texts, and what their links begin with.
pub struct Templates {
    engine: Environment<'static>,
    public_url: Url,
}

impl Templates {
    /// Reads the embedded templates; links in mails begin with `public_url`.
    ///
    /// # Errors
    /// A template that can't be parsed.
    pub fn new(public_url: &Url) -> Result<Templates, TemplateError> {
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_formatter(write_value);
        engine.add_filter("quote", quote);
        let base = public_url.clone();
        engine.add_function("link", move |path: String| {
            let url = address(&base, &path)?;
            Ok::<_, Error>(Shown::from_safe_string(text::marked_link(url.as_str())))
        });
        for (name, source) in TEXTS {
            engine.add_template(name, source)?;
        }
        engine.add_template(LAYOUT, include_str!("templates/layout.html"))?;
        Ok(Templates { engine, public_url: public_url.clone() })
    }

    /// The address of a path of ours, as it stands in mails.
    ///
    /// # Errors
    /// A path that does not begin with `/`.
    pub fn link(&self, path: &str) -> Result<Url, TemplateError> {
        Ok(address(&self.public_url, path)?)
    }

    /// Makes both parts of a mail, in the recipient's language or else in English.
    ///
    /// # Errors
    /// An unknown template, a context that lacks a name, or a template whose form is wrong.
    pub fn render(&self, letter: &Letter) -> Result<Content, TemplateError> {
        let asked = letter.language.as_str();
        let [english, ..] = LANGUAGES;
        let language = LANGUAGES.into_iter().find(|known| *known == asked).unwrap_or(english);
        let name = format!("{}.{language}", letter.template);
        let rendered = self.engine.get_template(&name)?.render(shown_letter(letter))?;
        let wrong = || TemplateError::Form(name.clone());
        let (subject, rest) = text::split_subject(&rendered).ok_or_else(wrong)?;
        let body = text::blocks(rest).ok_or_else(wrong)?;
        let footer = self.footer(language, letter.unsubscribe.as_deref())?;
        let html = self.engine.get_template(LAYOUT)?.render(context! {
            language,
            subject => &subject,
            body => body.iter().map(shown_block).collect::<Shown>(),
            footer => footer.iter().map(shown_block).collect::<Shown>(),
        })?;
        Ok(Content { subject, text: text::text(&body, &footer), html })
    }

    fn footer(&self, language: &str, unsubscribe: Option<&str>) -> Result<Vec<Block>, TemplateError> {
        let name = format!("footer.{language}");
        let rendered = self.engine.get_template(&name)?.render(context! { unsubscribe })?;
        text::blocks(&rendered).ok_or(TemplateError::Form(name))
    }
}

fn address(base: &Url, path: &str) -> Result<Url, Error> {
    let wrong = |detail: String| Error::new(ErrorKind::InvalidOperation, detail);
    if !path.starts_with('/') {
        return Err(wrong("a path begins with a slash".to_owned()));
    }
    let base = base.as_str().trim_end_matches('/');
    Url::parse(&format!("{base}{path}")).map_err(|fault| wrong(fault.to_string()))
}

/// The letter's context with the recipient's name added.
fn shown_letter(letter: &Letter) -> Shown {
    let name = ("name".to_owned(), Shown::from(text::plain(&letter.name)));
    let context = letter.context.as_object().into_iter().flatten();
    let context = context.map(|(key, value)| (key.clone(), shown(value)));
    Shown::from_pairs(context.chain(std::iter::once(name)))
}

/// A value of the context as a template sees it, with every text cleaned.
fn shown(value: &Value) -> Shown {
    match value {
        Value::Null => Shown::from(()),
        Value::Bool(truth) => Shown::from(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Shown::from(whole),
            None => Shown::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(content) => Shown::from(text::plain(content)),
        Value::Array(items) => items.iter().map(shown).collect(),
        Value::Object(members) => {
            Shown::from_pairs(members.iter().map(|(key, value)| (key.clone(), shown(value))))
        }
    }
}

fn shown_block(block: &Block) -> Shown {
    let lines = |lines: &[String]| lines.iter().map(String::as_str).collect::<Shown>();
    match block {
        Block::Paragraph(content) => context! { kind => "paragraph", lines => lines(content) },
        Block::Quote(content) => context! { kind => "quote", lines => lines(content) },
        Block::Button { label, url } => context! { kind => "button", label, url },
    }
}

fn quote(content: String) -> Shown {
    Shown::from_safe_string(text::marked_quote(&content))
}

/// Writes a value: escaped in the layout, on one line in a text, unless `link` or `quote` made it.
fn write_value(
    out: &mut minijinja::Output<'_>,
    state: &mut State<'_, '_>,
    value: &Shown,
) -> Result<(), Error> {
    if !matches!(state.auto_escape(), AutoEscape::None) {
        return minijinja::escape_formatter(out, state, value);
    }
    let written = match value.as_str() {
        Some(content) if value.is_safe() => out.write_str(content),
        Some(content) => out.write_str(&text::one_line(content)),
        None if value.is_none() => {
            let detail = "a value that may be absent is shown without asking whether it is there";
            return Err(Error::new(ErrorKind::InvalidOperation, detail));
        }
        None => out.write_str(&value.to_string()),
    };
    Ok(written?)
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]
    use serde_json::json;

    use super::*;

    pub(in crate::mail) fn templates() -> Templates {
        Templates::new(&"https://hub.example/app/".parse().unwrap()).unwrap()
    }

    /// Every kind of mail with a context that has all it shows.
    fn contexts() -> Vec<(&'static str, Value)> {
        let event = json!({
            "hub": "AI Hub Graz", "title": "First steps with the AI Act", "zone": "Europe/Vienna",
            "when": "14 January 2027, 09:00", "place": "Inffeldgasse 16, Graz", "path": "/events/evt_1",
        });
        let with = |base: &Value, more: Value| {
            let mut all = base.as_object().unwrap().clone();
            all.extend(more.as_object().unwrap().clone());
            Value::Object(all)
        };
        let pair = json!({ "requester": "Millwright Analytics", "target": "Ana Kovač" });
        vec![
            ("verify_email", json!({ "path": "/links/verify-email?token=abc" })),
            ("reset_password", json!({ "path": "/links/reset-password?token=abc" })),
            ("password_changed", json!({})),
            ("address_known", json!({})),
            (
                "introduction_requested",
                with(
                    &pair,
                    json!({
                        "requester_summary": "We predict failures of paper machines.",
                        "note": "Hello Ana,\n\ncould we talk for half an hour?\nBest, Jo",
                        "reason": "You both know predictive maintenance.",
                        "need_title": "A mentor for our first pilot", "path": "/introductions/int_1",
                        "expires_on": "7 December 2026",
                    }),
                ),
            ),
            (
                "introduction_accepted",
                json!({
                    "other": "Ana Kovač", "contact_name": "Ana Kovač", "note": "With pleasure!",
                    "contact_email": "ana@example.eu", "contact_phone": "+385 1 000 000",
                }),
            ),
            ("introduction_declined", with(&pair, json!({ "code_text": "no time at the moment" }))),
            ("introduction_withdrawn", pair.clone()),
            ("introduction_expired", with(&pair, json!({ "side": "requester" }))),
            ("introduction_expired", with(&pair, json!({ "side": "target" }))),
            ("event_announced", with(&event, json!({ "online": true, "summary": "Two hours." }))),
            ("event_changed", with(&event, json!({ "what": "rescheduled" }))),
            ("event_changed", with(&event, json!({ "what": "postponed" }))),
            ("event_changed", with(&event, json!({ "what": "moved_online" }))),
            ("event_changed", with(&event, json!({ "what": "cancelled" }))),
            ("profile_published", json!({ "profile": "Millwright", "path": "/profiles/prf_1" })),
            ("profile_rejected", json!({ "profile": "Millwright", "reason": "No description yet." })),
            (
                "profile_reminder",
                json!({ "profile": "Millwright", "expires_on": "1 May 2027", "path": "/profiles/prf_1" }),
            ),
        ]
    }

    fn letter(template: &'static str, language: &str, context: Value) -> Letter {
        Letter::new(template, language.parse().unwrap(), "Jo Miller", "jo@example.eu", context)
    }

    /// The texts as people get them, to be read and compared.
    #[test]
    fn every_mail_reads_well_in_every_language() {
        let templates = templates();
        for language in LANGUAGES {
            let mut all = String::new();
            for (kind, context) in contexts() {
                let letter = letter(kind, language, context).with_unsubscribe("/mails/off".to_owned());
                let content = templates.render(&letter).unwrap();
                assert!(content.text.contains("Jo Miller"), "{kind}.{language} greets nobody");
                let body = content.text.split("\n\n-- \n").next().unwrap();
                all += &format!("#### {kind}\n{}\n\n{body}\n\n", content.subject);
            }
            insta::assert_snapshot!(format!("mails_{language}"), all);
        }
    }

    #[test]
    fn the_html_part_is_made_from_the_same_text() {
        let (kind, context) = contexts().remove(4);
        let letter = letter(kind, "de", context).with_unsubscribe("/mails/off?token=x".to_owned());
        let content = templates().render(&letter).unwrap();
        insta::assert_snapshot!("html", content.html);
    }

    #[test]
    fn every_text_that_is_embedded_is_tested() {
        let tested: std::collections::BTreeSet<_> = contexts().iter().map(|(kind, _)| *kind).collect();
        let embedded = TEXTS.iter().filter_map(|(name, _)| name.strip_suffix(".en"));
        let untested: Vec<_> = embedded.filter(|kind| !tested.contains(kind)).collect();
        assert_eq!(untested, ["footer"]);
    }

    #[test]
    fn a_context_that_lacks_a_name_fails() {
        let templates = templates();
        // Of an event's changes, the new date is the one that shows everything.
        let shows_all = |context: &Value| context.get("what").is_none_or(|what| what == "rescheduled");
        for (kind, context) in contexts().into_iter().filter(|(_, context)| shows_all(context)) {
            for key in context.as_object().unwrap().keys() {
                let mut poorer = context.clone();
                poorer.as_object_mut().unwrap().remove(key);
                for language in LANGUAGES {
                    let rendered = templates.render(&letter(kind, language, poorer.clone()));
                    assert!(rendered.is_err(), "{kind}.{language} does not miss {key}");
                }
            }
        }
    }

    #[test]
    fn what_may_be_absent_leaves_no_gap() {
        let absent =
            ["note", "reason", "need_title", "contact_name", "contact_email", "contact_phone", "place"];
        let templates = templates();
        for (kind, mut context) in contexts() {
            for (key, value) in context.as_object_mut().unwrap() {
                if absent.contains(&key.as_str()) {
                    *value = Value::Null;
                }
            }
            for language in LANGUAGES {
                let content = templates.render(&letter(kind, language, context.clone())).unwrap();
                assert!(!content.text.contains("none"), "{}", content.text);
                assert!(!content.text.contains("\n\n\n"), "{}", content.text);
            }
        }
    }

    #[test]
    fn an_unknown_change_of_an_event_is_an_error() {
        let mut context = contexts().into_iter().find(|(kind, _)| *kind == "event_changed").unwrap().1;
        context["what"] = json!("eaten");
        assert!(templates().render(&letter("event_changed", "en", context)).is_err());
    }

    #[test]
    fn other_languages_read_english() {
        let finnish = templates().render(&letter("address_known", "fi", json!({}))).unwrap();
        let english = templates().render(&letter("address_known", "en", json!({}))).unwrap();
        assert_eq!(finnish, english);
        assert!(finnish.html.contains("<html lang=\"en\">"));
    }

    #[test]
    fn what_users_write_stays_theirs() {
        let own = |rest: &str| rest.split('"').next().unwrap().to_owned();
        let (kind, mut context) = contexts().remove(4);
        context["requester"] =
            json!("Eve\r\nBcc: all@example.eu\n\n[Pay here] \u{2}https://evil.example\u{3}");
        context["note"] = json!("<script>x</script>\n\n[Pay here] \u{2}https://evil.example\u{3}");
        let content = templates().render(&letter(kind, "en", context)).unwrap();
        assert_eq!(content.subject.lines().count(), 1);
        assert!(content.subject.starts_with("Eve Bcc: all@example.eu [Pay here] https://evil.example"));
        assert!(content.text.contains("> <script>x</script>\n>\n> [Pay here] https://evil.example\n"));
        assert!(!content.html.contains("<script"));
        // The engine writes a slash as `&#x2f;` too.
        let links: Vec<_> = content.html.replace("&#x2f;", "/").split("href=\"").skip(1).map(own).collect();
        assert_eq!(links, ["https://hub.example/app/introductions/int_1"]);
    }

    #[test]
    fn a_link_stays_on_our_host() {
        let templates = templates();
        assert_eq!(templates.link("/a b?t=ä").unwrap().as_str(), "https://hub.example/app/a%20b?t=%C3%A4");
        for path in ["", "a", ".evil.example/", "@evil.example/", "https://evil.example"] {
            assert!(templates.link(path).is_err(), "{path}");
        }
        assert_eq!(templates.link("//evil.example/").unwrap().host_str(), Some("hub.example"));
    }

    #[test]
    fn an_unsubscription_is_offered_where_there_is_one() {
        let templates = templates();
        let plain = letter("address_known", "en", json!({}));
        let offering = plain.clone().with_unsubscribe("/mails/off?token=x".to_owned());
        let link = "https://hub.example/app/mails/off?token=x";
        assert!(templates.render(&offering).unwrap().text.contains(link));
        assert!(!templates.render(&plain).unwrap().text.contains("No more mails"));
    }
}
