//! A tour of every operation on a service with the demo's sample: what is asked and answered there is what the contract
//! shows as examples, so they are real and cannot rot.

mod recorder;
mod stand_ins;

use aihub::accounts;
use aihub::mail::{SendError, Sent};
use serde_json::{Value, json};

use crate::common::{Member, PASSWORD, TestApp, hub, ids, link_token, mentor, startup, with};
use recorder::{Ask, Recorder};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/http/examples.json");
/// Set to anything, the examples are written instead of compared.
const RENEW: &str = "AIHUB_TEST_RENEW_EXAMPLES";

#[actix_web::test]
async fn examples_are_what_the_running_sample_answers() {
    let test = TestApp::start().await;
    test.load_sample().await;
    let mut recorder = Recorder::new(&test);
    look_around(&mut recorder).await;
    let (ada, grace) = (join(&test, &mut recorder).await, join_by_page(&test, &mut recorder).await);
    let claire = demo_member(&test, "mentor@demo.example").await;
    let staff = demo_member(&test, "hub@demo.example").await;
    let startup = present(&mut recorder, &ada, &grace).await;
    let need = seek(&mut recorder, &ada, &startup).await;
    let mentor = offer(&mut recorder, &claire).await;
    test.settle().await;
    find(&mut recorder, &ada, &need, &mentor).await;
    meet(&test, &mut recorder, [&ada, &claire], [&startup, &mentor, &need]).await;
    refuse(&test, &mut recorder, &ada, &grace, &startup).await;
    gather(&test, &mut recorder, &staff, &ada).await;
    look_after(&test, &mut recorder, &ada).await;
    assert_eq!(
        recorder.missing(),
        Vec::<String>::new(),
        "these operations have no example; add them to the tour"
    );
    compare(&recorder.text());
}

fn compare(text: &str) {
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(FILE, text).unwrap();
        return;
    }
    let (kept, new): (Value, Value) = (
        serde_json::from_str(&std::fs::read_to_string(FILE).unwrap()).unwrap(),
        serde_json::from_str(text).unwrap(),
    );
    let names = kept.as_object().unwrap().keys().chain(new.as_object().unwrap().keys());
    let mut differing: Vec<&String> = names.filter(|name| kept.get(name) != new.get(name)).collect();
    differing.dedup();
    assert!(
        differing.is_empty(),
        "the service answers otherwise than the contract's examples of {differing:?}; look at what changed, and renew \
         them with:\n    {RENEW}=1 cargo test --test black_box examples && cargo run --quiet -- openapi > openapi.yaml"
    );
}

/// An account of the demo, logged in.
async fn demo_member<'a>(test: &'a TestApp, email: &str) -> Member<'a> {
    let (now, address) = (test.clock.now(), email.to_owned());
    let find = move |conn: &mut _| accounts::find_by_email(conn, &address);
    let account = test.app.db.read(find).await.unwrap().unwrap();
    let token = test.app.tokens.issue(&account, now).unwrap();
    Member { test, email: email.to_owned(), id: account.id.to_string(), token, refresh_token: String::new() }
}

/// The newest mail of this kind to an address.
async fn newest_mail(test: &TestApp, address: &str, kind: &str) -> Sent {
    let mails = test.mails_to(address).await;
    mails.into_iter().rfind(|mail| mail.kind == kind).unwrap_or_else(|| panic!("no {kind} to {address}"))
}

fn id(thing: &Value) -> String {
    thing["id"].as_str().unwrap().to_owned()
}

/// What needs no account.
async fn look_around(recorder: &mut Recorder<'_>) {
    for operation in ["check_live", "check_ready", "read_contract", "read_public_keys", "read_metrics"] {
        recorder.ask(operation, Ask::default()).await;
    }
    recorder.ask("list_problems", Ask::default()).await;
    recorder.ask("explain_problem", Ask { path: &["invalid_fields"], ..Ask::default() }).await;
    recorder.ask("read_matching_parameters", Ask::default()).await;
    recorder.ask("list_matching_parameters", Ask::default()).await;
    let query = [("parent", "machine_learning"), ("language", "de"), ("limit", "2")];
    recorder.ask("list_concepts", Ask { query: &query, ..Ask::default() }).await;
    recorder.ask("read_concept", Ask { path: &["predictive_maintenance"], ..Ask::default() }).await;
    let query = [("q", "konserwacja pr"), ("language", "de")];
    recorder.ask("suggest_concepts", Ask { query: &query, ..Ask::default() }).await;
    let text = "Wir suchen Hilfe bei vorausschauender Wartung und Computer Vision.";
    recorder.ask("annotate_text", Ask { body: Some(json!({ "text": text })), ..Ask::default() }).await;
}

fn registration(email: &str, name: &str) -> Value {
    json!({ "email": email, "password": PASSWORD, "display_name": name, "language": "de", "accepted_terms": "2026-11" })
}

/// Ada registers, verifies her address and logs in, all by the API.
async fn join<'a>(test: &'a TestApp, recorder: &mut Recorder<'_>) -> Member<'a> {
    let email = "ada@schwingwerk.example";
    let (address, body) = (json!({ "email": email }), registration(email, "Ada Example"));
    recorder.ask("register_account", Ask { body: Some(body), ..Ask::default() }).await;
    recorder.ask("resend_verification", Ask { body: Some(address.clone()), ..Ask::default() }).await;
    let token = link_token(&newest_mail(test, email, "verify_email").await);
    recorder.ask("verify_email", Ask { body: Some(json!({ "token": token })), ..Ask::default() }).await;
    recorder.ask("request_password_reset", Ask { body: Some(address), ..Ask::default() }).await;
    let token = link_token(&newest_mail(test, email, "reset_password").await);
    let password = "eleven blue kettles sing";
    let body = json!({ "token": token, "new_password": password });
    recorder.ask("reset_password", Ask { body: Some(body), ..Ask::default() }).await;
    let body = json!({ "email": email, "password": password });
    let session = recorder.ask("create_session", Ask { body: Some(body), ..Ask::default() }).await.json();
    let body = json!({ "refresh_token": session["refresh_token"] });
    let session = recorder.ask("refresh_session", Ask { body: Some(body), ..Ask::default() }).await.json();
    let body = json!({ "refresh_token": session["refresh_token"] });
    recorder.ask("delete_session", Ask { body: Some(body), ..Ask::default() }).await;
    let text = |name: &str| session[name].as_str().unwrap().to_owned();
    let (token, refresh_token) = (text("access_token"), text("refresh_token"));
    let ada = Member { test, email: email.to_owned(), id: id(&session["account"]), token, refresh_token };
    let own = Ask { who: Some(&ada), ..Ask::default() };
    recorder.ask("read_own_account", own).await;
    let body = Some(json!({ "display_name": "Ada Beispiel" }));
    recorder.ask("update_own_account", Ask { who: Some(&ada), body, ..Ask::default() }).await;
    let body = Some(json!({ "current_password": password, "new_password": PASSWORD }));
    recorder.ask("change_password", Ask { who: Some(&ada), body, ..Ask::default() }).await;
    ada
}

/// Grace does the same by the pages behind the links in her mails.
async fn join_by_page<'a>(test: &'a TestApp, recorder: &mut Recorder<'_>) -> Member<'a> {
    let email = "grace@schwingwerk.example";
    test.post("/api/v1/accounts", &registration(email, "Grace Example")).await.expect(202);
    let token = link_token(&newest_mail(test, email, "verify_email").await);
    let query = [("token", token.as_str())];
    recorder.ask("show_email_verification", Ask { query: &query, ..Ask::default() }).await;
    let body = Some(json!({ "token": token }));
    recorder.ask("post_email_verification", Ask { body, ..Ask::default() }).await;
    test.post("/api/v1/accounts/password-reset/mails", &json!({ "email": email })).await.expect(202);
    let token = link_token(&newest_mail(test, email, "reset_password").await);
    let query = [("token", token.as_str())];
    recorder.ask("show_password_reset", Ask { query: &query, ..Ask::default() }).await;
    let body = Some(json!({ "token": token, "new_password": PASSWORD }));
    recorder.ask("post_password_reset", Ask { body, ..Ask::default() }).await;
    test.login(email).await
}

/// Ada's start-up, published, with Grace on its staff for a while.
async fn present(recorder: &mut Recorder<'_>, ada: &Member<'_>, grace: &Member<'_>) -> String {
    let who = Some(ada);
    let made =
        recorder.ask("create_profile", Ask { who, body: Some(startup()), ..Ask::default() }).await.json();
    let profile = id(&made);
    let path = [profile.as_str()];
    let body =
        Some(json!({ "stage": "first_customers", "website": "https://schwingwerk.example", "trl": null }));
    recorder.ask("update_profile", Ask { who, path: &path, body, ..Ask::default() }).await;
    for operation in ["publish_profile", "confirm_profile"] {
        recorder.ask(operation, Ask { who, path: &path, ..Ask::default() }).await;
    }
    recorder.ask("read_profile", Ask { path: &path, ..Ask::default() }).await;
    let query = [("kind", "startup"), ("country", "DE"), ("limit", "1")];
    recorder.ask("list_profiles", Ask { query: &query, ..Ask::default() }).await;
    let body = Some(json!({ "email": grace.email }));
    recorder.ask("add_profile_staff", Ask { who, path: &path, body, ..Ask::default() }).await;
    recorder.ask("list_profile_staff", Ask { who, path: &path, ..Ask::default() }).await;
    let place = [profile.as_str(), grace.id.as_str()];
    recorder.ask("remove_profile_staff", Ask { who, path: &place, ..Ask::default() }).await;
    profile
}

/// What the start-up seeks.
async fn seek(recorder: &mut Recorder<'_>, ada: &Member<'_>, profile: &str) -> String {
    let who = Some(ada);
    let body = json!({
        "profile": profile, "type": "mentoring", "sectors": ["C"], "languages": ["de", "en"], "formats": ["online"],
        "title": { "de": "Vorausschauende Wartung von Spindeln" },
        "description": { "de": "Die Hälfte unserer Warnungen ist falscher Alarm. Wer hat das schon einmal gelöst?" }
    });
    let need = id(&recorder.ask("create_need", Ask { who, body: Some(body), ..Ask::default() }).await.json());
    let path = [need.as_str()];
    let body = Some(json!({ "concepts": ["predictive_maintenance"], "expires_in_days": 90 }));
    recorder.ask("update_need", Ask { who, path: &path, body, ..Ask::default() }).await;
    recorder.ask("read_need", Ask { path: &path, ..Ask::default() }).await;
    recorder
        .ask("list_needs", Ask { query: &[("type", "mentoring"), ("limit", "1")], ..Ask::default() })
        .await;
    for (operation, title) in [("meet_need", "Rechenzeit"), ("withdraw_need", "Beratung zur KI-Verordnung")] {
        let other = ada.need(profile, title, "Wir suchen Hilfe.").await;
        recorder.ask(operation, Ask { who, path: &[&other], ..Ask::default() }).await;
    }
    need
}

/// What the demo's mentor offers; returns her profile.
async fn offer(recorder: &mut Recorder<'_>, claire: &Member<'_>) -> String {
    let managed = claire.get("/api/v1/profiles?managed=true").await.expect(200).json();
    let profile = ids(&managed).remove(0);
    let who = Some(claire);
    let body = json!({
        "profile": profile, "type": "mentoring", "languages": ["fr", "en"], "formats": ["online"],
        "title": { "en": "Two hours on false alarms" },
        "description": { "en": "We look at your warnings together and decide which signal to trust." },
        "price": { "amount_cents": 0, "currency": "EUR" }, "closes_on": "2027-03-31"
    });
    let made = recorder.ask("create_offering", Ask { who, body: Some(body), ..Ask::default() }).await.json();
    let offering = id(&made);
    let path = [offering.as_str()];
    let body = Some(json!({ "concepts": ["anomaly_detection"], "clients": ["sme"] }));
    recorder.ask("update_offering", Ask { who, path: &path, body, ..Ask::default() }).await;
    recorder.ask("open_offering", Ask { who, path: &path, ..Ask::default() }).await;
    recorder.ask("read_offering", Ask { path: &path, ..Ask::default() }).await;
    recorder
        .ask("list_offerings", Ask { query: &[("type", "mentoring"), ("limit", "1")], ..Ask::default() })
        .await;
    recorder.ask("close_offering", Ask { who, path: &path, ..Ask::default() }).await;
    profile
}

/// Search and matching.
async fn find(recorder: &mut Recorder<'_>, ada: &Member<'_>, need: &str, mentor: &str) {
    let who = Some(ada);
    let query = [("q", "maintenance prédictive"), ("kind", "profile"), ("facet", "country"), ("limit", "1")];
    recorder.ask("search", Ask { query: &query, ..Ask::default() }).await;
    recorder.ask("suggest", Ask { query: &[("q", "Schwingwe")], ..Ask::default() }).await;
    let question = json!({ "need": need, "categories": ["mentor"], "limit": 1 });
    recorder.ask("find_matches", Ask { who, body: Some(question.clone()), ..Ask::default() }).await;
    let body = Some(json!({ "candidate": mentor, "question": question }));
    recorder.ask("explain_match", Ask { who, body, ..Ask::default() }).await;
}

/// An introduction that both want.
async fn meet(
    test: &TestApp,
    recorder: &mut Recorder<'_>,
    [ada, claire]: [&Member<'_>; 2],
    [startup, mentor, need]: [&str; 3],
) {
    let who = Some(ada);
    let note = "Die Hälfte unserer Warnungen ist falscher Alarm. Hätten Sie eine Stunde für uns?";
    let body = Some(json!({ "requester": startup, "target": mentor, "need": need, "note": note }));
    let asked = recorder.ask("request_introduction", Ask { who, body, ..Ask::default() }).await.json();
    let introduction = id(&asked);
    let path = [introduction.as_str()];
    let token = link_token(&newest_mail(test, &claire.email, "introduction_requested").await);
    recorder.ask("show_introduction_request", Ask { query: &[("token", &token)], ..Ask::default() }).await;
    recorder.ask("accept_introduction", Ask { who: Some(claire), path: &path, ..Ask::default() }).await;
    recorder.ask("read_introduction", Ask { who, path: &path, ..Ask::default() }).await;
    let body = Some(json!({ "met": true, "rating": 5, "comment": "We have agreed on a pilot." }));
    recorder.ask("report_outcome", Ask { who, path: &path, body, ..Ask::default() }).await;
    let query = [("role", "requester"), ("limit", "1")];
    recorder.ask("list_introductions", Ask { who, query: &query, ..Ask::default() }).await;
}

/// Introductions that end in other ways.
async fn refuse(
    test: &TestApp,
    recorder: &mut Recorder<'_>,
    ada: &Member<'_>,
    grace: &Member<'_>,
    startup: &str,
) {
    let mut asked = Vec::new();
    for name in ["Inés Ejemplo", "Jan Przykład", "Kim Esimerkki"] {
        test.tick();
        let target = grace.profile(&with(mentor(), json!({ "name": name }))).await;
        let body = json!({ "requester": startup, "target": target, "note": "Hätten Sie eine Stunde?" });
        asked.push(id(&ada.post("/api/v1/introductions", &body).await.expect(201).json()));
    }
    let body = Some(json!({ "code": "not_now", "message": "Please ask again in spring." }));
    recorder
        .ask("decline_introduction", Ask { who: Some(grace), path: &[&asked[0]], body, ..Ask::default() })
        .await;
    recorder.ask("withdraw_introduction", Ask { who: Some(ada), path: &[&asked[1]], ..Ask::default() }).await;
    let token = link_token(&newest_mail(test, &grace.email, "introduction_requested").await);
    let body = Some(json!({ "token": token, "decision": "accept", "code": "other" }));
    recorder.ask("post_introduction_decision", Ask { body, ..Ask::default() }).await;
}

/// An event of the demo's hub, through all that can happen to it.
async fn gather(test: &TestApp, recorder: &mut Recorder<'_>, staff: &Member<'_>, ada: &Member<'_>) {
    let managed = staff.get("/api/v1/profiles?managed=true").await.expect(200).json();
    let hub = ids(&managed).remove(0);
    let who = Some(staff);
    recorder.ask("follow_profile", Ask { who: Some(ada), path: &[&hub], ..Ask::default() }).await;
    let body = json!({
        "profile": hub, "title": { "en": "Open house" }, "languages": ["en"], "format": "on_site",
        "description": { "en": "See the test beds, meet mentors, bring your questions." },
        "zone": "Europe/Vienna", "starts_at": "2026-11-30T08:00:00Z", "ends_at": "2026-11-30T15:00:00Z",
        "venue": { "name": "Testhalle", "city": "Wien", "country": "AT" }
    });
    let made = recorder.ask("create_event", Ask { who, body: Some(body), ..Ask::default() }).await.json();
    let event = id(&made);
    let path = [event.as_str()];
    let body = Some(json!({ "title": { "de": "Tag der offenen Tür" }, "capacity": 40 }));
    recorder.ask("update_event", Ask { who, path: &path, body, ..Ask::default() }).await;
    recorder.ask("publish_event", Ask { who, path: &path, ..Ask::default() }).await;
    let token = link_token(&newest_mail(test, &ada.email, "event_announced").await);
    recorder.ask("read_event", Ask { path: &path, ..Ask::default() }).await;
    recorder.ask("read_event_calendar", Ask { path: &path, ..Ask::default() }).await;
    let query = [("profile", hub.as_str()), ("from", "2026-11-30"), ("limit", "1")];
    recorder.ask("list_events", Ask { query: &query, ..Ask::default() }).await;
    let body = Some(json!({ "starts_at": "2026-12-01T08:00:00Z", "ends_at": "2026-12-01T15:00:00Z" }));
    recorder.ask("reschedule_event", Ask { who, path: &path, body, ..Ask::default() }).await;
    let body = Some(json!({ "url": "https://hub.example/open-house" }));
    recorder.ask("move_event_online", Ask { who, path: &path, body, ..Ask::default() }).await;
    recorder.ask("postpone_event", Ask { who, path: &path, ..Ask::default() }).await;
    let body = Some(json!({ "reason": "The halls are being rebuilt." }));
    recorder.ask("cancel_event", Ask { who, path: &path, body, ..Ask::default() }).await;
    for operation in ["show_unfollow", "post_unfollow"] {
        recorder.ask(operation, Ask { query: &[("token", &token)], ..Ask::default() }).await;
    }
    recorder.ask("unfollow_profile", Ask { who: Some(ada), path: &[&hub], ..Ask::default() }).await;
}

/// What administrators do: decide on hubs, look after mails.
async fn look_after(test: &TestApp, recorder: &mut Recorder<'_>, ada: &Member<'_>) {
    let admin = demo_member(test, "admin@demo.example").await;
    let who = Some(&admin);
    let mut hubs = Vec::new();
    for _ in 0..2 {
        test.tick();
        hubs.push(ada.profile(&hub()).await);
    }
    let [good, bad] = [[hubs[0].as_str()], [hubs[1].as_str()]];
    recorder.ask("approve_profile", Ask { who, path: &good, ..Ask::default() }).await;
    let body = Some(json!({ "reason": "Please name the organisation that runs the hub." }));
    recorder.ask("reject_profile", Ask { who, path: &bad, body, ..Ask::default() }).await;
    let body = Some(json!({ "reason": "Nobody answers at the address." }));
    recorder.ask("suspend_profile", Ask { who, path: &good, body, ..Ask::default() }).await;
    recorder.ask("reinstate_profile", Ask { who, path: &good, ..Ask::default() }).await;
    recorder.ask("archive_profile", Ask { who: Some(ada), path: &bad, ..Ask::default() }).await;
    test.settle().await;
    test.mails.fail_next(1, &SendError::Permanent("550 no such mailbox".to_owned()));
    test.post("/api/v1/accounts/password-reset/mails", &json!({ "email": ada.email })).await.expect(202);
    test.settle().await;
    let query = [("status", "dead"), ("limit", "1")];
    let dead = recorder.ask("list_mails", Ask { who, query: &query, ..Ask::default() }).await.json();
    recorder.ask("requeue_mail", Ask { who, path: &[&ids(&dead)[0]], ..Ask::default() }).await;
    test.settle().await;
}
