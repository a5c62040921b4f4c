//! Search over HTTP: words, filters, counts, order, pages, and who may find what.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use crate::common::{Member, Reply, TestApp, mentor, startup, with};
use crate::import::{event, import, line, need, offering};

/// Somebody who asks: a visitor, or a member.
pub enum Reader<'a> {
    Visitor(&'a TestApp),
    Member(&'a Member<'a>),
}

impl Reader<'_> {
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Reply {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
        let path = format!("/api/v1/{path}?{query}");
        match self {
            Reader::Visitor(test) => test.get(&path).await,
            Reader::Member(member) => member.get(&path).await,
        }
    }

    async fn page(&self, parameters: &[(&str, &str)]) -> Value {
        self.get("search", parameters).await.expect(200).json()
    }

    /// The titles of what is found, in their order.
    async fn titles(&self, parameters: &[(&str, &str)]) -> Vec<String> {
        texts(&self.page(parameters).await, "title")
    }

    async fn suggestions(&self, prefix: &str) -> Vec<String> {
        texts(&self.get("search/suggestions", &[("q", prefix)]).await.expect(200).json(), "text")
    }
}

/// One member of all items.
pub fn texts(list: &Value, member: &str) -> Vec<String> {
    list["items"].as_array().unwrap().iter().map(|item| item[member].as_str().unwrap().to_owned()).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// People and things of five countries, in six languages.
fn corpus() -> Vec<Value> {
    let profile = |key: &str, body| line("profile", key, body);
    let maria = json!({
        "kind": "mentor", "name": "Maria Muster", "languages": ["de"], "country": "DE", "region": "DE11",
        "city": "Stuttgart", "location": { "lat": 48.78, "lon": 9.18 }, "sectors": ["C"], "formats": ["on_site"],
        "summary": { "de": "Vorausschauende Wartung von Werkzeugmaschinen und Häusern." }
    });
    let claire = with(mentor(), json!({ "location": { "lat": 45.76, "lon": 4.84 }, "formats": ["online"] }));
    let krakow = json!({
        "kind": "startup", "name": "Wzorowa Huta", "languages": ["pl", "en"], "country": "PL", "region": "PL21",
        "city": "Kraków", "location": { "lat": 50.06, "lon": 19.94 }, "stage": "growth", "sectors": ["C", "E"],
        "summary": { "pl": "Konserwacja predykcyjna dla hutnictwa." }
    });
    let madrid = json!({
        "kind": "organisation", "name": "Instituto Ejemplo", "languages": ["es", "en"], "country": "ES",
        "city": "Madrid", "sectors": ["A", "C"], "formats": ["online", "hybrid"],
        "summary": { "es": "Visión por ordenador para la agricultura de precisión." }, "expertise": ["computer_vision"]
    });
    let helsinki = json!({
        "kind": "startup", "name": "Kvantti & Pojat", "languages": ["fi", "en"], "country": "FI", "stage": "idea",
        "summary": { "en": "We write <script>alert(\"turbines\")</script> & 'other' turbines; see R&D in C++." }
    });
    vec![
        profile("maria", maria),
        profile("claire", claire),
        profile("krakow", krakow),
        profile("madrid", madrid),
        profile("helsinki", helsinki),
        need(
            "n",
            "krakow",
            json!({ "en": "Grain sorting by camera" }),
            json!({ "en": "We look for computer vision." }),
        ),
        offering(
            "o",
            "madrid",
            json!({ "es": "Taller de drones" }),
            json!({ "es": "Drones para viñedos, en línea." }),
        ),
        event("late", "madrid", json!({ "en": "Winter school" }), "2027-01-15T09:00:00Z"),
        event("soon", "madrid", json!({ "en": "Autumn school" }), "2026-11-30T09:00:00Z"),
    ]
}

async fn filled() -> TestApp {
    let test = TestApp::start().await;
    let report = import(&test, "corpus", &corpus()).await;
    assert_eq!((report.created, report.refused.len()), (9, 0), "{:?}", report.refused);
    test
}

#[actix_web::test]
async fn words_are_found_in_their_own_language_and_concepts_in_all() {
    let test = filled().await;
    let visitor = Reader::Visitor(&test);
    let maintenance = &["Claire Exemple", "Maria Muster", "Wzorowa Huta"][..];
    for (words, found) in [
        ("vorausschauende Wartung", maintenance),
        ("maintenance prédictive", maintenance),
        ("konserwacja predykcyjna", maintenance),
        ("predictive maintenance", maintenance),
        ("Haus", &["Maria Muster"]),
        ("Werkzeugmaschine", &["Maria Muster"]),
        ("hutnictwo", &["Wzorowa Huta"]),
        ("stuttgart", &["Maria Muster"]),
        ("kvantti", &["Kvantti & Pojat"]),
        ("R&D", &["Kvantti & Pojat"]),
        ("C++", &["Kvantti & Pojat"]),
        // A profile offers what its offerings offer.
        ("viñedo", &["Instituto Ejemplo", "Taller de drones"]),
        ("schools", &["Autumn school", "Winter school"]),
        ("xyzzyplugh", &[]),
    ] {
        assert_eq!(sorted(visitor.titles(&[("q", words)]).await), found, "{words}");
    }
    assert_eq!(visitor.page(&[("q", "turbinse")]).await["relaxed"], true);
    assert_eq!(visitor.titles(&[("q", "turbinse")]).await, ["Kvantti & Pojat"]);
}

#[actix_web::test]
async fn quotes_and_minus_are_taken_literally() {
    let test = filled().await;
    let visitor = Reader::Visitor(&test);
    for (words, found) in [
        ("\"grain sorting\"", &["Grain sorting by camera"][..]),
        ("\"sorting grain\"", &[]),
        ("school -winter", &["Autumn school"]),
        ("vorausschauende Wartung -Häuser -hutnictwo", &["Claire Exemple"]),
        ("school -\"autumn school\"", &["Winter school"]),
    ] {
        assert_eq!(sorted(visitor.titles(&[("q", words)]).await), found, "{words}");
    }
    assert_eq!(visitor.page(&[("q", "-school")]).await["total"], 7);
}

#[actix_web::test]
async fn each_filter_keeps_what_has_one_of_its_values() {
    let test = filled().await;
    let visitor = Reader::Visitor(&test);
    let schools = &["Autumn school", "Winter school"][..];
    for (filter, found) in [
        (&[("kind", "event")][..], schools),
        (&[("kind", "need"), ("kind", "offering")], &["Grain sorting by camera", "Taller de drones"]),
        (&[("category", "mentor")], &["Claire Exemple", "Maria Muster"]),
        (&[("country", "FI"), ("country", "FR")], &["Claire Exemple", "Kvantti & Pojat"]),
        (&[("region", "DE1")], &["Maria Muster"]),
        (&[("region", "PL"), ("region", "DE")], &["Grain sorting by camera", "Maria Muster", "Wzorowa Huta"]),
        (&[("language", "pl")], &["Grain sorting by camera", "Wzorowa Huta"]),
        (&[("sector", "E")], &["Grain sorting by camera", "Wzorowa Huta"]),
        // A profile seeks what its open need seeks.
        (
            &[("concept", "computer_vision")],
            &["Grain sorting by camera", "Instituto Ejemplo", "Wzorowa Huta"],
        ),
        (&[("stage", "idea")], &["Kvantti & Pojat"]),
        (&[("format", "on_site")], &["Maria Muster"]),
        (&[("from", "2027-01-01T00:00:00Z")], &["Winter school"]),
        (&[("to", "2027-01-15T09:00:00Z")], &["Autumn school"]),
        (&[("from", "2027-01-15T09:00:00Z")], &["Winter school"]),
        (&[("lat", "48.7"), ("lon", "9"), ("km", "30")], &["Maria Muster"]),
        (&[("kind", "profile"), ("sector", "C"), ("language", "en"), ("country", "PL")], &["Wzorowa Huta"]),
        (&[("kind", "event"), ("stage", "idea")], &[]),
        (&[("q", "computer vision"), ("kind", "need")], &["Grain sorting by camera"]),
    ] {
        let page = visitor.page(filter).await;
        assert_eq!(sorted(texts(&page, "title")), found, "{filter:?}");
        assert_eq!(page["total"], found.len(), "{filter:?}");
    }
}

#[actix_web::test]
async fn a_facet_counts_what_its_filter_finds() {
    let test = filled().await;
    let eve = test.member("eve@example.eu").await;
    let fields =
        ["kind", "category", "country", "region", "language", "sector", "concept", "stage", "format"];
    let mut compared = 0;
    for (reader, words) in [
        (Reader::Visitor(&test), ""),
        (Reader::Visitor(&test), "computer vision"),
        (Reader::Member(&eve), "school"),
    ] {
        let mut asked = vec![("q", words), ("limit", "100")];
        asked.extend(fields.iter().map(|field| ("facet", *field)));
        let all = reader.page(&asked).await;
        let facets = all["facets"].as_array().unwrap();
        assert_eq!(facets.iter().map(|facet| facet["field"].as_str().unwrap()).collect::<Vec<_>>(), fields);
        for facet in facets {
            for value in facet["values"].as_array().unwrap() {
                let filter = (facet["field"].as_str().unwrap(), value["value"].as_str().unwrap());
                let narrowed = reader.page(&[("q", words), ("limit", "100"), filter]).await;
                assert_eq!(narrowed["total"], value["count"], "{words}, {filter:?}");
                let items: BTreeSet<String> = texts(&narrowed, "id").into_iter().collect();
                assert!(items.is_subset(&texts(&all, "id").into_iter().collect()), "{filter:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 50, "{compared}");
}

#[actix_web::test]
async fn dates_and_distances_order_what_is_found() {
    let test = filled().await;
    let visitor = Reader::Visitor(&test);
    let by_date = visitor.titles(&[("sort", "date")]).await;
    assert_eq!(by_date[..2], ["Autumn school", "Winter school"]);
    assert_eq!(by_date.len(), 9);
    let vienna = [("lat", "48.21"), ("lon", "16.37")];
    let page = visitor.page(&[&[("sort", "distance"), ("kind", "profile")], &vienna[..]].concat()).await;
    assert_eq!(texts(&page, "title")[..3], ["Wzorowa Huta", "Maria Muster", "Claire Exemple"]);
    let distances: Vec<Option<f64>> =
        page["items"].as_array().unwrap().iter().map(|item| item["distance_km"].as_f64()).collect();
    let near = |at: usize, km: f64| (distances[at].unwrap() - km).abs() < 15.0;
    assert!(near(0, 330.0) && near(1, 534.0) && near(2, 925.0), "{distances:?}");
    assert_eq!(distances[3..], [None, None], "what states no point comes last");
    visitor.get("search", &[("sort", "distance")]).await.expect_problem(400, "malformed_query");
}

#[actix_web::test]
async fn cursors_lead_through_everything_once_in_the_order_of_one_large_page() {
    let test = TestApp::start().await;
    let lines: Vec<Value> = (0..45)
        .map(|number| {
            let place = json!({ "lat": f64::from(number % 9) * 2.0 + 40.0, "lon": 10.0 });
            let body = json!({ "name": format!("Werkstatt {number}"), "location": place });
            line("profile", &number.to_string(), with(startup(), body))
        })
        .collect();
    import(&test, "many", &lines).await;
    let visitor = Reader::Visitor(&test);
    for sort in ["relevance", "date", "distance"] {
        let asked = [("q", "werkstatt"), ("sort", sort), ("lat", "48"), ("lon", "16")];
        let whole = texts(&visitor.page(&[&asked[..], &[("limit", "100")]].concat()).await, "id");
        assert_eq!(whole.len(), 45);
        let (mut walked, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let more = cursor.as_deref().map(|cursor| ("cursor", cursor));
            let asked: Vec<_> = asked.into_iter().chain([("limit", "7")]).chain(more).collect();
            let reply = visitor.get("search", &asked).await.expect(200);
            let page = reply.json();
            assert_eq!(page["total"], 45);
            walked.extend(texts(&page, "id"));
            assert_eq!(reply.header("link").contains("rel=\"next\""), page.get("next").is_some());
            cursor = page["next"].as_str().map(str::to_owned);
            if cursor.is_none() {
                break;
            }
            assert_eq!(walked.len() % 7, 0);
        }
        assert_eq!(walked, whole, "{sort}");
    }
    let first = visitor.page(&[("sort", "date"), ("limit", "7")]).await;
    let cursor = first["next"].as_str().unwrap();
    visitor.get("search", &[("cursor", cursor)]).await.expect_problem(400, "malformed_query");
    let path = visitor.get("search", &[("sort", "date"), ("limit", "7")]).await.header("link").to_owned();
    let path = path.split('>').next().unwrap().trim_start_matches('<').to_owned();
    let next = visitor.page(&[("sort", "date"), ("limit", "7"), ("cursor", cursor)]).await;
    assert_eq!(test.get(&path).await.expect(200).json(), next, "the link leads where the cursor does");
}

#[actix_web::test]
async fn a_snippet_is_escaped_and_marks_what_was_found() {
    let test = filled().await;
    let page = Reader::Visitor(&test).page(&[("q", "turbines")]).await;
    assert_eq!(
        page["items"][0]["snippet"],
        "We write &lt;script&gt;alert(&quot;<mark>turbines</mark>&quot;)&lt;/script&gt; &amp; &#39;other&#39; \
         <mark>turbines</mark>; see R&amp;D in C++."
    );
    let translated = Reader::Visitor(&test).page(&[("q", "predictive maintenance"), ("country", "PL")]).await;
    assert!(translated["items"][0]["snippet"].as_str().unwrap().contains("<mark>"), "{translated}");
}

#[actix_web::test]
async fn whatever_is_typed_is_answered() {
    let test = filled().await;
    let visitor = Reader::Visitor(&test);
    let typed = [
        "ä".repeat(2000),
        "word ".repeat(400),
        "\"".repeat(500),
        "-\"".repeat(250),
        "- -- --- -- -".to_owned(),
        "🚀🤖👩‍🔬🇪🇺".to_owned(),
        "صيانة تنبؤية שלום \u{202e}abc".to_owned(),
        "a\u{0}b\u{7}c\u{feff}\n\t\r".to_owned(),
        "title:* OR id:[a TO z] AND NOT (x^2~ +y) \\".to_owned(),
        "' OR 1=1; DROP TABLE profiles; --".to_owned(),
        "%00%ff<>&;/../../etc".to_owned(),
        "q\u{301}\u{302}\u{303}".repeat(300),
        "   ".to_owned(),
    ];
    for words in &typed {
        let page = visitor.page(&[("q", words), ("facet", "kind")]).await;
        assert!(page["total"].as_u64().unwrap() <= 9, "{words}");
        let prefix: String = words.chars().take(100).collect();
        assert!(visitor.suggestions(&prefix).await.len() <= 8, "{words}");
    }
    assert_eq!(visitor.page(&[("q", "   ")]).await["total"], 9);
    assert_eq!(visitor.page(&[("q", "🚀🤖")]).await["total"], 0);
    visitor.get("search", &[("q", &"ä".repeat(2001))]).await.expect_problem(400, "malformed_query");
}

#[actix_web::test]
async fn what_is_not_documented_is_refused_by_name() {
    let test = filled().await;
    let visitor = Reader::Visitor(&test);
    for (path, parameter) in [
        ("search", ("colour", "blue")),
        ("search", ("kind", "person")),
        ("search", ("country", "Germany")),
        ("search", ("language", "deutsch")),
        ("search", ("sector", "Z")),
        ("search", ("stage", "unicorn")),
        ("search", ("format", "carrier_pigeon")),
        ("search", ("facet", "city")),
        ("search", ("sort", "price")),
        ("search", ("limit", "0")),
        ("search", ("limit", "101")),
        ("search", ("limit", "many")),
        ("search", ("from", "tomorrow")),
        ("search", ("lat", "48")),
        ("search", ("km", "10")),
        ("search", ("cursor", "r0nonsense")),
        ("search/suggestions", ("limit", "3")),
        ("search/suggestions", ("kind", "profile")),
    ] {
        let problem = visitor.get(path, &[parameter]).await.expect_problem(400, "malformed_query");
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{parameter:?}");
    }
    for limit in ["0", "21"] {
        visitor
            .get("search/suggestions", &[("q", "ma"), ("limit", limit)])
            .await
            .expect_problem(400, "malformed_query");
    }
    for point in
        [[("lat", "91"), ("lon", "0")], [("lat", "0"), ("lon", "181")], [("lat", "NaN"), ("lon", "0")]]
    {
        visitor.get("search", &point).await.expect_problem(400, "malformed_query");
    }
}

#[actix_web::test]
async fn suggestions_complete_names_concepts_and_places() {
    let test = filled().await;
    let visitor = Reader::Visitor(&test);
    let asked = test
        .request(reqwest::Method::GET, "/api/v1/search/suggestions?q=maintenance+pred")
        .header("accept-language", "fr");
    let french = test.send(asked).await.expect(200).json();
    let concept =
        french["items"].as_array().unwrap().iter().find(|item| item["id"] == "predictive_maintenance");
    assert_eq!(concept.unwrap()["text"], "maintenance prédictive");
    let names = visitor.get("search/suggestions", &[("q", "maria m")]).await.json();
    let maria = names["items"].as_array().unwrap().iter().find(|item| item["target"] == "document").unwrap();
    assert_eq!((&maria["text"], &maria["kind"]), (&json!("Maria Muster"), &json!("profile")));
    assert!(maria["id"].as_str().unwrap().starts_with("prf_"));
    assert!(visitor.suggestions("stutt").await.contains(&"Stuttgart".to_owned()));
    assert!(visitor.suggestions("KRAKO").await.contains(&"Kraków".to_owned()));
    assert_eq!(visitor.suggestions("x").await, Vec::<String>::new());
}

#[actix_web::test]
async fn only_what_is_published_and_not_over_is_found() {
    let test = TestApp::start_with(|config| config.access_token_lifetime = TimeDelta::days(1000)).await;
    let (ada, admin) = (test.member("ada@example.eu").await, test.administrator().await);
    let (visitor, manager) = (Reader::Visitor(&test), Reader::Member(&ada));
    let total = async |expected: u64, moment: &str| {
        test.settle().await;
        for reader in [&visitor, &manager, &Reader::Member(&admin)] {
            let page = reader.page(&[("q", "quokka"), ("facet", "kind")]).await;
            let counted: u64 = page["facets"][0]["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(|v| v["count"].as_u64().unwrap())
                .sum();
            assert_eq!((page["total"].as_u64().unwrap(), counted), (expected, expected), "{moment}");
        }
    };
    let text = json!({ "en": "Quokka" });
    let content = json!({ "kind": "organisation", "name": "Quokka House", "languages": ["en"], "country": "AT", "summary": text });
    let draft = ada.post("/api/v1/profiles", &content).await.expect(201).json();
    let id = draft["id"].as_str().unwrap();
    let body = json!({ "profile": id, "type": "advice", "title": text, "description": text });
    let made = async |path: &str, body: &Value| {
        let made = ada.post(&format!("/api/v1/{path}"), body).await.expect(201).json();
        format!("/api/v1/{path}/{}", made["id"].as_str().unwrap())
    };
    let (need, offering) = (made("needs", &body).await, made("offerings", &body).await);
    let starts: DateTime<Utc> = "2026-12-01T09:00:00Z".parse().unwrap();
    let event = json!({
        "profile": id, "title": text, "description": text, "languages": ["en"], "format": "online",
        "zone": "Europe/Vienna", "starts_at": starts, "ends_at": starts + TimeDelta::hours(2)
    });
    let event = made("events", &event).await;
    let profile = format!("/api/v1/profiles/{id}");
    total(0, "all of a draft profile").await;
    ada.act(&format!("{profile}/publish")).await.expect(200);
    total(2, "the profile and its open need").await;
    ada.act(&format!("{offering}/open")).await.expect(200);
    ada.act(&format!("{event}/publish")).await.expect(200);
    total(4, "all four").await;
    admin.post(&format!("{profile}/suspend"), &json!({ "reason": "Please call us." })).await.expect(200);
    total(0, "suspended").await;
    admin.act(&format!("{profile}/reinstate")).await.expect(200);
    total(4, "reinstated").await;
    ada.act(&format!("{need}/withdraw")).await.expect(200);
    ada.act(&format!("{offering}/close")).await.expect(200);
    total(2, "need withdrawn, offering closed").await;
    test.clock.set(starts + TimeDelta::hours(3));
    total(1, "the event is over, before any upkeep").await;
    ada.act(&format!("{profile}/archive")).await.expect(200);
    total(0, "archived").await;
}
