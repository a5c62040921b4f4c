//! All HTTP of accounts and sessions.

use actix_web::{HttpRequest, delete, get, patch, post, web};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::model::{Account, AccountError, AccountSettings, RegisterAccount, Role, check_password};
use super::service::{self, Refreshed};
use super::tokens::{KeySet, LinkPurpose, Tokens};
use super::{Member, Passwords};
use crate::clock::Clock;
use crate::config::Config;
use crate::db::Db;
use crate::faults::Faults;
use crate::http::answer::Answer;
use crate::http::body::{MergePatch, ValidJson, patch_schema};
use crate::http::codes::Code;
use crate::http::conditional::IfMatch;
use crate::http::limits::Limits;
use crate::http::problem::Problem;
use crate::ids::AccountId;
use crate::values::Language;

pub fn configure(api: &mut ServiceConfig<'_>) {
    api.service(register_account)
        .service(verify_email)
        .service(resend_verification)
        .service(request_password_reset)
        .service(reset_password)
        .service(read_own_account)
        .service(update_own_account)
        .service(change_password)
        .service(create_session)
        .service(refresh_session)
        .service(delete_session);
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Problem {
        match error {
            AccountError::CredentialsWrong => Problem::of(Code::CredentialsWrong),
            AccountError::RefreshTokenInvalid => Problem::of(Code::RefreshTokenInvalid),
            AccountError::LinkInvalid => Problem::of(Code::LinkInvalid),
            AccountError::Faults(faults) => faults.into(),
            AccountError::Database(fault) => fault.into(),
            AccountError::Hashing(fault) | AccountError::Signing(fault) => Problem::internal(fault),
        }
    }
}

/// An account as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountView {
    pub id: AccountId,
    #[schema(format = "email", max_length = 254, example = "ada@example.eu")]
    pub email: String,
    #[schema(min_length = 1, max_length = 80, example = "Ada Example")]
    pub display_name: String,
    /// Language of mails and reasons.
    pub language: Language,
    pub role: Role,
    pub email_verified: bool,
    pub created_at: DateTime<Utc>,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> AccountView {
        AccountView {
            id: account.id.clone(),
            email: account.email.clone(),
            display_name: account.display_name.clone(),
            language: account.language.clone(),
            role: account.role,
            email_verified: account.is_verified(),
            created_at: account.created_at,
        }
    }
}

patch_schema!(
    /// Changes to an account; a member that is absent stays as it is.
    UpdateAccount, AccountSettings
);

/// What has been asked for goes on by mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailFollows {
    /// For people; the same whatever happens.
    #[schema(
        min_length = 1,
        example = "If the address can be used, a mail with the next step is on its way."
    )]
    pub detail: String,
}

impl MailFollows {
    fn answer() -> Result<Answer, Problem> {
        let detail = "If the address can be used, a mail with the next step is on its way.".to_owned();
        Answer::json(actix_web::http::StatusCode::ACCEPTED, &MailFollows { detail })
    }
}

/// The token of a link in a mail.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FollowLink {
    /// What stands behind `token=` in the link.
    #[schema(min_length = 20, max_length = 2000, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ…")]
    pub token: String,
}

/// An address that a mail is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NameAddress {
    #[schema(format = "email", max_length = 254, example = "ada@example.eu")]
    pub email: String,
}

/// A new password, by the link of a mail.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResetPassword {
    #[schema(min_length = 20, max_length = 2000, example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSJ9.eyJ…")]
    pub token: String,
    #[schema(min_length = 10, max_length = 200, example = "correct horse battery staple")]
    pub new_password: String,
}

/// A new password, by the old one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    #[schema(min_length = 1, max_length = 200, example = "correct horse battery staple")]
    pub current_password: String,
    #[schema(min_length = 10, max_length = 200, example = "seven green teapots hum")]
    pub new_password: String,
}

/// A login.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSession {
    #[schema(format = "email", max_length = 254, example = "ada@example.eu")]
    pub email: String,
    #[schema(min_length = 1, max_length = 200, example = "correct horse battery staple")]
    pub password: String,
}

/// A refresh token to use or to end.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UseRefreshToken {
    #[schema(min_length = 20, max_length = 200, example = "pJ4c0o3k1yTqWm0mHrVYw2n7mM7Vx0b0f2o2l2h1y3M")]
    pub refresh_token: String,
}

/// A session: what to send with requests, and how to go on when it expires.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Send it as `Authorization: Bearer …`.
    #[schema(min_length = 20, pattern = r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$")]
    pub access_token: String,
    #[schema(pattern = "^Bearer$", example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    #[schema(minimum = 1, example = 900)]
    pub expires_in: i64,
    /// Works once; its answer carries the next one.
    #[schema(min_length = 20, max_length = 200, example = "pJ4c0o3k1yTqWm0mHrVYw2n7mM7Vx0b0f2o2l2h1y3M")]
    pub refresh_token: String,
    pub account: AccountView,
}

fn session(
    tokens: &Tokens,
    account: &Account,
    refresh_token: String,
    now: DateTime<Utc>,
) -> Result<Answer, Problem> {
    let view = SessionView {
        access_token: tokens.issue(account, now)?,
        token_type: "Bearer",
        expires_in: tokens.lifetime().num_seconds(),
        refresh_token,
        account: account.into(),
    };
    Ok(Answer::ok(&view)?.with("cache-control", "no-store"))
}

fn strong(pointer: &str, password: &str) -> Result<(), Problem> {
    let mut faults = Faults::default();
    check_password(pointer, password, &[], &mut faults);
    Ok(faults.or(())?)
}

#[utoipa::path(
    tag = "accounts",
    summary = "Register",
    description = "Makes an account and mails a link that verifies the address. The answer is the same whether or \
        not the address has an account already, so that nobody can find out who is registered.\n\n**Rights:** \
        anybody. **Limit:** counts against the small budget for secrets.",
    request_body = RegisterAccount,
    responses((status = 202, description = "A mail is on its way", body = MailFollows))
)]
#[post("/accounts")]
async fn register_account(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    passwords: web::Data<Passwords>,
    limits: web::Data<Limits>,
    body: ValidJson<RegisterAccount>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let (now, new) = (clock.now(), body.value);
    new.check()?;
    let hash = passwords.hash(new.password.clone()).await?;
    db.write(move |conn| service::register(conn, now, &new, hash)).await?;
    MailFollows::answer()
}

#[utoipa::path(
    tag = "accounts",
    summary = "Verify an e-mail address",
    description = "Follows the link of a verification mail. Access tokens issued before do not know it yet: \
        refresh.\n\n**Rights:** whoever has the link. **Limit:** counts against the small budget for secrets.",
    request_body = FollowLink,
    responses((status = 200, description = "Verified", body = AccountView),
        (status = 422, description = "`link_invalid`"))
)]
#[post("/accounts/verification")]
async fn verify_email(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    limits: web::Data<Limits>,
    body: ValidJson<FollowLink>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let now = clock.now();
    let link = tokens.follow(LinkPurpose::VerifyEmail, &body.value.token, now)?;
    let account = db.write(move |conn| service::verify_email(conn, now, &link)).await?;
    Answer::versioned(account.version, &AccountView::from(&account))
}

#[utoipa::path(
    tag = "accounts",
    summary = "Send the verification mail again",
    description = "For an account whose address is not verified yet; the answer tells nothing of the \
        address.\n\n**Rights:** anybody. **Limit:** counts against the small budget for secrets.",
    request_body = NameAddress,
    responses((status = 202, description = "A mail is on its way, if one is needed", body = MailFollows))
)]
#[post("/accounts/verification/mails")]
async fn resend_verification(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    limits: web::Data<Limits>,
    body: ValidJson<NameAddress>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let now = clock.now();
    db.write(move |conn| service::resend_verification(conn, now, &body.value.email)).await?;
    MailFollows::answer()
}

#[utoipa::path(
    tag = "accounts",
    summary = "Ask for a new password",
    description = "Mails a link with which a new password can be set; the answer tells nothing of the \
        address.\n\n**Rights:** anybody. **Limit:** counts against the small budget for secrets.",
    request_body = NameAddress,
    responses((status = 202, description = "A mail is on its way, if the address has an account", body = MailFollows))
)]
#[post("/accounts/password-reset/mails")]
async fn request_password_reset(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    limits: web::Data<Limits>,
    body: ValidJson<NameAddress>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let now = clock.now();
    db.write(move |conn| service::request_password_reset(conn, now, &body.value.email)).await?;
    MailFollows::answer()
}

#[utoipa::path(
    tag = "accounts",
    summary = "Set a new password by the link of a mail",
    description = "Ends every session of the account. The link works once.\n\n**Rights:** whoever has the link. \
        **Limit:** counts against the small budget for secrets.",
    request_body = ResetPassword,
    responses((status = 204, description = "The new password is in force"),
        (status = 422, description = "`link_invalid`"))
)]
#[post("/accounts/password-reset")]
async fn reset_password(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    passwords: web::Data<Passwords>,
    limits: web::Data<Limits>,
    body: ValidJson<ResetPassword>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let now = clock.now();
    strong("/new_password", &body.value.new_password)?;
    let link = tokens.follow(LinkPurpose::ResetPassword, &body.value.token, now)?;
    let hash = passwords.hash(body.value.new_password).await?;
    db.write(move |conn| service::reset_password(conn, now, &link, hash)).await?;
    Ok(Answer::no_content())
}

#[utoipa::path(
    tag = "accounts",
    summary = "Read the own account",
    description = "The account that the access token belongs to.\n\n**Rights:** every account, for itself.",
    security(("bearer" = [])),
    responses((status = 200, description = "The account; `ETag` is its version", body = AccountView))
)]
#[get("/accounts/me")]
async fn read_own_account(db: web::Data<Db>, member: Member) -> Result<Answer, Problem> {
    let account = db.read(move |conn| service::get(conn, &member.id)).await?;
    Answer::versioned(account.version, &AccountView::from(&account))
}

#[utoipa::path(
    tag = "accounts",
    summary = "Change the own account",
    description = "A JSON merge patch (RFC 7396) of display name and language.\n\n**Rights:** every account, for \
        itself.",
    security(("bearer" = [])),
    params(("If-Match" = String, Header, description = "The `ETag` that was read")),
    request_body(content = UpdateAccount, content_type = "application/merge-patch+json"),
    responses((status = 200, description = "The changed account", body = AccountView))
)]
#[patch("/accounts/me")]
async fn update_own_account(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    member: Member,
    if_match: IfMatch,
    patch: MergePatch,
) -> Result<Answer, Problem> {
    let now = clock.now();
    db.write(move |conn| {
        let account = service::get(conn, &member.id)?;
        if_match.check(account.version)?;
        let (display_name, language) = (account.display_name.clone(), account.language.clone());
        let settings = patch.apply::<UpdateAccount, _>(&AccountSettings { display_name, language })?;
        let account = service::change_settings(conn, now, account, settings)?;
        Answer::versioned(account.version, &AccountView::from(&account))
    })
    .await
}

#[utoipa::path(
    tag = "accounts",
    summary = "Change the password",
    description = "Needs the current one; ends every session of the account.\n\n**Rights:** every account, for \
        itself. **Limit:** counts against the small budget for secrets.",
    security(("bearer" = [])),
    request_body = ChangePassword,
    responses((status = 204, description = "The new password is in force"),
        (status = 401, description = "`credentials_wrong`"))
)]
#[post("/accounts/me/password")]
async fn change_password(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    passwords: web::Data<Passwords>,
    limits: web::Data<Limits>,
    member: Member,
    body: ValidJson<ChangePassword>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let (now, id) = (clock.now(), member.id.clone());
    strong("/new_password", &body.value.new_password)?;
    let account = db.read(move |conn| service::get(conn, &id)).await?;
    let verified = account.password_hash;
    if !passwords.verify(body.value.current_password, Some(verified.clone())).await? {
        return Err(AccountError::CredentialsWrong.into());
    }
    let hash = passwords.hash(body.value.new_password).await?;
    db.write(move |conn| service::change_password(conn, now, &member.id, &verified, hash)).await?;
    Ok(Answer::no_content())
}

#[utoipa::path(
    tag = "accounts",
    summary = "Log in",
    description = "Exchanges e-mail address and password for an access token (short-lived) and a refresh \
        token.\n\n**Rights:** anybody who knows the password. **Limit:** counts against the small budget for \
        secrets.",
    request_body = CreateSession,
    responses((status = 200, description = "The session", body = SessionView),
        (status = 401, description = "`credentials_wrong`"))
)]
#[post("/sessions")]
async fn create_session(
    request: HttpRequest,
    db: web::Data<Db>,
    (clock, config): (web::Data<Clock>, web::Data<Config>),
    (tokens, passwords): (web::Data<Tokens>, web::Data<Passwords>),
    limits: web::Data<Limits>,
    body: ValidJson<CreateSession>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let (now, CreateSession { email, password }) = (clock.now(), body.value);
    let account = db.read(move |conn| service::find_by_email(conn, &email)).await?;
    let hash = account.as_ref().map(|account| account.password_hash.clone());
    let good = passwords.verify(password, hash).await?;
    let account = account.filter(|_| good).ok_or(AccountError::CredentialsWrong)?;
    let (verified, lifetime) = (account.clone(), config.refresh_token_lifetime);
    let refresh_token = db.write(move |conn| service::begin_session(conn, now, &verified, lifetime)).await?;
    session(&tokens, &account, refresh_token, now)
}

#[utoipa::path(
    tag = "accounts",
    summary = "Refresh a session",
    description = "Exchanges a refresh token for the next pair of tokens. A refresh token works once: using it a \
        second time ends the session, since somebody else may hold it.\n\n**Rights:** whoever has the refresh \
        token. **Limit:** counts against the small budget for secrets.",
    request_body = UseRefreshToken,
    responses((status = 200, description = "The session goes on", body = SessionView),
        (status = 401, description = "`refresh_token_invalid`"))
)]
#[post("/sessions/refresh")]
async fn refresh_session(
    request: HttpRequest,
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    config: web::Data<Config>,
    tokens: web::Data<Tokens>,
    limits: web::Data<Limits>,
    body: ValidJson<UseRefreshToken>,
) -> Result<Answer, Problem> {
    limits.secret(&request)?;
    let (now, lifetime) = (clock.now(), config.refresh_token_lifetime);
    let token = body.value.refresh_token;
    let refreshed = db.write(move |conn| service::refresh(conn, now, &token, lifetime)).await?;
    match refreshed {
        Refreshed::Session { account, refresh_token } => session(&tokens, &account, refresh_token, now),
        Refreshed::Refused => Err(AccountError::RefreshTokenInvalid.into()),
    }
}

#[utoipa::path(
    tag = "accounts",
    summary = "Log out",
    description = "Ends the session that the refresh token belongs to; access tokens run out by \
        themselves.\n\n**Rights:** whoever has the refresh token. Doing it twice changes nothing.",
    request_body = UseRefreshToken,
    responses((status = 204, description = "The session has ended"))
)]
#[delete("/sessions")]
async fn delete_session(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    body: ValidJson<UseRefreshToken>,
) -> Result<Answer, Problem> {
    let now = clock.now();
    db.write(move |conn| service::end_session(conn, now, &body.value.refresh_token)).await?;
    Ok(Answer::no_content())
}

/// The public keys of the access tokens, for other services; outside the version prefix.
#[utoipa::path(
    tag = "operation",
    summary = "Read the public keys",
    description = "The keys that access tokens are signed with, as a JWK set (RFC 7517).\n\n**Rights:** anybody.",
    responses((status = 200, description = "The key set", body = KeySet))
)]
#[get("/.well-known/jwks.json")]
pub async fn read_public_keys(tokens: web::Data<Tokens>) -> Result<Answer, Problem> {
    Ok(Answer::ok(&tokens.jwks())?.with("cache-control", "public, max-age=300"))
}
