//! Pages behind the links of mails about an account: verify an address, set a new password.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, get, post, web};
use serde::Deserialize;
use serde_json::json;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{AccountError, check_password};
use super::routes::ResetPassword;
use super::service;
use super::tokens::{LinkPurpose, Tokens};
use super::{Account, Passwords};
use crate::clock::Clock;
use crate::db::Db;
use crate::faults::Faults;
use crate::http::contract::Contract;
use crate::http::html::{Field, Form, PageLanguage, PostedForm, page, stale_link};
use crate::http::languages::ReaderLanguages;
use crate::http::limits::Limits;
use crate::http::problem::Problem;
use crate::http::query::ValidQuery;

/// Outside of `/api/v1`: the addresses stand in mails.
pub fn configure(root: &mut ServiceConfig<'_>) {
    root.service(show_email_verification)
        .service(post_email_verification)
        .service(show_password_reset)
        .service(post_password_reset);
}

/// The token of a link.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LinkQuery {
    /// As it stands in the mail.
    #[param(max_length = 2000)]
    pub token: String,
}

/// The button of a page was pressed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyEmailForm {
    #[schema(max_length = 2000, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ…")]
    pub token: String,
}

/// A new password was filled in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPasswordForm {
    #[schema(max_length = 2000, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ…")]
    pub token: String,
    /// By the same rules as in the API; a refused one shows the form again.
    #[schema(example = "correct horse battery staple")]
    pub new_password: String,
}

/// The stale link's page for a link that does not work; any other failure stays one.
fn shown<T>(
    language: PageLanguage,
    result: Result<T, AccountError>,
) -> Result<Result<T, HttpResponse>, Problem> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(AccountError::LinkInvalid) => Ok(Err(stale_link(language))),
        Err(other) => Err(other.into()),
    }
}

fn done(language: PageLanguage, title: &str, text: &str) -> HttpResponse {
    page(StatusCode::OK, language, title, &[text.to_owned()], None)
}

#[utoipa::path(
    tag = "mail",
    summary = "Open the link of a verification mail",
    description = "A page with a button; opening it changes nothing.\n\n**Rights:** whoever has the link.",
    params(LinkQuery),
    responses((status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[get("/links/verify-email")]
async fn show_email_verification(
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    reader: ReaderLanguages,
    query: ValidQuery<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (language, token) = (PageLanguage::of(&reader), query.0.token);
    if let Err(stale) = shown(language, tokens.follow(LinkPurpose::VerifyEmail, &token, clock.now()))? {
        return Ok(stale);
    }
    let title = language.pick("Verify your address", "Adresse bestätigen", "Confirmer votre adresse");
    let text = language.pick(
        "One click more, and we know that mails reach you here.",
        "Noch ein Klick, dann wissen wir, dass E-Mails Sie hier erreichen.",
        "Encore un clic, et nous saurons que les courriels vous parviennent ici.",
    );
    let form = Form {
        action: "/links/verify-email".to_owned(),
        hidden: vec![("token".to_owned(), token)],
        buttons: vec![(String::new(), String::new(), title.to_owned())],
        ..Form::default()
    };
    Ok(page(StatusCode::OK, language, title, &[text.to_owned()], Some(&form)))
}

#[utoipa::path(
    tag = "mail",
    summary = "Press the button of a verification mail's page",
    description = "Verifies the address; doing it twice changes nothing.\n\n**Rights:** whoever has the link. \
        **Limit:** counts against the small budget for secrets.",
    request_body(content = VerifyEmailForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page that says so", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[post("/links/verify-email")]
async fn post_email_verification(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    limits: web::Data<Limits>,
    reader: ReaderLanguages,
    form: PostedForm<VerifyEmailForm>,
) -> Result<HttpResponse, Problem> {
    limits.secret(&request)?;
    let (language, now) = (PageLanguage::of(&reader), clock.now());
    let verified: Result<Account, AccountError> =
        match tokens.follow(LinkPurpose::VerifyEmail, &form.0.token, now) {
            Ok(link) => db.write(move |conn| service::verify_email(conn, now, &link)).await,
            Err(fault) => Err(fault),
        };
    if let Err(stale) = shown(language, verified)? {
        return Ok(stale);
    }
    Ok(done(
        language,
        language.pick("Thank you", "Vielen Dank", "Merci"),
        language.pick(
            "Your address is verified. You can publish your profile now.",
            "Ihre Adresse ist bestätigt. Sie können Ihr Profil nun veröffentlichen.",
            "Votre adresse est confirmée. Vous pouvez désormais publier votre profil.",
        ),
    ))
}

/// The page that asks for a new password, perhaps with what was wrong with the last one.
fn ask_password(language: PageLanguage, token: String, fault: Option<&str>) -> HttpResponse {
    let title =
        language.pick("Set a new password", "Neues Passwort setzen", "Choisir un nouveau mot de passe");
    let rule = language.pick(
        "It needs at least 10 characters and must not be easy to guess: several unrelated words make a good one. \
         Every session of your account ends.",
        "Es braucht mindestens 10 Zeichen und darf nicht leicht zu erraten sein: Mehrere Wörter ohne Zusammenhang sind \
         gut. Alle Sitzungen Ihres Kontos enden.",
        "Il faut au moins 10 caractères, et qu’il ne soit pas facile à deviner : plusieurs mots sans lien conviennent. \
         Toutes les sessions de votre compte prennent fin.",
    );
    let label = language.pick("New password", "Neues Passwort", "Nouveau mot de passe");
    let texts: Vec<String> = fault.into_iter().chain([rule]).map(str::to_owned).collect();
    let form = Form {
        action: "/links/reset-password".to_owned(),
        hidden: vec![("token".to_owned(), token)],
        fields: vec![Field::Password { name: "new_password", label: label.to_owned() }],
        buttons: vec![(String::new(), String::new(), title.to_owned())],
    };
    page(StatusCode::OK, language, title, &texts, Some(&form))
}

#[utoipa::path(
    tag = "mail",
    summary = "Open the link of a password mail",
    description = "A page that asks for the new password; opening it changes nothing.\n\n**Rights:** whoever has \
        the link.",
    params(LinkQuery),
    responses((status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[get("/links/reset-password")]
async fn show_password_reset(
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    reader: ReaderLanguages,
    query: ValidQuery<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (language, token) = (PageLanguage::of(&reader), query.0.token);
    match shown(language, tokens.follow(LinkPurpose::ResetPassword, &token, clock.now()))? {
        Ok(_) => Ok(ask_password(language, token, None)),
        Err(stale) => Ok(stale),
    }
}

/// Holds a new password against the same rules as the API does.
fn check_new_password(contract: &Contract, token: &str, password: &str) -> Result<(), Faults> {
    contract.check::<ResetPassword>(&json!({ "token": token, "new_password": password }))?;
    let mut faults = Faults::default();
    check_password("/new_password", password, &[], &mut faults);
    faults.or(())
}

#[utoipa::path(
    tag = "mail",
    summary = "Send the form of a password mail's page",
    description = "Sets the new password, by the same rules as the API; a refused one shows the form \
        again.\n\n**Rights:** whoever has the link. **Limit:** counts against the small budget for secrets.",
    request_body(content = ResetPasswordForm, content_type = "application/x-www-form-urlencoded"),
    responses((status = 200, description = "A page that says so, or what to change", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[post("/links/reset-password")]
async fn post_password_reset(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    (limits, contract): (web::Data<Limits>, web::Data<Contract>),
    (tokens, passwords): (web::Data<Tokens>, web::Data<Passwords>),
    reader: ReaderLanguages,
    form: PostedForm<ResetPasswordForm>,
) -> Result<HttpResponse, Problem> {
    limits.secret(&request)?;
    let (language, now) = (PageLanguage::of(&reader), clock.now());
    let ResetPasswordForm { token, new_password } = form.0.normalised();
    let link = match shown(language, tokens.follow(LinkPurpose::ResetPassword, &token, now))? {
        Ok(link) => link,
        Err(stale) => return Ok(stale),
    };
    if check_new_password(&contract, &token, &new_password).is_err() {
        return Ok(ask_password(language, token, Some(refused(language))));
    }
    let hash = passwords.hash(new_password).await?;
    let set = db.write(move |conn| service::reset_password(conn, now, &link, hash)).await;
    Ok(match shown(language, set)? {
        Ok(()) => password_set(language),
        Err(stale) => stale,
    })
}

impl ResetPasswordForm {
    /// The same spelling of accented letters as in JSON bodies, so that the password works there too.
    fn normalised(self) -> ResetPasswordForm {
        use unicode_normalization::UnicodeNormalization;
        ResetPasswordForm { new_password: self.new_password.nfc().collect(), ..self }
    }
}

fn refused(language: PageLanguage) -> &'static str {
    language.pick(
        "That password is too short, too long or too easy to guess. Please choose another one.",
        "Dieses Passwort ist zu kurz, zu lang oder zu leicht zu erraten. Bitte wählen Sie ein anderes.",
        "Ce mot de passe est trop court, trop long ou trop facile à deviner. Veuillez en choisir un autre.",
    )
}

fn password_set(language: PageLanguage) -> HttpResponse {
    done(
        language,
        language.pick(
            "Your new password is in force",
            "Ihr neues Passwort gilt",
            "Votre nouveau mot de passe est en vigueur",
        ),
        language.pick(
            "You can log in with it now.",
            "Sie können sich damit anmelden.",
            "Vous pouvez vous connecter.",
        ),
    )
}
