//! The contract: what is checked in is what the code says.
use aihub::http::yaml;

use crate::common::TestApp;

#[test]
fn the_checked_in_contract_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.yaml");
    let stored = std::fs::read_to_string(path).unwrap_or_default();
    let current = yaml::of(&aihub::app::openapi()).unwrap();
    assert!(
        stored == current,
        "openapi.yaml is not what the code says; repair it with:\n    cargo run --quiet -- openapi > openapi.yaml"
    );
}

#[test]
fn every_operation_is_described_and_named() {
    let api = serde_json::to_value(aihub::app::openapi()).unwrap();
    let paths = api["paths"].as_object().unwrap();
    let mut names = std::collections::HashSet::new();
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            if !["get", "post", "put", "patch", "delete"].contains(&method.as_str()) {
                continue;
            }
            let place = format!("{method} {path}");
            for member in ["summary", "description", "operationId"] {
                assert!(
                    operation[member].as_str().is_some_and(|text| !text.is_empty()),
                    "{place}: no {member}"
                );
            }
            assert!(names.insert(operation["operationId"].clone()), "{place}: operationId is not unique");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{place}: no tag");
            let description = operation["description"].as_str().unwrap();
            assert!(description.contains("**Rights:** "), "{place}: it does not say who may call it");
        }
    }
    assert!(names.len() > 40, "only {} operations", names.len());
}

#[test]
fn bodies_say_their_defaults_in_words() {
    fn look(schema: &serde_json::Value, place: &str) {
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let place = format!("{place}/{name}");
            assert!(
                member.get("default").is_none(),
                "{place}: generated clients require it, or send it unasked"
            );
            look(member, &place);
        }
    }
    let api = serde_json::to_value(aihub::app::openapi()).unwrap();
    let schemas = api["components"]["schemas"].as_object().unwrap();
    assert!(schemas.len() > 50);
    schemas.iter().for_each(|(name, schema)| look(schema, name));
}

#[test]
fn every_failure_is_documented_as_a_problem() {
    let api = serde_json::to_value(aihub::app::openapi()).unwrap();
    // The pages behind the links in mails are for people.
    let paths = api["paths"].as_object().unwrap().iter().filter(|(path, _)| !path.starts_with("/links/"));
    for (path, item) in paths {
        for (method, operation) in item.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap().iter();
            for (status, response) in responses.filter(|(status, _)| status.starts_with(['4', '5'])) {
                let problem = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(problem, "#/components/schemas/Problem", "{method} {path} {status}");
            }
        }
    }
}

#[test]
fn tags_tell_the_story_in_its_order() {
    let api = serde_json::to_value(aihub::app::openapi()).unwrap();
    let tags: Vec<_> =
        api["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let story = [
        "start here",
        "accounts",
        "profiles",
        "needs",
        "offerings",
        "vocabulary",
        "search",
        "matching",
        "introductions",
        "events",
        "mail",
        "administration",
        "operation",
    ];
    assert_eq!(tags, story);
}

#[actix_web::test]
async fn the_contract_and_its_pages_are_served() {
    let test = TestApp::start().await;
    let yaml = test.get("/openapi.yaml").await.expect(200);
    assert_eq!(yaml.header("content-type"), "application/yaml");
    assert_eq!(yaml.text, yaml::of(&aihub::app::openapi()).unwrap());
    assert!(test.get("/docs/").await.expect(200).text.contains("swagger"));
    for code in aihub::http::codes::Code::ALL {
        let page = test.get(&format!("/problems/{}", code.code())).await.expect(200);
        assert!(page.text.contains(code.title()));
    }
    test.get("/problems/no_such_code").await.expect_problem(404, "not_found");
}
