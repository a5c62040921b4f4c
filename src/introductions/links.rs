//! The page behind the link of a request's mail: the target accepts or declines without a login.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::mails::decline_text;
use super::model::{DeclineCode, DeclineIntroduction, IntroductionError, IntroductionStatus};
use super::service::{self, Details};
use crate::accounts::links::LinkQuery;
use crate::accounts::{LinkPurpose, Tokens};
use crate::clock::Clock;
use crate::db::{Conn, Db};
use crate::http::html::{Field, Form, PageLanguage, PostedForm, page, stale_link};
use crate::http::languages::ReaderLanguages;
use crate::http::problem::Problem;
use crate::http::query::ValidQuery;
use crate::ids::{AccountId, IntroductionId};
use crate::profiles::ProfileStatus;
use crate::values::codes;

/// Outside of `/api/v1`: the addresses stand in mails.
pub fn configure(root: &mut ServiceConfig<'_>) {
    root.service(show_introduction_request).service(post_introduction_decision);
}

codes!(
    /// The button that was pressed.
    Decision {
        Accept = "accept",
        Decline = "decline",
    }
);

/// A button of the page was pressed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecisionForm {
    #[schema(max_length = 2000, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ…")]
    pub token: String,
    pub decision: Decision,
    /// Why; only read with `decline`.
    pub code: DeclineCode,
}

/// Whom a link lets decide, and what; `None` where it does not work any more.
fn follow(tokens: &Tokens, token: &str, now: DateTime<Utc>) -> Option<(IntroductionId, AccountId)> {
    let link = tokens.follow(LinkPurpose::DecideIntroduction, token, now).ok()?;
    link.in_state(IntroductionStatus::Requested.code()).ok()?;
    let (introduction, account) = link.subject.split_once('/')?;
    Some((introduction.parse().ok()?, account.parse().ok()?))
}

/// The introduction as the link's holder may see it, if he still manages the target.
fn load(
    conn: &mut Conn,
    account: &AccountId,
    id: &IntroductionId,
) -> Result<Option<Details>, IntroductionError> {
    match service::details_of_target(conn, account, id) {
        Ok(details) => Ok(Some(details)),
        Err(IntroductionError::NotFound | IntroductionError::NotYours(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

#[utoipa::path(
    tag = "mail",
    summary = "Open the link of a request's mail",
    description = "A page that shows the request, with buttons to accept or decline; opening it changes nothing. A \
        request that was answered already shows its answer.\n\n**Rights:** whoever has the link.",
    params(LinkQuery),
    responses((status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[get("/links/introduction")]
async fn show_introduction_request(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    reader: ReaderLanguages,
    query: ValidQuery<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (language, token, now) = (PageLanguage::of(&reader), query.0.token, clock.now());
    let Some((id, account)) = follow(&tokens, &token, now) else { return Ok(stale_link(language)) };
    let found = db.read(move |conn| load(conn, &account, &id)).await?;
    Ok(match found {
        None => stale_link(language),
        Some(details) if is_answerable(&details) => request_page(language, &reader, &details, token),
        Some(details) => answered_page(StatusCode::OK, language, &details),
    })
}

#[utoipa::path(
    tag = "mail",
    summary = "Press a button of a request's page",
    description = "Accepts or declines; the same button twice changes nothing.\n\n**Rights:** whoever has the link.",
    request_body(content = DecisionForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page that says what was done", content_type = "text/html", body = String),
        (status = 409, description = "A page that says why it was not done", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[post("/links/introduction")]
async fn post_introduction_decision(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    reader: ReaderLanguages,
    form: PostedForm<DecisionForm>,
) -> Result<HttpResponse, Problem> {
    let (language, now, DecisionForm { token, decision, code }) =
        (PageLanguage::of(&reader), clock.now(), form.0);
    let Some((id, account)) = follow(&tokens, &token, now) else { return Ok(stale_link(language)) };
    let decided = db.write(move |conn| decide(conn, now, &account, &id, decision, code)).await?;
    Ok(match decided {
        None => stale_link(language),
        Some((details, true)) => answered_page(StatusCode::OK, language, &details),
        Some((details, false)) => answered_page(StatusCode::CONFLICT, language, &details),
    })
}

/// What somebody wrote whose profile was taken down since is shown to nobody.
fn is_answerable(details: &Details) -> bool {
    details.introduction.status == IntroductionStatus::Requested
        && details.requester.status == ProfileStatus::Published
}

/// Does what the button says. The answer is the introduction as it is then, and whether it was done; `None` for who does
/// not manage the target.
fn decide(
    conn: &mut Conn,
    now: DateTime<Utc>,
    account: &AccountId,
    id: &IntroductionId,
    decision: Decision,
    code: DeclineCode,
) -> Result<Option<(Details, bool)>, IntroductionError> {
    let declined = DeclineIntroduction { code, message: None };
    let done = match decision {
        Decision::Accept => service::accept(conn, now, account, id),
        Decision::Decline => service::decline(conn, now, account, id, declined),
    };
    let done = match done {
        Ok(_) => true,
        // Nothing was written: the state forbids it.
        Err(IntroductionError::Transition(..) | IntroductionError::Refused(_)) => false,
        Err(IntroductionError::NotFound | IntroductionError::NotYours(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    Ok(load(conn, account, id)?.map(|details| (details, done)))
}

/// Who asks, and why; with the two buttons.
fn request_page(
    language: PageLanguage,
    reader: &ReaderLanguages,
    details: &Details,
    token: String,
) -> HttpResponse {
    let (introduction, requester) = (&details.introduction, &details.requester.content);
    let (asks, target) = (&requester.name, &details.target.content.name);
    let title = language.pick(
        format!("{asks} would like to meet {target}"),
        format!("{asks} möchte {target} kennenlernen"),
        format!("{asks} souhaite rencontrer {target}"),
    );
    let label = |words: [&str; 3], text: &str| {
        let [english, german, french] = words;
        format!("{}\n{text}", language.pick(english, german, french))
    };
    let mut texts = vec![requester.summary.text(&reader.0).to_owned()];
    texts.extend(details.need.as_ref().map(|need| {
        label(["It is about:", "Es geht um:", "Il s’agit de :"], need.content.title.text(&reader.0))
    }));
    texts.push(label(["The message:", "Die Nachricht:", "Le message :"], &introduction.note));
    texts.extend(introduction.reason.best(&reader.0).map(|(_, reason)| {
        label(["Why this may fit:", "Warum das passen könnte:", "Pourquoi cela peut convenir :"], reason)
    }));
    texts.push(deadline(language, introduction.expires_at));
    page(StatusCode::OK, language, &title, &texts, Some(&decision_form(language, token)))
}

fn deadline(language: PageLanguage, expires_at: DateTime<Utc>) -> String {
    let date = expires_at.date_naive();
    language.pick(
        format!("Please answer by {date}. Contact details are exchanged only if you accept."),
        format!("Bitte antworten Sie bis {date}. Kontaktdaten werden nur ausgetauscht, wenn Sie annehmen."),
        format!("Merci de répondre avant le {date}. Les coordonnées ne sont échangées que si vous acceptez."),
    )
}

fn decision_form(language: PageLanguage, token: String) -> Form {
    let options = DeclineCode::ALL
        .iter()
        .map(|code| (code.to_string(), decline_text(*code, language).to_owned()))
        .collect();
    let reason = language.pick(
        "If you decline, the reason that we give:",
        "Wenn Sie ablehnen, der Grund, den wir nennen:",
        "Si vous refusez, le motif que nous donnons :",
    );
    let button =
        |decision: Decision, label: &str| ("decision".to_owned(), decision.to_string(), label.to_owned());
    Form {
        action: "/links/introduction".to_owned(),
        hidden: vec![("token".to_owned(), token)],
        fields: vec![Field::Select { name: "code", label: reason.to_owned(), options }],
        buttons: vec![
            button(Decision::Accept, language.pick("Accept", "Annehmen", "Accepter")),
            button(Decision::Decline, language.pick("Decline", "Ablehnen", "Refuser")),
        ],
    }
}

/// What became of the request.
fn answered_page(status: StatusCode, language: PageLanguage, details: &Details) -> HttpResponse {
    let requester = &details.requester.content.name;
    let (title, text) = match details.introduction.status {
        IntroductionStatus::Accepted | IntroductionStatus::Met | IntroductionStatus::NotMet => {
            accepted_text(language)
        }
        IntroductionStatus::Declined => declined_text(language),
        IntroductionStatus::Withdrawn | IntroductionStatus::Expired => ended_text(language),
        IntroductionStatus::Requested => unavailable_text(language),
    };
    page(status, language, title, &[requester.clone(), text.to_owned()], None)
}

fn accepted_text(language: PageLanguage) -> (&'static str, &'static str) {
    language.pick(
        ("You have accepted", "Both sides get the contact details of the other by mail."),
        ("Sie haben angenommen", "Beide Seiten erhalten die Kontaktdaten der anderen per E-Mail."),
        ("Vous avez accepté", "Chacun reçoit les coordonnées de l’autre par courriel."),
    )
}

fn declined_text(language: PageLanguage) -> (&'static str, &'static str) {
    language.pick(
        ("You have declined", "The other side gets a short mail with the reason, and no contact details."),
        (
            "Sie haben abgelehnt",
            "Die andere Seite erhält eine kurze E-Mail mit dem Grund und keine Kontaktdaten.",
        ),
        ("Vous avez refusé", "L’autre partie reçoit un court courriel avec le motif, et aucune coordonnée."),
    )
}

fn ended_text(language: PageLanguage) -> (&'static str, &'static str) {
    language.pick(
        ("This request has ended", "It was withdrawn or has expired. You need not do anything."),
        (
            "Diese Anfrage ist beendet",
            "Sie wurde zurückgezogen oder ist abgelaufen. Sie brauchen nichts zu tun.",
        ),
        ("Cette demande a pris fin", "Elle a été retirée ou a expiré. Vous n’avez rien à faire."),
    )
}

/// A side is not published any more, so that nothing may be disclosed.
fn unavailable_text(language: PageLanguage) -> (&'static str, &'static str) {
    language.pick(
        (
            "This cannot be accepted now",
            "One of the two profiles is not published at the moment. No contact details were given.",
        ),
        (
            "Das kann gerade nicht angenommen werden",
            "Eines der beiden Profile ist zurzeit nicht veröffentlicht. Es wurden keine Kontaktdaten weitergegeben.",
        ),
        (
            "Cette demande ne peut pas être acceptée maintenant",
            "L’un des deux profils n’est pas publié pour le moment. Aucune coordonnée n’a été transmise.",
        ),
    )
}
