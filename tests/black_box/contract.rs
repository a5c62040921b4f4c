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

#[actix_web::test]
async fn failures_of_the_framework_are_problems_too() {
    use reqwest::Method;
    let test = TestApp::start().await;
    test.get("/nowhere").await.expect_problem(404, "route_not_found");
    test.get("/api/v1/profiles/evt_01JDBQZ5W0V6P8R3K2M9XE4T7N").await.expect_problem(404, "not_found");
    let wrong = test.send(test.request(Method::PUT, "/api/v1/profiles")).await;
    assert_eq!(wrong.header("allow"), "GET, POST");
    wrong.expect_problem(405, "method_not_allowed");
    test.send(test.request(Method::TRACE, "/api/v1/search")).await.expect_problem(405, "method_not_allowed");
    test.get("/api/v1/profiles?limit=1000").await.expect_problem(400, "malformed_query");
    test.get("/api/v1/profiles?typo=1").await.expect_problem(400, "malformed_query");
    test.get("/api/v1/profiles?cursor=%00").await.expect_problem(400, "malformed_query");
    let post = |body: &'static str, kind: &'static str| {
        test.send(test.request(Method::POST, "/api/v1/sessions").header("content-type", kind).body(body))
    };
    post("{", "application/json").await.expect_problem(400, "malformed_json");
    post("\u{feff}{}", "application/json").await.expect_problem(400, "malformed_json");
    post("{}", "text/plain").await.expect_problem(415, "unsupported_media_type");
    let problem = post("{}", "application/json").await.expect_problem(422, "invalid_fields");
    assert_eq!(problem["errors"].as_array().unwrap().len(), 2, "{problem}");
}

#[actix_web::test]
async fn the_body_limit_holds_to_the_byte() {
    let test = TestApp::start_with(|config| config.body_limit = 2048).await;
    let send = |size: usize| {
        let filler = "x".repeat(size - r#"{"email":""}"#.len());
        let body = format!(r#"{{"email":"{filler}"}}"#);
        assert_eq!(body.len(), size);
        let request = test.request(reqwest::Method::POST, "/api/v1/sessions");
        test.send(request.header("content-type", "application/json").body(body))
    };
    send(2048).await.expect_problem(422, "invalid_fields");
    send(2049).await.expect_problem(413, "payload_too_large");
}
