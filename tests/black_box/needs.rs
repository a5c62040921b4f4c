//! Needs: what they say, who sees them, how they end, how they are listed.
use chrono::TimeDelta;
use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{Member, TestApp, faults, ids, mentor, startup, with};

const NEEDS: &str = "/api/v1/needs";

/// A need that says everything that a need can say.
fn need(profile: &str) -> Value {
    json!({
        "profile": profile, "type": "mentoring",
        "title": { "de": "Mentor für vorausschauende Wartung", "el": "Προγνωστική συντήρηση" },
        "description": { "de": "Die Hälfte unserer Warnungen ist falsch.\nWer konnte das besser?" },
        "concepts": ["predictive_maintenance"], "sectors": ["C"], "languages": ["de", "en"],
        "formats": ["online", "hybrid"], "countries": ["AT", "GR"]
    })
}

async fn create(member: &Member<'_>, body: &Value) -> String {
    member.post(NEEDS, body).await.expect(201).header("location").to_owned()
}

#[actix_web::test]
async fn a_need_is_open_at_once_and_read_as_it_was_written() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let body = with(need(&ada.profile(&startup()).await), json!({ "expires_in_days": 120 }));
    let created = ada.post(NEEDS, &body).await.expect(201);
    let (path, view) = (created.header("location").to_owned(), created.json());
    assert_eq!(path, format!("{NEEDS}/{}", view["id"].as_str().unwrap()));
    assert_eq!(
        (view["status"].as_str(), view["expires_at"].as_str()),
        (Some("open"), Some("2027-03-23T08:00:00Z"))
    );
    assert_eq!(
        (&view["created_at"], &view["updated_at"]),
        (&json!("2026-11-23T08:00:00Z"), &view["created_at"])
    );
    for (name, value) in body.as_object().unwrap().iter().filter(|(name, _)| *name != "expires_in_days") {
        assert_eq!(&view[name], value, "{name}");
    }
    let read = test.get(&path).await.expect(200);
    assert_eq!((read.json(), read.header("etag")), (view, created.header("etag")));
    let again = test.request(Method::GET, &path).header("if-none-match", read.header("etag"));
    assert_eq!(test.send(again).await.expect(304).text, "");
}

#[actix_web::test]
async fn letters_that_look_the_same_are_stored_the_same() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let title = json!({ "title": { "fr": "Me\u{301}canique" } });
    let path = create(&ada, &with(need(&ada.profile(&startup()).await), title)).await;
    assert_eq!(test.get(&path).await.json()["title"]["fr"], "M\u{e9}canique");
}

#[actix_web::test]
async fn texts_and_lists_may_be_as_long_as_their_limits_and_no_longer() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&startup()).await;
    let concepts = |count: usize| (0..count).map(|n| format!("concept_{n}")).collect::<Vec<_>>();
    // Letters of two and of four bytes count as one.
    for (member, fits, too_long, fault) in [
        ("title", json!({ "de": "ß".repeat(160) }), json!({ "de": "ß".repeat(161) }), "/title/de max_length"),
        (
            "title",
            json!({ "de": "🦀".repeat(160) }),
            json!({ "de": "🦀".repeat(161) }),
            "/title/de max_length",
        ),
        (
            "description",
            json!({ "el": "λ".repeat(4000) }),
            json!({ "el": "λ".repeat(4001) }),
            "/description/el max_length",
        ),
        ("concepts", json!(concepts(30)), json!(concepts(31)), "/concepts max_items"),
        ("formats", json!(["online", "hybrid", "on_site"]), json!(vec!["online"; 4]), "/formats max_items"),
        ("expires_in_days", json!(365), json!(366), "/expires_in_days maximum"),
        ("expires_in_days", json!(1), json!(0), "/expires_in_days minimum"),
    ] {
        let path = create(&ada, &with(need(&profile), json!({ member: fits }))).await;
        let view = test.get(&path).await.expect(200).json();
        assert!(member == "expires_in_days" || view[member] == fits, "{member}: {view}");
        let refused = ada.post(NEEDS, &with(need(&profile), json!({ member: too_long }))).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), [fault]);
        let refused = ada.patch(&path, &json!({ member: too_long })).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), [fault]);
    }
}

#[actix_web::test]
async fn every_wrong_value_is_named_where_it_stands() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&startup()).await;
    for (members, fault) in [
        (json!({ "profile": profile.replace("prf_", "ned_") }), "/profile pattern"),
        (json!({ "profile": null }), "/profile type"),
        (json!({ "type": "money" }), "/type enum"),
        (json!({ "title": "Mentor" }), "/title type"),
        (json!({ "title": {} }), "/title min_properties"),
        (json!({ "title": { "xx": "Mentor" } }), "/title property_name"),
        (json!({ "title": { "de": "" } }), "/title/de min_length"),
        (json!({ "title": { "de": " \n " } }), "/title/de blank"),
        (json!({ "description": { "de": "a\u{0}b" } }), "/description/de control_character"),
        (json!({ "concepts": ["Predictive Maintenance"] }), "/concepts/0 pattern"),
        (json!({ "sectors": ["C", "W"] }), "/sectors/1 enum"),
        (json!({ "languages": ["deu"] }), "/languages/0 enum"),
        (json!({ "formats": ["phone"] }), "/formats/0 enum"),
        (json!({ "countries": ["EL"] }), "/countries/0 enum"),
        (json!({ "expires_in_days": 1.5 }), "/expires_in_days type"),
        (json!({ "status": "met" }), "/status unknown_field"),
    ] {
        let refused = ada.post(NEEDS, &with(need(&profile), members)).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), [fault]);
    }
    let mut found =
        faults(&ada.post(NEEDS, &json!({ "typo/a": 1 })).await.expect_problem(422, "invalid_fields"));
    found.sort();
    let all = [
        "/description required",
        "/profile required",
        "/title required",
        "/type required",
        "/typo~1a unknown_field",
    ];
    assert_eq!(found, all);
    assert!(test.pages(NEEDS).await.concat().is_empty());
}

#[actix_web::test]
async fn a_need_is_made_by_those_who_manage_its_profile() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let published = ada.profile(&startup()).await;
    let draft = ada.post("/api/v1/profiles", &startup()).await.expect(201).json();
    let draft = draft["id"].as_str().unwrap();
    test.post(NEEDS, &need(&published)).await.expect_problem(401, "token_missing");
    eve.post(NEEDS, &need(&published)).await.expect_problem(403, "forbidden");
    eve.post(NEEDS, &need(draft)).await.expect_problem(404, "not_found");
    eve.post(NEEDS, &need("prf_01JDBQZ5W0V6P8R3K2M9XE4T7N")).await.expect_problem(404, "not_found");
    let (staff, colleague) =
        (format!("/api/v1/profiles/{published}/staff"), json!({ "email": "eve@example.eu" }));
    ada.post(&staff, &colleague).await.expect(204);
    let path = create(&eve, &need(&published)).await;
    ada.delete(&format!("{staff}/{}", eve.id)).await.expect(204);
    eve.act(&format!("{path}/meet")).await.expect_problem(403, "forbidden");
    ada.act(&format!("{path}/meet")).await.expect(200);
}

#[actix_web::test]
async fn a_repeated_creation_makes_one_need() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let body = need(&ada.profile(&startup()).await);
    let send = |body: &Value| {
        test.send(ada.request(Method::POST, NEEDS).header("idempotency-key", "once").json(body))
    };
    let first = send(&body).await.expect(201);
    assert_eq!(send(&body).await.expect(201).text, first.text);
    send(&with(body.clone(), json!({ "type": "advice" })))
        .await
        .expect_problem(422, "idempotency_key_reused");
    assert_eq!(test.pages(NEEDS).await.concat(), [first.json()["id"].as_str().unwrap()]);
}

#[actix_web::test]
async fn strangers_see_open_needs_of_published_profiles_only() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let admin = test.administrator().await;
    let draft = ada.post("/api/v1/profiles", &startup()).await.expect(201).json();
    let profile = format!("/api/v1/profiles/{}", draft["id"].as_str().unwrap());
    let path = create(&ada, &need(draft["id"].as_str().unwrap())).await;
    let everything = |status: u16, code: &'static str| {
        let (path, eve) = (&path, &eve);
        async move {
            for step in ["meet", "withdraw"] {
                eve.act(&format!("{path}/{step}")).await.expect_problem(status, code);
            }
            eve.patch_version(path, "\"1\"", &json!({ "type": "advice" })).await.expect_problem(status, code);
        }
    };
    // The profile is a draft.
    ada.get(&path).await.expect(200);
    test.get(&path).await.expect_problem(404, "not_found");
    eve.get(&path).await.expect_problem(404, "not_found");
    everything(404, "not_found").await;
    // It is published.
    ada.act(&format!("{profile}/publish")).await.expect(200);
    test.get(&path).await.expect(200);
    everything(403, "forbidden").await;
    admin.act(&format!("{path}/withdraw")).await.expect_problem(403, "forbidden");
    test.send(test.request(Method::POST, &format!("{path}/meet"))).await.expect_problem(401, "token_missing");
    // The need is met.
    ada.act(&format!("{path}/meet")).await.expect(200);
    test.get(&path).await.expect_problem(404, "not_found");
    everything(404, "not_found").await;
    assert_eq!(admin.get(&path).await.expect(200).json()["status"], "met");
    // The profile is archived, with another need that is open.
    let other = create(&ada, &need(draft["id"].as_str().unwrap())).await;
    test.get(&other).await.expect(200);
    ada.act(&format!("{profile}/archive")).await.expect(200);
    test.get(&other).await.expect_problem(404, "not_found");
    assert!(test.pages(NEEDS).await.concat().is_empty());
}

#[actix_web::test]
async fn every_end_of_a_need_is_final() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&startup()).await;
    let mut ended = Vec::new();
    for (step, status) in [("meet", "met"), ("withdraw", "withdrawn")] {
        let path = create(&ada, &need(&profile)).await;
        assert_eq!(ada.act(&format!("{path}/{step}")).await.expect(200).json()["status"], status);
        ended.push((path, status));
    }
    let short = with(need(&profile), json!({ "expires_in_days": 1 }));
    ended.push((create(&ada, &short).await, "expired"));
    test.advance(TimeDelta::days(1)).await;
    let ada = test.login("ada@example.eu").await;
    for (path, status) in ended {
        let before = ada.get(&path).await.expect(200);
        for step in ["meet", "withdraw"] {
            let refused = ada.act(&format!("{path}/{step}")).await.expect_problem(409, "invalid_transition");
            assert!(refused["detail"].as_str().unwrap().contains(status), "{refused}");
        }
        ada.patch(&path, &json!({ "type": "advice" })).await.expect_problem(409, "invalid_transition");
        let after = ada.get(&path).await.expect(200);
        assert_eq!((after.json(), after.header("etag")), (before.json(), before.header("etag")));
        assert_eq!(after.json()["status"], status);
    }
}

#[actix_web::test]
async fn a_need_expires_when_its_days_are_over() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&startup()).await;
    let path = create(&ada, &with(need(&profile), json!({ "expires_in_days": 2 }))).await;
    let kept = create(&ada, &need(&profile)).await;
    test.advance(TimeDelta::days(1)).await;
    let ada = test.login("ada@example.eu").await;
    // The same number counts from the creation, another one from now.
    assert_eq!(
        ada.patch(&path, &json!({ "expires_in_days": 2 })).await.json()["expires_at"],
        "2026-11-25T08:00:00Z"
    );
    assert_eq!(
        ada.patch(&path, &json!({ "expires_in_days": 3 })).await.json()["expires_at"],
        "2026-11-27T08:00:00Z"
    );
    test.advance(TimeDelta::days(3) - TimeDelta::seconds(1)).await;
    test.get(&path).await.expect(200);
    test.advance(TimeDelta::seconds(1)).await;
    test.get(&path).await.expect_problem(404, "not_found");
    let ada = test.login("ada@example.eu").await;
    assert_eq!(ada.get(&path).await.expect(200).json()["status"], "expired");
    assert_eq!(test.pages(NEEDS).await.concat(), [kept.rsplit('/').next().unwrap()]);
}

#[actix_web::test]
async fn a_need_changes_by_merge_patch_under_if_match() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let (profile, other) = (ada.profile(&startup()).await, ada.profile(&mentor()).await);
    let path = create(&ada, &need(&profile)).await;
    let changes = json!({ "title": { "en": "A mentor", "el": null }, "countries": null, "type": "advice" });
    let first = ada.get(&path).await.header("etag").to_owned();
    test.tick();
    let changed = ada.patch_version(&path, &first, &changes).await.expect(200);
    let view = changed.json();
    assert_eq!(view["title"], json!({ "de": "Mentor für vorausschauende Wartung", "en": "A mentor" }));
    assert_eq!(
        (&view["countries"], &view["type"], &view["sectors"]),
        (&json!([]), &json!("advice"), &json!(["C"]))
    );
    assert_eq!(view["updated_at"], "2026-11-23T08:00:01Z");
    assert_eq!(test.get(&path).await.json(), view);
    assert_ne!(changed.header("etag"), first);
    ada.patch_version(&path, &first, &changes).await.expect_problem(412, "stale_version");
    let unconditional = ada.request(Method::PATCH, &path).json(&changes);
    test.send(unconditional).await.expect_problem(428, "if_match_missing");
    let text = ada.request(Method::PATCH, &path).header("if-match", "*").header("content-type", "text/plain");
    test.send(text.body("{}")).await.expect_problem(415, "unsupported_media_type");
    for (patch, fault) in [
        (json!({ "profile": other }), "/profile immutable"),
        (json!({ "title": { "de": null, "en": null } }), "/title min_properties"),
        (json!({ "title": null }), "/title required"),
        (json!({ "id": "ned_01JDBQZ5W0V6P8R3K2M9XE4T7N" }), "/id unknown_field"),
    ] {
        let refused = ada.patch(&path, &patch).await.expect_problem(422, "invalid_fields");
        assert_eq!(faults(&refused), [fault], "{refused}");
    }
    ada.patch(&path, &json!([])).await.expect_problem(422, "invalid_fields");
    assert_eq!(test.get(&path).await.json(), view);
}

#[actix_web::test]
async fn an_id_of_another_kind_is_the_id_of_no_need() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let path = create(&ada, &need(&ada.profile(&startup()).await)).await;
    let ulid = path.rsplit('_').next().unwrap();
    for id in
        [format!("prf_{ulid}"), format!("ofr_{ulid}"), ulid.to_owned(), ulid.to_lowercase(), "%00".to_owned()]
    {
        ada.get(&format!("{NEEDS}/{id}")).await.expect_problem(404, "not_found");
        ada.act(&format!("{NEEDS}/{id}/meet")).await.expect_problem(404, "not_found");
    }
    assert_eq!(ada.get(&path).await.expect(200).json()["status"], "open");
}

#[actix_web::test]
async fn a_list_is_narrowed_by_what_is_asked_for() {
    let test = TestApp::start().await;
    let (ada, eve) = (test.member("ada@example.eu").await, test.member("eve@example.eu").await);
    let admin = test.administrator().await;
    let (hers, his) = (ada.profile(&startup()).await, eve.profile(&mentor()).await);
    let id = |path: String| path.rsplit('/').next().unwrap().to_owned();
    let mentoring = id(create(&ada, &need(&hers)).await);
    test.tick();
    let advice = id(create(&eve, &with(need(&his), json!({ "type": "advice" }))).await);
    test.tick();
    let met = create(&ada, &need(&hers)).await;
    ada.act(&format!("{met}/meet")).await.expect(200);
    let met = id(met);
    let list = |reader: Option<&Member<'_>>, query: String| {
        let path = format!("{NEEDS}?{query}");
        let request = match reader {
            Some(member) => member.request(Method::GET, &path),
            None => test.request(Method::GET, &path),
        };
        test.send(request)
    };
    for (reader, query, expected) in [
        (None, String::new(), vec![&advice, &mentoring]),
        (None, "type=advice".to_owned(), vec![&advice]),
        (None, format!("profile={hers}"), vec![&mentoring]),
        (None, format!("profile={hers}&type=advice&status=open"), vec![]),
        (Some(&ada), "managed=true".to_owned(), vec![&met, &mentoring]),
        (Some(&ada), "managed=true&status=met".to_owned(), vec![&met]),
        (Some(&eve), format!("managed=true&profile={hers}"), vec![]),
        (Some(&admin), "status=met".to_owned(), vec![&met]),
    ] {
        let found = list(reader, query.clone()).await.expect(200).json();
        assert_eq!(ids(&found).iter().collect::<Vec<_>>(), expected, "{query}");
    }
    list(None, "managed=true".to_owned()).await.expect_problem(401, "token_missing");
    list(None, "status=met".to_owned()).await.expect_problem(403, "forbidden");
    list(Some(&eve), "status=met".to_owned()).await.expect_problem(403, "forbidden");
    for wrong in [
        "type=money",
        "profile=ned_01JDBQZ5W0V6P8R3K2M9XE4T7N",
        "status=lost",
        "limit=0",
        "limit=101",
        "limit=x",
        "managed=maybe",
        "cursor=%20",
        "typo=1",
    ] {
        list(None, wrong.to_owned()).await.expect_problem(400, "malformed_query");
    }
}

#[actix_web::test]
async fn pages_go_from_new_to_old_whatever_is_made_meanwhile() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let profile = ada.profile(&startup()).await;
    let mut made = Vec::new();
    for number in 0..5 {
        test.tick();
        made.insert(0, ada.need(&profile, &format!("Bedarf {number}"), "Hilfe").await);
    }
    let pages = test.pages(&format!("{NEEDS}?profile={profile}&limit=2")).await;
    assert_eq!(pages, made.chunks(2).collect::<Vec<_>>());
    let first = test.get(&format!("{NEEDS}?limit=2")).await.expect(200);
    let next = first.json()["next"].as_str().unwrap().to_owned();
    test.tick();
    ada.need(&profile, "Später", "Hilfe").await;
    let rest = test.get(&format!("{NEEDS}?cursor={next}")).await.expect(200);
    assert_eq!((ids(&rest.json()), rest.header("link")), (made[2..].to_vec(), ""));
}
