//! Writes the failures that follow from an operation's form into the contract, so that no handler repeats them.
//!
//! Whoever takes a body can be told that it is not JSON, too large, of the wrong type or invalid; whoever needs a token
//! can be refused; and so on. What is special to an operation stands at its handler.

use std::collections::BTreeMap;

use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};

use super::codes::Code;
use super::problem::MEDIA_TYPE;

/// Adds to every operation the failures that its form implies.
pub fn document(api: &mut OpenApi) {
    for (path, item) in &mut api.paths.paths {
        let in_path = path.contains('{');
        for operation in operations(item) {
            let codes = implied(operation, in_path);
            add(operation, &codes);
        }
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete].into_iter().flatten()
}

/// The codes that an operation of this form can answer with.
fn implied(operation: &Operation, in_path: bool) -> Vec<Code> {
    let mut codes = vec![Code::TooManyRequests, Code::Internal, Code::Unavailable];
    let parameters: Vec<&Parameter> = operation
        .parameters
        .iter()
        .flatten()
        .filter_map(|parameter| match parameter {
            RefOr::T(parameter) => Some(parameter),
            RefOr::Ref(_) => None,
        })
        .collect();
    if parameters.iter().any(|parameter| parameter.parameter_in == ParameterIn::Query) {
        codes.push(Code::MalformedQuery);
    }
    if in_path {
        codes.push(Code::NotFound);
    }
    if operation.request_body.is_some() {
        codes.extend([
            Code::MalformedJson,
            Code::BadRequest,
            Code::RequestTimeout,
            Code::PayloadTooLarge,
            Code::UnsupportedMediaType,
            Code::InvalidFields,
        ]);
    }
    let header = |name: &str| parameters.iter().any(|parameter| parameter.name.eq_ignore_ascii_case(name));
    if header("If-Match") {
        codes.extend([Code::StaleVersion, Code::IfMatchMissing]);
    }
    if header("Idempotency-Key") {
        codes.extend([Code::IdempotencyKeyReused, Code::MalformedHeader]);
    }
    if operation.security.is_some() {
        codes.extend([Code::TokenMissing, Code::TokenInvalid, Code::TokenExpired]);
    }
    codes
}

/// Adds one response a status, naming its codes; codes that the handler documents itself stand before them.
fn add(operation: &mut Operation, codes: &[Code]) {
    let mut by_status: BTreeMap<String, Vec<Code>> = BTreeMap::new();
    for code in codes {
        by_status.entry(code.status().as_str().to_owned()).or_default().push(*code);
    }
    // What the handler documents itself is a problem too.
    for status in operation.responses.responses.keys().filter(|status| status.starts_with(['4', '5'])) {
        by_status.entry(status.clone()).or_default();
    }
    for (status, codes) in by_status {
        let implied: Vec<_> = codes.iter().map(|code| format!("`{}`", code.code())).collect();
        let own = operation.responses.responses.get(&status).and_then(|response| match response {
            RefOr::T(response) => Some(response.description.clone()),
            RefOr::Ref(_) => None,
        });
        let description = own.into_iter().chain(implied).collect::<Vec<_>>().join(", ");
        if documented_otherwise(operation, &status) {
            continue;
        }
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
        let response = ResponseBuilder::new().description(description).content(MEDIA_TYPE, content).build();
        operation.responses.responses.insert(status, RefOr::T(response));
    }
}

/// Whether the handler documents an answer of another type, such as a page for people.
fn documented_otherwise(operation: &Operation, status: &str) -> bool {
    matches!(operation.responses.responses.get(status), Some(RefOr::T(response)) if !response.content.is_empty())
}
