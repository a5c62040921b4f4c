//! The few pages of the service: those that a link in a mail opens, a text and perhaps a form; and those that explain
//! problems. No scripts, nothing loaded from elsewhere.
//!
//! Opening a link changes nothing, since mail scanners open links too; a button does.

use std::fmt::Write as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::LazyLock;

use actix_web::dev::{Payload, UrlEncoded};
use actix_web::error::UrlencodedError;
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use super::capacity::receive;
use super::codes::Code;
use super::languages::ReaderLanguages;
use super::problem::Problem;

const FORM: &str = "application/x-www-form-urlencoded";
/// The most bytes that a posted form may have.
const FORM_LIMIT: usize = 4096;

const STYLE: &str = "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem;\
    color:#1b1b1b;background:#fff}label,input,select{display:block;font:inherit}\
    input,select{width:100%;box-sizing:border-box;padding:.5rem;margin:.3rem 0 1rem;border:1px solid #767676}\
    button{font:inherit;padding:.6rem 1.2rem;margin:.5rem .5rem 0 0;border:0;border-radius:.3rem;\
    background:#003399;color:#fff;cursor:pointer}p{overflow-wrap:anywhere;white-space:pre-line}\
    li{overflow-wrap:anywhere;margin:.3rem 0}pre{padding:1rem;background:#f2f2f2;white-space:pre-wrap}";

/// Only the style above, named by its hash, and forms that go back to this service.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Sha256::digest(STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// A language that pages are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageLanguage {
    English,
    German,
    French,
}

impl PageLanguage {
    /// The first language of the reader that there is, else English.
    pub fn of(reader: &ReaderLanguages) -> PageLanguage {
        let known = reader.0.iter().find_map(|language| match language.as_str() {
            "en" => Some(PageLanguage::English),
            "de" => Some(PageLanguage::German),
            "fr" => Some(PageLanguage::French),
            _ => None,
        });
        known.unwrap_or(PageLanguage::English)
    }

    /// ISO 639-1.
    pub fn code(self) -> &'static str {
        self.pick("en", "de", "fr")
    }

    /// The one that is in this language.
    pub fn pick<T>(self, english: T, german: T, french: T) -> T {
        match self {
            PageLanguage::English => english,
            PageLanguage::German => german,
            PageLanguage::French => french,
        }
    }
}

/// What a reader fills in.
#[derive(Debug, Clone)]
pub enum Field {
    /// A new password.
    Password { name: &'static str, label: String },
    /// One of several, each a value and its label.
    Select { name: &'static str, label: String, options: Vec<(String, String)> },
}

/// A form that is posted to this service.
#[derive(Debug, Clone, Default)]
pub struct Form {
    /// Path, perhaps with a query.
    pub action: String,
    /// Name and value of what is sent unseen.
    pub hidden: Vec<(String, String)>,
    pub fields: Vec<Field>,
    /// Name, value and label; a button with an empty name sends nothing of its own.
    pub buttons: Vec<(String, String, String)>,
}

/// A whole page; every text is escaped here.
pub fn page(
    status: StatusCode,
    language: PageLanguage,
    title: &str,
    paragraphs: &[String],
    form: Option<&Form>,
) -> HttpResponse {
    let text: String = paragraphs.iter().map(|text| format!("<p>{}</p>\n", escape(text))).collect();
    let content = text + &form.map(form_html).unwrap_or_default();
    html(status, language, title, &content, "no-store")
}

/// A part of a page that explains something.
#[derive(Debug, Clone)]
pub enum Block {
    Heading(&'static str),
    /// What stands between backticks is shown as code.
    Text(String),
    /// Word by word, with its line breaks.
    Verbatim(String),
    /// Address, label, and what is said of it.
    Links(Vec<(String, String, String)>),
}

impl Block {
    fn html(&self) -> String {
        match self {
            Block::Heading(text) => format!("<h2>{}</h2>\n", escape(text)),
            Block::Text(text) => format!("<p>{}</p>\n", with_code(text)),
            Block::Verbatim(text) => format!("<pre>{}</pre>\n", escape(text)),
            Block::Links(links) => {
                let items = links.iter().map(|(address, label, text)| {
                    let (address, label, text) = (escape(address), escape(label), with_code(text));
                    format!("<li><a href=\"{address}\"><code>{label}</code></a><br>{text}</li>\n")
                });
                format!("<ul>\n{}</ul>\n", items.collect::<String>())
            }
        }
    }
}

/// A page in English that explains something, the same for everybody; every text is escaped here.
pub fn explanation(title: &str, blocks: &[Block]) -> HttpResponse {
    let content: String = blocks.iter().map(Block::html).collect();
    html(StatusCode::OK, PageLanguage::English, title, &content, "public, max-age=3600")
}

/// The text made harmless, with what stands between backticks as code.
fn with_code(text: &str) -> String {
    let parts = text.split('`').enumerate().map(|(place, part)| match place % 2 {
        0 => escape(part),
        _ => format!("<code>{}</code>", escape(part)),
    });
    parts.collect()
}

/// A whole page around content that is HTML already.
fn html(
    status: StatusCode,
    language: PageLanguage,
    title: &str,
    content: &str,
    cache_control: &'static str,
) -> HttpResponse {
    let title = escape(title);
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><meta name=\"robots\" content=\"noindex\">\
         <title>{title}</title><style>{STYLE}</style></head>\n\
         <body><main>\n<h1>{title}</h1>\n{content}</main></body>\n</html>\n",
        language.code()
    );
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY.as_str()))
        .insert_header((header::CACHE_CONTROL, cache_control))
        .body(body)
}

/// The page for a link that does not work any more: 410 Gone.
pub fn stale_link(language: PageLanguage) -> HttpResponse {
    let title = language.pick(
        "This link does not work any more",
        "Dieser Link gilt nicht mehr",
        "Ce lien n’est plus valable",
    );
    let text = language.pick(
        "It has expired, was used already, or is not complete. Please copy the whole link from the mail, or ask for a \
         new mail.",
        "Er ist abgelaufen, wurde schon benutzt oder ist nicht vollständig. Bitte kopieren Sie den ganzen Link aus der \
         E-Mail, oder fordern Sie eine neue an.",
        "Il a expiré, a déjà servi ou est incomplet. Copiez le lien entier depuis le courriel, ou demandez-en un \
         nouveau.",
    );
    page(StatusCode::GONE, language, title, &[text.to_owned()], None)
}

fn form_html(form: &Form) -> String {
    let mut html = format!("<form method=\"post\" action=\"{}\">\n", escape(&form.action));
    for (name, value) in &form.hidden {
        let (name, value) = (escape(name), escape(value));
        // Writing to a String never fails.
        let _ = writeln!(html, "<input type=\"hidden\" name=\"{name}\" value=\"{value}\">");
    }
    html.extend(form.fields.iter().map(field_html));
    for (name, value, label) in &form.buttons {
        let sent = match name.as_str() {
            "" => String::new(),
            name => format!(" name=\"{}\" value=\"{}\"", escape(name), escape(value)),
        };
        let _ = writeln!(html, "<button type=\"submit\"{sent}>{}</button>", escape(label));
    }
    html + "</form>\n"
}

fn field_html(field: &Field) -> String {
    match field {
        Field::Password { name, label } => format!(
            "<label>{}<input type=\"password\" name=\"{name}\" autocomplete=\"new-password\" required></label>\n",
            escape(label)
        ),
        Field::Select { name, label, options } => {
            let options: String = options
                .iter()
                .map(|(value, label)| {
                    format!("<option value=\"{}\">{}</option>", escape(value), escape(label))
                })
                .collect();
            format!("<label>{}<select name=\"{name}\">{options}</select></label>\n", escape(label))
        }
    }
}

/// Makes a text harmless between tags and within a quoted attribute.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

/// A form that was posted from one of these pages, of at most 4 KiB. What no page of ours sends is a problem.
pub struct PostedForm<T>(pub T);

impl<T: DeserializeOwned + 'static> FromRequest for PostedForm<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, form) = (request.clone(), UrlEncoded::<T>::new(request, payload).limit(FORM_LIMIT));
        Box::pin(
            async move { receive(&request, form).await?.map(PostedForm).map_err(|fault| unreadable(&fault)) },
        )
    }
}

fn unreadable(fault: &UrlencodedError) -> Problem {
    match fault {
        UrlencodedError::Overflow { .. } | UrlencodedError::UnknownLength => {
            Problem::new(Code::PayloadTooLarge, format!("a form may have {FORM_LIMIT} bytes"))
        }
        UrlencodedError::ContentType => {
            Problem::new(Code::UnsupportedMediaType, format!("send the form as {FORM}"))
                .header(header::ACCEPT, FORM)
        }
        _ => Problem::new(Code::BadRequest, "the form is not complete, or has fields that are not known"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::http::capacity::Capacity;
    use actix_web::body::MessageBody;
    use actix_web::test::TestRequest;
    use actix_web::web;
    use std::time::Duration;

    fn text(response: HttpResponse) -> String {
        let bytes = response.into_body().try_into_bytes().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn what_users_wrote_cannot_become_markup() {
        let evil = "\"><script>alert('x')</script>&";
        let form = Form {
            action: evil.to_owned(),
            hidden: vec![(evil.to_owned(), evil.to_owned())],
            fields: vec![Field::Select {
                name: "code",
                label: evil.to_owned(),
                options: vec![(evil.to_owned(), evil.to_owned())],
            }],
            buttons: vec![(evil.to_owned(), evil.to_owned(), evil.to_owned())],
        };
        let page = page(StatusCode::OK, PageLanguage::English, evil, &[evil.to_owned()], Some(&form));
        let html = text(page);
        assert!(!html.contains("<script"), "{html}");
        assert!(!html.contains("alert('"), "{html}");
        assert_eq!(html.matches("&quot;&gt;&lt;script&gt;").count(), 12);
    }

    #[test]
    fn an_explanation_cannot_become_markup_either() {
        let evil = "<script>`<b>`&";
        let evil_link = ("\"><script>".to_owned(), evil.to_owned(), evil.to_owned());
        let blocks =
            [Block::Text(evil.to_owned()), Block::Verbatim(evil.to_owned()), Block::Links(vec![evil_link])];
        let html = text(explanation(evil, &blocks));
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("<p>&lt;script&gt;<code>&lt;b&gt;</code>&amp;</p>"), "{html}");
    }

    #[test]
    fn the_policy_allows_the_style_and_nothing_else() {
        let page = page(StatusCode::OK, PageLanguage::French, "t", &[], None);
        let policy = page.headers().get(header::CONTENT_SECURITY_POLICY).unwrap().to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        assert!(!policy.contains("unsafe-inline") && !policy.contains("script"));
        let html = text(page);
        let style = html.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
        assert_eq!(style, STYLE);
        assert!(html.contains("<html lang=\"fr\">"));
    }

    #[test]
    fn a_button_without_a_name_sends_nothing() {
        let form = Form {
            action: "/links/x?token=1".to_owned(),
            buttons: vec![(String::new(), String::new(), "Go".to_owned())],
            ..Form::default()
        };
        assert!(form_html(&form).contains("<button type=\"submit\">Go</button>"));
    }

    #[actix_web::test]
    async fn a_form_that_is_too_large_or_of_another_type_is_a_problem() {
        async fn read(request: TestRequest) -> Result<Vec<(String, String)>, Problem> {
            let capacity = web::Data::new(Capacity::new(1, Duration::from_secs(10)));
            let (request, mut payload) = request.app_data(capacity).to_http_parts();
            let form = PostedForm::<Vec<(String, String)>>::from_request(&request, &mut payload).await;
            form.map(|form| form.0)
        }
        let form = |body: String| {
            TestRequest::post()
                .insert_header(("content-type", "application/x-www-form-urlencoded"))
                .set_payload(body)
        };
        assert_eq!(read(form("a=1&b=x+y".to_owned())).await.unwrap().len(), 2);
        let large = read(form(format!("a={}", "x".repeat(FORM_LIMIT)))).await.unwrap_err();
        assert_eq!(large.code, Code::PayloadTooLarge);
        let other = TestRequest::post().insert_header(("content-type", "text/plain")).set_payload("a=1");
        assert_eq!(read(other).await.unwrap_err().code, Code::UnsupportedMediaType);
    }
}
