//! Profiles: drafts, publication, approval, visibility, staff, life.
use crate::common::{TestApp, hub, mentor, startup};
use chrono::TimeDelta;
use serde_json::json;

#[actix_web::test]
async fn a_draft_is_seen_by_its_managers_only_until_it_is_published() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let created = ada.post("/api/v1/profiles", &startup()).await.expect(201);
    let path = created.header("location").to_owned();
    assert_eq!(created.json()["status"], "draft");
    ada.get(&path).await.expect(200);
    eve.get(&path).await.expect_problem(404, "not_found");
    test.get(&path).await.expect_problem(404, "not_found");
    eve.act(&format!("{path}/publish")).await.expect_problem(404, "not_found");
    assert_eq!(ada.act(&format!("{path}/publish")).await.expect(200).json()["status"], "published");
    let seen = test.get(&path).await.expect(200).json();
    assert_eq!(seen["name"], "Schwingwerk");
    assert!(seen.get("contact").is_none() && !seen.to_string().contains("doris@"), "{seen}");
    eve.act(&format!("{path}/archive")).await.expect_problem(403, "forbidden");
    let etag = test.get(&path).await.header("etag").to_owned();
    eve.patch_version(&path, &etag, &json!({ "name": "Mine" })).await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn an_unverified_account_can_draft_but_not_publish() {
    let test = TestApp::start().await;
    let body = json!({
        "email": "ada@example.eu", "password": crate::common::PASSWORD, "display_name": "Ada", "language": "en",
        "accepted_terms": "2026-11"
    });
    test.post("/api/v1/accounts", &body).await.expect(202);
    let ada = test.login("ada@example.eu").await;
    let path = ada.post("/api/v1/profiles", &startup()).await.expect(201).header("location").to_owned();
    ada.act(&format!("{path}/publish")).await.expect_problem(403, "email_not_verified");
    test.settle().await;
}

#[actix_web::test]
async fn a_hub_waits_for_approval() {
    let test = TestApp::start().await;
    let (staff, admin) = (test.member("staff@hub.example").await, test.administrator().await);
    let id = staff.profile(&hub()).await;
    let path = format!("/api/v1/profiles/{id}");
    assert_eq!(staff.get(&path).await.expect(200).json()["status"], "submitted");
    staff.act(&format!("{path}/approve")).await.expect_problem(403, "forbidden");
    let waiting = admin.get("/api/v1/profiles?status=submitted").await.expect(200).json();
    assert_eq!(waiting["items"][0]["id"], json!(id));
    let reason = json!({ "reason": "Who runs it?" });
    admin.post(&format!("{path}/reject"), &reason).await.expect(200);
    assert_eq!(staff.get(&path).await.json()["status_reason"], "Who runs it?");
    test.settle().await;
    assert!(test.mail("staff@hub.example", "profile_rejected").content.text.contains("Who runs it?"));
    staff.act(&format!("{path}/publish")).await.expect(200);
    admin.act(&format!("{path}/approve")).await.expect(200);
    admin.act(&format!("{path}/approve")).await.expect_problem(409, "invalid_transition");
    test.get(&path).await.expect(200);
    test.settle().await;
    test.mail("staff@hub.example", "profile_published");
}

#[actix_web::test]
async fn each_field_is_shown_to_whom_it_is_for() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let mut content = mentor();
    content["website"] = json!("https://claire.example");
    content["location"] = json!({ "lat": 45.76, "lon": 4.84 });
    content["visibility"] =
        json!({ "city": "members", "track_record": "members", "description": "hub", "website": "private" });
    let path = format!("/api/v1/profiles/{}", ada.profile(&content).await);
    let visitor = test.get(&path).await.expect(200).json();
    let member = eve.get(&path).await.expect(200).json();
    let owner = ada.get(&path).await.expect(200).json();
    for (field, seen_by) in [
        ("city", [false, true, true]),
        ("location", [false, true, true]),
        ("description", [false, false, true]),
        ("website", [false, false, true]),
        ("visibility", [false, false, true]),
    ] {
        let shown = [&visitor, &member, &owner].map(|view| view.get(field).is_some());
        assert_eq!(shown, seen_by, "{field}");
    }
    assert_eq!(
        (&owner["capacity"], &owner["contact"]["email"]),
        (&json!(3), &json!("claire@mentor.example"))
    );
    for view in [&visitor, &member] {
        assert!(view.get("contact").is_none() && view.get("capacity").is_none(), "{view}");
    }
    assert_eq!(visitor["track_record"], json!([]));
    assert_eq!(member["track_record"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn a_patch_adds_and_removes_and_is_checked_as_a_whole() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let path = format!("/api/v1/profiles/{}", ada.profile(&startup()).await);
    let changed = ada.patch(&path, &json!({ "city": null, "trl": 6 })).await.expect(200).json();
    assert!(changed.get("city").is_none());
    assert_eq!((&changed["trl"], &changed["stage"]), (&json!(6), &json!("pilot")));
    let fault = |patch| async { ada.patch(&path, &{ patch }).await.expect_problem(422, "invalid_fields") };
    assert_eq!(fault(json!({ "trl": 10 })).await["errors"][0]["pointer"], "/trl");
    assert_eq!(fault(json!({ "country": "FR" })).await["errors"][0]["pointer"], "/region");
    assert_eq!(fault(json!({ "kind": "mentor" })).await["errors"][0]["pointer"], "/kind");
    assert_eq!(
        fault(json!({ "visibility": { "contact": "public" } })).await["errors"][0]["pointer"],
        "/visibility/contact"
    );
    fault(json!({ "name": null })).await;
}

#[actix_web::test]
async fn a_repeated_creation_gives_the_first_answer() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let send = |member: &crate::common::Member<'_>, body: serde_json::Value| {
        let request =
            member.request(reqwest::Method::POST, "/api/v1/profiles").header("idempotency-key", "k1");
        test.send(request.json(&body))
    };
    let first = send(&ada, startup()).await.expect(201);
    let again = send(&ada, startup()).await.expect(201);
    assert_eq!((first.text.as_str(), first.header("etag")), (again.text.as_str(), again.header("etag")));
    assert_eq!(again.header("idempotency-replayed"), "true");
    send(&ada, mentor()).await.expect_problem(422, "idempotency_key_reused");
    let hers = send(&eve, startup()).await.expect(201);
    assert_ne!(first.text, hers.text);
    let (one, two) = futures_util::join!(
        test.send(
            ada.request(reqwest::Method::POST, "/api/v1/profiles")
                .header("idempotency-key", "k2")
                .json(&mentor())
        ),
        test.send(
            ada.request(reqwest::Method::POST, "/api/v1/profiles")
                .header("idempotency-key", "k2")
                .json(&mentor())
        )
    );
    assert_eq!(one.expect(201).text, two.expect(201).text);
    assert_eq!(ada.get("/api/v1/profiles?managed=true").await.json()["items"].as_array().unwrap().len(), 2);
}

#[actix_web::test]
async fn lists_are_paged_without_gaps_or_repeats() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let mut made = Vec::new();
    for number in 0..7 {
        let mut content = startup();
        content["name"] = json!(format!("Start-up {number}"));
        made.push(ada.profile(&content).await);
    }
    let (mut seen, mut next) = (Vec::new(), Some("/api/v1/profiles?kind=startup&limit=3".to_owned()));
    while let Some(path) = next.take() {
        let page = test.get(&path).await.expect(200);
        seen.extend(
            page.json()["items"].as_array().unwrap().iter().map(|p| p["id"].as_str().unwrap().to_owned()),
        );
        next = page.header("link").split('>').next().and_then(|l| l.strip_prefix('<')).map(str::to_owned);
    }
    seen.sort();
    made.sort();
    assert_eq!(seen, made);
}

#[actix_web::test]
async fn staff_manage_a_hub_together() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let path = format!("/api/v1/profiles/{}", ada.profile(&startup()).await);
    eve.post(&format!("{path}/staff"), &json!({ "email": "eve@example.eu" }))
        .await
        .expect_problem(403, "forbidden");
    ada.post(&format!("{path}/staff"), &json!({ "email": "eve@example.eu" })).await.expect(204);
    ada.post(&format!("{path}/staff"), &json!({ "email": "nobody@example.eu" })).await.expect(204);
    eve.patch(&path, &json!({ "trl": 5 })).await.expect(200);
    let staff = eve.get(&format!("{path}/staff")).await.expect(200).json();
    assert_eq!(staff["items"].as_array().unwrap().len(), 2);
    eve.delete(&format!("{path}/staff/{}", ada.id)).await.expect_problem(404, "not_found");
    ada.delete(&format!("{path}/staff/{}", eve.id)).await.expect(204);
    eve.get(&format!("{path}/staff")).await.expect_problem(403, "forbidden");
}

#[actix_web::test]
async fn a_profile_is_reminded_of_and_then_archived() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let path = format!("/api/v1/profiles/{}", ada.profile(&startup()).await);
    test.advance(TimeDelta::days(350)).await;
    assert!(test.mails.sent().iter().all(|mail| mail.kind != "profile_reminder"));
    test.advance(TimeDelta::days(2)).await;
    test.advance(TimeDelta::hours(1)).await;
    test.mail("ada@example.eu", "profile_reminder");
    test.get(&path).await.expect(200);
    test.advance(TimeDelta::days(14)).await;
    test.get(&path).await.expect_problem(404, "not_found");
    let ada = test.login("ada@example.eu").await;
    assert_eq!(ada.get(&path).await.expect(200).json()["status"], "archived");
    ada.act(&format!("{path}/publish")).await.expect(200);
    test.get(&path).await.expect(200);
}
