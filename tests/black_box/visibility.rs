//! What a reader may not see is not found, counted, completed, shown or ranked by: each level at each door.

use serde_json::{Value, json};

use crate::common::{Member, TestApp, startup};
use crate::import::{import, line};
use crate::search::{Reader, texts};

/// The levels, with whether a visitor and a member find what has them. Search knows no finer circle than the members,
/// so what is for hubs or matched sides is found by nobody.
const LEVELS: [(&str, bool, bool); 5] = [
    ("public", true, true),
    ("members", false, true),
    ("hub", false, false),
    ("matched", false, false),
    ("private", false, false),
];

/// A mentor who says something of its own in each field, all fields of this level.
fn secretive(level: &str) -> Value {
    json!({
        "kind": "mentor", "name": "Vera Vorsicht", "languages": ["de", "en"], "country": "AT",
        "summary": { "en": "I advise companies." },
        "description": { "en": "Eleven years of zymurgy." },
        "expertise": ["photonics"],
        "seeks": { "text": { "en": "Founders in viticulture." }, "concepts": ["gamification"] },
        "track_record": [{
            "title": { "en": "Sturgeon farm" }, "description": { "en": "Counted caviar." }, "concepts": ["fishery"]
        }],
        "city": "Geheimstadt", "location": { "lat": 47.1, "lon": 13.1 }, "website": "https://hidden.example",
        "visibility": {
            "description": level, "expertise": level, "seeks": level, "track_record": level, "city": level,
            "location": level, "website": level, "contact": "private"
        },
        "contact": { "name": "Ottokar Verborgen", "email": "ottokar@hidden.example", "phone": "+43 1 7654321" }
    })
}

/// What stands in the fields above and nowhere else.
const SECRETS: [&str; 8] = [
    "zymurgy",
    "photonics",
    "viticulture",
    "gamification",
    "sturgeon",
    "caviar",
    "geheimstadt",
    "hidden.example",
];

async fn with_level(level: &str) -> TestApp {
    let test = TestApp::start().await;
    let report = import(&test, "secrets", &[line("profile", "vera", secretive(level))]).await;
    assert_eq!(report.created, 1, "{:?}", report.refused);
    test
}

/// Whether a reader may come through, asked at every door of search.
async fn doors(reader: &Reader<'_>, level: &str, open: bool) {
    let page = async |parameters: &[(&str, &str)]| reader.get("search", parameters).await.expect(200).json();
    for words in ["zymurgy", "\"years of zymurgy\"", "zymurgi", "sturgeon", "caviar", "photonics"] {
        let found = page(&[("q", words)]).await;
        assert_eq!(found["total"] == 1, open, "{level}: the words {words}: {found}");
    }
    for concept in ["photonics", "gamification", "fishery"] {
        let found = page(&[("concept", concept)]).await;
        assert_eq!(found["total"] == 1, open, "{level}: the concept {concept}");
    }
    let counted = page(&[("facet", "concept")]).await.to_string();
    for concept in ["photonics", "gamification", "fishery"] {
        assert_eq!(counted.contains(concept), open, "{level}: the count of {concept}");
    }
    for excluded in ["-zymurgy", "-sturgeon"] {
        assert_eq!(page(&[("q", excluded)]).await["total"] == 0, open, "{level}: what {excluded} leaves out");
    }
}

/// The place of a profile is public or not in the index at all.
async fn places(reader: &Reader<'_>, level: &str) {
    let open = level == "public";
    let around = [("lat", "47"), ("lon", "13"), ("km", "100")];
    let near = reader.get("search", &around).await.expect(200).json();
    assert_eq!(near["total"] == 1, open, "{level}: nearby");
    let city = reader.get("search", &[("q", "Geheimstadt")]).await.expect(200).json();
    assert_eq!(city["total"] == 1, open, "{level}: the city");
    let completed = reader.get("search/suggestions", &[("q", "geheim")]).await.expect(200).json();
    assert_eq!(
        texts(&completed, "text").contains(&"Geheimstadt".to_owned()),
        open,
        "{level}: the city completed"
    );
    let sorted =
        reader.get("search", &[("lat", "47"), ("lon", "13"), ("sort", "distance")]).await.expect(200).json();
    let hit = &sorted["items"][0];
    for member in ["city", "location", "distance_km"] {
        assert_eq!(hit.get(member).is_some(), open, "{level}: {member} of a hit");
    }
}

#[actix_web::test]
async fn each_level_opens_the_doors_of_search_to_its_own_readers_only() {
    for (level, visitor, member) in LEVELS {
        let test = with_level(level).await;
        let eve = test.member("eve@example.eu").await;
        let (outside, inside) = (Reader::Visitor(&test), Reader::Member(&eve));
        doors(&outside, level, visitor).await;
        doors(&inside, level, member).await;
        places(&outside, level).await;
        places(&inside, level).await;
    }
}

#[actix_web::test]
async fn no_answer_of_search_repeats_what_its_reader_may_not_see() {
    for (level, visitor, member) in LEVELS {
        let test = with_level(level).await;
        let eve = test.member("eve@example.eu").await;
        for (reader, may) in [(Reader::Visitor(&test), visitor), (Reader::Member(&eve), member)] {
            // The first asks for what everybody finds, the others for what leads to the secret itself.
            for words in ["companies", "companies zymurgy", "vera sturgeon", "advise caviar", "", "vera"] {
                let facets = ["concept", "region", "sector"].map(|facet| ("facet", facet));
                let answer = reader.get("search", &[&[("q", words)], &facets[..]].concat()).await.expect(200);
                said(&answer.text, level, may, words);
            }
            for prefix in ["zym", "stur", "cavi", "vera", "geheim"] {
                let answer = reader.get("search/suggestions", &[("q", prefix)]).await.expect(200);
                said(&answer.text, level, may, prefix);
            }
        }
    }
}

/// Checks that an answer gives nothing away that is not for its reader.
fn said(answer: &str, level: &str, may: bool, asked: &str) {
    let answer = answer.to_lowercase();
    for secret in SECRETS.into_iter().filter(|_| !may) {
        assert!(!answer.contains(secret), "{level}, {asked}: {secret} in {answer}");
    }
    for never in ["ottokar", "7654321"] {
        assert!(!answer.contains(never), "{level}, {asked}: {never} in {answer}");
    }
}

/// Asks who fits a description; the reader sees the profile with its score.
async fn matched(reader: Option<&Member<'_>>, test: &TestApp, text: &str) -> Value {
    let body = json!({ "description": { "text": text } });
    let answer = match reader {
        Some(member) => member.post("/api/v1/matches", &body).await,
        None => test.post("/api/v1/matches", &body).await,
    };
    answer.expect(200).json()
}

#[actix_web::test]
async fn a_match_neither_tells_nor_weighs_what_its_reader_may_not_see() {
    let asked =
        ["We need photonics and zymurgy.", "Who has counted caviar on a sturgeon farm? We are in fishery."];
    // How the profile is ranked where these fields do not exist.
    let bare = with_level("private").await;
    for (level, visitor, member) in LEVELS {
        let test = with_level(level).await;
        let eve = test.member("eve@example.eu").await;
        for text in asked {
            let without = matched(None, &bare, text).await["items"][0].clone();
            for (reader, may) in [(None, visitor), (Some(&eve), member)] {
                let answer = matched(reader, &test, text).await;
                let item = &answer["items"][0];
                assert_eq!(item["title"]["text"], "Vera Vorsicht");
                for part in ["score", "forward", "backward", "concepts", "evidence", "reason"] {
                    let same = item[part] == without[part];
                    assert!(may || same, "{level}: {part} is {} instead of {}", item[part], without[part]);
                }
                assert_eq!(
                    may,
                    item["forward"]["score"].as_f64() > without["forward"]["score"].as_f64(),
                    "{level}"
                );
                said(&item.to_string(), level, may, text);
            }
        }
    }
}

#[actix_web::test]
async fn an_explanation_is_as_silent_as_a_match() {
    let test = with_level("members").await;
    let eve = test.member("eve@example.eu").await;
    let text = "Who has counted caviar on a sturgeon farm? We are in fishery and viticulture.";
    let vera = matched(None, &test, text).await["items"][0]["id"].clone();
    let body = json!({ "candidate": vera, "question": { "description": { "text": text } } });
    let outside = test.post("/api/v1/matches/explanation", &body).await.expect(200);
    said(&outside.text, "members", false, text);
    let inside = eve.post("/api/v1/matches/explanation", &body).await.expect(200).json();
    assert_eq!(inside["candidate"]["evidence"]["title"]["text"], "Sturgeon farm");
    assert!(inside["candidate"]["score"].as_f64() > outside.json()["candidate"]["score"].as_f64());
}

#[actix_web::test]
async fn what_a_profile_keeps_to_itself_does_not_steer_what_others_ask_in_its_name() {
    let test = with_level("members").await;
    let ada = test.member("ada@example.eu").await;
    let found = Reader::Visitor(&test).get("search", &[]).await.json();
    let vera = found["items"][0]["id"].as_str().unwrap().to_owned();
    let mut winery = startup();
    winery["summary"] = json!({ "en": "We bring viticulture and gamification together." });
    ada.profile(&winery).await;
    test.settle().await;
    let body = json!({ "profile": vera });
    let outside = test.post("/api/v1/matches", &body).await.expect(200);
    let answer = outside.json();
    assert_eq!(
        answer["items"][0]["forward"]["neutral"], true,
        "a visitor does not know that it seeks anything"
    );
    assert_eq!(answer["items"][0]["concepts"], json!([]));
    let inside = ada.post("/api/v1/matches", &body).await.expect(200).json();
    assert_eq!(inside["items"][0]["forward"]["neutral"], false);
    assert_eq!(inside["items"][0]["concepts"].as_array().map(Vec::len), Some(2), "{inside}");
}
