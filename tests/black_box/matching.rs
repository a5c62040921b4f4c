//! Matching over HTTP: who fits whom, across languages, in both directions, with reasons that add up.

use serde_json::{Value, json};

use crate::common::{Member, TestApp, faults, ids, mentor, startup, with};
use crate::import::{event, import, line, need, offering};

const NEED: &str = "Vorausschauende Wartung für Spindeln";
const WISH: &str =
    "Wir messen Schwingungen an Werkzeugmaschinen und haben zu viele Fehlalarme. Wer hat das schon gelöst?";

fn person(name: &str, language: &str, country: &str, summary: &str) -> Value {
    json!({
        "kind": "mentor", "name": name, "languages": [language, "en"], "country": country,
        "summary": { language: summary }
    })
}

/// The mentor who fits, others who do not, and an institute with offerings and an event.
fn providers() -> Vec<Value> {
    let profile = |key: &str, body| line("profile", key, body);
    let institute = json!({
        "kind": "organisation", "name": "Instituto Ejemplo", "languages": ["en"], "country": "ES",
        "summary": { "en": "Courses and advice for manufacturers." }
    });
    let about = |subject: &str, text: &str| (json!({ "en": subject }), json!({ "en": text }));
    let (maintenance, sales) = (
        about("Predictive maintenance clinic", "Vibration analysis on your own machines."),
        about("Sales coaching", "Pricing and first customers."),
    );
    vec![
        profile("claire", mentor()),
        profile("finance", person("Fiona Zahl", "de", "DE", "Ich helfe bei Finanzierung und Steuern.")),
        profile(
            "brand",
            person("Marco Marca", "it", "IT", "Consulenza di marketing e comunicazione per startup."),
        ),
        profile("security", person("Sofia Segura", "es", "ES", "Ciberseguridad para bancos y aseguradoras.")),
        profile("law", person("Lena Recht", "de", "AT", "Datenschutz und KI-Verordnung in der Praxis.")),
        profile("paused", with(mentor(), json!({ "name": "Paula Pause", "capacity": 0 }))),
        profile(
            "greek",
            json!({
                "kind": "mentor", "name": "Maria Glossa", "languages": ["el"], "country": "GR",
                "summary": { "el": "Προγνωστική συντήρηση μηχανών." }
            }),
        ),
        profile("institute", institute),
        offering("clinic", "institute", maintenance.0, maintenance.1),
        offering("sales", "institute", sales.0, sales.1),
        event("day", "institute", json!({ "en": "Predictive maintenance workshop" }), "2026-12-10T09:00:00Z"),
        event("party", "institute", json!({ "en": "New year reception" }), "2027-01-10T17:00:00Z"),
    ]
}

async fn filled() -> TestApp {
    let test = TestApp::start().await;
    let report = import(&test, "providers", &providers()).await;
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    test
}

/// A founder with a published start-up and a need; the ids of both.
async fn founder(test: &TestApp) -> (Member<'_>, String, String) {
    let doris = test.member("doris@example.eu").await;
    let profile = doris.profile(&startup()).await;
    let need = doris.need(&profile, NEED, WISH).await;
    test.settle().await;
    (doris, profile, need)
}

impl Member<'_> {
    async fn matches(&self, question: &Value) -> Value {
        self.post("/api/v1/matches", question).await.expect(200).json()
    }

    async fn why(&self, candidate: &str, question: &Value) -> Value {
        let body = json!({ "candidate": candidate, "question": question });
        self.post("/api/v1/matches/explanation", &body).await.expect(200).json()
    }
}

fn titles(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| item["title"]["text"].as_str().unwrap()).collect()
}

/// The id of what has this title, by search.
async fn id(test: &TestApp, title: &str) -> String {
    let query = url::form_urlencoded::Serializer::new(String::new()).append_pair("q", title).finish();
    let found = test.get(&format!("/api/v1/search?{query}")).await.expect(200).json();
    let found = found["items"].as_array().unwrap().iter().find(|item| item["title"] == title);
    found.unwrap_or_else(|| panic!("{title} is not found"))["id"].as_str().unwrap().to_owned()
}

#[actix_web::test]
async fn a_german_need_finds_the_french_mentor_and_says_why_in_the_readers_language() {
    let test = filled().await;
    let (doris, _, need) = founder(&test).await;
    for (languages, label) in [
        ("de", "vorausschauende Wartung"),
        ("fr-FR,en;q=0.5", "maintenance prédictive"),
        ("en", "predictive maintenance"),
    ] {
        let request =
            doris.request(reqwest::Method::POST, "/api/v1/matches").header("accept-language", languages);
        let question = json!({ "need": need, "categories": ["mentor"] });
        let answer = test.send(request.json(&question)).await.expect(200).json();
        let best = &answer["items"][0];
        assert_eq!(
            (&best["title"]["text"], &best["profile_name"]),
            (&json!("Claire Exemple"), &json!("Claire Exemple"))
        );
        let shared = best["concepts"]
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["offered"] == "predictive_maintenance");
        assert_eq!(shared.unwrap()["label"], label);
        assert!(best["reason"].as_str().unwrap().contains(label), "{}", best["reason"]);
        assert_eq!((&best["evidence"]["kind"], &best["evidence"]["year"]), (&json!("case"), &json!(2024)));
        assert!(
            best["evidence"]["title"]["text"]
                .as_str()
                .unwrap()
                .starts_with("Maintenance prédictive de broches")
        );
        let [first, second] = [0, 1].map(|at| answer["items"][at]["score"].as_f64().unwrap());
        assert!(first > 1.2 * second, "{first} and {second}");
    }
}

#[actix_web::test]
async fn a_few_sentences_of_a_visitor_are_enough() {
    let test = filled().await;
    for text in [
        "Nasze maszyny psują się nagle. Szukamy kogoś, kto wdrożył predykcyjne utrzymanie ruchu.",
        "Our milling spindles fail without warning; who has introduced predictive maintenance?",
        "Wir suchen jemanden mit Erfahrung in vorausschauender Wartung und Schwingungsanalyse.",
    ] {
        let question = json!({ "description": { "text": text, "country": "PL", "sectors": ["C"], "stage": "pilot" }, "categories": ["mentor"] });
        let answer = test.post("/api/v1/matches", &question).await.expect(200).json();
        // Whoever does just that in Greek fits as well.
        let titles = titles(&answer);
        assert!(
            titles[..2].contains(&"Claire Exemple") && titles[..2].contains(&"Maria Glossa"),
            "{titles:?} for {text}"
        );
        assert_eq!(answer["parameters_version"], "2");
    }
    let before = test.app.searcher.position();
    test.settle().await;
    assert_eq!(test.app.searcher.position(), before, "nothing is stored");
}

/// Checks that an answer is what its parts make it, and that it is in order.
fn adds_up(answer: &Value) {
    let close = |one: f64, other: f64| (one - other).abs() < 1e-6;
    let mut last = 1.0;
    for item in answer["items"].as_array().unwrap() {
        let number = |value: &Value| {
            value.as_f64().filter(|n| (0.0..=1.0).contains(n)).unwrap_or_else(|| panic!("{item}"))
        };
        for direction in ["forward", "backward"] {
            let parts = item[direction]["parts"].as_array().unwrap();
            let sum = |name: &str| parts.iter().map(|part| number(&part[name])).sum::<f64>();
            assert!(close(sum("contribution"), number(&item[direction]["score"])), "{item}");
            assert!(close(sum("weight"), 1.0), "{item}");
            for part in parts {
                assert!(
                    close(number(&part["value"]) * number(&part["weight"]), number(&part["contribution"])),
                    "{part}"
                );
            }
        }
        let (a, b) = (number(&item["forward"]["score"]), number(&item["backward"]["score"]));
        let mean = if a + b > 0.0 { 2.0 * a * b / (a + b) } else { 0.0 };
        assert!(close(number(&item["score"]), mean), "{item}");
        assert!(number(&item["score"]) <= last + 1e-6, "in the order of the scores");
        last = number(&item["score"]);
        assert!(item["reason"].as_str().is_some_and(|reason| reason.ends_with('.')), "{item}");
    }
}

#[actix_web::test]
async fn every_score_is_the_harmonic_mean_of_sums_of_its_parts() {
    let test = filled().await;
    let (doris, profile, need) = founder(&test).await;
    let claire = id(&test, "Claire Exemple").await;
    let subjects = [
        json!({ "need": need }),
        json!({ "profile": profile }),
        json!({ "profile": claire, "mode": "offers" }),
        json!({ "description": { "text": WISH } }),
        json!({ "need": need, "interpreter": true, "limit": 50 }),
        json!({ "need": need, "weights": { "forward": { "track_record": 3 }, "backward": { "neutral": 0 } } }),
    ];
    for subject in subjects {
        for want in ["profile", "need", "offering", "event"] {
            let answer = doris.matches(&with(subject.clone(), json!({ "want": [want] }))).await;
            adds_up(&answer);
            assert!(answer["items"].as_array().unwrap().iter().all(|item| item["kind"] == want));
            assert!(
                answer["considered"].as_u64().unwrap() >= answer["items"].as_array().unwrap().len() as u64
            );
        }
    }
}

#[actix_web::test]
async fn events_and_offerings_are_matched_like_people() {
    let test = filled().await;
    let (doris, _, need) = founder(&test).await;
    let offerings = doris.matches(&json!({ "need": need, "want": ["offering"] })).await;
    assert_eq!(titles(&offerings)[0], "Predictive maintenance clinic");
    let events = doris.matches(&json!({ "need": need, "want": ["event"] })).await;
    assert_eq!(titles(&events), ["Predictive maintenance workshop", "New year reception"]);
    assert_eq!(events["items"][0]["profile_name"], "Instituto Ejemplo");
    let both = doris.matches(&json!({ "need": need, "want": ["offering", "event"], "limit": 3 })).await;
    assert_eq!(both["items"].as_array().unwrap().len(), 3);
    let filtered = json!({ "need": need, "want": ["profile"], "filters": { "countries": ["IT", "AT"], "languages": ["de"] } });
    assert_eq!(titles(&doris.matches(&filtered).await), ["Lena Recht"]);
}

#[actix_web::test]
async fn a_mentor_finds_the_needs_that_he_can_meet() {
    let test = filled().await;
    let (_, _, hers) = founder(&test).await;
    let other = need(
        "n:sales",
        "finance",
        json!({ "de": "Steuerfragen" }),
        json!({ "de": "Wer kennt sich mit Umsatzsteuer aus?" }),
    );
    import(&test, "providers", &[other]).await;
    let claire = id(&test, "Claire Exemple").await;
    let question = json!({ "profile": claire, "mode": "offers", "want": ["need"] });
    let answer = test.post("/api/v1/matches", &question).await.expect(200).json();
    assert_eq!(titles(&answer)[0], NEED);
    assert_eq!(answer["items"][0]["profile_name"], "Schwingwerk");
    assert_eq!(ids(&answer)[0], hers);
    let [first, second] = [0, 1].map(|at| answer["items"][at]["score"].as_f64().unwrap());
    assert!(first > second);
}

#[actix_web::test]
async fn weights_can_be_changed_for_one_question_and_are_checked() {
    let test = filled().await;
    let (doris, _, need) = founder(&test).await;
    let features = [
        "expertise",
        "topic",
        "text",
        "sector",
        "stage",
        "region",
        "language",
        "format",
        "freshness",
        "newcomer",
    ];
    let zero: Value = features
        .iter()
        .map(|feature| ((*feature).to_owned(), json!(0)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let only_cases = with(zero.clone(), json!({ "track_record": 5 }));
    let answer = doris.matches(&json!({ "need": need, "weights": { "forward": only_cases } })).await;
    assert_eq!(answer["parameters_version"], "2+custom");
    let parts = answer["items"][0]["forward"]["parts"].as_array().unwrap();
    assert_eq!(
        (parts.len(), &parts[0]["feature"], &parts[0]["weight"]),
        (1, &json!("track_record"), &json!(1.0))
    );
    for (weights, fault) in [
        (json!({ "forward": { "text": -1 } }), "/weights/forward/text minimum"),
        (json!({ "backward": { "text": 1000.5 } }), "/weights/backward/text maximum"),
        (json!({ "forward": { "beauty": 1 } }), "/weights/forward/beauty unknown_field"),
    ] {
        let refused = doris.post("/api/v1/matches", &json!({ "need": need, "weights": weights })).await;
        assert_eq!(faults(&refused.expect_problem(422, "invalid_fields")), [fault]);
    }
    for (weights, named) in [
        (json!({ "forward": with(zero, json!({ "track_record": 0 })) }), "all forward weights are 0"),
        (json!({ "forward": { "newcomer": 1 } }), "newcomer"),
    ] {
        let refused = doris.post("/api/v1/matches", &json!({ "need": need, "weights": weights })).await;
        let problem = refused.expect_problem(422, "invalid_fields");
        assert_eq!(faults(&problem), ["/weights weights"]);
        assert!(problem["errors"][0]["detail"].as_str().unwrap().contains(named), "{problem}");
    }
}

#[actix_web::test]
async fn an_explanation_agrees_with_the_list_and_names_what_keeps_somebody_out() {
    let test = filled().await;
    let (doris, profile, need) = founder(&test).await;
    let question = json!({ "need": need, "want": ["profile"], "categories": ["mentor"] });
    let list = doris.matches(&question).await;
    for (at, item) in list["items"].as_array().unwrap().iter().enumerate() {
        let why = doris.why(item["id"].as_str().unwrap(), &question).await;
        assert_eq!((&why["rank"], &why["blocker"]), (&json!(at + 1), &Value::Null));
        assert_eq!(why["candidate"]["title"], item["title"]);
        let [listed, explained] =
            [&item["score"], &why["candidate"]["score"]].map(|score| score.as_f64().unwrap());
        assert!((listed - explained).abs() < 1e-9);
        assert_eq!(why["considered"], list["considered"]);
    }
    for (title, blocker) in [
        ("Paula Pause", "paused"),
        ("Maria Glossa", "no_common_language"),
        ("Instituto Ejemplo", "outside_filters"),
    ] {
        assert!(!titles(&list).contains(&title));
        let why = doris.why(&id(&test, title).await, &question).await;
        assert_eq!((&why["blocker"], &why["rank"]), (&json!(blocker), &Value::Null), "{title}");
    }
    assert_eq!(doris.why(&profile, &question).await["blocker"], "own_profile");
    let interpreted = with(question.clone(), json!({ "interpreter": true }));
    assert_eq!(doris.why(&id(&test, "Maria Glossa").await, &interpreted).await["blocker"], Value::Null);
    let draft = doris.post("/api/v1/profiles", &mentor()).await.expect(201).json();
    for unknown in [draft["id"].as_str().unwrap(), "prf_01JDBQZ5W0V6P8R3K2M9XE4T7N", "nonsense"] {
        let body = json!({ "candidate": unknown, "question": question });
        doris.post("/api/v1/matches/explanation", &body).await.expect_problem(404, "not_found");
    }
}

#[actix_web::test]
async fn who_has_been_asked_or_has_declined_leaves_the_list_of_that_side_only() {
    let test = filled().await;
    let (doris, profile, need) = founder(&test).await;
    let claire = test.member("claire@example.eu").await;
    let target = claire.profile(&with(mentor(), json!({ "name": "Claire Deux" }))).await;
    test.settle().await;
    let question = json!({ "need": need });
    assert!(ids(&doris.matches(&question).await).contains(&target));
    let ask = json!({ "requester": profile, "target": target, "note": "Could we talk?" });
    let introduction = doris.post("/api/v1/introductions", &ask).await.expect(201).json();
    assert!(!ids(&doris.matches(&question).await).contains(&target));
    assert_eq!(doris.why(&target, &question).await["blocker"], "already_introduced");
    for (asker, sees) in [(&claire, true), (&doris, false)] {
        assert_eq!(
            ids(&asker.matches(&question).await).contains(&target),
            sees,
            "others learn nothing of it"
        );
    }
    assert!(ids(&test.post("/api/v1/matches", &question).await.json()).contains(&target));
    let path = format!("/api/v1/introductions/{}/decline", introduction["id"].as_str().unwrap());
    claire.post(&path, &json!({ "code": "no_time" })).await.expect(200);
    assert_eq!(doris.why(&target, &question).await["blocker"], "declined");
    assert!(!ids(&doris.matches(&json!({ "profile": profile })).await).contains(&target));
    test.settle().await;
}

#[actix_web::test]
async fn a_question_has_exactly_one_subject_that_its_asker_may_know_of() {
    let test = filled().await;
    let (doris, profile, need) = founder(&test).await;
    let eve = test.member("eve@example.eu").await;
    let described = json!({ "text": WISH });
    for question in [
        json!({}),
        json!({ "need": need, "profile": profile }),
        json!({ "profile": profile, "description": described }),
        json!({ "need": need, "profile": profile, "description": described }),
    ] {
        let problem = doris.post("/api/v1/matches", &question).await.expect_problem(422, "invalid_fields");
        assert_eq!(faults(&problem), [" one_subject"]);
    }
    for (question, pointer) in [
        (json!({ "need": need, "limit": 0 }), "/limit"),
        (json!({ "need": need, "limit": 51 }), "/limit"),
        (json!({ "need": need, "want": ["person"] }), "/want/0"),
        (json!({ "need": profile }), "/need"),
        (json!({ "description": { "text": "ab" } }), "/description/text"),
        (json!({ "description": { "text": "x".repeat(5001) } }), "/description/text"),
        (json!({ "need": need, "filters": { "countries": ["Germany"] } }), "/filters/countries/0"),
    ] {
        let problem = doris.post("/api/v1/matches", &question).await.expect_problem(422, "invalid_fields");
        assert!(faults(&problem)[0].starts_with(&format!("{pointer} ")), "{pointer}: {problem}");
    }
    let draft = doris.post("/api/v1/profiles", &startup()).await.expect(201).json()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let hidden = doris.need(&draft, NEED, WISH).await;
    doris.act(&format!("/api/v1/needs/{need}/withdraw")).await.expect(200);
    test.settle().await;
    for question in [json!({ "need": hidden }), json!({ "need": need }), json!({ "profile": draft })] {
        eve.post("/api/v1/matches", &question).await.expect_problem(404, "not_found");
        test.post("/api/v1/matches", &question).await.expect_problem(404, "not_found");
        let answer = doris.matches(&with(question.clone(), json!({ "categories": ["mentor"] }))).await;
        assert!(
            !answer["items"].as_array().unwrap().is_empty(),
            "its managers may look around before: {question}"
        );
    }
    assert_eq!(
        titles(&doris.matches(&json!({ "need": hidden, "categories": ["mentor"] })).await)[0],
        "Claire Exemple"
    );
}

#[actix_web::test]
async fn the_parameters_are_public_and_complete() {
    let test = TestApp::start().await;
    let reply = test.get("/api/v1/matching/parameters").await.expect(200);
    let parameters = reply.json();
    let described = parameters["features"].as_object().unwrap();
    for direction in ["forward", "backward"] {
        let weights = parameters[direction].as_object().unwrap();
        let sum: f64 = weights.values().map(|weight| weight.as_f64().unwrap()).sum();
        assert!((sum - 1.0).abs() < 1e-6);
        assert!(
            weights.keys().all(|feature| described[feature].as_str().is_some_and(|text| text.len() > 20))
        );
    }
    assert_eq!(parameters["version"], "2");
    assert!(reply.header("cache-control").contains("max-age"));
}
