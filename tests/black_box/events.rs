//! Events: when and where they may be, their life, their calendar entry, who sees them.
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Member, TestApp, faults, hub, startup, with};

const EVENTS: &str = "/api/v1/events";

/// A day in Vienna, eight days after the tests begin.
pub fn event(profile: &str) -> Value {
    json!({
        "profile": profile,
        "title": { "de": "Werkstatttag", "en": "Workshop day" },
        "description": { "en": "Bring recordings of your own machines; we build a first model." },
        "concepts": ["predictive_maintenance"], "sectors": ["C"],
        "audience": { "stages": ["pilot"], "sizes": ["micro"], "countries": ["AT"] },
        "languages": ["de", "en"], "format": "on_site", "zone": "Europe/Vienna",
        "starts_at": "2026-12-01T08:00:00Z", "ends_at": "2026-12-01T15:00:00Z",
        "venue": { "name": "Testhalle", "address": "Musterstraße 1", "city": "Wien", "country": "AT",
            "location": { "lat": 48.21, "lon": 16.37 } },
        "url": "https://hub.example/day", "capacity": 30
    })
}

/// Publishes an organisation, which may have events and needs nobody's approval.
pub async fn organisation(member: &Member<'_>) -> String {
    member.profile(&with(hub(), json!({ "kind": "organisation", "name": "Haus Nord" }))).await
}

pub async fn draft(member: &Member<'_>, body: &Value) -> String {
    member.post(EVENTS, body).await.expect(201).header("location").to_owned()
}

pub async fn published(member: &Member<'_>, body: &Value) -> String {
    let path = draft(member, body).await;
    step(member, &path, "publish").await.expect(200);
    path
}

/// Takes a step, with the body that it needs.
pub async fn step(member: &Member<'_>, path: &str, step: &str) -> crate::common::Reply {
    let path = format!("{path}/{step}");
    match step {
        "reschedule" => {
            let times = json!({ "starts_at": "2026-12-03T08:00:00Z", "ends_at": "2026-12-03T15:00:00Z" });
            member.post(&path, &times).await
        }
        "move-online" => member.post(&path, &json!({ "url": "https://hub.example/meeting" })).await,
        "cancel" => member.post(&path, &json!({ "reason": "The trainer is ill." })).await,
        _ => member.act(&path).await,
    }
}

/// The id at the end of an event's path.
pub fn id(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

#[actix_web::test]
async fn an_event_is_a_draft_until_it_is_published_and_read_as_it_was_written() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let body = event(&organisation(&ada).await);
    let created = ada.post(EVENTS, &body).await.expect(201);
    let (path, view) = (created.header("location").to_owned(), created.json());
    assert_eq!((&view["status"], &view["sequence"]), (&json!("draft"), &json!(0)));
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&view[name], value, "{name}");
    }
    assert_eq!(ada.get(&path).await.expect(200).json(), view);
    for hidden in [path.clone(), format!("{path}/calendar.ics")] {
        test.get(&hidden).await.expect_problem(404, "not_found");
        eve.get(&hidden).await.expect_problem(404, "not_found");
        ada.get(&hidden).await.expect(200);
    }
    assert!(test.pages(EVENTS).await.concat().is_empty());
    let shown = step(&ada, &path, "publish").await.expect(200).json();
    assert_eq!(shown, with(view, json!({ "status": "scheduled", "sequence": 1 })));
    assert_eq!(test.get(&path).await.expect(200).json(), shown);
    assert_eq!(test.pages(EVENTS).await.concat(), [id(&path)]);
}

#[actix_web::test]
async fn only_verified_people_of_published_houses_publish_events() {
    let test = TestApp::start().await;
    let (ada, admin) = (test.member("ada@example.eu").await, test.administrator().await);
    let venture = event(&ada.profile(&startup()).await);
    ada.post(EVENTS, &venture).await.expect_problem(409, "conflict");
    // The hub waits for its approval.
    let waiting = ada.profile(&hub()).await;
    let path = draft(&ada, &event(&waiting)).await;
    step(&ada, &path, "publish").await.expect_problem(409, "conflict");
    admin.act(&format!("/api/v1/profiles/{waiting}/approve")).await.expect(200);
    step(&ada, &path, "publish").await.expect(200);
    let newcomer = json!({
        "email": "new@example.eu", "password": crate::common::PASSWORD, "display_name": "New", "language": "en",
        "accepted_terms": "2026-11"
    });
    test.post("/api/v1/accounts", &newcomer).await.expect(202);
    let new = test.login("new@example.eu").await;
    ada.post(&format!("/api/v1/profiles/{waiting}/staff"), &json!({ "email": "new@example.eu" }))
        .await
        .expect(204);
    // Whoever has not shown that the address is his becomes nobody's staff.
    new.post(EVENTS, &event(&waiting)).await.expect_problem(403, "forbidden");
    let own = with(hub(), json!({ "kind": "organisation" }));
    let own = new.post("/api/v1/profiles", &own).await.expect(201).json();
    let path = draft(&new, &event(own["id"].as_str().unwrap())).await;
    step(&new, &path, "publish").await.expect_problem(403, "email_not_verified");
    test.settle().await;
}

#[actix_web::test]
async fn the_staff_of_a_hub_may_do_everything_and_nobody_else_anything() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let (colleague, admin) = (test.member("colleague@example.eu").await, test.administrator().await);
    let house = organisation(&ada).await;
    let staff = format!("/api/v1/profiles/{house}/staff");
    test.post(EVENTS, &event(&house)).await.expect_problem(401, "token_missing");
    eve.post(EVENTS, &event(&house)).await.expect_problem(403, "forbidden");
    admin.post(EVENTS, &event(&house)).await.expect_problem(403, "forbidden");
    eve.post(EVENTS, &event("prf_01JDBQZ5W0V6P8R3K2M9XE4T7N")).await.expect_problem(404, "not_found");
    ada.post(&staff, &json!({ "email": "colleague@example.eu" })).await.expect(204);
    let path = draft(&colleague, &event(&house)).await;
    for (status, code) in [(404, "not_found"), (403, "forbidden")] {
        for name in ["publish", "reschedule", "postpone", "move-online", "cancel"] {
            step(&eve, &path, name).await.expect_problem(status, code);
        }
        eve.patch_version(&path, "*", &json!({ "capacity": 1 })).await.expect_problem(status, code);
        if status == 404 {
            step(&ada, &path, "publish").await.expect(200);
        }
    }
    step(&admin, &path, "cancel").await.expect_problem(403, "forbidden");
    colleague.patch(&path, &json!({ "capacity": 40 })).await.expect(200);
    step(&colleague, &path, "postpone").await.expect(200);
    ada.delete(&format!("{staff}/{}", colleague.id)).await.expect(204);
    step(&colleague, &path, "cancel").await.expect_problem(403, "forbidden");
    assert_eq!(test.get(&path).await.expect(200).json()["status"], "postponed");
}

#[actix_web::test]
async fn impossible_times_zones_and_places_are_named_where_they_stand() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = organisation(&ada).await;
    let path = draft(&ada, &event(&house)).await;
    let at = |starts: &str, ends: &str| json!({ "starts_at": starts, "ends_at": ends });
    for (members, fault) in [
        (at("2026-12-01T08:00:00Z", "2026-12-01T08:00:00Z"), "/ends_at ends_before_start"),
        (at("2026-12-01T09:00:00+01:00", "2026-12-01T08:00:00Z"), "/ends_at ends_before_start"),
        (at("2026-12-01T08:00:00Z", "2027-01-01T08:00:01Z"), "/ends_at too_long"),
        (at("2029-11-23T08:00:01Z", "2029-11-23T09:00:00Z"), "/starts_at too_far_ahead"),
        (at("0206-12-01T08:00:00Z", "0206-12-01T09:00:00Z"), "/starts_at too_old"),
        (json!({ "starts_at": "2026-02-30T08:00:00Z" }), "/starts_at format"),
        (json!({ "starts_at": "2026-11-30T24:00:00Z" }), "/starts_at format"),
        (json!({ "starts_at": "2026-11-30T08:00:00" }), "/starts_at format"),
        (json!({ "starts_at": "2026-11-30" }), "/starts_at format"),
        (json!({ "starts_at": 1_796_112_000 }), "/starts_at type"),
        (json!({ "zone": "Vienna" }), "/zone zone"),
        (json!({ "zone": "Europe/Vindobona" }), "/zone zone"),
        (json!({ "zone": "+01:00" }), "/zone zone"),
        (json!({ "zone": "" }), "/zone min_length"),
        (json!({ "format": "online" }), "/venue venue_online"),
        (json!({ "format": "hybrid", "venue": null }), "/venue required"),
        (json!({ "venue": { "country": "AT" } }), "/venue/city required"),
        (json!({ "venue": { "city": "Wien\nAT", "country": "AT" } }), "/venue/city control_character"),
        (json!({ "venue": { "city": "Wien", "country": "Austria" } }), "/venue/country enum"),
        (
            json!({ "venue": { "city": "Wien", "country": "AT", "location": { "lat": 90.1, "lon": 0 } } }),
            "/venue/location/lat maximum",
        ),
        (json!({ "url": "ftp://hub.example" }), "/url pattern"),
        (json!({ "capacity": 0 }), "/capacity minimum"),
        (json!({ "capacity": 100_001 }), "/capacity maximum"),
        (json!({ "languages": [] }), "/languages min_items"),
        (json!({ "title": { "de": "ß".repeat(161) } }), "/title/de max_length"),
        (json!({ "audience": { "stages": ["dream"] } }), "/audience/stages/0 enum"),
    ] {
        let refused = ada.post(EVENTS, &with(event(&house), members.clone())).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), [fault], "{members}");
    }
    for possible in [
        at("2026-12-01T08:00:00Z", "2027-01-01T08:00:00Z"),
        at("2029-11-23T08:00:00Z", "2029-11-23T09:00:00Z"),
        json!({ "title": { "de": "ß".repeat(160) } }),
        json!({ "zone": "America/Argentina/Buenos_Aires" }),
    ] {
        ada.post(EVENTS, &with(event(&house), possible)).await.expect(201);
    }
    let vienna = at("2026-12-01T09:00:00.9+01:00", "2026-12-01T16:00:00+01:00");
    let view = ada.patch(&path, &vienna).await.expect(200).json();
    assert_eq!(
        (&view["starts_at"], &view["ends_at"]),
        (&json!("2026-12-01T08:00:00Z"), &json!("2026-12-01T15:00:00Z"))
    );
}

#[actix_web::test]
async fn nothing_is_published_or_moved_into_the_past() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = organisation(&ada).await;
    let yesterday = json!({ "starts_at": "2026-11-22T08:00:00Z", "ends_at": "2026-11-22T09:00:00Z" });
    let path = draft(&ada, &with(event(&house), yesterday.clone())).await;
    let refused = step(&ada, &path, "publish").await.expect_problem(422, "invalid_fields");
    assert_eq!(faults(&refused), ["/ends_at past"]);
    let path = published(&ada, &event(&house)).await;
    let far = json!({ "starts_at": "2031-01-01T08:00:00Z", "ends_at": "2031-01-01T07:00:00Z" });
    for (times, expected) in [
        (yesterday.clone(), vec!["/ends_at past"]),
        (with(yesterday, json!({ "zone": "Nowhere" })), vec!["/zone zone"]),
        (far, vec!["/ends_at ends_before_start", "/starts_at too_far_ahead"]),
        (json!({ "starts_at": "2026-12-03T08:00:00Z" }), vec!["/ends_at required"]),
    ] {
        let refused = ada.post(&format!("{path}/reschedule"), &times).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), expected);
    }
    for body in [json!({}), json!({ "url": "http://hub.example" }), json!({ "url": null })] {
        ada.post(&format!("{path}/move-online"), &body).await.expect_problem(422, "invalid_fields");
    }
    for reason in ["", "two\nlines", &"a".repeat(301)] {
        let refused = ada.post(&format!("{path}/cancel"), &json!({ "reason": reason })).await;
        assert!(faults(&refused.expect_problem(422, "invalid_fields"))[0].starts_with("/reason "));
    }
    assert_eq!(test.get(&path).await.expect(200).json()["sequence"], 1);
}

#[actix_web::test]
async fn each_step_is_taken_from_its_states_and_from_no_other() {
    const STATES: [(&str, &[&str]); 6] = [
        ("draft", &[]),
        ("scheduled", &["publish"]),
        ("rescheduled", &["publish", "reschedule"]),
        ("postponed", &["publish", "postpone"]),
        ("moved_online", &["publish", "move-online"]),
        ("cancelled", &["publish", "cancel"]),
    ];
    const UPCOMING: &[&str] = &["scheduled", "rescheduled", "postponed", "moved_online"];
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = organisation(&ada).await;
    for (name, aim, from) in [
        ("publish", "scheduled", &["draft"][..]),
        ("reschedule", "rescheduled", UPCOMING),
        ("postpone", "postponed", &["scheduled", "rescheduled", "moved_online"]),
        ("move-online", "moved_online", UPCOMING),
        ("cancel", "cancelled", &["draft", "scheduled", "rescheduled", "postponed", "moved_online"]),
    ] {
        for (state, way) in STATES {
            let path = draft(&ada, &event(&house)).await;
            for name in way {
                step(&ada, &path, name).await.expect(200);
            }
            let before = ada.get(&path).await.expect(200).json();
            assert_eq!(before["status"], state);
            let reply = step(&ada, &path, name).await;
            if from.contains(&state) {
                let after = reply.expect(200).json();
                assert_eq!(after["status"], aim, "{name} of {state}");
                assert_eq!(after["sequence"].as_i64(), before["sequence"].as_i64().map(|number| number + 1));
            } else {
                let refused = reply.expect_problem(409, "invalid_transition");
                assert!(refused["detail"].as_str().unwrap().contains(state), "{name}: {refused}");
                assert_eq!(ada.get(&path).await.expect(200).json(), before);
            }
        }
    }
}

#[actix_web::test]
async fn a_published_event_changes_its_text_by_patch_but_its_time_and_format_by_steps() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (house, other) = (organisation(&ada).await, organisation(&ada).await);
    let path = published(&ada, &event(&house)).await;
    for (patch, sequence) in [
        (json!({ "capacity": null }), 1),
        (json!({ "title": { "fr": "Journée atelier" } }), 2),
        (json!({ "url": null }), 3),
    ] {
        assert_eq!(ada.patch(&path, &patch).await.expect(200).json()["sequence"], sequence, "{patch}");
    }
    let view = test.get(&path).await.expect(200).json();
    assert_eq!(view["title"], json!({ "de": "Werkstatttag", "en": "Workshop day", "fr": "Journée atelier" }));
    assert!(view.get("url").is_none() && view.get("capacity").is_none());
    for fixed in [
        json!({ "starts_at": "2026-12-01T09:00:00Z" }),
        json!({ "zone": "Europe/Paris" }),
        json!({ "format": "hybrid" }),
    ] {
        ada.patch(&path, &fixed).await.expect_problem(409, "invalid_transition");
    }
    let moved = ada.patch(&path, &json!({ "profile": other })).await.expect_problem(422, "invalid_fields");
    assert_eq!(faults(&moved), ["/profile immutable"]);
    ada.patch_version(&path, "\"1\"", &json!({})).await.expect_problem(412, "stale_version");
    test.send(ada.request(Method::PATCH, &path).json(&json!({})))
        .await
        .expect_problem(428, "if_match_missing");
    assert_eq!(test.get(&path).await.expect(200).json(), view);
    let online = step(&ada, &path, "move-online").await.expect(200).json();
    assert_eq!(
        (&online["format"], &online["url"]),
        (&json!("online"), &json!("https://hub.example/meeting"))
    );
    assert!(online.get("venue").is_none());
}

#[actix_web::test]
async fn a_calendar_follows_an_event_through_its_life() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let path = published(&ada, &event(&organisation(&ada).await)).await;
    let uid = format!("UID:{}@aihub", id(&path));
    for (name, expected) in [
        ("", ["SEQUENCE:1", "STATUS:CONFIRMED", "DTSTART:20261201T080000Z", "DTEND:20261201T150000Z"]),
        (
            "reschedule",
            ["SEQUENCE:2", "STATUS:CONFIRMED", "DTSTART:20261203T080000Z", "DTEND:20261203T150000Z"],
        ),
        ("postpone", ["SEQUENCE:3", "STATUS:TENTATIVE", "DTSTART:20261203T080000Z", "SUMMARY:Werkstatttag"]),
        (
            "move-online",
            ["SEQUENCE:4", "STATUS:CONFIRMED", "URL:https://hub.example/meeting", "SUMMARY:Werkstatttag"],
        ),
        ("cancel", ["SEQUENCE:5", "STATUS:CANCELLED", "DTSTART:20261203T080000Z", "SUMMARY:Werkstatttag"]),
    ] {
        test.tick();
        if !name.is_empty() {
            step(&ada, &path, name).await.expect(200);
        }
        let request =
            test.request(Method::GET, &format!("{path}/calendar.ics")).header("accept-language", "de-AT");
        let file = test.send(request).await.expect(200);
        assert_eq!(file.header("content-type"), "text/calendar; charset=utf-8");
        let text = file.text.replace("\r\n ", "");
        for line in expected.into_iter().chain([uid.as_str(), "BEGIN:VEVENT", "X-WR-TIMEZONE:Europe/Vienna"])
        {
            assert_eq!(
                text.split("\r\n").filter(|found| *found == line).count(),
                1,
                "{name}: {line} in {text}"
            );
        }
        assert_eq!(
            text.contains("LOCATION:Testhalle\\, Musterstraße 1\\, Wien\\, AT"),
            expected[0] < "SEQUENCE:4"
        );
    }
}

#[actix_web::test]
async fn an_event_is_held_when_its_time_is_over() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = organisation(&ada).await;
    let (path, postponed) = (published(&ada, &event(&house)).await, published(&ada, &event(&house)).await);
    step(&ada, &postponed, "postpone").await.expect(200);
    test.advance(TimeDelta::days(8) + TimeDelta::hours(7) - TimeDelta::seconds(1)).await;
    assert_eq!(test.get(&path).await.expect(200).json()["status"], "scheduled");
    assert!(test.pages(EVENTS).await.concat().contains(&id(&path)));
    test.advance(TimeDelta::seconds(1)).await;
    let held = test.get(&path).await.expect(200).json();
    assert_eq!((&held["status"], &held["sequence"]), (&json!("held"), &json!(1)));
    assert!(!test.pages(EVENTS).await.concat().contains(&id(&path)));
    assert_eq!(test.pages(&format!("{EVENTS}?from=2026-12-01&status=held")).await.concat(), [id(&path)]);
    let ada = test.login("ada@example.eu").await;
    for name in ["publish", "reschedule", "postpone", "move-online", "cancel"] {
        let refused = step(&ada, &path, name).await.expect_problem(409, "invalid_transition");
        assert!(refused["detail"].as_str().unwrap().contains("held"), "{refused}");
    }
    // What was postponed waits for a new date, and can't take place online before it has one.
    step(&ada, &postponed, "move-online").await.expect_problem(409, "invalid_transition");
    assert_eq!(step(&ada, &postponed, "reschedule").await.expect(200).json()["status"], "rescheduled");
}
