//! The vocabulary over HTTP: the tree, labels in the reader's language, completion, and the concepts of a text.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use search_index::analysis::fold;
use serde_json::{Value, json};

use crate::common::{Reply, TestApp, faults, ids};

const CONCEPTS: &str = "/api/v1/vocabulary/concepts";
const SUGGESTIONS: &str = "/api/v1/vocabulary/suggestions";
const ANNOTATE: &str = "/api/v1/vocabulary/annotate";

/// All items of a list, page by page.
async fn all(test: &TestApp, query: &str) -> Vec<Value> {
    let (mut items, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = test.get(&format!("{CONCEPTS}?limit=100&{query}{cursor}")).await.expect(200).json();
        items.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { return items };
        cursor = format!("&cursor={next}");
    }
}

fn id(concept: &Value) -> &str {
    concept["id"].as_str().unwrap()
}

fn names(concepts: &Value) -> Vec<&str> {
    concepts.as_array().unwrap().iter().map(id).collect()
}

#[actix_web::test]
async fn all_pages_together_are_one_tree() {
    let test = TestApp::start().await;
    let concepts = all(&test, "").await;
    let order: Vec<&str> = concepts.iter().map(id).collect();
    assert!(order.len() >= 300, "{}", order.len());
    assert!(order.is_sorted() && order.iter().collect::<BTreeSet<_>>().len() == order.len());
    let mut children: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for concept in &concepts {
        children.entry(concept["parent"].as_str().unwrap_or_default()).or_default().push(id(concept));
    }
    let below = |concept: &str| children.get(concept).cloned().unwrap_or_default();
    for concept in &concepts {
        assert_eq!(concept["children_count"], below(id(concept)).len(), "{concept}");
    }
    // From the top down, each concept is met once: no parent is missing, and none is its own ancestor.
    let mut met = below("");
    let mut next = 0;
    while let Some(concept) = met.get(next).copied() {
        met.extend(below(concept));
        next += 1;
    }
    met.sort_unstable();
    assert_eq!(met, order);
    let roots = all(&test, "roots=true").await;
    assert_eq!(roots.iter().map(id).collect::<Vec<_>>(), below(""));
    for parent in ["artificial_intelligence", "machine_learning", "predictive_maintenance"] {
        let listed = all(&test, &format!("parent={parent}")).await;
        assert_eq!(listed.iter().map(id).collect::<Vec<_>>(), below(parent), "{parent}");
        assert!(all(&test, &format!("roots=true&parent={parent}")).await.is_empty());
        let read = test.get(&format!("{CONCEPTS}/{parent}")).await.expect(200).json();
        assert_eq!(names(&read["children"]), below(parent), "{parent}");
    }
    let read = test.get(&format!("{CONCEPTS}/federated_learning")).await.expect(200).json();
    assert_eq!(names(&read["ancestors"]), ["artificial_intelligence", "machine_learning"]);
}

#[actix_web::test]
async fn labels_are_in_the_language_asked_for_or_in_english() {
    let test = TestApp::start().await;
    let path = format!("{CONCEPTS}/machine_learning");
    let labels = test.get(&path).await.expect(200).json()["labels"].clone();
    let by_header = |accept: &'static str, path: String| {
        let request = test.request(Method::GET, &path).header("accept-language", accept);
        async { test.send(request).await.expect(200).json() }
    };
    assert!(labels.as_object().unwrap().len() > 10, "{labels}");
    for (language, labels) in labels.as_object().unwrap() {
        let label = json!({ "language": language, "text": labels[0] });
        let read = test.get(&format!("{path}?language={language}")).await.expect(200).json();
        assert_eq!(read["label"], label);
        assert_eq!(read["synonyms"].as_array().unwrap(), &labels.as_array().unwrap()[1..]);
        let query = format!("{CONCEPTS}?parent=artificial_intelligence&limit=100&language={language}");
        let listed = test.get(&query).await.expect(200).json();
        let listed = listed["items"].as_array().unwrap().iter().find(|item| id(item) == "machine_learning");
        assert_eq!(listed.unwrap()["label"], label);
    }
    let german = json!({ "language": "de", "text": labels["de"][0] });
    let french = json!({ "language": "fr", "text": labels["fr"][0] });
    let english = json!({ "language": "en", "text": labels["en"][0] });
    assert_eq!(by_header("de-AT, fr;q=0.5", path.clone()).await["label"], german);
    assert_eq!(by_header("ja, fr;q=0.5", path.clone()).await["label"], french);
    assert_eq!(by_header("ja", path.clone()).await["label"], english);
    assert_eq!(test.get(&path).await.json()["label"], english);
    // What is asked for comes first; where there is none of it, the header helps.
    assert_eq!(by_header("fr", format!("{path}?language=de")).await["label"], german);
    assert_eq!(by_header("fr", format!("{path}?language=ja")).await["label"], french);
    let child = by_header("de", format!("{CONCEPTS}/federated_learning")).await;
    assert_eq!(child["ancestors"][1]["label"], german);
}

#[actix_web::test]
async fn caches_keep_an_answer_for_a_language() {
    let test = TestApp::start_with(|config| {
        config.allowed_origins = vec!["https://front.example".to_owned()];
    })
    .await;
    let read = |accept: &'static str, path: String| {
        let request = test.request(Method::GET, &path).header("accept-language", accept);
        let request = request.header("origin", "https://front.example");
        async { test.send(request).await.expect(200) }
    };
    let paths =
        [CONCEPTS.to_owned(), format!("{CONCEPTS}/machine_learning"), format!("{SUGGESTIONS}?q=mach")];
    for path in paths {
        let [german, french] = [read("de", path.clone()).await, read("fr", path.clone()).await];
        assert_ne!(german.header("etag"), french.header("etag"), "{path}");
        assert_eq!(german.header("etag"), read("de-DE, en", path.clone()).await.header("etag"), "{path}");
        assert_eq!(german.header("cache-control"), "public, max-age=300");
        let vary: BTreeSet<_> =
            german.headers.get_all("vary").iter().map(|line| line.to_str().unwrap()).collect();
        let vary = vary.into_iter().collect::<Vec<_>>().join(", ").to_lowercase();
        assert!(
            ["accept-language", "accept-encoding", "origin"].iter().all(|name| vary.contains(name)),
            "{vary}"
        );
    }
}

async fn suggest(test: &TestApp, typed: &str, language: &str) -> Value {
    let parameters = [("q", typed), ("language", language), ("limit", "20")];
    let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    test.get(&format!("{SUGGESTIONS}?{query}")).await.expect(200).json()
}

#[actix_web::test]
async fn a_concept_is_completed_by_its_name_in_any_language() {
    let test = TestApp::start().await;
    for (typed, language, concept, label, matched) in [
        (
            "vorausschauende W",
            "de",
            "predictive_maintenance",
            "vorausschauende Wartung",
            "vorausschauende Wartung",
        ),
        (
            "konserwacja pred",
            "de",
            "predictive_maintenance",
            "vorausschauende Wartung",
            "konserwacja predykcyjna",
        ),
        (
            "PREDICTIVE  main",
            "fr",
            "predictive_maintenance",
            "maintenance prédictive",
            "predictive maintenance",
        ),
        ("predict", "fr", "predictive_maintenance", "maintenance prédictive", "maintenance prédictive"),
        ("detection d'anom", "fr", "anomaly_detection", "détection d'anomalies", "détection d'anomalies"),
        (
            "semi supervised",
            "en",
            "semi_supervised_learning",
            "semi-supervised learning",
            "semi-supervised learning",
        ),
        ("maschinelles L", "ja", "machine_learning", "machine learning", "maschinelles Lernen"),
    ] {
        let found = suggest(&test, typed, language).await;
        let first = &found["items"][0];
        let got = (id(first), &first["label"]["text"], &first["matched"]["text"]);
        assert_eq!(got, (concept, &json!(label), &json!(matched)), "{typed}");
        assert_eq!(suggest(&test, typed, language).await, found, "the same every time");
    }
    for nothing in ["xyzzy", " ", "-", "earning"] {
        assert_eq!(suggest(&test, nothing, "en").await, json!({ "items": [] }), "{nothing}");
    }
    let many = suggest(&test, "ma", "de").await;
    let many = many["items"].as_array().unwrap();
    assert_eq!((many.len(), many.iter().map(id).collect::<BTreeSet<_>>().len()), (20, 20));
    let own: Vec<bool> = many.iter().map(|item| item["matched"]["language"] == "de").collect();
    assert!(own[0] && own.is_sorted_by_key(|own| !own), "the reader's language first: {many:?}");
    for item in many {
        let text = fold(&item["matched"]["text"].as_str().unwrap().to_lowercase());
        assert!(text.split(|c: char| !c.is_alphanumeric()).any(|word| word.starts_with("ma")), "{item}");
    }
}

/// The part of a text that JavaScript's `slice` gives.
fn slice(text: &str, found: &Value) -> String {
    let units: Vec<u16> = text.encode_utf16().collect();
    let place = |name: &str| found[name].as_u64().unwrap() as usize;
    String::from_utf16(&units[place("start")..place("end")]).unwrap()
}

/// What a text gives: each concept with its words.
fn found<'a>(text: &str, answer: &'a Value) -> Vec<(&'a str, &'a str)> {
    let items = answer["items"].as_array().unwrap();
    for item in items {
        assert_eq!(item["words"], slice(text, item), "{item}");
    }
    items.iter().map(|item| (id(&item["concept"]), item["words"].as_str().unwrap())).collect()
}

async fn annotate(test: &TestApp, accept: &str, body: &Value) -> Reply {
    test.send(test.request(Method::POST, ANNOTATE).header("accept-language", accept).json(body)).await
}

#[actix_web::test]
async fn the_concepts_of_a_text_come_with_their_words_and_places() {
    let test = TestApp::start().await;
    let text = "👩‍🔬 Cafe\u{301}: Wir suchen für unsere Maschinen Hilfe bei vorausschauender Wartung,\nComputer Vision und 🤖 \
        Bilderkennung, denn die Spindeln fallen aus.";
    let answer = annotate(&test, "fr", &json!({ "text": text })).await.expect(200).json();
    assert_eq!(answer["language"], "de", "as detected");
    assert_eq!(
        found(text, &answer),
        [
            ("predictive_maintenance", "vorausschauender Wartung"),
            ("computer_vision", "Computer Vision"),
            ("computer_vision", "Bilderkennung"),
        ]
    );
    let label = &answer["items"][0]["concept"]["label"];
    assert_eq!(*label, json!({ "language": "fr", "text": "maintenance prédictive" }));
    let english = annotate(&test, "ja", &json!({ "text": text })).await.expect(200).json();
    assert_eq!(english["items"][0]["concept"]["label"]["language"], "en");

    // The letters are counted as they were sent, composed or not, written out or escaped.
    let french = "E\u{301}tude de maintenance pre\u{301}dictive";
    let body = json!({ "text": french, "language": "fr" });
    let answer = annotate(&test, "en", &body).await.expect(200).json();
    assert_eq!(found(french, &answer), [("predictive_maintenance", "maintenance pre\u{301}dictive")]);
    let escaped = r#"{"text":"\u0045\u0301tude de maintenance pre\u0301dictive","language":"fr"}"#;
    let request =
        test.request(Method::POST, ANNOTATE).header("content-type", "application/json").body(escaped);
    assert_eq!(test.send(request).await.expect(200).json(), answer);

    let short = annotate(&test, "en", &json!({ "text": "KI" })).await.expect(200).json();
    assert_eq!(
        (found("KI", &short), &short["language"]),
        (vec![("artificial_intelligence", "KI")], &Value::Null)
    );
    let other = json!({ "text": "Machine learning を使う", "language": "ja" });
    let other = annotate(&test, "en", &other).await.expect(200).json();
    assert_eq!((names_of(&other), &other["language"]), (vec!["machine_learning"], &json!("ja")));
    let nothing = annotate(&test, "en", &json!({ "text": "🤷" })).await.expect(200).json();
    assert_eq!(nothing["items"], json!([]));
}

fn names_of(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().unwrap().iter().map(|item| id(&item["concept"])).collect()
}

#[actix_web::test]
async fn a_text_that_cannot_be_read_is_refused() {
    let test = TestApp::start().await;
    for (body, fault) in [
        (json!({}), "/text required"),
        (json!({ "text": "" }), "/text min_length"),
        (json!({ "text": " \n" }), "/text blank"),
        (json!({ "text": "a\u{0}b" }), "/text control_character"),
        (json!({ "text": "😀".repeat(5001) }), "/text max_length"),
        (json!({ "text": 7 }), "/text type"),
        (json!({ "text": "AI", "language": "xx" }), "/language enum"),
        (json!({ "text": "AI", "reader": "de" }), "/reader unknown_field"),
        (json!(["AI"]), " type"),
    ] {
        let problem = test.post(ANNOTATE, &body).await.expect_problem(422, "invalid_fields");
        assert_eq!(faults(&problem), [fault], "{body}");
    }
    let long = format!("{} machine learning", "😀".repeat(4983));
    let answer = test.post(ANNOTATE, &json!({ "text": long })).await.expect(200).json();
    assert_eq!(found(&long, &answer), [("machine_learning", "machine learning")]);
    assert_eq!(answer["items"][0]["start"], 2 * 4983 + 1);
    for broken in ["{", r#"{"text":"\ud83d"}"#] {
        let request =
            test.request(Method::POST, ANNOTATE).header("content-type", "application/json").body(broken);
        test.send(request).await.expect_problem(400, "malformed_json");
    }
}

#[actix_web::test]
async fn what_is_no_concept_and_no_parameter_is_refused() {
    let test = TestApp::start().await;
    for unknown in ["no_such_concept", "Machine-Learning", "%20"] {
        test.get(&format!("{CONCEPTS}/{unknown}")).await.expect_problem(404, "not_found");
    }
    for query in [
        "parent=Machine",
        "roots=perhaps",
        "language=xx",
        "limit=0",
        "limit=101",
        "cursor=%00",
        "parent=ai&parent=ml",
    ] {
        test.get(&format!("{CONCEPTS}?{query}")).await.expect_problem(400, "malformed_query");
    }
    for query in ["", "q=", "q=a&limit=21", "q=a&limit=0", "q=a&language=deu"] {
        test.get(&format!("{SUGGESTIONS}?{query}")).await.expect_problem(400, "malformed_query");
    }
    test.get(&format!("{SUGGESTIONS}?q={}", "a".repeat(101))).await.expect_problem(400, "malformed_query");
    let empty = test.get(&format!("{CONCEPTS}?parent=no_such_concept")).await.expect(200).json();
    assert_eq!(ids(&empty), Vec::<String>::new());
}
