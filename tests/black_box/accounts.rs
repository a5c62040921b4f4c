//! Accounts: register, verify, log in, refresh, log out, change and reset the password.
use crate::common::{PASSWORD, TestApp, link_token};
use chrono::TimeDelta;
use futures_util::future::join_all;
use serde_json::{Value, json};

fn registration(email: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "display_name": "Ada", "language": "de", "accepted_terms": "2026-11" })
}

#[actix_web::test]
async fn a_newcomer_registers_verifies_and_logs_in() {
    let test = TestApp::start().await;
    test.post("/api/v1/accounts", &registration("Ada@Example.EU")).await.expect(202);
    test.settle().await;
    let mail = test.mail("ada@example.eu", "verify_email");
    assert!(
        mail.content.subject.contains("bestätigen") || mail.content.subject.contains("Bestätig"),
        "{}",
        mail.content.subject
    );
    let before = test.login("ada@example.eu").await;
    assert_eq!(before.get("/api/v1/accounts/me").await.expect(200).json()["email_verified"], false);
    let token = json!({ "token": link_token(&mail) });
    test.post("/api/v1/accounts/verification", &token).await.expect(200);
    test.post("/api/v1/accounts/verification", &token).await.expect(200);
    let account = before.get("/api/v1/accounts/me").await.expect(200).json();
    assert_eq!(account["email_verified"], true);
    assert_eq!(account["language"], "de");
}

#[actix_web::test]
async fn a_known_address_is_not_told_to_strangers() {
    let test = TestApp::start().await;
    test.member("ada@example.eu").await;
    let unknown = test.post("/api/v1/accounts", &registration("new@example.eu")).await.expect(202);
    let known = test.post("/api/v1/accounts", &registration("ada@example.eu")).await.expect(202);
    assert_eq!(unknown.text, known.text);
    test.settle().await;
    test.mail("ada@example.eu", "address_known");
    let wrong = json!({ "email": "ada@example.eu", "password": "not the password" });
    let nobody = json!({ "email": "nobody@example.eu", "password": "not the password" });
    let (wrong, nobody) =
        (test.post("/api/v1/sessions", &wrong).await, test.post("/api/v1/sessions", &nobody).await);
    let (wrong, nobody) =
        (wrong.expect_problem(401, "credentials_wrong"), nobody.expect_problem(401, "credentials_wrong"));
    assert_eq!(wrong["detail"], nobody["detail"]);
}

#[actix_web::test]
async fn a_registration_names_all_its_faults() {
    let test = TestApp::start().await;
    let body = json!({ "email": "no address", "password": "short", "display_name": "", "language": "xx", "typo": 1 });
    let problem = test.post("/api/v1/accounts", &body).await.expect_problem(422, "invalid_fields");
    let mut pointers: Vec<_> =
        problem["errors"].as_array().unwrap().iter().map(|e| e["pointer"].as_str().unwrap()).collect();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/accepted_terms", "/display_name", "/email", "/language", "/password", "/typo"]);
    let mut weak = registration("ada@example.eu");
    weak["password"] = json!("password1234");
    let problem = test.post("/api/v1/accounts", &weak).await.expect_problem(422, "invalid_fields");
    assert_eq!(problem["errors"][0]["code"], "weak_password");
    let mut control = registration("ada@example.eu");
    control["display_name"] = json!("A\u{7}da");
    let problem = test.post("/api/v1/accounts", &control).await.expect_problem(422, "invalid_fields");
    assert_eq!(problem["errors"][0]["code"], "control_character");
}

#[actix_web::test]
async fn access_tokens_expire_and_foreign_ones_are_refused() {
    let test = TestApp::start().await;
    let member = test.member("ada@example.eu").await;
    let other = TestApp::start().await;
    let stranger = other.member("ada@example.eu").await;
    let with =
        |token: &str| test.send(test.request(reqwest::Method::GET, "/api/v1/accounts/me").bearer_auth(token));
    with(&stranger.token).await.expect_problem(401, "token_invalid");
    with("nonsense").await.expect_problem(401, "token_invalid");
    let tampered = format!("{}x", member.token);
    with(&tampered).await.expect_problem(401, "token_invalid");
    let missing = test.get("/api/v1/accounts/me").await;
    assert!(missing.header("www-authenticate").starts_with("Bearer"));
    missing.expect_problem(401, "token_missing");
    // A link's token is no access token.
    let mail = test.mail("ada@example.eu", "verify_email");
    with(&link_token(&mail)).await.expect_problem(401, "token_invalid");
    test.clock.set(crate::common::start() + TimeDelta::minutes(15));
    with(&member.token).await.expect_problem(401, "token_expired");
}

#[actix_web::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_session() {
    let test = TestApp::start().await;
    let member = test.member("ada@example.eu").await;
    let refresh = |token: &str| {
        let body = json!({ "refresh_token": token });
        async { test.post("/api/v1/sessions/refresh", &{ body }).await }
    };
    let second = refresh(&member.refresh_token).await.expect(200).json();
    let second = second["refresh_token"].as_str().unwrap().to_owned();
    let third = refresh(&second).await.expect(200).json()["refresh_token"].as_str().unwrap().to_owned();
    refresh(&second).await.expect_problem(401, "refresh_token_invalid");
    refresh(&third).await.expect_problem(401, "refresh_token_invalid");
    // Another session of the same account is not touched by that.
    let again = test.login("ada@example.eu").await;
    refresh(&again.refresh_token).await.expect(200);
}

#[actix_web::test]
async fn logging_out_ends_the_session() {
    let test = TestApp::start().await;
    let member = test.member("ada@example.eu").await;
    let body = json!({ "refresh_token": member.refresh_token });
    let request = member.request(reqwest::Method::DELETE, "/api/v1/sessions").json(&body);
    test.send(request).await.expect(204);
    test.post("/api/v1/sessions/refresh", &body).await.expect_problem(401, "refresh_token_invalid");
}

#[actix_web::test]
async fn a_password_is_reset_by_mail_once() {
    let test = TestApp::start().await;
    let member = test.member("ada@example.eu").await;
    let ask = json!({ "email": "ada@example.eu" });
    test.post("/api/v1/accounts/password-reset/mails", &ask).await.expect(202);
    test.post("/api/v1/accounts/password-reset/mails", &json!({ "email": "x@example.eu" })).await.expect(202);
    test.settle().await;
    let token = link_token(&test.mail("ada@example.eu", "reset_password"));
    let body = json!({ "token": token, "new_password": "eleven purple ladders" });
    test.post("/api/v1/accounts/password-reset", &body).await.expect(204);
    test.post("/api/v1/accounts/password-reset", &body).await.expect_problem(422, "link_invalid");
    let old = json!({ "email": "ada@example.eu", "password": PASSWORD });
    test.post("/api/v1/sessions", &old).await.expect_problem(401, "credentials_wrong");
    let refresh = json!({ "refresh_token": member.refresh_token });
    test.post("/api/v1/sessions/refresh", &refresh).await.expect_problem(401, "refresh_token_invalid");
    let new = json!({ "email": "ada@example.eu", "password": "eleven purple ladders" });
    test.post("/api/v1/sessions", &new).await.expect(200);
    test.settle().await;
    test.mail("ada@example.eu", "password_changed");
}

#[actix_web::test]
async fn a_link_expires() {
    let test = TestApp::start().await;
    test.post("/api/v1/accounts", &registration("ada@example.eu")).await.expect(202);
    test.settle().await;
    let token = json!({ "token": link_token(&test.mail("ada@example.eu", "verify_email")) });
    test.clock.set(crate::common::start() + TimeDelta::hours(25));
    test.post("/api/v1/accounts/verification", &token).await.expect_problem(422, "link_invalid");
}

#[actix_web::test]
async fn settings_change_by_merge_patch_under_if_match() {
    let test = TestApp::start().await;
    let member = test.member("ada@example.eu").await;
    let me = "/api/v1/accounts/me";
    let etag = member.get(me).await.header("etag").to_owned();
    let changed = member.patch_version(me, &etag, &json!({ "language": "fr" })).await.expect(200).json();
    assert_eq!((&changed["language"], &changed["display_name"]), (&json!("fr"), &json!("ada")));
    member.patch_version(me, &etag, &json!({ "language": "de" })).await.expect_problem(412, "stale_version");
    let unconditional = member.request(reqwest::Method::PATCH, me).json(&json!({}));
    test.send(unconditional).await.expect_problem(428, "if_match_missing");
    member.patch(me, &json!({ "display_name": null })).await.expect_problem(422, "invalid_fields");
    let kept = test.send(member.request(reqwest::Method::GET, me).header("if-none-match", "\"3\"")).await;
    assert!(kept.status == 304 || kept.status == 200);
}

#[actix_web::test]
async fn the_public_keys_are_published() {
    let test = TestApp::start().await;
    let keys = test.get("/.well-known/jwks.json").await.expect(200).json();
    assert_eq!(keys["keys"][0]["crv"], "Ed25519");
    assert!(keys["keys"][0].get("d").is_none());
}

#[actix_web::test]
async fn a_password_is_changed_by_who_knows_it_and_every_session_ends() {
    let test = TestApp::start().await;
    let member = test.member("ada@example.eu").await;
    let change = |current: &str, new: &str| {
        let body = json!({ "current_password": current, "new_password": new });
        async { member.post("/api/v1/accounts/me/password", &{ body }).await }
    };
    change("not the password", "eleven purple ladders").await.expect_problem(401, "credentials_wrong");
    let weak = change(PASSWORD, "password1234").await.expect_problem(422, "invalid_fields");
    assert_eq!(weak["errors"][0]["pointer"], "/new_password");
    change(PASSWORD, "eleven purple ladders").await.expect(204);
    let refresh = json!({ "refresh_token": member.refresh_token });
    test.post("/api/v1/sessions/refresh", &refresh).await.expect_problem(401, "refresh_token_invalid");
    let login = json!({ "email": "ada@example.eu", "password": "eleven purple ladders" });
    test.post("/api/v1/sessions", &login).await.expect(200);
    test.settle().await;
    test.mail("ada@example.eu", "password_changed");
}

#[actix_web::test]
async fn nobody_waits_in_an_account_for_the_owner_of_its_address() {
    let test = TestApp::start().await;
    test.post("/api/v1/accounts", &registration("ada@example.eu")).await.expect(202);
    test.settle().await;
    let thief = test.login("ada@example.eu").await;
    let mut hers = registration("ada@example.eu");
    hers["password"] = json!("eleven purple ladders");
    test.post("/api/v1/accounts", &hers).await.expect(202);
    let old = test.mails.take();
    test.settle().await;
    // The link of the first registration is void, and so are its password and its session.
    let first = json!({ "token": link_token(&old[0]) });
    test.post("/api/v1/accounts/verification", &first).await.expect_problem(422, "link_invalid");
    let token = json!({ "token": link_token(&test.mail("ada@example.eu", "verify_email")) });
    test.post("/api/v1/accounts/verification", &token).await.expect(200);
    let login = |password: &str| json!({ "email": "ada@example.eu", "password": password });
    test.post("/api/v1/sessions", &login(PASSWORD)).await.expect_problem(401, "credentials_wrong");
    let refresh = json!({ "refresh_token": thief.refresh_token });
    test.post("/api/v1/sessions/refresh", &refresh).await.expect_problem(401, "refresh_token_invalid");
    test.post("/api/v1/sessions", &login("eleven purple ladders")).await.expect(200);
}

#[actix_web::test]
async fn whoever_clicks_twice_at_once_gets_the_same_answer_twice() {
    let test = TestApp::start().await;
    let body = registration("ada@example.eu");
    let registered = join_all((0..4).map(|_| test.post("/api/v1/accounts", &body))).await;
    registered.into_iter().for_each(|reply| drop(reply.expect(202)));
    test.settle().await;
    let mails = test.mails.sent();
    let last = json!({ "token": link_token(mails.last().unwrap()) });
    let verified = join_all((0..4).map(|_| test.post("/api/v1/accounts/verification", &last))).await;
    verified.into_iter().for_each(|reply| drop(reply.expect(200)));
    test.login("ada@example.eu").await;

    test.post("/api/v1/accounts/password-reset/mails", &json!({ "email": "ada@example.eu" }))
        .await
        .expect(202);
    test.settle().await;
    let token = link_token(&test.mail("ada@example.eu", "reset_password"));
    let body = json!({ "token": token, "new_password": "eleven purple ladders" });
    let reset = join_all((0..4).map(|_| test.post("/api/v1/accounts/password-reset", &body))).await;
    let mut statuses: Vec<u16> = reset.iter().map(|reply| reply.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 422, 422, 422]);
}
