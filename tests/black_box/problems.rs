//! Problems are documented: each code at every operation that can answer it, and on a page of its own.

use std::collections::BTreeSet;

use aihub::http::codes::Code;
use aihub::http::failures::OF_NO_OPERATION;
use aihub::http::problem::MEDIA_TYPE;
use serde_json::Value;

use crate::common::{Reply, TestApp};

fn api() -> Value {
    serde_json::to_value(aihub::app::openapi()).unwrap()
}

/// Operation, status and response of every failure that is a problem.
fn problems(api: &Value) -> Vec<(&str, &str, &Value)> {
    let operations = api["paths"].as_object().unwrap().values().flat_map(|item| item.as_object().unwrap());
    let responses = operations.filter_map(|(_, operation)| {
        let name = operation["operationId"].as_str()?;
        let responses = operation["responses"].as_object()?.iter();
        Some(responses.map(move |(status, response)| (name, status.as_str(), response)))
    });
    responses.flatten().filter(|(.., response)| !response["content"][MEDIA_TYPE].is_null()).collect()
}

#[test]
fn descriptions_name_codes_of_their_status_and_examples_are_the_same_set() {
    let api = api();
    let mut documented = BTreeSet::new();
    for (place, status, response) in problems(&api) {
        let description = response["description"].as_str().unwrap();
        let named: BTreeSet<&str> = description.split('`').skip(1).step_by(2).collect();
        assert!(!named.is_empty(), "{place} {status}: {description:?} names no code");
        for name in &named {
            let code = Code::named(name).unwrap_or_else(|| panic!("{place} {status}: no code is {name}"));
            assert_eq!(code.status().as_str(), status, "{place}: {name} has another status");
            documented.insert(code.code());
        }
        let examples = response["content"][MEDIA_TYPE]["examples"].as_object().unwrap();
        assert_eq!(examples.keys().map(String::as_str).collect::<BTreeSet<_>>(), named, "{place} {status}");
    }
    for code in Code::ALL {
        let of_none = OF_NO_OPERATION.contains(code);
        assert_ne!(documented.contains(code.code()), of_none, "{}", code.code());
        let described = api["info"]["description"].as_str().unwrap().contains(code.code());
        assert!(described || !of_none, "{} is documented nowhere", code.code());
    }
}

#[test]
fn examples_are_problems() {
    let api = api();
    let schema =
        serde_json::json!({ "$ref": "#/components/schemas/Problem", "components": api["components"] });
    let problem = jsonschema::draft202012::options().should_validate_formats(true).build(&schema).unwrap();
    let examples = api["components"]["examples"].as_object().unwrap();
    for (name, status, response) in problems(&api) {
        for (code, reference) in response["content"][MEDIA_TYPE]["examples"].as_object().unwrap() {
            assert_eq!(reference["$ref"], format!("#/components/examples/{code}"), "{name} {status}");
            let example = &examples[code]["value"];
            assert_eq!(
                (&example["code"], example["status"].to_string()),
                (&Value::from(code.as_str()), status.to_owned())
            );
            assert!(problem.is_valid(example), "{example}");
        }
    }
}

fn shows(page: &Reply, text: &str) -> bool {
    page.text.contains(&text.replace('&', "&amp;").replace('"', "&quot;").replace('\'', "&#39;"))
}

#[actix_web::test]
async fn every_code_has_a_page_that_explains_it() {
    let test = TestApp::start().await;
    let index = test.get("/problems").await.expect(200);
    assert_eq!(index.header("content-type"), "text/html; charset=utf-8");
    for code in Code::ALL {
        let path = format!("/problems/{}", code.code());
        assert!(index.text.contains(&format!("href=\"{path}\"")), "{path} is not in the index");
        let page = test.get(&path).await.expect(200);
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        // What is between backticks is markup in the page, so only what stands before them is compared.
        for text in [code.title(), code.meaning(), code.mend()] {
            assert!(shows(&page, text.split('`').next().unwrap()), "{path} does not say: {text}");
        }
        assert!(shows(&page, &format!("\"code\": \"{}\"", code.code())), "{path} has no example");
    }
    test.get("/problems/no_such_code").await.expect_problem(404, "not_found");
}

#[actix_web::test]
async fn a_page_names_the_operations_that_answer_its_code() {
    let test = TestApp::start().await;
    let page = test.get("/problems/introduction_budget_spent").await.expect(200);
    assert!(page.text.contains("<code>POST /api/v1/introductions</code>"), "{}", page.text);
    assert!(page.text.contains("href=\"/docs/#/introductions/request_introduction\""), "{}", page.text);
    assert!(!page.text.contains("/api/v1/search"), "{}", page.text);
    let shared = test.get("/problems/internal").await.expect(200);
    assert!(shared.text.contains("Every one."), "{}", shared.text);
    for code in OF_NO_OPERATION {
        let page = test.get(&format!("/problems/{}", code.code())).await.expect(200);
        assert!(page.text.contains("It belongs to none"), "{}", page.text);
    }
}
