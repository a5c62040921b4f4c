//! The page behind the link that ends the mails about a hub's events.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, get, post, web};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::accounts::links::LinkQuery;
use crate::accounts::{AccountError, LinkPurpose, Tokens};
use crate::clock::Clock;
use crate::db::Db;
use crate::http::html::{Form, PageLanguage, page, stale_link};
use crate::http::languages::ReaderLanguages;
use crate::http::problem::Problem;
use crate::http::query::ValidQuery;
use crate::ids::{AccountId, ProfileId};
use crate::profiles;

/// Outside of `/api/v1`: the addresses stand in mails.
pub fn configure(root: &mut ServiceConfig<'_>) {
    root.service(show_unfollow).service(post_unfollow);
}

/// Whom the link is about; `None` where it does not work.
fn follow(tokens: &Tokens, clock: &Clock, token: &str) -> Result<Option<(ProfileId, AccountId)>, Problem> {
    let link = match tokens.follow(LinkPurpose::Unsubscribe, token, clock.now()) {
        Ok(link) => link,
        Err(AccountError::LinkInvalid) => return Ok(None),
        Err(other) => return Err(other.into()),
    };
    let ids = link.subject.split_once('/');
    Ok(ids.and_then(|(profile, account)| Some((profile.parse().ok()?, account.parse().ok()?))))
}

#[utoipa::path(
    tag = "mail",
    summary = "Open the link that ends mails about a hub's events",
    description = "A page with a button; opening it changes nothing.\n\n**Rights:** whoever has the link.",
    params(LinkQuery),
    responses((status = 200, description = "The page", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[get("/links/unfollow")]
async fn show_unfollow(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    reader: ReaderLanguages,
    query: ValidQuery<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let (language, token) = (PageLanguage::of(&reader), query.0.token);
    let Some((id, _)) = follow(&tokens, &clock, &token)? else { return Ok(stale_link(language)) };
    let Some(hub) = db.read(move |conn| profiles::find(conn, &id)).await? else {
        return Ok(stale_link(language));
    };
    let title = language.pick("End these mails", "Diese E-Mails beenden", "Ne plus recevoir ces courriels");
    let text = language.pick(
        "You will get no more mails about events of this hub:",
        "Sie erhalten keine E-Mails mehr zu Veranstaltungen von:",
        "Vous ne recevrez plus de courriels sur les événements de :",
    );
    let form = Form {
        action: format!("/links/unfollow?token={token}"),
        buttons: vec![(String::new(), String::new(), title.to_owned())],
        ..Form::default()
    };
    Ok(page(StatusCode::OK, language, title, &[text.to_owned(), hub.content.name], Some(&form)))
}

#[utoipa::path(
    tag = "mail",
    summary = "End mails about a hub's events",
    description = "What the page's button and the one-click button of mail programs (RFC 8058) send. The token says \
        it all; a body is not read. Doing it twice changes nothing.\n\n**Rights:** whoever has the link.",
    params(LinkQuery),
    responses((status = 200, description = "A page that says so", content_type = "text/html", body = String),
        (status = 410, description = "A page that says that the link does not work any more", content_type = "text/html", body = String))
)]
#[post("/links/unfollow")]
async fn post_unfollow(
    db: web::Data<Db>,
    clock: web::Data<Clock>,
    tokens: web::Data<Tokens>,
    reader: ReaderLanguages,
    query: ValidQuery<LinkQuery>,
) -> Result<HttpResponse, Problem> {
    let language = PageLanguage::of(&reader);
    let Some((profile, account)) = follow(&tokens, &clock, &query.0.token)? else {
        return Ok(stale_link(language));
    };
    db.write(move |conn| profiles::stop_following(conn, &profile, &account)).await?;
    let title = language.pick("Done", "Erledigt", "C’est fait");
    let text = language.pick(
        "You will get no more mails about this hub's events. You can follow it again at any time.",
        "Sie erhalten zu diesem Hub keine Veranstaltungs-Mails mehr. Sie können ihm jederzeit wieder folgen.",
        "Vous ne recevrez plus de courriels sur ses événements. Vous pouvez le suivre à nouveau à tout moment.",
    );
    Ok(page(StatusCode::OK, language, title, &[text.to_owned()], None))
}
