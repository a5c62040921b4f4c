//! Mails about events, and the pages behind the links of mails, used as a browser and a mail program use them.
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Member, PASSWORD, Reply, TestApp, hub, link_token, with};
use crate::events::{event, organisation, published, step};

const FORM: &str = "application/x-www-form-urlencoded";

/// A member who reads this language and follows the house.
async fn follower<'a>(test: &'a TestApp, name: &str, language: &str, house: &str) -> Member<'a> {
    let member = test.member(&format!("{name}@example.eu")).await;
    member.patch("/api/v1/accounts/me", &json!({ "language": language })).await.expect(200);
    member.put(&format!("/api/v1/profiles/{house}/follow")).await.expect(204);
    member
}

/// Subjects of the mails of a kind to an address, oldest first.
async fn subjects(test: &TestApp, member: &Member<'_>, kind: &str) -> Vec<String> {
    let mails = test.mails_to(&member.email).await;
    mails.into_iter().filter(|mail| mail.kind == kind).map(|mail| mail.content.subject).collect()
}

/// Opens a page as a browser whose reader reads this language.
async fn open(test: &TestApp, path: &str, language: &str) -> Reply {
    let reply = test.send(test.request(Method::GET, path).header("accept-language", language)).await;
    is_page(&reply, language);
    reply
}

/// Fills in and sends the one form of a page, as a browser does.
async fn submit(test: &TestApp, page: &Reply, filled_in: &[(&str, &str)]) -> Reply {
    let html = &page.text;
    assert_eq!((html.matches("<form ").count(), html.matches("method=\"post\"").count()), (1, 1), "{html}");
    let action = between(html, "action=\"", "\"");
    let hidden = html.split("<input type=\"hidden\"").skip(1);
    let mut fields: Vec<_> =
        hidden.map(|input| (between(input, "name=\"", "\""), between(input, "value=\"", "\""))).collect();
    for (name, value) in filled_in {
        assert!(html.contains(&format!("name=\"{name}\"")), "no field {name} in {html}");
        fields.push((name, value));
    }
    let body = serde_html_form::to_string(fields).unwrap();
    post_form(test, action, body).await
}

async fn post_form(test: &TestApp, path: &str, body: String) -> Reply {
    test.send(test.request(Method::POST, path).header("content-type", FORM).body(body)).await
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text}")).1;
    rest.split_once(end).unwrap().0
}

#[track_caller]
fn is_page(reply: &Reply, language: &str) {
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8", "{}", reply.text);
    assert!(reply.header("content-security-policy").starts_with("default-src 'none';"));
    assert_eq!(reply.header("cache-control"), "no-store");
    assert!(reply.text.contains(&format!("<html lang=\"{language}\">")), "{}", reply.text);
}

/// The page's path in a mail, which stands in its text and in its List-Unsubscribe header alike.
#[track_caller]
fn unfollow_path(mail: &aihub::mail::Sent) -> String {
    let headers = mail.source.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let header = |name: &str| {
        let found: Vec<_> = headers.lines().filter_map(|line| line.strip_prefix(name)).collect();
        assert_eq!(found.len(), 1, "{name} {headers}");
        found[0].trim().to_owned()
    };
    assert_eq!(header("List-Unsubscribe-Post:"), "List-Unsubscribe=One-Click");
    let url = header("List-Unsubscribe:");
    let url = url.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')).unwrap();
    assert!(mail.content.text.contains(url), "{}", mail.content.text);
    url.strip_prefix("http://127.0.0.1:8080").unwrap().to_owned()
}

#[actix_web::test]
async fn each_follower_hears_of_an_event_once_in_his_language() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (house, other) = (organisation(&ada).await, organisation(&ada).await);
    let german = follower(&test, "german", "de", &house).await;
    let french = follower(&test, "french", "fr", &house).await;
    let polish = follower(&test, "polish", "pl", &house).await;
    let elsewhere = follower(&test, "elsewhere", "en", &other).await;
    german.put(&format!("/api/v1/profiles/{house}/follow")).await.expect(204);
    let path = published(&ada, &event(&house)).await;
    step(&ada, &path, "publish").await.expect_problem(409, "invalid_transition");
    for (member, subject) in [
        (&german, "Haus Nord: Werkstatttag, 01.12.2026, 09:00"),
        (&french, "Haus Nord : Workshop day, 1er décembre 2026 à 09:00"),
        (&polish, "Haus Nord: Workshop day, 1 December 2026, 09:00"),
    ] {
        assert_eq!(subjects(&test, member, "event_announced").await, [subject]);
        let mail = test.mail(&member.email, "event_announced");
        unfollow_path(&mail);
        assert!(mail.content.text.contains("Testhalle, Musterstraße 1, Wien, AT"), "{}", mail.content.text);
        assert!(mail.content.text.contains(&format!("http://127.0.0.1:8080{path}")), "{}", mail.content.text);
    }
    for member in [&elsewhere, &ada] {
        assert!(subjects(&test, member, "event_announced").await.is_empty());
    }
    // Neither another round of the worker nor a change of the text sends anything.
    ada.patch(&path, &json!({ "title": { "en": "Workshop" } })).await.expect(200);
    test.advance(TimeDelta::hours(1)).await;
    let about_events = test.mails.sent().into_iter().filter(|mail| mail.kind.starts_with("event_"));
    assert_eq!(about_events.count(), 3);
}

#[actix_web::test]
async fn followers_hear_of_each_change_that_still_holds() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = organisation(&ada).await;
    let german = follower(&test, "german", "de", &house).await;
    let path = published(&ada, &event(&house)).await;
    test.settle().await;
    let mut expected = Vec::new();
    for (name, subject, text) in [
        ("reschedule", "Neuer Termin: Werkstatttag", "03.12.2026, 09:00 (Europe/Vienna)"),
        ("postpone", "Verschoben: Werkstatttag", "03.12.2026, 09:00 (Europe/Vienna) entfällt"),
        ("move-online", "Jetzt online: Werkstatttag", "findet jetzt online statt"),
        ("cancel", "Abgesagt: Werkstatttag", "findet nicht statt"),
    ] {
        step(&ada, &path, name).await.expect(200);
        // A second click is refused, or tells nobody anything.
        let again = step(&ada, &path, name).await.status.as_u16();
        assert_eq!(again, if matches!(name, "postpone" | "cancel") { 409 } else { 200 });
        expected.push(subject);
        assert_eq!(subjects(&test, &german, "event_changed").await, expected);
        let mails = test.mails_to(&german.email).await;
        let mail = mails.iter().find(|mail| mail.content.subject == subject).unwrap();
        assert!(mail.content.text.contains(text), "{}", mail.content.text);
        unfollow_path(mail);
    }
    // What is outdated before it leaves is not sent; nor is anything about what never was public.
    let path = published(&ada, &event(&house)).await;
    for name in ["postpone", "reschedule", "cancel"] {
        step(&ada, &path, name).await.expect(200);
    }
    expected.push("Abgesagt: Werkstatttag");
    let given_up = ada.post("/api/v1/events", &event(&house)).await.expect(201).header("location").to_owned();
    step(&ada, &given_up, "cancel").await.expect(200);
    assert_eq!(subjects(&test, &german, "event_changed").await, expected);
    assert_eq!(subjects(&test, &german, "event_announced").await.len(), 1);
}

#[actix_web::test]
async fn only_houses_with_events_that_are_published_can_be_followed() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let venture = ada.profile(&crate::common::startup()).await;
    eve.put(&format!("/api/v1/profiles/{venture}/follow")).await.expect_problem(409, "conflict");
    let waiting = ada.profile(&hub()).await;
    let follow = format!("/api/v1/profiles/{waiting}/follow");
    eve.put(&follow).await.expect_problem(404, "not_found");
    test.send(test.request(Method::PUT, &follow)).await.expect_problem(401, "token_missing");
    eve.delete(&follow).await.expect(204);
}

#[actix_web::test]
async fn who_unfollows_by_the_page_gets_no_more_mails() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = ada.profile(&with(hub(), json!({ "kind": "organisation", "name": "A & <B>" }))).await;
    let (dora, eve) =
        (follower(&test, "dora", "de", &house).await, follower(&test, "eve", "en", &house).await);
    let announced = |member: &'static str| {
        let sent = test.mails.sent();
        sent.iter().filter(|mail| mail.to == member && mail.kind == "event_announced").count()
    };
    published(&ada, &event(&house)).await;
    test.settle().await;
    let link = unfollow_path(&test.mail(&dora.email, "event_announced"));
    // Mail scanners open links too: opening changes nothing.
    let page = open(&test, &link, "de").await.expect(200);
    assert!(
        page.text.contains("Diese E-Mails beenden") && page.text.contains("A &amp; &lt;B&gt;"),
        "{}",
        page.text
    );
    published(&ada, &event(&house)).await;
    test.settle().await;
    assert_eq!((announced("dora@example.eu"), announced("eve@example.eu")), (2, 2));
    submit(&test, &page, &[]).await.expect(200);
    published(&ada, &event(&house)).await;
    test.settle().await;
    assert_eq!((announced("dora@example.eu"), announced("eve@example.eu")), (2, 3));
    // Her will has changed: the link in the old mail works again after that.
    dora.put(&format!("/api/v1/profiles/{house}/follow")).await.expect(204);
    published(&ada, &event(&house)).await;
    test.settle().await;
    assert_eq!(announced("dora@example.eu"), 3);
    let unfollow = format!("/api/v1/profiles/{house}/follow");
    eve.delete(&unfollow).await.expect(204);
    eve.delete(&unfollow).await.expect(204);
    published(&ada, &event(&house)).await;
    test.settle().await;
    assert_eq!((announced("dora@example.eu"), announced("eve@example.eu")), (4, 4));
}

#[actix_web::test]
async fn one_click_of_a_mail_program_unfollows_also_what_is_under_way() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (house, other) = (organisation(&ada).await, organisation(&ada).await);
    let dora = follower(&test, "dora", "en", &house).await;
    dora.put(&format!("/api/v1/profiles/{other}/follow")).await.expect(204);
    published(&ada, &event(&house)).await;
    test.settle().await;
    let link = unfollow_path(&test.mail(&dora.email, "event_announced"));
    // Published before the click, but not sent yet.
    published(&ada, &event(&house)).await;
    for _ in 0..2 {
        let done = post_form(&test, &link, "List-Unsubscribe=One-Click".to_owned()).await.expect(200);
        is_page(&done, "en");
    }
    assert_eq!(subjects(&test, &dora, "event_announced").await.len(), 1);
    // It ends mails of that house, not of others.
    published(&ada, &event(&other)).await;
    assert_eq!(subjects(&test, &dora, "event_announced").await.len(), 2);
}

#[actix_web::test]
async fn links_that_do_not_work_say_so_on_every_page() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = organisation(&ada).await;
    let dora = follower(&test, "dora", "en", &house).await;
    published(&ada, &event(&house)).await;
    test.post("/api/v1/accounts/password-reset/mails", &json!({ "email": dora.email })).await.expect(202);
    test.settle().await;
    let [unfollow, reset, verify] = ["event_announced", "reset_password", "verify_email"]
        .map(|kind| link_token(&test.mail(&dora.email, kind)));
    let unfollow = unfollow.as_str();
    assert_eq!(
        unfollow_path(&test.mail(&dora.email, "event_announced")),
        format!("/links/unfollow?token={unfollow}")
    );
    let tampered = format!("{}x{unfollow}", &unfollow[..5]);
    for (page, wrong) in [
        ("unfollow", [tampered.as_str(), &verify, &dora.token]),
        ("verify-email", [unfollow, &reset, "x"]),
        ("reset-password", [unfollow, &verify, ""]),
    ] {
        for token in wrong {
            let shown = open(&test, &format!("/links/{page}?token={token}"), "fr").await.expect(410);
            assert!(shown.text.contains("Ce lien n’est plus valable") && !shown.text.contains("<form"));
            let (path, body) = match page {
                "unfollow" => (format!("/links/{page}?token={token}"), String::new()),
                "verify-email" => (format!("/links/{page}"), format!("token={token}")),
                _ => (format!("/links/{page}"), format!("token={token}&new_password=eleven+purple+ladders")),
            };
            is_page(&post_form(&test, &path, body).await.expect(410), "en");
        }
        test.get(&format!("/links/{page}")).await.expect_problem(400, "malformed_query");
        test.get(&format!("/links/{page}?token=x&more=1")).await.expect_problem(400, "malformed_query");
    }
    // Nothing came of all that: she can log in, and is told of the next event.
    test.login(&dora.email).await;
    published(&ada, &event(&house)).await;
    assert_eq!(subjects(&test, &dora, "event_announced").await.len(), 2);
    test.advance(TimeDelta::days(365)).await;
    open(&test, &format!("/links/unfollow?token={unfollow}"), "de").await.expect(410);
}

#[actix_web::test]
async fn an_address_is_verified_by_the_button_of_the_page() {
    let test = TestApp::start().await;
    let registration = json!({
        "email": "ada@example.eu", "password": PASSWORD, "display_name": "Ada", "language": "fr", "accepted_terms": "2026-11"
    });
    test.post("/api/v1/accounts", &registration).await.expect(202);
    test.settle().await;
    let mail = test.mail("ada@example.eu", "verify_email");
    assert!(!mail.source.contains("List-Unsubscribe"), "{}", mail.source);
    let token = link_token(&mail);
    let path = format!("/links/verify-email?token={token}");
    assert!(mail.content.text.contains(&format!("http://127.0.0.1:8080{path}")), "{}", mail.content.text);
    let ada = test.login("ada@example.eu").await;
    let verified =
        || async { ada.get("/api/v1/accounts/me").await.expect(200).json()["email_verified"].clone() };
    let page = open(&test, &path, "fr").await.expect(200);
    assert!(page.text.contains("Confirmer votre adresse"), "{}", page.text);
    assert_eq!(verified().await, Value::Bool(false));
    for (kind, body, status, code) in [
        ("application/json", json!({ "token": token }).to_string(), 415, "unsupported_media_type"),
        (FORM, String::new(), 400, "bad_request"),
        (FORM, format!("token={token}&more=1"), 400, "bad_request"),
        (FORM, format!("token={}", "x".repeat(5000)), 413, "payload_too_large"),
    ] {
        let request = test.request(Method::POST, "/links/verify-email").header("content-type", kind);
        test.send(request.body(body)).await.expect_problem(status, code);
    }
    assert_eq!(verified().await, Value::Bool(false));
    for _ in 0..2 {
        submit(&test, &page, &[]).await.expect(200);
        assert_eq!(verified().await, Value::Bool(true));
    }
}

#[actix_web::test]
async fn a_password_is_reset_on_the_page_once_and_by_the_rules() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let ask = json!({ "email": "ada@example.eu" });
    test.post("/api/v1/accounts/password-reset/mails", &ask).await.expect(202);
    test.settle().await;
    let path =
        format!("/links/reset-password?token={}", link_token(&test.mail("ada@example.eu", "reset_password")));
    let page = open(&test, &path, "de").await.expect(200);
    assert!(
        page.text.contains("type=\"password\"") && page.text.contains("Neues Passwort setzen"),
        "{}",
        page.text
    );
    let session = |password: &str| {
        let body = json!({ "email": "ada@example.eu", "password": password });
        async { test.post("/api/v1/sessions", &{ body }).await }
    };
    let mut page = page;
    for weak in ["kurz12", "password1234", &"long passphrase ".repeat(40)] {
        page = submit(&test, &page, &[("new_password", weak)]).await.expect(200);
        assert!(page.text.contains("too easy to guess. Please choose another one."), "{}", page.text);
        assert!(!page.text.contains(weak));
    }
    session(PASSWORD).await.expect(200);
    // The form that the page shows again after a refusal still works.
    let new = "elf & lila = Leitern + ü";
    let done = submit(&test, &page, &[("new_password", new)]).await.expect(200);
    assert!(!done.text.contains("<form"), "{}", done.text);
    session(PASSWORD).await.expect_problem(401, "credentials_wrong");
    session(new).await.expect(200);
    let refresh = json!({ "refresh_token": ada.refresh_token });
    test.post("/api/v1/sessions/refresh", &refresh).await.expect_problem(401, "refresh_token_invalid");
    submit(&test, &page, &[("new_password", "another purple ladder")]).await.expect(410);
    session(new).await.expect(200);
    test.settle().await;
    test.mail("ada@example.eu", "password_changed");
}

#[actix_web::test]
async fn the_pages_of_an_account_end_after_a_day() {
    let test = TestApp::start().await;
    let newcomer = json!({
        "email": "ada@example.eu", "password": PASSWORD, "display_name": "Ada", "language": "en", "accepted_terms": "2026-11"
    });
    test.post("/api/v1/accounts", &newcomer).await.expect(202);
    test.post("/api/v1/accounts/password-reset/mails", &json!({ "email": "ada@example.eu" }))
        .await
        .expect(202);
    test.settle().await;
    let pages =
        [("verify-email", "verify_email"), ("reset-password", "reset_password")].map(|(page, kind)| {
            format!("/links/{page}?token={}", link_token(&test.mail("ada@example.eu", kind)))
        });
    test.clock.set(crate::common::start() + TimeDelta::days(1) - TimeDelta::seconds(1));
    let mut open_pages = Vec::new();
    for path in &pages {
        open_pages.push(open(&test, path, "en").await.expect(200));
    }
    test.tick();
    for (path, page) in pages.iter().zip(&open_pages) {
        open(&test, path, "en").await.expect(410);
        let filled_in: &[_] =
            if path.contains("reset") { &[("new_password", "eleven purple ladders")] } else { &[] };
        submit(&test, page, filled_in).await.expect(410);
    }
    test.login("ada@example.eu").await;
}
