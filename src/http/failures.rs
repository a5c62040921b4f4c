//! Writes the failures that follow from an operation's form into the contract, so that no handler repeats them.
//!
//! Whoever takes a body can be told that it is not JSON, too large, of the wrong type or invalid; whoever needs a token
//! can be refused; and so on. What is special to an operation stands at its handler, in the description of the response:
//! each code in backticks. Both become the named examples of the response, one for each code.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::example::{Example, ExampleBuilder};
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response};

use super::codes::Code;
use super::headers;
use super::problem::{MEDIA_TYPE, Problem};

/// Codes that belong to no operation, since none is reached; the contract's description names them.
pub const OF_NO_OPERATION: [Code; 2] = [Code::RouteNotFound, Code::MethodNotAllowed];

/// Adds to every operation the failures that its form implies, and the examples of all codes.
pub fn document(api: &mut OpenApi) {
    let versioned = headers::versioned_views(api);
    for (path, item) in &mut api.paths.paths {
        let in_path = path.contains('{');
        for operation in operations(item) {
            let codes = implied(operation, in_path);
            add(operation, &codes);
        }
        // A step of a thing's life names no version, but somebody else may take one at the same moment.
        if let Some(step) = item.post.as_mut().filter(|post| in_path && answers_with(post, &versioned)) {
            add(step, &[Code::StaleVersion]);
        }
    }
    let examples = &mut api.components.get_or_insert_default().examples;
    for code in Code::ALL.iter().filter(|code| !OF_NO_OPERATION.contains(code)) {
        let value = serde_json::to_value(Problem::example(*code)).ok();
        let example = ExampleBuilder::new().summary(code.title()).value(value).build();
        examples.insert(code.code().to_owned(), RefOr::T(example));
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// Whether the operation's success is one of these views.
fn answers_with(operation: &Operation, views: &BTreeSet<String>) -> bool {
    match operation.responses.responses.get("200") {
        Some(RefOr::T(response)) => headers::body(response).is_some_and(|body| views.contains(&body)),
        _ => false,
    }
}

/// The codes that an operation of this form can answer with.
fn implied(operation: &Operation, in_path: bool) -> Vec<Code> {
    let mut codes = vec![
        Code::MalformedQuery,
        Code::NotAcceptable,
        Code::TooManyRequests,
        Code::Internal,
        Code::Unavailable,
    ];
    let parameters: Vec<&Parameter> = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
        .collect();
    if in_path {
        codes.push(Code::NotFound);
    }
    codes.extend(of_body(operation));
    let header = |name: &str| parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case(name));
    if header("If-Match") {
        codes.extend([Code::StaleVersion, Code::IfMatchMissing]);
    }
    if header("Idempotency-Key") {
        codes.extend([Code::IdempotencyKeyReused, Code::MalformedHeader]);
    }
    if header("Index-Token") {
        codes.push(Code::MalformedHeader);
    }
    if operation.security.is_some() {
        codes.extend([Code::TokenMissing, Code::TokenInvalid, Code::TokenExpired]);
    }
    codes
}

/// What can be wrong with a body; a form of a page is JSON in no part of it.
fn of_body(operation: &Operation) -> Vec<Code> {
    let Some(RefOr::T(body)) = &operation.request_body else { return Vec::new() };
    let mut codes =
        vec![Code::BadRequest, Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType];
    if body.content.keys().any(|media_type| media_type.ends_with("json")) {
        codes.extend([Code::MalformedJson, Code::InvalidFields]);
    }
    codes
}

/// Adds one response a status, naming its codes; codes that the handler documents itself stand before them.
fn add(operation: &mut Operation, implied: &[Code]) {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in implied {
        by_status.entry(code.status().as_str().to_owned()).or_default().push(*code);
    }
    // What the handler documents itself is a problem too, unless it has another form, such as a page for people.
    for (status, response) in &operation.responses.responses {
        let formless = matches!(response, RefOr::T(response) if response.content.is_empty());
        if status.starts_with(['4', '5']) && formless {
            by_status.entry(status.clone()).or_default();
        }
    }
    for (status, implied) in by_status {
        let own = match operation.responses.responses.get(&status) {
            Some(RefOr::T(response)) => response.clone(),
            _ => Response::default(),
        };
        operation.responses.responses.insert(status, RefOr::T(with_codes(own, implied)));
    }
}

/// The response with the implied codes beside those that its description names, and a named example for each.
fn with_codes(mut response: Response, mut implied: Vec<Code>) -> Response {
    let mut codes: Vec<Code> = in_backticks(&response.description).filter_map(Code::named).collect();
    implied.retain(|code| !codes.contains(code));
    let named = implied.iter().map(|code| format!("`{}`", code.code()));
    let own = Some(response.description).filter(|own| !own.is_empty());
    response.description = own.into_iter().chain(named).collect::<Vec<_>>().join(", ");
    codes.extend(implied);
    let examples = codes.into_iter().map(|code| {
        let example = Ref::new(format!("#/components/examples/{}", code.code()));
        (code.code(), RefOr::<Example>::Ref(example))
    });
    let content = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .examples_from_iter(examples)
        .build();
    response.content.insert(MEDIA_TYPE.to_owned(), content.into());
    response
}

/// The words between backticks.
fn in_backticks(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}
