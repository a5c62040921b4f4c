//! Import of JSON Lines: each line alone is taken or refused, and nothing is done twice.

use aihub::import::Report;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::common::{TestApp, ids, mentor, startup};

/// Imports lines of one source and indexes them.
pub async fn import(test: &TestApp, source: &'static str, lines: &[Value]) -> Report {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    import_text(test, source, text).await
}

async fn import_text(test: &TestApp, source: &'static str, text: String) -> Report {
    let app = test.app.clone();
    let report =
        tokio::task::spawn_blocking(move || app.import(source, &text, &|_| {})).await.unwrap().unwrap();
    test.settle().await;
    report
}

/// A line of this kind: a body of the API with a key.
pub fn line(record: &str, key: &str, mut body: Value) -> Value {
    body["record"] = json!(record);
    body["key"] = json!(key);
    body
}

pub fn need(key: &str, profile: &str, title: Value, description: Value) -> Value {
    line(
        "need",
        key,
        json!({ "profile": profile, "type": "mentoring", "title": title, "description": description }),
    )
}

pub fn offering(key: &str, profile: &str, title: Value, description: Value) -> Value {
    line(
        "offering",
        key,
        json!({ "profile": profile, "type": "advice", "title": title, "description": description }),
    )
}

/// An online event of an hour.
pub fn event(key: &str, profile: &str, title: Value, starts_at: &str) -> Value {
    let starts: chrono::DateTime<chrono::Utc> = starts_at.parse().unwrap();
    let body = json!({
        "profile": profile, "title": title, "description": title, "languages": ["en"], "format": "online",
        "zone": "Europe/Vienna", "starts_at": starts_at, "ends_at": starts + TimeDelta::hours(1)
    });
    line("event", key, body)
}

fn organisation() -> Value {
    json!({
        "kind": "organisation", "name": "Instituto Ejemplo", "languages": ["es", "en"], "country": "ES",
        "summary": { "es": "Formación y consejo para empresas." }
    })
}

/// One thing of each kind, and the profiles that they belong to.
fn good() -> Vec<Value> {
    vec![
        need(
            "n:1",
            "p:startup",
            json!({ "de": "Mentor gesucht" }),
            json!({ "de": "Unsere Spindeln fallen aus." }),
        ),
        line("profile", "p:startup", startup()),
        line("profile", "p:mentor", mentor()),
        line("profile", "p:institute", organisation()),
        offering("o:1", "p:institute", json!({ "es": "Consejo" }), json!({ "es": "Una tarde de consejo." })),
        event("e:1", "p:institute", json!({ "en": "Open afternoon" }), "2026-12-01T13:00:00Z"),
    ]
}

fn counts(report: &Report) -> (usize, usize, usize, usize) {
    (report.created, report.updated, report.unchanged, report.refused.len())
}

/// Line, key, and pointer with code of each fault.
type Refused<'a> = (usize, Option<&'a str>, Vec<(&'a str, &'a str)>);

/// Each refused line with the pointers and codes of its faults.
fn refusals(report: &Report) -> Vec<Refused<'_>> {
    report
        .refused
        .iter()
        .map(|refused| {
            let faults = refused.faults.iter().map(|fault| (fault.pointer.as_str(), fault.code.as_str()));
            (refused.line, refused.key.as_deref(), faults.collect())
        })
        .collect()
}

/// Everything that can be found, as (kind, title, id, version), in the order of ids.
async fn everything(test: &TestApp) -> Vec<(String, String, String, String)> {
    let (mut found, mut next) = (Vec::new(), Some("/api/v1/search?limit=100&sort=date".to_owned()));
    while let Some(path) = next.take() {
        let page = test.get(&path).await.expect(200).json();
        for item in page["items"].as_array().unwrap() {
            let text = |name: &str| item[name].as_str().unwrap().to_owned();
            let (kind, id) = (text("kind"), text("id"));
            let version =
                test.get(&format!("/api/v1/{kind}s/{id}")).await.expect(200).header("etag").to_owned();
            found.push((kind, text("title"), id, version));
        }
        next =
            page["next"].as_str().map(|cursor| format!("/api/v1/search?limit=100&sort=date&cursor={cursor}"));
    }
    found.sort_by(|one, other| one.2.cmp(&other.2));
    found
}

#[actix_web::test]
async fn good_lines_become_things_that_everybody_finds() {
    let test = TestApp::start().await;
    let report = import(&test, "partner", &good()).await;
    assert_eq!(counts(&report), (6, 0, 0, 0), "{:?}", report.refused);
    let mut found: Vec<_> =
        everything(&test).await.into_iter().map(|(kind, title, ..)| (kind, title)).collect();
    found.sort();
    let expected = [
        ("event", "Open afternoon"),
        ("need", "Mentor gesucht"),
        ("offering", "Consejo"),
        ("profile", "Claire Exemple"),
        ("profile", "Instituto Ejemplo"),
        ("profile", "Schwingwerk"),
    ];
    assert_eq!(found, expected.map(|(kind, title)| (kind.to_owned(), title.to_owned())));
}

#[actix_web::test]
async fn a_bad_line_is_named_with_all_its_faults_and_takes_nothing_with_it() {
    let test = TestApp::start().await;
    let with = |mut body: Value, name: &str, value: Value| {
        body[name] = value;
        body
    };
    let lines = [
        "{\"record\": \"profile\"".to_owned(),
        "[]".to_owned(),
        json!({ "record": "person", "key": "" }).to_string(),
        line("profile", "p:unknown", with(startup(), "colour", json!("blue"))).to_string(),
        line("profile", "p:two", with(with(startup(), "trl", json!(12)), "country", json!("Germany")))
            .to_string(),
        line("profile", "p:region", with(startup(), "region", json!("FR10"))).to_string(),
        String::new(),
        line("profile", "p:good", startup()).to_string(),
        need("n:orphan", "p:nobody", json!({ "en": "Help" }), json!({ "en": "Help us." })).to_string(),
        need("n:empty", "p:good", json!({}), json!({ "en": "Help us." })).to_string(),
        event("e:startup", "p:good", json!({ "en": "Party" }), "2026-12-01T13:00:00Z").to_string(),
        line("need", "n:alone", json!({ "type": "mentoring" })).to_string(),
    ];
    let report = import_text(&test, "partner", lines.join("\n")).await;
    let refused = refusals(&report);
    let numbers: Vec<usize> = refused.iter().map(|(number, ..)| *number).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 9, 10, 11, 12], "{refused:?}");
    assert_eq!(counts(&report), (1, 0, 0, 10));
    assert_eq!(refused[0].2, [("", "malformed_json")]);
    assert_eq!(refused[1].2, [("", "type")]);
    assert_eq!(refused[2].2, [("/record", "record"), ("/key", "key")]);
    let pointers = |at: usize| refused[at].2.iter().map(|(pointer, _)| *pointer).collect::<Vec<_>>();
    assert_eq!((refused[3].1, pointers(3)), (Some("p:unknown"), vec!["/colour"]));
    let mut both = pointers(4);
    both.sort_unstable();
    assert_eq!(both, ["/country", "/trl"]);
    assert_eq!(refused[5].2, [("/region", "region_elsewhere")]);
    assert_eq!(refused[6].2, [("/profile", "unknown_profile")]);
    assert_eq!(pointers(7), ["/title"]);
    assert_eq!(refused[8].1, Some("e:startup"));
    assert_eq!(refused[9].2, [("/profile", "required")]);
    assert!(report.refused[4].to_string().starts_with("line 5 (p:two)"), "{}", report.refused[4]);
    assert_eq!(everything(&test).await.len(), 1);
}

#[actix_web::test]
async fn a_repeated_import_changes_nothing() {
    let test = TestApp::start().await;
    import(&test, "partner", &good()).await;
    let before = everything(&test).await;
    test.advance(TimeDelta::days(1)).await;
    let position = test.app.searcher.position();
    let report = import(&test, "partner", &good()).await;
    assert_eq!(counts(&report), (0, 0, 6, 0));
    assert_eq!(everything(&test).await, before);
    assert_eq!(test.app.searcher.position(), position, "the feed tells of no change");
}

#[actix_web::test]
async fn a_changed_line_changes_its_own_thing_only() {
    let test = TestApp::start().await;
    import(&test, "partner", &good()).await;
    let before = everything(&test).await;
    let mut lines = good();
    lines[0]["title"] = json!({ "de": "Mentorin gesucht" });
    lines[2]["name"] = json!("Claire Nouvelle");
    let report = import(&test, "partner", &lines).await;
    assert_eq!(counts(&report), (0, 2, 4, 0), "{:?}", report.refused);
    let after = everything(&test).await;
    assert_eq!(after.len(), before.len());
    let changed: Vec<_> = before.iter().zip(&after).filter(|(old, new)| old != new).collect();
    let mut titles: Vec<_> = changed.iter().map(|(old, new)| (old.1.as_str(), new.1.as_str())).collect();
    titles.sort_unstable();
    assert_eq!(titles, [("Claire Exemple", "Claire Nouvelle"), ("Mentor gesucht", "Mentorin gesucht")]);
    assert!(
        changed.iter().all(|(old, new)| old.2 == new.2 && old.3 != new.3),
        "same id, another version: {changed:?}"
    );
}

#[actix_web::test]
async fn a_changed_line_keeps_what_people_chose_to_hide() {
    let test = TestApp::start().await;
    let owner = test.member("claire@example.eu").await;
    let mut line = json!({ "record": "profile", "key": "m", "owner": "claire@example.eu" });
    line.as_object_mut().unwrap().extend(mentor().as_object().unwrap().clone());
    import(&test, "partner", &[line.clone()]).await;
    let id = ids(&owner.get("/api/v1/profiles?managed=true").await.json())[0].clone();
    let path = format!("/api/v1/profiles/{id}");
    let hidden = json!({ "visibility": { "description": "private", "contact": "private" } });
    owner.patch(&path, &hidden).await.expect(200);
    line["name"] = json!("Claire Nouvelle");
    line.as_object_mut().unwrap().remove("contact");
    import(&test, "partner", &[line]).await;
    let seen = test.get(&path).await.expect(200).json();
    assert_eq!(seen["name"], "Claire Nouvelle");
    assert!(seen.get("description").is_none(), "{seen}");
    assert_eq!(owner.get(&path).await.json()["contact"]["email"], "claire@mentor.example");
}

#[actix_web::test]
async fn a_key_stays_what_it_was() {
    let test = TestApp::start().await;
    import(&test, "partner", &good()).await;
    let before = everything(&test).await;
    let other = offering("n:1", "p:startup", json!({ "en": "Advice" }), json!({ "en": "An hour." }));
    let mut kind = startup();
    kind["kind"] = json!("talent");
    let moved = need(
        "n:1",
        "p:mentor",
        json!({ "de": "Mentor gesucht" }),
        json!({ "de": "Unsere Spindeln fallen aus." }),
    );
    let no_profile = need("n:2", "o:1", json!({ "en": "Help" }), json!({ "en": "Help us." }));
    let report =
        import(&test, "partner", &[other, line("profile", "p:startup", kind), moved, no_profile]).await;
    let refused = refusals(&report);
    let first: Vec<_> = refused.iter().map(|(line, _, faults)| (*line, faults[0].0)).collect();
    assert_eq!(first, [(1, "/key"), (2, "/kind"), (3, "/profile"), (4, "/profile")]);
    assert_eq!(everything(&test).await, before);
}

#[actix_web::test]
async fn sources_do_not_know_each_other() {
    let test = TestApp::start().await;
    import(&test, "partner", &good()).await;
    let mut hers = startup();
    hers["name"] = json!("Anderswerk");
    let report = import(&test, "other", &[line("profile", "p:startup", hers)]).await;
    assert_eq!(counts(&report), (1, 0, 0, 0));
    let lone = need("n:9", "p:mentor", json!({ "en": "Help" }), json!({ "en": "Help us." }));
    let report = import(&test, "other", &[lone]).await;
    assert_eq!(refusals(&report)[0].2, [("/profile", "unknown_profile")]);
    let names: Vec<_> = everything(&test).await.into_iter().map(|(_, title, ..)| title).collect();
    assert!(
        names.contains(&"Schwingwerk".to_owned()) && names.contains(&"Anderswerk".to_owned()),
        "{names:?}"
    );
}

#[actix_web::test]
async fn an_owner_manages_what_was_imported_and_the_invented_says_so() {
    let test = TestApp::start().await;
    let ada = test.member("ada@example.eu").await;
    let mut owned = mentor();
    (owned["owner"], owned["fictional"]) = (json!("ada@example.eu"), json!(true));
    import(&test, "partner", &[line("profile", "p:mentor", owned), line("profile", "p:startup", startup())])
        .await;
    let managed = ada.get("/api/v1/profiles?managed=true").await.expect(200).json();
    let managed = managed["items"].as_array().unwrap();
    assert_eq!(managed.len(), 1);
    assert_eq!((&managed[0]["name"], &managed[0]["fictional"]), (&json!("Claire Exemple"), &json!(true)));
    let path = format!("/api/v1/profiles/{}", managed[0]["id"].as_str().unwrap());
    assert_eq!(ada.patch(&path, &json!({ "capacity": 0 })).await.expect(200).json()["takes_requests"], false);
}

#[actix_web::test]
async fn the_sample_is_taken_whole_and_once() {
    let test = TestApp::start().await;
    let load = || async {
        let app = test.app.clone();
        tokio::task::spawn_blocking(move || aihub::demo::load(&app, &|_| {})).await.unwrap().unwrap()
    };
    let first = load().await;
    assert!(first.refused.is_empty(), "{:?}", refusals(&first));
    assert!(first.created > 300 && first.unchanged == 0, "{first:?}");
    test.settle().await;
    let (count, position) = (test.app.searcher.count(), test.app.searcher.position());
    assert_eq!(count, u64::try_from(first.created).unwrap(), "all of it is public");
    let second = load().await;
    test.settle().await;
    assert_eq!(counts(&second), (0, 0, first.created, 0));
    assert_eq!((test.app.searcher.count(), test.app.searcher.position()), (count, position));
    let shown = tokio::task::spawn_blocking({
        let app = test.app.clone();
        move || aihub::demo::show(&app).unwrap()
    });
    let shown = shown.await.unwrap();
    assert!(shown.contains("Who can help with") && shown.contains("STARTUP=ey"), "{shown}");
}
