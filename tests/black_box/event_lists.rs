//! Lists of events: what they are narrowed to, who sees what in them, their pages.
use serde_json::json;

use crate::common::{TestApp, ids, with};
use crate::events::{draft, event, id, organisation, published, step};

const EVENTS: &str = "/api/v1/events";

#[actix_web::test]
async fn a_list_is_narrowed_by_time_place_language_topic_and_state() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (house, other) = (organisation(&ada).await, organisation(&ada).await);
    let vienna = published(&ada, &event(&house)).await;
    let evry = json!({
        "venue": { "city": "Évry", "country": "FR" }, "languages": ["fr"], "concepts": ["computer_vision"],
        "format": "hybrid", "starts_at": "2026-12-02T08:00:00Z", "ends_at": "2026-12-02T09:00:00Z"
    });
    let evry = published(&ada, &with(event(&other), evry)).await;
    let online = json!({
        "format": "online", "venue": null, "starts_at": "2026-11-23T07:00:00Z", "ends_at": "2026-11-23T08:00:01Z"
    });
    let online = published(&ada, &with(event(&house), online)).await;
    let cancelled = published(&ada, &event(&house)).await;
    step(&ada, &cancelled, "cancel").await.expect(200);
    let given_up = draft(&ada, &event(&house)).await;
    step(&ada, &given_up, "cancel").await.expect(200);
    let hidden = draft(&ada, &event(&house)).await;
    let all = [online, vienna, evry].map(|path| id(&path));
    for (query, expected) in [
        ("", &all[..]),
        ("from=2026-11-23T08:00:01Z", &all[1..]),
        ("from=2026-12-02", &all[2..]),
        ("to=2026-11-30", &all[..1]),
        ("to=2026-12-01", &all[..2]),
        ("to=2026-12-01T08:00:00Z", &all[..1]),
        ("country=FR&country=AT", &all[1..]),
        ("city=%C3%89VRY", &all[2..]),
        ("language=fr", &all[2..]),
        ("language=fr&language=de", &all[..]),
        ("concept=computer_vision", &all[2..]),
        ("format=online&format=on_site", &all[..2]),
        ("format=on_site&language=fr", &[]),
        ("status=cancelled", &[id(&cancelled)]),
        ("status=scheduled&limit=1", &all[..]),
    ] {
        assert_eq!(test.pages(&format!("{EVENTS}?{query}")).await.concat(), expected, "{query}");
    }
    assert_eq!(test.pages(&format!("{EVENTS}?profile={other}")).await.concat(), all[2..]);
    let managed = |query: &str| format!("{EVENTS}?managed=true{query}");
    assert_eq!(ids(&ada.get(&managed("&status=draft")).await.json()), [id(&hidden)]);
    assert_eq!(ids(&ada.get(&managed("")).await.json()).len(), 6);
    test.get(&managed("")).await.expect_problem(401, "token_missing");
    ada.get(&format!("{EVENTS}?status=draft")).await.expect_problem(403, "forbidden");
    for wrong in [
        "from=soon",
        "to=2026-02-30",
        "from=9999-12-31",
        "country=EL",
        "language=deu",
        "concept=A",
        "format=tv",
        "city=",
        &format!("city={}", "a".repeat(81)),
        "status=lost",
        "profile=evt_01JDBQZ5W0V6P8R3K2M9XE4T7N",
        "limit=101",
        "cursor=bm9uc2Vuc2U",
        "typo=1",
    ] {
        test.get(&format!("{EVENTS}?{wrong}")).await.expect_problem(400, "malformed_query");
    }
    // With its house, an event leaves lists and addresses.
    ada.act(&format!("/api/v1/profiles/{other}/archive")).await.expect(200);
    assert_eq!(test.pages(EVENTS).await.concat(), all[..2]);
    test.get(&format!("{EVENTS}/{}", all[2])).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn pages_have_no_gap_where_events_begin_together() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let house = organisation(&ada).await;
    let mut made = Vec::new();
    for _ in 0..5 {
        test.tick();
        made.push(id(&published(&ada, &event(&house)).await));
    }
    assert_eq!(test.pages(&format!("{EVENTS}?limit=2")).await, made.chunks(2).collect::<Vec<_>>());
    let ulid = made[0].rsplit('_').next().unwrap();
    for wrong in [format!("prf_{ulid}"), format!("evt_{}", ulid.to_lowercase()), ulid.to_owned()] {
        test.get(&format!("{EVENTS}/{wrong}")).await.expect_problem(404, "not_found");
        step(&ada, &format!("{EVENTS}/{wrong}"), "cancel").await.expect_problem(404, "not_found");
    }
}
