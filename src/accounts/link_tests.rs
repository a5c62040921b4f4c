//! The pages behind the links of mails about an account, opened and filled in.
#![allow(clippy::unwrap_used)]

use std::num::NonZeroU32;

use actix_web::http::StatusCode;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, web};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tempfile::TempDir;
use utoipa_actix_web::AppExt;

use super::service::verification_state;
use super::tokens::{LinkPurpose, Tokens};
use super::{Account, Passwords, service};
use crate::clock::Clock;
use crate::db::{Db, DbError};
use crate::http::capacity::Capacity;
use crate::http::contract::Contract;
use crate::http::limits::Limits;

fn now() -> DateTime<Utc> {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

struct House {
    db: Db,
    tokens: Tokens,
    account: Account,
    _folder: TempDir,
}

impl House {
    fn new() -> House {
        let folder = TempDir::new().unwrap();
        let db = Db::connect(&format!("sqlite://{}", folder.path().join("a.db").display()), 2).unwrap();
        db.migrate().unwrap();
        let made = db.clone();
        db.write_now(move |conn| {
            let tokens = Tokens::load(conn, now(), "http://localhost/", TimeDelta::minutes(5)).unwrap();
            let new = serde_json::from_value(json!({
                "email": "ada@x.example", "password": "", "display_name": "Ada", "language": "de", "accepted_terms": "2026-11",
            }));
            service::register(conn, now(), &new.unwrap(), "old hash".to_owned()).unwrap();
            let account = service::find_by_email(conn, "ada@x.example").unwrap().unwrap();
            Ok::<_, DbError>(House { db: made, tokens, account, _folder: folder })
        })
        .unwrap()
    }

    fn account(&self) -> Account {
        let id = self.account.id.clone();
        self.db.read_now(move |conn| service::get(conn, &id)).unwrap()
    }

    fn link(&self, purpose: LinkPurpose, state: &str) -> String {
        self.tokens.link(purpose, self.account.id.as_str(), state, now() + TimeDelta::hours(1)).unwrap()
    }
}

/// The service with the account's routes and pages.
macro_rules! app {
    ($house:expr) => {{
        let many = NonZeroU32::new(1000).unwrap();
        let (_, api) = App::new().into_utoipa_app().configure(super::routes::configure).split_for_parts();
        let (app, _) = App::new()
            .into_utoipa_app()
            .app_data(web::Data::new($house.db.clone()))
            .app_data(web::Data::new($house.tokens.clone()))
            .app_data(web::Data::new(Clock::fixed(now())))
            .app_data(web::Data::new(Passwords::default()))
            .app_data(web::Data::new(Limits::new(many, many, false)))
            .app_data(web::Data::new(Capacity::new(64, std::time::Duration::from_secs(10))))
            .app_data(web::Data::new(Contract::new(&api).unwrap()))
            .configure(super::links::configure)
            .split_for_parts();
        init_service(app).await
    }};
}

/// Status and text of the answer to a request of somebody who reads French and German.
macro_rules! answer {
    ($app:expr, $request:expr) => {{
        let request = $request.insert_header(("accept-language", "fr, de")).to_request();
        let response = call_service($app, request).await;
        let status = response.status();
        (status, String::from_utf8(read_body(response).await.to_vec()).unwrap())
    }};
}

fn post(path: &str, fields: &[(&str, &str)]) -> TestRequest {
    TestRequest::post().uri(path).set_form(fields)
}

#[actix_web::test]
async fn an_address_is_verified_by_the_button_and_not_by_opening_the_link() {
    let house = House::new();
    let app = app!(house);
    let token = house.link(LinkPurpose::VerifyEmail, &verification_state(&house.account));
    let opened = TestRequest::get().uri(&format!("/links/verify-email?token={token}"));
    let (status, html) = answer!(&app, opened);
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("Confirmer votre adresse") && html.contains(&token), "{html}");
    assert!(!house.account().is_verified());
    for _ in 0..2 {
        let (status, html) = answer!(&app, post("/links/verify-email", &[("token", &token)]));
        assert_eq!((status, html.contains("Merci")), (StatusCode::OK, true));
        assert!(house.account().is_verified());
    }
    // A link for another purpose, and one for another address.
    let reset = house.link(LinkPurpose::ResetPassword, &house.account.password_hash);
    let moved = house.link(LinkPurpose::VerifyEmail, "other@x.example");
    for wrong in [reset, moved] {
        let (status, _) = answer!(&app, post("/links/verify-email", &[("token", &wrong)]));
        assert_eq!(status, StatusCode::GONE);
    }
}

#[actix_web::test]
async fn a_new_password_follows_the_rules_of_the_api_and_the_link_works_once() {
    let house = House::new();
    let app = app!(house);
    let token = house.link(LinkPurpose::ResetPassword, &house.account.password_hash);
    let path = "/links/reset-password";
    let (status, html) = answer!(&app, TestRequest::get().uri(&format!("{path}?token={token}")));
    assert_eq!((status, html.contains("type=\"password\"")), (StatusCode::OK, true));
    for weak in ["short", "password123", &"long passphrase ".repeat(20)] {
        let (status, html) = answer!(&app, post(path, &[("token", &token), ("new_password", weak)]));
        assert_eq!(status, StatusCode::OK);
        assert!(html.contains("trop court, trop long") && !html.contains(weak), "{html}");
        assert_eq!(house.account().password_hash, house.account.password_hash);
    }
    // The accent as a letter of its own; logins send it as one with its vowel.
    let fields = [("token", token.as_str()), ("new_password", "sept the\u{301}ie\u{300}res vertes")];
    let (status, _) = answer!(&app, post(path, &fields));
    assert_eq!(status, StatusCode::OK);
    let hash = house.account().password_hash;
    let logs_in = Passwords::default().verify("sept th\u{e9}i\u{e8}res vertes".to_owned(), Some(hash)).await;
    assert!(logs_in.unwrap());
    assert_eq!(answer!(&app, post(path, &fields)).0, StatusCode::GONE);
}
