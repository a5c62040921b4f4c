//! Offerings: drafts, their life until the closing day, who sees them, how they are listed.
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Member, TestApp, faults, ids, mentor, startup, with};

const OFFERINGS: &str = "/api/v1/offerings";

/// An offering that says everything that an offering can say.
fn offering(profile: &str) -> Value {
    json!({
        "profile": profile, "type": "compute",
        "title": { "fr": "Heures de calcul pour débuter", "fi": "Laskenta-aikaa alkuun" },
        "description": { "en": "Entry-level access to a supercomputer & help – \"first come, first served\"." },
        "concepts": ["high_performance_computing"], "sectors": ["C", "K"], "languages": ["fr", "en"],
        "formats": ["online"], "maturity": "readiness", "pillar": "test_before_invest",
        "clients": ["sme", "public_sector"],
        "eligibility": { "countries": ["FI", "FR"], "sizes": ["micro", "small"], "stages": ["pilot"] },
        "access": "fast_lane", "price": { "amount_cents": 29_000, "currency": "EUR" },
        "url": "https://factory.example/call?id=1", "opens_on": "2026-12-01", "closes_on": "2027-03-31"
    })
}

async fn draft(member: &Member<'_>, body: &Value) -> String {
    member.post(OFFERINGS, body).await.expect(201).header("location").to_owned()
}

async fn open(member: &Member<'_>, body: &Value) -> String {
    let path = draft(member, body).await;
    assert_eq!(member.act(&format!("{path}/open")).await.expect(200).json()["status"], "open");
    path
}

fn id(path: &str) -> String {
    path.rsplit('/').next().unwrap().to_owned()
}

#[actix_web::test]
async fn an_offering_is_a_draft_until_it_is_opened_and_read_as_it_was_written() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let body = offering(&ada.profile(&mentor()).await);
    let created = ada.post(OFFERINGS, &body).await.expect(201);
    let (path, view) = (created.header("location").to_owned(), created.json());
    assert_eq!(
        (id(&path), view["status"].as_str()),
        (view["id"].as_str().unwrap().to_owned(), Some("draft"))
    );
    for (name, value) in body.as_object().unwrap() {
        assert_eq!(&view[name], value, "{name}");
    }
    assert_eq!(ada.get(&path).await.expect(200).json(), view);
    test.get(&path).await.expect_problem(404, "not_found");
    eve.get(&path).await.expect_problem(404, "not_found");
    assert!(test.pages(OFFERINGS).await.concat().is_empty());
    let opened = ada.act(&format!("{path}/open")).await.expect(200);
    assert_eq!(opened.json(), with(view, json!({ "status": "open" })));
    let seen = test.get(&path).await.expect(200);
    assert_eq!((seen.json(), seen.header("etag")), (opened.json(), opened.header("etag")));
    assert_eq!(test.pages(OFFERINGS).await.concat(), [id(&path)]);
}

#[actix_web::test]
async fn what_an_offering_need_not_say_is_absent() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let least = json!({
        "profile": ada.profile(&mentor()).await, "type": "advice", "title": { "en": "Advice" },
        "description": { "en": "An hour" }
    });
    let path = open(&ada, &least).await;
    let view = test.get(&path).await.expect(200).json();
    for member in ["maturity", "pillar", "eligibility", "access", "price", "url", "opens_on", "closes_on"] {
        assert!(view.get(member).is_none(), "{member}: {view}");
    }
    for member in ["concepts", "sectors", "languages", "formats", "clients"] {
        assert_eq!(view[member], json!([]), "{member}");
    }
}

#[actix_web::test]
async fn every_wrong_value_is_named_where_it_stands() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&mentor()).await;
    let path = draft(&ada, &offering(&profile)).await;
    let price =
        |cents: Value, currency: &str| json!({ "price": { "amount_cents": cents, "currency": currency } });
    for (members, fault) in [
        (json!({ "type": "gift" }), "/type enum"),
        (json!({ "title": { "en": "a".repeat(161) } }), "/title/en max_length"),
        (json!({ "description": { "en": "a".repeat(4001) } }), "/description/en max_length"),
        (json!({ "maturity": "mature" }), "/maturity enum"),
        (json!({ "pillar": "salt" }), "/pillar enum"),
        (json!({ "clients": ["sme", "friends"] }), "/clients/1 enum"),
        (json!({ "eligibility": { "countries": ["UK"] } }), "/eligibility/countries/0 enum"),
        (json!({ "eligibility": { "size": ["micro"] } }), "/eligibility/size unknown_field"),
        (json!({ "access": "Fast Lane" }), "/access pattern"),
        (json!({ "access": "a".repeat(41) }), "/access pattern"),
        (price(json!(-1), "EUR"), "/price/amount_cents minimum"),
        (price(json!(100_000_000_001_i64), "EUR"), "/price/amount_cents maximum"),
        (price(json!(0.5), "EUR"), "/price/amount_cents type"),
        (price(json!(0), "eur"), "/price/currency pattern"),
        (price(json!(0), "EUX"), "/price/currency currency"),
        (json!({ "url": "http://factory.example" }), "/url pattern"),
        (json!({ "url": "javascript:alert(1)" }), "/url pattern"),
        (json!({ "url": format!("https://{}", "a".repeat(493)) }), "/url max_length"),
        (json!({ "opens_on": "2027-02-29" }), "/opens_on format"),
        (json!({ "opens_on": "2027-13-01" }), "/opens_on format"),
        (json!({ "opens_on": "tomorrow" }), "/opens_on format"),
        (json!({ "opens_on": "1999-12-31" }), "/opens_on date_range"),
        (json!({ "closes_on": "2101-01-01" }), "/closes_on date_range"),
        (json!({ "opens_on": "2027-04-01", "closes_on": "2027-03-31" }), "/closes_on before_opening"),
        (json!({ "opens_on": "2026-11-01", "closes_on": "2026-11-22" }), "/closes_on past"),
    ] {
        let refused = ada.post(OFFERINGS, &with(offering(&profile), members.clone())).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), [fault]);
        let refused = ada.patch(&path, &members).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), [fault]);
    }
    for (members, what) in [
        (json!({ "title": { "en": "ß".repeat(160) }, "access": "a".repeat(40) }), "texts as long as may be"),
        (json!({ "url": format!("https://{}", "a".repeat(492)) }), "an address as long as may be"),
        (json!({ "opens_on": "2026-11-23", "closes_on": "2026-11-23" }), "today"),
        (json!({ "opens_on": "2028-02-29", "closes_on": null }), "a leap day"),
        (price(json!(0), "SEK"), "free"),
    ] {
        let created =
            ada.post(OFFERINGS, &with(offering(&profile), members.clone())).await.expect(201).json();
        for (name, value) in members.as_object().unwrap() {
            assert_eq!(created.get(name).unwrap_or(&Value::Null), value, "{what}: {name}");
        }
    }
}

#[actix_web::test]
async fn an_offering_belongs_to_those_who_manage_its_profile() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let admin = test.administrator().await;
    let profile = ada.profile(&mentor()).await;
    let body = offering(&profile);
    test.post(OFFERINGS, &body).await.expect_problem(401, "token_missing");
    eve.post(OFFERINGS, &body).await.expect_problem(403, "forbidden");
    eve.post(OFFERINGS, &offering("prf_01JDBQZ5W0V6P8R3K2M9XE4T7N")).await.expect_problem(404, "not_found");
    let path = draft(&ada, &body).await;
    // Of a draft, strangers hear nothing; of an open one, that it is not theirs.
    for (status, code) in [(404, "not_found"), (403, "forbidden")] {
        for step in ["open", "close"] {
            eve.act(&format!("{path}/{step}")).await.expect_problem(status, code);
        }
        eve.patch_version(&path, "*", &json!({ "price": null })).await.expect_problem(status, code);
        if status == 404 {
            assert_eq!(admin.get(&path).await.expect(200).json()["status"], "draft");
            admin.act(&format!("{path}/open")).await.expect_problem(403, "forbidden");
            ada.act(&format!("{path}/open")).await.expect(200);
        }
    }
    ada.post(&format!("/api/v1/profiles/{profile}/staff"), &json!({ "email": "eve@example.eu" }))
        .await
        .expect(204);
    assert_eq!(eve.act(&format!("{path}/close")).await.expect(200).json()["status"], "closed");
    test.get(&path).await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn offerings_are_seen_while_their_profile_is_published() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let created = ada.post("/api/v1/profiles", &startup()).await.expect(201).json();
    let profile = format!("/api/v1/profiles/{}", created["id"].as_str().unwrap());
    let path = open(&ada, &offering(created["id"].as_str().unwrap())).await;
    for (step, seen) in [("publish", true), ("archive", false), ("publish", true)] {
        ada.act(&format!("{profile}/{step}")).await.expect(200);
        assert_eq!(test.get(&path).await.status.as_u16(), if seen { 200 } else { 404 }, "{step}");
        assert_eq!(test.pages(OFFERINGS).await.concat().len(), usize::from(seen), "{step}");
    }
}

#[actix_web::test]
async fn only_drafts_are_opened_and_only_open_ones_are_closed() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&mentor()).await;
    let (draft, opened) = (draft(&ada, &offering(&profile)).await, open(&ada, &offering(&profile)).await);
    let closed = open(&ada, &offering(&profile)).await;
    assert_eq!(ada.act(&format!("{closed}/close")).await.expect(200).json()["status"], "closed");
    for (path, step, state) in [
        (&draft, "close", "draft"),
        (&opened, "open", "open"),
        (&closed, "open", "closed"),
        (&closed, "close", "closed"),
    ] {
        let refused = ada.act(&format!("{path}/{step}")).await.expect_problem(409, "invalid_transition");
        assert!(refused["detail"].as_str().unwrap().contains(state), "{refused}");
        assert_eq!(ada.get(path).await.expect(200).json()["status"], state);
    }
    ada.patch(&closed, &json!({ "price": null })).await.expect_problem(409, "invalid_transition");
    for path in [&draft, &opened] {
        assert!(ada.patch(path, &json!({ "price": null })).await.expect(200).json().get("price").is_none());
    }
}

#[actix_web::test]
async fn an_offering_expires_at_the_end_of_its_closing_day() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&mentor()).await;
    let today = with(offering(&profile), json!({ "opens_on": null, "closes_on": "2026-11-23" }));
    let (opened, late) = (open(&ada, &today).await, draft(&ada, &today).await);
    let kept = open(&ada, &offering(&profile)).await;
    test.advance(TimeDelta::hours(16) - TimeDelta::seconds(1)).await;
    test.get(&opened).await.expect(200);
    test.advance(TimeDelta::seconds(1)).await;
    test.get(&opened).await.expect_problem(404, "not_found");
    assert_eq!(test.pages(OFFERINGS).await.concat(), [id(&kept)]);
    let ada = test.login("ada@example.eu").await;
    assert_eq!(ada.get(&opened).await.expect(200).json()["status"], "expired");
    for step in ["open", "close"] {
        ada.act(&format!("{opened}/{step}")).await.expect_problem(409, "invalid_transition");
    }
    ada.patch(&opened, &json!({ "closes_on": "2027-01-31" })).await.expect_problem(409, "invalid_transition");
    // A draft does not expire, but is given another day before it is opened.
    let refused = ada.act(&format!("{late}/open")).await.expect_problem(409, "invalid_transition");
    assert!(refused["detail"].as_str().unwrap().contains("closes_on"), "{refused}");
    ada.patch(&late, &json!({ "closes_on": "2026-11-24" })).await.expect(200);
    ada.act(&format!("{late}/open")).await.expect(200);
    test.get(&late).await.expect(200);
}

#[actix_web::test]
async fn an_offering_changes_by_merge_patch_under_if_match() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (profile, other) = (ada.profile(&mentor()).await, ada.profile(&startup()).await);
    let path = open(&ada, &offering(&profile)).await;
    let first = ada.get(&path).await.header("etag").to_owned();
    let patch = json!({ "eligibility": { "sizes": null }, "access": null, "title": { "fi": "Laskentaa" } });
    let view = ada.patch_version(&path, &first, &patch).await.expect(200).json();
    assert_eq!(view["eligibility"], json!({ "countries": ["FI", "FR"], "stages": ["pilot"] }));
    assert_eq!(view["title"], json!({ "fr": "Heures de calcul pour débuter", "fi": "Laskentaa" }));
    assert!(view.get("access").is_none());
    assert_eq!(test.get(&path).await.json(), view);
    ada.patch_version(&path, &first, &patch).await.expect_problem(412, "stale_version");
    test.send(ada.request(Method::PATCH, &path).json(&patch)).await.expect_problem(428, "if_match_missing");
    let moved = ada.patch(&path, &json!({ "profile": other })).await.expect_problem(422, "invalid_fields");
    assert_eq!(faults(&moved), ["/profile immutable"]);
}

#[actix_web::test]
async fn a_repeated_creation_makes_one_offering() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let body = offering(&ada.profile(&mentor()).await);
    let send =
        || test.send(ada.request(Method::POST, OFFERINGS).header("idempotency-key", "once").json(&body));
    assert_eq!(send().await.expect(201).text, send().await.expect(201).text);
    assert_eq!(ids(&ada.get(&format!("{OFFERINGS}?managed=true")).await.json()).len(), 1);
}

#[actix_web::test]
async fn an_id_of_another_kind_is_the_id_of_no_offering() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let path = draft(&ada, &offering(&ada.profile(&mentor()).await)).await;
    let ulid = path.rsplit('_').next().unwrap();
    for wrong in [
        format!("ned_{ulid}"),
        format!("OFR_{ulid}"),
        format!("ofr_{}", ulid.to_lowercase()),
        ulid.to_owned(),
    ] {
        ada.get(&format!("{OFFERINGS}/{wrong}")).await.expect_problem(404, "not_found");
        ada.act(&format!("{OFFERINGS}/{wrong}/open")).await.expect_problem(404, "not_found");
    }
    ada.act(&format!("{path}/open")).await.expect(200);
}

#[actix_web::test]
async fn a_list_is_narrowed_by_what_is_asked_for_and_paged() {
    let test = TestApp::start().await;
    let (ada, admin) = (test.member("ada@example.eu").await, test.administrator().await);
    let profile = ada.profile(&mentor()).await;
    let mut made = Vec::new();
    for kind in ["compute", "advice", "compute", "data", "compute"] {
        test.tick();
        made.insert(0, open(&ada, &with(offering(&profile), json!({ "type": kind }))).await);
    }
    let made: Vec<String> = made.iter().map(|path| id(path)).collect();
    assert_eq!(test.pages(&format!("{OFFERINGS}?limit=2")).await, made.chunks(2).collect::<Vec<_>>());
    let compute = [&made[0], &made[2], &made[4]].map(Clone::clone);
    assert_eq!(test.pages(&format!("{OFFERINGS}?limit=1&type=compute")).await.concat(), compute);
    assert_eq!(
        test.pages(&format!("{OFFERINGS}?profile={profile}&type=data")).await.concat(),
        [made[1].clone()]
    );
    let nobody = "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N";
    assert!(test.pages(&format!("{OFFERINGS}?profile={nobody}")).await.concat().is_empty());
    test.tick();
    let draft = id(&draft(&ada, &offering(&profile)).await);
    let list = |query: &str| format!("{OFFERINGS}?{query}");
    assert_eq!(ids(&ada.get(&list("managed=true&limit=1")).await.json()), [draft.as_str()]);
    assert_eq!(ids(&ada.get(&list("managed=true&status=open&type=advice")).await.json()), [made[3].clone()]);
    assert_eq!(ids(&admin.get(&list("status=draft")).await.json()), [draft]);
    ada.get(&list("status=draft")).await.expect_problem(403, "forbidden");
    test.get(&list("managed=true")).await.expect_problem(401, "token_missing");
    for wrong in ["type=gift", "status=gone", "profile=x", "limit=0", "limit=101", "cursor=*", "typo=1"] {
        test.get(&list(wrong)).await.expect_problem(400, "malformed_query");
    }
}
