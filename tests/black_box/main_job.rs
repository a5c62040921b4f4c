//! The main job, end to end: a need goes in, ranked and explained matches come out, an introduction reaches both sides by
//! mail.

use serde_json::{Value, json};

use crate::common::{Member, TestApp, link_token, mentor, startup};

/// Makes a start-up with a need and a mentor; returns them with the ids of their profiles and the need.
async fn pair(test: &TestApp) -> (Member<'_>, Member<'_>, String, String, String) {
    let (founder, helper) =
        (test.member("founder@test.example").await, test.member("mentor@test.example").await);
    let startup = founder.profile(&startup()).await;
    let mentor = helper.profile(&mentor()).await;
    let need = founder
        .need(
            &startup,
            "Vorausschauende Wartung",
            "Wir suchen Hilfe bei vorausschauender Wartung von Spindeln.",
        )
        .await;
    test.settle().await;
    (founder, helper, startup, mentor, need)
}

#[actix_web::test]
async fn a_german_need_finds_a_french_mentor_and_both_get_a_mail() {
    let test = TestApp::start().await;
    let (founder, helper, startup, mentor, need) = pair(&test).await;

    let question = json!({ "need": need, "categories": ["mentor"] });
    let answer = founder.post("/api/v1/matches", &question).await.expect(200).json();
    let best = &answer["items"][0];
    assert_eq!(best["id"], json!(mentor));
    assert_eq!(best["concepts"][0]["offered"], "predictive_maintenance");
    assert!(best["evidence"]["title"]["text"].as_str().unwrap().contains("Maintenance prédictive"));

    let ask =
        json!({ "requester": startup, "target": mentor, "need": need, "note": "Hätten Sie eine Stunde?" });
    let asked = founder.post("/api/v1/introductions", &ask).await.expect(201);
    let path = asked.header("location").to_owned();
    assert!(asked.json().get("contact").is_none());
    test.settle().await;
    let mail = test.mail("mentor@test.example", "introduction_requested");
    assert!(mail.content.text.contains("Hätten Sie eine Stunde?"));
    assert!(
        mail.content.text.contains("predictive maintenance"),
        "the reason is missing: {}",
        mail.content.text
    );
    for secret in ["doris@schwingwerk.example", "+49 711"] {
        assert!(!mail.source.contains(secret) && !mail.content.html.contains(secret));
    }

    assert_eq!(
        helper.act(&format!("{path}/accept")).await.expect(200).json()["contact"]["email"],
        "doris@schwingwerk.example"
    );
    helper.act(&format!("{path}/accept")).await.expect(200);
    test.settle().await;
    let to_founder = test.mail("founder@test.example", "introduction_accepted");
    assert!(to_founder.content.text.contains("claire@mentor.example"));
    let to_mentor = test.mail("mentor@test.example", "introduction_accepted");
    assert!(to_mentor.content.text.contains("doris@schwingwerk.example"));
    assert_eq!(founder.get(&path).await.expect(200).json()["contact"]["email"], "claire@mentor.example");

    // Who was introduced is not recommended again.
    let answer = founder.post("/api/v1/matches", &question).await.expect(200).json();
    assert_eq!(answer["items"], json!([]));
}

#[actix_web::test]
async fn the_link_in_the_mail_declines_with_a_reason_and_works_once() {
    let test = TestApp::start().await;
    let (founder, _, startup, mentor, _) = pair(&test).await;
    let ask = json!({ "requester": startup, "target": mentor, "note": "Hätten Sie eine Stunde?" });
    let path = founder.post("/api/v1/introductions", &ask).await.expect(201).header("location").to_owned();
    test.settle().await;
    let token = link_token(&test.mail("mentor@test.example", "introduction_requested"));
    let page = test.get(&format!("/links/introduction?token={token}")).await.expect(200);
    assert!(page.text.contains("Schwingwerk") && page.text.contains("Hätten Sie eine Stunde?"));
    assert!(!page.text.contains("doris@"));
    assert_eq!(founder.get(&path).await.json()["status"], "requested", "looking decides nothing");
    let decide = |decision: &'static str| {
        let form =
            [("token", token.clone()), ("decision", decision.to_owned()), ("code", "no_time".to_owned())];
        test.send(test.request(reqwest::Method::POST, "/links/introduction").form(&form))
    };
    decide("decline").await.expect(200);
    let declined = founder.get(&path).await.json();
    assert_eq!((&declined["status"], &declined["decline_code"]), (&json!("declined"), &json!("no_time")));
    assert!(!decide("accept").await.text.contains("claire@"));
    assert_eq!(founder.get(&path).await.json()["status"], "declined");
    test.settle().await;
    test.mail("founder@test.example", "introduction_declined");
    founder.post("/api/v1/introductions", &ask).await.expect_problem(409, "introduction_declined_recently");
}

#[actix_web::test]
async fn refused_requests_say_why() {
    let test = TestApp::start().await;
    let (founder, helper, startup, mentor, _) = pair(&test).await;
    let ask = |requester: &str, target: &str| json!({ "requester": requester, "target": target, "note": "Guten Tag" });
    let refused = |who: &Member<'_>, body: Value, status, code: &'static str| {
        let request = who.request(reqwest::Method::POST, "/api/v1/introductions").json(&body);
        let reply = test.send(request);
        async move { reply.await.expect_problem(status, code) }
    };
    refused(&founder, ask(&startup, &startup), 422, "introduction_to_oneself").await;
    refused(&helper, ask(&startup, &mentor), 403, "forbidden").await;
    refused(&founder, ask(&startup, "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N"), 404, "not_found").await;
    founder.post("/api/v1/introductions", &ask(&startup, &mentor)).await.expect(201);
    refused(&founder, ask(&startup, &mentor), 409, "introduction_already_open").await;
    refused(&helper, ask(&mentor, &startup), 409, "introduction_already_open").await;
    helper.patch(&format!("/api/v1/profiles/{mentor}"), &json!({ "capacity": 0 })).await.expect(200);
    let other = founder.profile(&crate::common::startup()).await;
    refused(&founder, ask(&other, &mentor), 409, "introduction_target_paused").await;
    test.settle().await;
}

#[actix_web::test]
async fn a_profile_has_five_open_requests_at_most_even_at_once() {
    let test = TestApp::start().await;
    let (founder, helper, startup, _, _) = pair(&test).await;
    let mut targets = Vec::new();
    for number in 0..8 {
        let mut content = mentor();
        content["name"] = json!(format!("Mentor {number}"));
        targets.push(helper.profile(&content).await);
    }
    let requests = targets.iter().map(|target| {
        let body = json!({ "requester": startup, "target": target, "note": "Guten Tag" });
        test.send(founder.request(reqwest::Method::POST, "/api/v1/introductions").json(&body))
    });
    let replies = futures_util::future::join_all(requests).await;
    let made = replies.iter().filter(|reply| reply.status == 201).count();
    let spent = replies.iter().filter(|reply| reply.text.contains("introduction_budget_spent")).count();
    assert_eq!((made, spent), (5, 3));
    test.settle().await;
}

#[actix_web::test]
async fn an_unanswered_request_expires_after_fourteen_days() {
    let test = TestApp::start().await;
    let (founder, _, startup, mentor, _) = pair(&test).await;
    let ask = json!({ "requester": startup, "target": mentor, "note": "Guten Tag" });
    let path = founder.post("/api/v1/introductions", &ask).await.expect(201).header("location").to_owned();
    test.advance(chrono::TimeDelta::days(13)).await;
    let founder = test.login("founder@test.example").await;
    assert_eq!(founder.get(&path).await.json()["status"], "requested");
    test.advance(chrono::TimeDelta::days(1)).await;
    let founder = test.login("founder@test.example").await;
    assert_eq!(founder.get(&path).await.json()["status"], "expired");
    test.mail("founder@test.example", "introduction_expired");
    test.mail("mentor@test.example", "introduction_expired");
    let helper = test.login("mentor@test.example").await;
    helper.act(&format!("{path}/accept")).await.expect_problem(409, "invalid_transition");
}
